"""Audits of classes, grades, quantities and outlines, from columns to verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, cohen_kappa_score, mean_absolute_error, recall_score

import edgefair
import edgefair.audit as faces
from edgefair.audit import (
    audit_multiclass,
    audit_ordinal,
    audit_regression,
    audit_segmentation,
)
from edgefair.audit.groups import By, group_by
from edgefair.audit.tasks.multiclass import ALL_CLASSES, confusion_matrices
from edgefair.audit.tasks.segmentation import dice_of_masks
from edgefair.errors import BadTable, NotEnoughData
from edgefair.records import AuditResult, Cell, VerdictKind

N = 400


@pytest.fixture(scope="module")
def sex() -> Any:
    return np.random.default_rng(1).choice(["F", "M"], N)


def cells(found: AuditResult, metric: str) -> dict[str, Cell]:
    return {str(cell.group): cell for cell in found.by_group if cell.metric == metric}


def kinds(found: AuditResult, metric: str) -> dict[str, VerdictKind | None]:
    return {
        group: cell.verdict.kind if cell.verdict else None
        for group, cell in cells(found, metric).items()
    }


def bone_ages(sex: Any, spread: dict[str, float]) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    truth = rng.uniform(20, 200, len(sex))
    return truth, truth + rng.normal(0, np.array([spread[s] for s in sex]))


def test_errors_of_a_quantity_are_those_of_fairlearn_with_harm_where_planted(sex: Any) -> None:
    truth, said = bone_ages(sex, {"F": 14.0, "M": 6.0})
    found = audit_regression(
        y_true=truth, y_pred=said, sensitive_features={"sex": sex}, margin=2.0, unit="months",
        tolerance=12.0,
    )  # fmt: skip
    frame = MetricFrame(
        metrics=mean_absolute_error, y_true=truth, y_pred=said, sensitive_features=sex
    )
    errors = cells(found, "mean_absolute_error [months]")

    assert {g: c.value.estimate for g, c in errors.items()} == pytest.approx(
        {f"sex {s}": value for s, value in frame.by_group.items()}
    )
    assert kinds(found, "mean_absolute_error [months]") == {
        "sex F": VerdictKind.HARM_SHOWN,
        "sex M": VerdictKind.SHOWN_OK,
    }
    assert errors["sex F"].difference.lower > 2.0
    within = cells(found, "within_tolerance")["sex M"].value
    assert within.estimate == pytest.approx(np.mean(np.abs(said - truth)[sex == "M"] <= 12))
    assert cells(found, "bias [months]")["sex F"].verdict is None


def test_the_limits_of_a_difference_agree_with_its_verdict(sex: Any) -> None:
    truth, said = bone_ages(sex, {"F": 8.5, "M": 6.0})
    found = audit_regression(
        y_true=truth, y_pred=said, sensitive_features={"sex": sex}, margin=1.0
    )

    for cell in cells(found, "mean_absolute_error").values():
        assert cell.verdict is not None
        harmed, fine = cell.difference.lower >= 1.0, cell.difference.upper <= 1.0
        assert harmed == (cell.verdict.kind is VerdictKind.HARM_SHOWN)
        assert fine == (cell.verdict.kind is VerdictKind.SHOWN_OK)
        assert not cell.verdict.sentence.endswith("tell.") or cell.verdict.labels_needed != 0


def test_a_group_of_one_says_how_many_cases_are_needed() -> None:
    rng = np.random.default_rng(3)
    ward = ["a"] * 60 + ["b"]
    found = audit_regression(
        y_true=np.zeros(61), y_pred=rng.normal(0, 5, 61), sensitive_features={"ward": ward},
        margin=2.0,
    )  # fmt: skip
    verdict = cells(found, "mean_absolute_error")["ward b"].verdict

    assert verdict is not None
    assert verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert verdict.labels_of == "cases"
    assert verdict.labels_needed is not None
    assert 5 < verdict.labels_needed < 60
    assert verdict.sentence == (
        "In ward b there is 1 case: too few, or too alike, to say anything of the mean absolute "
        "error."
    )


def test_verdicts_on_groups_that_do_not_differ_are_seldom_harm() -> None:
    harms = 0
    rng = np.random.default_rng(4)
    for _ in range(50):
        off = rng.exponential(1.0, 120)
        found = audit_regression(
            y_true=np.zeros(120), y_pred=off, sensitive_features={"ward": np.arange(120) % 4},
            margin=0.05,
        )  # fmt: skip
        harms += VerdictKind.HARM_SHOWN in kinds(found, "mean_absolute_error").values()

    assert harms <= 6


def grades_of(sex: Any, spread: dict[str, float]) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    truth = rng.choice(5, len(sex), p=[0.4, 0.2, 0.2, 0.1, 0.1])
    off = rng.normal(0, np.array([spread[s] for s in sex]))
    return truth, np.clip(np.rint(truth + off), 0, 4).astype(int)


def test_kappa_by_group_is_that_of_fairlearn_with_harm_where_planted(sex: Any) -> None:
    truth, said = grades_of(sex, {"F": 1.3, "M": 0.4})
    found = audit_ordinal(y_true=truth, y_pred=said, sensitive_features={"sex": sex})
    kappas = MetricFrame(
        metrics=lambda t, p: cohen_kappa_score(t, p, weights="quadratic"),
        y_true=truth, y_pred=said, sensitive_features=sex,
    ).by_group  # fmt: skip

    assert {
        g: c.value.estimate for g, c in cells(found, "quadratic_kappa").items()
    } == pytest.approx({f"sex {s}": kappas[s] for s in ("F", "M")})
    assert kinds(found, "weighted_disagreement") == {
        "sex F": VerdictKind.HARM_SHOWN,
        "sex M": VerdictKind.SHOWN_OK,
    }
    low = cells(found, "graded_too_low")["sex F"].value
    assert low.estimate == pytest.approx(np.mean((said < truth)[sex == "F"]))


def test_a_group_whose_grades_agree_throughout_is_judged_without_complaint() -> None:
    rng = np.random.default_rng(10)
    truth = rng.integers(0, 4, 90)
    said = np.where(np.arange(90) < 45, truth, np.clip(truth + rng.integers(-1, 2, 90), 0, 3))
    ward = np.repeat(["a", "b"], 45)
    found = audit_ordinal(y_true=truth, y_pred=said, sensitive_features={"ward": ward})
    agreed = cells(found, "quadratic_kappa")["ward a"].value

    assert agreed.estimate == 1
    assert 0 < agreed.lower < 0.9


def test_grades_may_be_words_and_none_is_one(sex: Any) -> None:
    truth, said = grades_of(sex, {"F": 0.5, "M": 0.5})
    names = ["none", "mild", "moderate", "severe", "proliferative"]
    numbers = audit_ordinal(y_true=truth, y_pred=said, sensitive_features={"sex": sex})
    words = audit_ordinal(
        y_true=[names[g] for g in truth], y_pred=[names[g] for g in said],
        sensitive_features={"sex": sex}, grades=names,
    )  # fmt: skip

    assert repr(words) == repr(numbers)


@pytest.mark.parametrize(
    ("y_true", "grades", "match"),
    [([1.5, 2], None, "no whole grade"), (["mild", "bad"], ["none", "mild"], "'bad'")],
)
def test_what_is_no_grade_is_refused(
    y_true: list[Any], grades: list[str] | None, match: str
) -> None:
    with pytest.raises(BadTable, match=match):
        audit_ordinal(y_true=y_true, y_pred=y_true, sensitive_features=["a", "b"], grades=grades)


def test_classes_are_audited_one_by_one_and_together(sex: Any) -> None:
    rng = np.random.default_rng(6)
    truth = rng.choice(["benign", "melanoma", "nevus"], N)
    right = rng.random(N) < np.where(sex == "F", 0.6, 0.9)
    said = np.where(right, truth, "nevus")
    found = audit_multiclass(y_true=truth, y_pred=said, sensitive_features={"sex": sex})
    recalls = MetricFrame(
        metrics=lambda t, p: recall_score(t, p, labels=["benign"], average="macro"),
        y_true=truth, y_pred=said, sensitive_features=sex,
    ).by_group  # fmt: skip
    accuracy = MetricFrame(
        metrics=accuracy_score, y_true=truth, y_pred=said, sensitive_features=sex
    ).by_group
    of_benign = {
        str(c.group): c.value.estimate
        for c in found.by_group
        if (c.finding, c.metric) == ("benign", "sensitivity")
    }

    assert of_benign == pytest.approx({f"sex {s}": recalls[s] for s in ("F", "M")})
    assert {g: c.value.estimate for g, c in cells(found, "accuracy").items()} == pytest.approx(
        {f"sex {s}": accuracy[s] for s in ("F", "M")}
    )
    assert kinds(found, "wrong_answers")["sex F"] is VerdictKind.HARM_SHOWN
    assert kinds(found, "mean_share_missed")["sex F"] is VerdictKind.HARM_SHOWN
    assert tuple(dict.fromkeys(c.finding for c in found.overall)) == (
        "benign", "melanoma", "nevus", ALL_CLASSES,
    )  # fmt: skip


def test_two_classes_have_the_error_rates_of_the_plain_audit() -> None:
    rng = np.random.default_rng(7)
    truth, said = rng.integers(0, 2, 120), rng.integers(0, 2, 120)
    ward = rng.choice(["a", "b"], 120)
    classes = audit_multiclass(y_true=truth, y_pred=said, sensitive_features={"ward": ward})
    plain = edgefair.audit(y_true=truth, y_pred=said, sensitive_features={"ward": ward})

    def rates(result: AuditResult, finding: str) -> list[float]:
        return [
            cell.value.estimate
            for cell in result.by_group
            if (cell.finding, cell.metric) == (finding, "false_negative_rate")
        ]

    assert rates(classes, "1") == rates(plain.result, "the finding")


def test_scores_of_classes_give_an_auroc_each_and_one_that_lacks_is_named() -> None:
    truth, said = ["a", "b", "a", "b"], ["a", "b", "b", "b"]
    scores = pd.DataFrame({"a": [0.9, 0.2, 0.4, 0.1], "b": [0.1, 0.8, 0.6, 0.9]})
    found = audit_multiclass(
        y_true=truth, y_pred=said, y_score=scores, sensitive_features=["x", "x", "y", "y"]
    )
    areas = [c.value.estimate for c in found.overall if c.metric == "auroc"]

    assert areas == [1.0, 1.0]
    with pytest.raises(BadTable, match="no column for b"):
        audit_multiclass(
            y_true=truth, y_pred=said, y_score=scores[["a"]], sensitive_features=list("xxyy")
        )


def test_confusion_matrices_count_every_case_in_its_group() -> None:
    rng = np.random.default_rng(8)
    truth, said, ward = rng.integers(0, 11, 90), rng.integers(0, 11, 90), rng.integers(0, 3, 90)
    (grouping,) = group_by([By.parse("ward")], {"ward": ward})
    classes, counts = confusion_matrices(truth, said, grouping)

    assert classes == tuple(str(i) for i in range(11))
    assert counts.sum(axis=(1, 2)).tolist() == np.bincount(ward).tolist()
    assert counts[1, 4, 7] == np.sum((ward == 1) & (truth == 4) & (said == 7))


def test_outlines_are_judged_by_what_their_mean_overlap_lacks(sex: Any) -> None:
    rng = np.random.default_rng(9)
    dice = np.where(sex == "F", rng.beta(7, 3, N), rng.beta(18, 2, N))
    found = audit_segmentation(dice=dice, sensitive_features={"sex": sex})

    assert kinds(found, "dice_lack") == {
        "sex F": VerdictKind.HARM_SHOWN,
        "sex M": VerdictKind.SHOWN_OK,
    }
    assert cells(found, "dice")["sex F"].value.estimate == pytest.approx(dice[sex == "F"].mean())
    tenth = cells(found, "dice_tenth_percentile")["sex F"].value
    assert tenth.lower < np.quantile(dice[sex == "F"], 0.1) < tenth.upper
    failed = cells(found, "failed_outlines")["sex F"].value
    assert failed.estimate == pytest.approx(np.mean(dice[sex == "F"] < 0.5))


def test_masks_give_the_same_as_their_coefficients_and_empty_ones_have_a_rule() -> None:
    empty, half, full = np.zeros((4, 4)), np.eye(4), np.ones((4, 4))
    truth = [full, empty, empty, half, None]
    said = [half, empty, half, half, full]
    dice = dice_of_masks(truth, said)
    ward = list("aabbb")
    found = audit_segmentation(y_true=truth, y_pred=said, sensitive_features={"ward": ward})

    assert dice[:4].tolist() == pytest.approx([0.4, 1.0, 0.0, 1.0])
    assert np.isnan(dice[4])
    assert repr(found) == repr(audit_segmentation(dice=dice, sensitive_features={"ward": ward}))
    assert [(e.reason, e.rows) for e in found.exclusions] == [("no coefficient", 1)]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "needs its Dice"),
        ({"dice": [0.5], "y_true": [[1]], "y_pred": [[1]]}, "needs its Dice"),
        ({"dice": [85.0]}, "85"),
        ({"y_true": [[1]], "y_pred": [[1, 1]]}, "shapes"),
        ({"y_true": [[1]], "y_pred": []}, "1 true masks"),
    ],
)
def test_what_is_no_overlap_is_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(BadTable, match=match):
        audit_segmentation(sensitive_features=["a"], **arguments)


def test_rows_left_out_are_counted_once_and_a_group_left_without_any_stays() -> None:
    found = audit_regression(
        y_true=[1.0, None, 2.0, 3.0, 4.0], y_pred=[1.5, None, None, 3.5, 4.2],
        sensitive_features={"ward": ["a", "b", "b", "a", "a"]}, margin=1.0,
    )  # fmt: skip

    assert [(e.reason, e.rows) for e in found.exclusions] == [
        ("no outcome yet", 1),
        ("no answer by the model", 1),
    ]
    empty = cells(found, "mean_absolute_error")["ward b"]
    assert (empty.value.n, empty.value.is_estimable) == (0, False)
    assert empty.verdict is not None
    assert "no labelled case" in empty.verdict.sentence


@pytest.mark.parametrize("audit", ["audit_ordinal", "audit_multiclass"])
def test_without_any_outcome_there_is_nothing_to_audit(audit: str) -> None:
    with pytest.raises(NotEnoughData, match="None of the 2 rows"):
        getattr(faces, audit)(
            y_true=[None, ""], y_pred=[1, 2], sensitive_features={"ward": ["a", "b"]}
        )


def test_columns_that_differ_in_length_or_are_several_are_refused() -> None:
    with pytest.raises(BadTable, match="differ in length"):
        audit_ordinal(y_true=[1, 2], y_pred=[1], sensitive_features=["a", "b"])
    with pytest.raises(BadTable, match="2 columns"):
        audit_ordinal(y_true={"left": [1], "right": [2]}, y_pred=[1], sensitive_features=["a"])


@pytest.mark.parametrize("dice", [[0.0] * 3, [1.0] * 3, [0.8] * 3, [0.0, 0.5, 0.7]])
def test_no_verdict_rests_on_three_outlines(dice: list[float]) -> None:
    found = audit_segmentation(dice=dice, sensitive_features={"ward": ["a", "a", "b"]})

    assert set(kinds(found, "dice_lack").values()) == {VerdictKind.NOT_ENOUGH_DATA}


def test_a_margin_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        audit_regression(y_true=[1, 2], y_pred=[1, 2], sensitive_features=["a", "b"], margin=0.0)
