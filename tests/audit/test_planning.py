"""Limits and groups of a plan: fixed in advance, with a place for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from edgefair.audit.outlook import MOST_LABELS, labels_to_answer
from edgefair.audit.planning import OTHER, planned_groups, planned_rows, watched_rates
from edgefair.audit.sequential import confidence_sequence, log_e_value
from edgefair.bundle.manifest import Reference, ReferenceCell
from edgefair.bundle.plan import PlanSettings
from edgefair.errors import InputError
from edgefair.records import Confusion, Group


def reference(*, positives: int, missed: int) -> Reference:
    counts = Confusion(
        true_positives=positives - missed,
        false_negatives=missed,
        true_negatives=90,
        false_positives=10,
    )
    return Reference(
        measured_on="test split",
        cells=(ReferenceCell(finding="effusion", group=Group(), confusion=counts, auroc=None),),
        score_histograms=(),
        embedding_mean=(),
        embedding_std=(),
    )


def test_a_limit_is_the_largest_rate_that_the_reference_allows_plus_the_tolerance() -> None:
    rates, unwatched = watched_rates(
        reference(positives=100, missed=10), ["effusion"], PlanSettings()
    )

    assert [rate.metric for rate in rates] == ["false_negative_rate", "false_positive_rate"]
    assert rates[0].reference_upper == pytest.approx(beta.ppf(0.95, 11, 90), abs=1e-9)
    assert rates[0].limit == rates[0].reference_upper + 0.05
    assert unwatched == ()


@pytest.mark.parametrize("positives", [0, 1])
def test_a_rate_without_a_limit_is_not_watched_and_says_why(positives: int) -> None:
    rates, unwatched = watched_rates(
        reference(positives=positives, missed=0), ["effusion"], PlanSettings()
    )

    assert [rate.metric for rate in rates] == ["false_positive_rate"]
    assert f"{positives} cases with it" in unwatched[0]


def test_every_row_is_in_one_group_of_each_way_whatever_its_values() -> None:
    ways = ["sex", "site", "age:0,18,60", "sex+age:0,60", "bmi:15,30"]
    groups = planned_groups(ways, {"site": ["A", "B"]})
    rng = np.random.default_rng(1)
    n = 500
    features = {
        "sex": rng.choice(np.array(["F", "M", "O", "Unknown", ""], object), n),
        "site": rng.choice(np.array(["A", "B", "C", None], object), n),
        "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(-1, 100, n)),
        "bmi": np.where(rng.random(n) < 0.1, np.nan, rng.integers(5, 60, n)),
    }
    rows = planned_rows(groups, ways, features)

    assert set(rows) == set(groups)
    assert sum(rows[group].sum() for group in groups) == n * (1 + len(ways))
    named = {str(group): rows[group] for group in groups}
    assert np.array_equal(named[f"site {OTHER}"], features["site"] == "C")
    assert np.array_equal(named[f"sex {OTHER}"], features["sex"] == "O")
    assert np.array_equal(named[f"bmi {OTHER}"], features["bmi"] < 15)
    assert np.array_equal(named["age Unknown"], np.isnan(features["age"]) | (features["age"] < 0))


def test_a_column_that_nobody_recorded_is_unknown() -> None:
    groups = planned_groups(["device"], {"device": ["A"]})
    rows = planned_rows(groups, ["device"], {"sex": np.array(["F", "M"], object)})

    assert {str(group): int(rows[group].sum()) for group in groups} == {
        "everybody": 2,
        "device A": 0,
        "device Other": 0,
        "device Unknown": 2,
    }


def test_a_way_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError):
        planned_groups(["age:60,18"], {})


def test_labels_to_an_answer_are_those_after_which_it_is_there() -> None:
    ok, harm = labels_to_answer([0, 40], [0, 100], expected=0.1, limit=0.25, alpha=0.01).tolist()
    _, upper = confidence_sequence(round(0.1 * ok), int(ok), alpha=0.01)
    rate = 41 / 110
    log_e = log_e_value(40 + round(rate * harm), 100 + int(harm), limit=0.25)

    assert upper < 0.25
    assert log_e >= -np.log(0.01)


def test_an_answer_that_no_number_of_labels_would_give_is_out_of_reach() -> None:
    (needed,) = labels_to_answer(
        [2500], [MOST_LABELS // 2], expected=0.25, limit=0.25, alpha=0.01
    ).tolist()

    assert np.isnan(needed)
