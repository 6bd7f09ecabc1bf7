"""`edgefair.audit(...)` from end to end: oracles, real scores, odd groups, bad input."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate
from sklearn.metrics import precision_score, recall_score, roc_auc_score

import edgefair.audit
from edgefair.audit import Audit, audit
from edgefair.errors import BadTable, InputError, NotEnoughData
from edgefair.records import Cell, VerdictKind

nan = float("nan")


def cell(found: Audit, metric: str, group: str) -> Cell:
    return next(c for c in found.by_group if (c.metric, str(c.group)) == (metric, group))


def as_text(found: Audit) -> str:
    """Return the result in a form in which nan equals nan."""
    return repr(found.result)


def clinic(n: int = 600, *, seed: int = 0) -> dict[str, Any]:
    """Return arguments for an audit in which women are missed three times as often."""
    rng = np.random.default_rng(seed)
    sick, women = rng.random(n) < 0.5, rng.random(n) < 0.5
    score = np.where(sick, rng.random(n) < np.where(women, 0.4, 0.85), rng.random(n) < 0.1)
    return {
        "y_true": sick.astype(int),
        "y_pred": score.astype(int),
        "y_score": score + 0.1 * rng.random(n),
        "sensitive_features": {"sex": np.where(women, "F", "M"), "age": rng.integers(0, 95, n)},
        "by": ["sex", "age:0,18,40,60,80", "sex+age:0,60"],
        "finding": "pneumonia",
    }


def test_rates_by_group_and_over_all_are_those_of_fairlearn() -> None:
    arguments = clinic()
    y, decided = arguments["y_true"], arguments["y_pred"]
    sexes = arguments["sensitive_features"]["sex"]
    metrics = {
        "sensitivity": recall_score,
        "ppv": precision_score,
        "false_negative_rate": false_negative_rate,
        "false_positive_rate": false_positive_rate,
    }
    frame = MetricFrame(metrics=metrics, y_true=y, y_pred=decided, sensitive_features=sexes)
    found = audit(**arguments)

    for metric in metrics:
        for sex in "FM":
            value = cell(found, metric, f"sex {sex}").value
            assert value.estimate == pytest.approx(frame.by_group.loc[sex, metric])
        (overall,) = (c for c in found.overall if c.metric == metric)
        assert overall.value.estimate == pytest.approx(frame.overall[metric])
        for ours, theirs in (
            (found.difference, frame.difference()),
            (found.ratio, frame.ratio()),
            (found.group_min, frame.group_min()),
            (found.group_max, frame.group_max()),
        ):
            assert ours(metric, attribute="sex").estimate == pytest.approx(theirs[metric])


def test_areas_by_group_are_those_of_scikit_learn() -> None:
    arguments = clinic()
    sexes = arguments["sensitive_features"]["sex"]
    found = audit(**arguments)

    for sex, other in ("FM", "MF"):
        area = cell(found, "auroc", f"sex {sex}")
        rows = sexes == sex
        expected = roc_auc_score(arguments["y_true"][rows], arguments["y_score"][rows])
        assert area.value.estimate == pytest.approx(expected)
        assert area.rest == cell(found, "auroc", f"sex {other}").value


def test_a_disparity_is_found_and_told_with_its_counts() -> None:
    found = audit(**clinic())
    harmed = cell(found, "false_negative_rate", "sex F")

    assert harmed.verdict is not None
    assert harmed.verdict.kind is VerdictKind.HARM_SHOWN
    assert harmed.verdict.limit == 0.1
    assert f"misses {round(harmed.value.estimate * harmed.value.n)} of" in harmed.verdict.sentence
    assert harmed.p_value < 0.001
    (spread,) = (
        s
        for s in found.result.spreads
        if (s.attribute, s.metric) == ("sex", "false_negative_rate")
    )
    assert spread.observed == pytest.approx(harmed.difference.estimate)
    assert spread.p_value < 0.001


def test_a_published_models_areas_are_those_published_with_it(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "chexpert3000" / "chexpert-model.embeddings.csv")
    found = audit(
        y_true=table["Pleural Effusion"] == 1.0,
        y_score=table["Logit - Pleural Effusion"],
        sensitive_features=table[["race", "sex"]],
    )
    areas = {
        str(c.group): round(c.value.estimate, 3) for c in found.by_group if c.metric == "auroc"
    }

    assert areas == {
        "race Asian": 0.883,
        "race Black": 0.842,
        "race White": 0.860,
        "sex Female": 0.876,
        "sex Male": 0.852,
    }
    assert found.verdicts == ()


@pytest.mark.parametrize(
    "shaped",
    [
        pytest.param(lambda c: c, id="arrays"),
        pytest.param(lambda c: {k: v.tolist() for k, v in c.items()}, id="lists"),
        pytest.param(lambda c: {k: pd.Series(v) for k, v in c.items()}, id="series"),
        pytest.param(lambda c: pd.DataFrame(c), id="frame"),
    ],
)
def test_the_shape_of_the_input_changes_nothing(shaped: Any) -> None:
    arguments = clinic()
    columns = {name: arguments[name] for name in ("y_true", "y_pred", "y_score")}
    table, features = shaped(columns), shaped(arguments["sensitive_features"])
    reshaped = {name: table[name] for name in columns}

    found = audit(**{**arguments, **reshaped, "sensitive_features": features})
    assert as_text(found) == as_text(audit(**arguments))


def test_the_same_seed_gives_the_same_result_and_another_one_the_same_verdicts() -> None:
    one, again, other = (audit(**clinic(), seed=seed) for seed in (1, 1, 2))

    assert as_text(one) == as_text(again) != as_text(other)
    assert one.verdicts == other.verdicts


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    arguments = clinic(200, seed=seed)
    order = np.random.default_rng(seed).permutation(200)
    features = {n: c[order] for n, c in arguments["sensitive_features"].items()}
    columns = {name: arguments[name][order] for name in ("y_true", "y_pred", "y_score")}
    shuffled = audit(**{**arguments, **columns, "sensitive_features": features})

    for ours, theirs in zip(shuffled.by_group, audit(**arguments).by_group, strict=True):
        assert ours.group == theirs.group
        assert ours.value.estimate == pytest.approx(theirs.value.estimate, nan_ok=True)
        assert ours.verdict == theirs.verdict


def test_cells_come_by_finding_group_and_metric_in_the_order_asked_for() -> None:
    y = {"pneumonia": [1, 0, 1, 0], "effusion": [0, 1, 0, 1]}
    found = audit(y_true=y, y_pred=y, y_score=y, sensitive_features={"sex": list("FMMF")})
    metrics = [c.metric for c in found.overall if c.finding == "pneumonia"]

    assert metrics == [
        "false_negative_rate",
        "false_positive_rate",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "auroc",
        "prevalence",
    ]
    assert [(c.finding, str(c.group), c.metric) for c in found.by_group] == [
        (finding, group, metric)
        for finding in y
        for group in ("sex F", "sex M")
        for metric in metrics
    ]
    assert [(finding, str(group)) for finding, group, _ in found.result.confusion] == [
        (finding, group) for finding in y for group in ("everybody", "sex F", "sex M")
    ]


def test_several_findings_share_one_correction() -> None:
    arguments = clinic()
    alone = audit(**{**arguments, "by": ["sex"]})
    twice = audit(
        **{
            **arguments,
            **{n: {"a": arguments[n], "b": arguments[n]} for n in ("y_true", "y_pred", "y_score")},
            "by": ["sex"],
            "finding": None,
        }
    )

    one, of_two = (cell(x, "false_negative_rate", "sex F").difference for x in (alone, twice))
    assert of_two.lower < one.lower


@pytest.mark.parametrize(("label", "short_of"), [(1, "without"), (0, "with")])
def test_a_group_of_one_class_is_a_row_that_says_so(label: int, short_of: str) -> None:
    found = audit(
        y_true=[label, label, 1, 0, 1, 0],
        y_pred=[1, 0, 1, 0, 0, 1],
        y_score=[0.9, 0.2, 0.8, 0.1, 0.3, 0.7],
        sensitive_features=list("OOFFMM"),
        finding="pneumonia",
    )
    missing = "false_positive_rate" if label else "false_negative_rate"
    open_cell = cell(found, missing, "group O")

    assert not open_cell.value.is_estimable
    assert (open_cell.value.lower, open_cell.value.upper) == (0.0, 1.0)
    assert open_cell.verdict is not None
    assert open_cell.verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert f"no labelled case {short_of} pneumonia" in open_cell.verdict.sentence
    assert open_cell.verdict.labels_needed is not None
    assert not cell(found, "auroc", "group O").value.is_estimable


def test_a_group_without_any_outcome_is_still_there() -> None:
    found = audit(
        y_true=[1, 0, nan, nan], y_pred=[1, 0, 1, 1], sensitive_features=["F", "F", "M", None]
    )

    assert {str(c.group) for c in found.by_group} == {"group F", "group M", "group Unknown"}
    assert cell(found, "prevalence", "group M").value.n == 0


def test_one_group_alone_has_nobody_to_be_compared_with() -> None:
    found = audit(y_true=[1, 0, 1], y_pred=[1, 0, 0], sensitive_features=["F"] * 3)
    verdict = cell(found, "false_negative_rate", "group F").verdict

    assert verdict is not None
    assert verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert verdict.labels_needed is None
    assert "to compare with" in verdict.sentence
    assert not found.difference("sensitivity").is_estimable


def test_nobody_with_the_finding_is_not_enough_data_to_judge_misses() -> None:
    found = audit(y_true=[0] * 6, y_pred=[0, 1] * 3, sensitive_features=list("FMFMFM"))
    misses = [c.verdict for c in found.by_group if c.metric == "false_negative_rate"]

    assert [v.kind for v in misses if v] == [VerdictKind.NOT_ENOUGH_DATA] * 2


def test_ten_thousand_groups_are_all_there_and_none_is_harmed_by_chance() -> None:
    rng = np.random.default_rng(5)
    n = 30_000
    found = audit(
        y_true=rng.random(n) < 0.5,
        y_pred=rng.random(n) < 0.5,
        sensitive_features={"code": rng.integers(0, 10_000, n)},
    )

    assert len({c.group for c in found.by_group}) > 9_400
    assert not any(v.kind is VerdictKind.HARM_SHOWN for v in found.verdicts)


def test_rows_that_cannot_be_used_are_counted_by_their_first_reason() -> None:
    found = audit(
        y_true=[1, 0, None, 1, nan, 1],
        y_pred=[1, 0, 1, None, None, 1],
        y_score=[0.9, 0.1, 0.5, 0.5, 0.5, nan],
        sensitive_features=list("FFMMFF"),
    )

    assert {e.reason: e.rows for e in found.result.exclusions} == {
        "no outcome yet": 2,
        "no decision by the model": 1,
        "no score by the model": 1,
    }
    assert found.result.rows == 6
    assert sum(c.value.n for c in found.overall if c.metric == "prevalence") == 2


def test_a_threshold_flags_scores_that_reach_it() -> None:
    found = audit(
        y_true=[1, 1, 0], y_score=[0.3, 0.29, 0.31], threshold=0.3, sensitive_features=[1, 1, 1]
    )
    ((_, _, everybody), _) = found.result.confusion

    assert (everybody.true_positives, everybody.false_positives) == (1, 1)


def test_refer_counts_as_flagged() -> None:
    found = audit(
        y_true=[1, 1, 1],
        y_pred=["positive", "refer", "negative"],
        sensitive_features=["F", "F", "F"],
    )

    assert cell(found, "sensitivity", "group F").value.estimate == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"y_pred": [1, 0]}, BadTable, "differ in length"),
        ({"sensitive_features": ["F"]}, BadTable, "differ in length"),
        ({"y_true": [0, 1, 2, 1]}, BadTable, "'2' in row 3"),
        ({"y_score": [0.1, 0.2, np.inf, 0.1]}, BadTable, "infinite in row 3"),
        ({"y_true": {"a": [1] * 4, "b": [0] * 4}, "y_pred": {"a": [1] * 4}}, BadTable, "for b"),
        ({"by": ["race"]}, InputError, "no column 'race'"),
        ({"y_true": [nan] * 4}, NotEnoughData, "None of the 4 rows"),
        ({"y_true": [], "y_pred": [], "sensitive_features": []}, NotEnoughData, "None of the 0"),
        ({"margin": 0}, ValueError, "margin must be in"),
        ({"level": 95}, ValueError, "level must be in"),
    ],
)
def test_bad_input_is_refused_in_words(
    changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    good = {"y_true": [1, 0, 1, 0], "y_pred": [1, 0, 0, 1], "sensitive_features": list("FMFM")}

    with pytest.raises(error, match=said):
        audit(**{**good, **changes})


def test_a_summary_needs_to_know_which_attribute_and_metric() -> None:
    found = audit(**clinic(60))

    with pytest.raises(ValueError, match="attribute must be one of sex, age, sex x age"):
        found.difference("sensitivity")
    with pytest.raises(ValueError, match="cannot be computed"):
        found.group_min("accuracy", attribute="sex")


def test_the_package_is_the_function_whatever_was_imported_first() -> None:
    program = (
        "import sys, edgefair; assert 'numpy' not in sys.modules\n"
        "from edgefair.audit.intervals import wilson\n"
        "found = edgefair.audit(y_true=[1, 0], y_pred=[1, 0], sensitive_features=['F', 'M'])\n"
        "assert not {'scipy', 'pandas', 'sklearn'} & set(sys.modules)\n"
        "print(len(found.by_group))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert finished.stdout.strip() == "14"


def test_the_package_shows_the_functions_signature() -> None:
    assert inspect.signature(edgefair.audit) == inspect.signature(audit)
