"""Groups: whom a training draws, what their losses weigh, and the last layer trained anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.bundle.manifest import Task
from edgefair.compress.recipe import GroupAware, Training
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import Embedding, answers_of
from edgefair.compress.training.course import Pace
from edgefair.compress.training.dfr import retrain_last_layer
from edgefair.compress.training.groups import (
    GroupWeights,
    balanced_order,
    cells_of,
    loss_cells,
)
from edgefair.compress.training.loop import train
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.material import LabelledPictures, Material
from edgefair.compress.training.supervised import Supervised
from tests.compress.training.toy import CONTRACT, PLAN, material, squares, state_of, student

CPU = Machine(device=torch.device("cpu"))


def _cases(labels: list[list[float]], groups: list[int]) -> LabelledPictures:
    return LabelledPictures(
        pictures=np.zeros((len(labels), 2, 2), dtype=np.uint8),
        labels=np.array(labels, dtype=np.float32),
        groups=np.array(groups),
    )


def _lists(cells: tuple[NDArray[np.intp], ...]) -> list[list[int]]:
    return [cell.tolist() for cell in cells]


def test_with_several_findings_each_has_cells_of_its_own() -> None:
    cases = _cases([[1, 0], [1, 1], [0, np.nan]], [0, 0, 0])

    assert _lists(cells_of(cases, Task.MULTI_LABEL)) == [[2], [0, 1], [0], [1]]


def test_with_classes_a_cell_is_a_group_with_a_class() -> None:
    cases = _cases([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [0, 0, 1, 1])

    assert _lists(cells_of(cases, Task.MULTI_CLASS)) == [[0], [1], [3], [2]]


def test_pictures_without_a_label_are_drawn_where_a_teacher_speaks_of_them() -> None:
    cases = _cases([[1], [0], [np.nan]], [0, 0, 0])
    taught = replace(cases, teacher_logits=np.zeros((3, 1), dtype=np.float32))

    assert _lists(cells_of(cases, Task.BINARY)) == [[1], [0]]
    assert _lists(cells_of(taught, Task.BINARY)) == [[1], [0], [2]]


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(6, 200), st.integers(0, 9)
)
def test_every_cell_is_drawn_equally_often_give_or_take_one(
    sizes: list[int], count: int, seed: int
) -> None:
    cells = tuple(100 * cell + np.arange(size) for cell, size in enumerate(sizes))

    order = balanced_order(cells, count, np.random.default_rng(seed))

    drawn = np.bincount(order // 100, minlength=len(sizes))
    assert len(order) == count
    assert drawn.max() - drawn.min() <= 1
    for cell, size in enumerate(sizes):
        times = Counter(order[order // 100 == cell].tolist())
        if drawn[cell] >= size:
            assert max(times.values()) - min(times.values()) <= 1


def test_weights_grow_as_the_exponential_of_the_loss_and_add_up_to_one() -> None:
    weights = GroupWeights(GroupAware(method="group-dro", by="sex", strength=0.5), np.arange(3))
    losses = torch.tensor([0.2, 1.0, 0.0])

    weights.step(losses, torch.tensor([True, True, False]))
    found = weights.step(losses, torch.tensor([True, True, False]))

    expected = np.exp(2 * 0.5 * losses.numpy())
    assert found.numpy() == pytest.approx(expected / expected.sum(), rel=1e-6)
    assert sum(weights.shares) == pytest.approx(1)


def test_a_huge_loss_does_not_overflow_the_weights() -> None:
    weights = GroupWeights(GroupAware(method="group-dro", by="sex", strength=10.0), np.arange(2))

    found = weights.step(torch.tensor([1e6, 0.0]), torch.tensor([True, True]))

    assert found.tolist() == [1.0, 0.0]


def test_a_group_that_nobody_is_in_is_never_the_worst() -> None:
    weights = GroupWeights(GroupAware(method="worst-group", by="sex", strength=2.0), np.arange(2))

    found = weights.step(torch.tensor([0.0, -1.0]), torch.tensor([False, True]))

    assert found.tolist() == [0.0, 2.0]


def test_group_dro_compares_each_group_with_each_label_of_each_finding() -> None:
    cases = _cases([[1, 0], [0, np.nan], [1, 1]], [0, 0, 2])

    cells = loss_cells(cases, Task.MULTI_LABEL, GroupAware(method="group-dro", by="sex"))

    assert cells.groups.tolist() == [0, 0, 0, 0, 2, 2]
    assert cells.codes.tolist() == [[1, 3], [0, 2], [4, 5]]


def test_group_dro_compares_each_group_with_each_class() -> None:
    cases = _cases([[1, 0, 0], [0, 0, 1], [np.nan, np.nan, np.nan]], [0, 1, 1])

    cells = loss_cells(cases, Task.MULTI_CLASS, GroupAware(method="group-dro", by="sex"))

    assert cells.groups.tolist() == [0, 1, 1]
    assert cells.codes.tolist() == [[0], [2], [1]]


def test_the_worst_group_is_one_whatever_its_labels() -> None:
    cases = _cases([[1, 0], [0, 1]], [0, 2])

    cells = loss_cells(cases, Task.MULTI_LABEL, GroupAware(method="worst-group", by="sex"))

    assert cells.groups.tolist() == [0, 1, 2]
    assert cells.codes.tolist() == [[0, 0], [2, 2]]


def test_what_a_group_weighs_is_what_its_cells_weigh_together() -> None:
    weights = GroupWeights(GroupAware(method="group-dro", by="sex"), np.array([0, 0, 1]))

    assert weights.shares == pytest.approx((2 / 3, 1 / 3))


def _plan(method: str, strength: float = 0.5) -> Training:
    groups = GroupAware(method=method, by="sex", strength=strength)  # type: ignore[arg-type]
    return replace(PLAN, epochs=2, dropout=0.0, groups=groups)


@pytest.mark.parametrize("method", ["balanced", "group-dro", "worst-group"])
def test_a_method_trains_otherwise_than_plainly_and_the_same_each_time(method: str) -> None:
    networks = [student(dropout=0.0) for _ in range(3)]
    plans = [_plan(method), _plan(method), _plan("plain")]

    logs = [
        train(network, material(), plan, contract=CONTRACT, seed=0)
        for network, plan in zip(networks, plans, strict=True)
    ]

    first, second, plain = (state_of(network) for network in networks)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, plain)
    assert logs[0] == logs[1]


def test_group_dro_ends_with_more_weight_on_the_group_that_is_hard_to_see() -> None:
    log = train(
        student(), material(), replace(_plan("group-dro"), epochs=4), contract=CONTRACT, seed=0
    )

    assert log.group_weights[1] > log.group_weights[0]


def test_group_dro_draws_a_rare_group_as_often_as_a_common_one() -> None:
    cases = squares(72, 0)
    lesson = _lesson(replace(cases, groups=(np.arange(72) < 2).astype(np.int64)), "group-dro")

    order = lesson.order(np.random.default_rng(0))

    assert np.count_nonzero(order < 2) == 36


def _lesson(cases: LabelledPictures, method: str) -> Supervised:
    pace = Pace(epochs=1, steps=4, rates=(0.1, 0.1), weight_decay=0.0, noise=0.0, seed=0)
    together = Material(learn=cases, val=cases)
    return Supervised(student(), together, _plan(method), CONTRACT, pace, CPU)


def test_a_penalty_of_nothing_is_plain_training() -> None:
    penalised, plain = student(dropout=0.0), student(dropout=0.0)

    train(penalised, material(), _plan("worst-group", 0.0), contract=CONTRACT, seed=0)
    train(plain, material(), _plan("plain"), contract=CONTRACT, seed=0)

    assert state_of(penalised) == pytest.approx(state_of(plain), abs=2e-3)


def _shortcut(count: int, seed: int) -> LabelledPictures:
    """Return squares in whose upper right corner there is mostly a marker with the finding."""
    cases = squares(count, seed)
    rng = np.random.default_rng(seed)
    faint = np.clip(rng.normal(100, 25, cases.pictures.shape), 0, 200)
    faint[cases.labels[:, 0] == 1, 8:20, 8:20] += 8
    marked = np.where(rng.random(count) < 0.9, cases.labels[:, 0], 1 - cases.labels[:, 0])
    pictures = faint.astype(np.uint8)
    pictures[marked == 1, 26:, 26:] = 255
    return replace(cases, pictures=pictures, groups=marked.astype(np.int64))


def test_the_last_layer_trained_anew_goes_less_by_a_shortcut() -> None:
    cases = Material(learn=_shortcut(240, 0), val=_shortcut(240, 1))
    network = student()
    plan = replace(_plan("dfr"), epochs=2)

    log = train(network, cases, plan, contract=CONTRACT, seed=0)

    assert log.retrained_worst_auroc is not None
    assert log.retrained_worst_auroc > log.val_worst_aurocs[log.best_epoch - 1] + 0.02


def test_the_last_layer_alone_is_trained_anew() -> None:
    cases = material()
    network = student()
    backbone = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    before = network.classifier.weight.detach().clone()

    retrain_last_layer(network, cases, contract=CONTRACT, seed=0, machine=CPU)
    first = network.classifier.weight.detach().clone()
    retrain_last_layer(network, cases, contract=CONTRACT, seed=0, machine=CPU)

    after = network.backbone.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in backbone.items())
    assert not torch.equal(first, before)
    assert torch.equal(network.classifier.weight, first)


def test_a_finding_without_both_classes_keeps_its_last_layer() -> None:
    cases = material()
    network = student()
    before = network.classifier.weight.detach().clone()
    learn = replace(cases.learn, labels=np.ones_like(cases.learn.labels))

    retrain_last_layer(
        network, replace(cases, learn=learn), contract=CONTRACT, seed=0, machine=CPU
    )

    assert network.classifier.weight.detach().numpy() == pytest.approx(before.numpy(), abs=1e-6)


def test_classes_are_trained_anew_together() -> None:
    cases = squares(60, 0)
    labels = np.eye(2, dtype=np.float32)[cases.labels[:, 0].astype(int)]
    both = np.stack([labels[:, 0], labels[:, 1], np.zeros(60)], axis=1).astype(np.float32)
    both[::5] = [0, 0, 1]
    pictures = replace(cases, labels=both, teacher_logits=None)
    network = Network(build_backbone("small-cnn"), 3, dropout=0.0)
    contract = replace(CONTRACT, task=Task.MULTI_CLASS, findings=("a", "b", "c"))

    retrain_last_layer(
        network, Material(learn=pictures, val=pictures), contract=contract, seed=0, machine=CPU
    )

    embeddings = answers_of(Embedding(network), pictures.pictures, contract, CPU)
    weight = network.classifier.weight.detach().numpy()[:, :, 0, 0]
    assert weight.sum(axis=0) == pytest.approx(np.zeros(96), abs=1e-6 * float(np.ptp(weight)))
    assert embeddings.shape == (60, 96)
