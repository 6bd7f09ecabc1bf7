"""The worst group's loss: known values, and what small groups count for."""

from pathlib import Path

import numpy as np
import pytest

from edgefair.bundle.manifest import Task
from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.evidence.scoring import Answers
from edgefair.compress.quantization.loss import GroupLoss, worst_group_loss

COUNT = 80


def answers(logits: np.ndarray) -> Answers:
    wide = logits.astype(np.float32).reshape(len(logits), -1)
    return Answers(logits=wide, embeddings=np.zeros((len(wide), 1), np.float32))


def cases(truth: np.ndarray, sex: list[str]) -> Cases:
    return Cases(
        images=tuple(Path(f"{i}.png") for i in range(len(truth))),
        labels=truth.astype(np.float32).reshape(len(truth), -1),
        splits=("val",) * len(truth),
        patients=tuple(str(i) for i in range(len(truth))),
        columns=(Column(name="sex", values=tuple(sex)),),
    )


@pytest.fixture
def halves() -> tuple[np.ndarray, Cases]:
    """Return logits of 4 and -4 that are right for everybody: 40 women, 40 men, half each ill."""
    truth = np.arange(COUNT) % 2
    sex = ["F"] * (COUNT // 2) + ["M"] * (COUNT // 2)
    return np.where(truth == 1, 4.0, -4.0), cases(truth, sex)


def lost(before: np.ndarray, after: np.ndarray, who: Cases, *, margin: float = 0.02) -> GroupLoss:
    return worst_group_loss(
        answers(before), answers(after), who, ["sex"], task=Task.BINARY, margin=margin
    )


def test_nothing_lost_is_a_loss_of_nothing(halves: tuple[np.ndarray, Cases]) -> None:
    logits, who = halves
    found = lost(logits, logits, who)

    assert (found.loss, found.group, found.passes) == (0.0, "everybody", True)


def test_the_group_that_loses_most_is_named_and_its_loss_shrunk(
    halves: tuple[np.ndarray, Cases],
) -> None:
    logits, who = halves
    after = logits.copy()
    after[[41, 43, 45, 47]] = -4  # 4 of the 20 ill men, of 40 ill in all
    found = lost(logits, after, who)

    assert found.loss == pytest.approx((20 * 0.2 + 10 * 0.1) / 30)
    assert found.group == "sex M"
    assert not found.passes
    assert "sensitivity, sex M" in found.sentence


def test_a_loss_in_one_group_is_not_made_good_by_a_gain_in_another(
    halves: tuple[np.ndarray, Cases],
) -> None:
    logits, who = halves
    before, after = logits.copy(), logits.copy()
    before[[1, 3, 5, 7]] = -4  # four ill women whom only INT8 finds
    after[[41, 43, 45, 47]] = -4

    assert lost(before, after, who).loss > 0.1


def test_a_handful_is_not_judged_by_its_rates() -> None:
    truth = np.arange(COUNT) % 2
    sex = ["F"] * (COUNT - 4) + ["M"] * 4
    before = np.where(truth == 1, 4.0, -4.0)
    after = before.copy()
    after[COUNT - 1] = -4  # one of the two ill men
    found = lost(before, after, cases(truth, sex))

    assert found.loss < 0.3  # the difference of probabilities, shrunk; not .5 of sensitivity
    assert "difference" in found.sentence


def test_unknown_labels_count_for_the_difference_only() -> None:
    truth = np.full(COUNT, np.nan)
    before = np.linspace(-1, 1, COUNT)
    found = lost(before, before + 0.01, cases(truth, ["F"] * COUNT))

    assert 0 < found.loss < 0.0026


def test_forms_that_flip_nobody_are_told_apart(halves: tuple[np.ndarray, Cases]) -> None:
    logits, who = halves

    assert lost(logits, logits + 0.1, who).loss < lost(logits, logits + 0.2, who).loss < 0.02


def test_classes_are_compared_by_their_softmax() -> None:
    truth = np.eye(3)[np.arange(COUNT) % 3]
    before = 8 * truth
    found = worst_group_loss(
        answers(before),
        answers(before + 5),  # the same softmax
        cases(truth, ["F"] * COUNT),
        ["sex"],
        task=Task.MULTI_CLASS,
        margin=0.02,
    )

    assert found.loss == pytest.approx(0, abs=1e-9)
