"""Every threshold's yield and cost: counted out, against sklearn, and right under verification."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_score, recall_score

from edgefair.audit.groups import By, Grouping, group_by
from edgefair.audit.intervals import wilson
from edgefair.audit.thresholds import Costs, thresholds_by_group, thresholds_overall


def by_ward(codes: NDArray[np.int64]) -> Grouping:
    (grouping,) = group_by([By.parse("ward")], {"ward": codes})
    return grouping


def screened(n: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.2
    return y, rng.normal(1.7 * y)


def test_every_rate_is_that_of_sklearn_with_wilsons_interval() -> None:
    y, score = screened(200, seed=1)

    for row in thresholds_overall(y, score, thresholds=[-0.5, 0.3, 1.1]):
        flagged = score >= row.threshold
        assert row.sensitivity.estimate == pytest.approx(recall_score(y, flagged))
        assert row.specificity.estimate == pytest.approx(recall_score(~y, ~flagged))
        assert row.ppv.estimate == pytest.approx(precision_score(y, flagged))
        expected = wilson(int((y & flagged).sum()), int(y.sum()))
        assert (row.sensitivity.lower, row.sensitivity.upper, row.sensitivity.n) == pytest.approx(
            (expected.lower, expected.upper, expected.n)
        )


def test_costs_are_counted_by_the_person_screened_and_the_test_made() -> None:
    y = np.array([True, True, False, False, False])
    score = np.array([0.9, 0.4, 0.5, 0.2, 0.1])
    low, high = thresholds_overall(
        y, score, thresholds=[0.4, 0.6], costs=Costs(per_image=1, per_test=8)
    )

    assert (low.found, low.missed, low.flagged) == (2, 0, 3)
    assert (low.cost, low.cost_per_case) == (29, 14.5)
    assert (high.found, high.cost_per_case, high.number_needed_to_screen) == (1, 13, 5)
    assert low.tests_per_case == 1.5


def test_a_threshold_that_finds_nobody_has_no_finite_cost_for_each_case() -> None:
    (row,) = thresholds_overall(
        np.array([True, False]), np.array([0.1, 0.2]), thresholds=[0.9],
        costs=Costs(per_image=1, per_test=1),
    )  # fmt: skip

    assert row.cost_per_case == np.inf
    assert not row.ppv.is_estimable


def test_groups_add_up_to_everybody_and_one_without_positives_stays() -> None:
    y, score = screened(300, seed=2)
    codes = np.arange(300) % 3
    y = y & (codes != 2)
    rows = thresholds_by_group(y, score, by_ward(codes), thresholds=[0.0])
    (of_all,) = thresholds_overall(y, score, thresholds=[0.0])

    assert len(rows) == 3
    assert sum(row.found for row in rows) == of_all.found
    assert sum(row.flagged for row in rows) == of_all.flagged
    assert not rows[2].sensitivity.is_estimable


def test_of_many_scores_about_a_hundred_thresholds_are_shown_with_both_ends() -> None:
    y, score = screened(5000, seed=3)
    rows = thresholds_overall(y, score)

    assert len(rows) == 101
    assert rows[0].sensitivity.estimate == 1
    assert rows[-1].flagged == 1
    assert np.diff([row.sensitivity.estimate for row in rows]).max() <= 0


def test_weights_undo_that_mostly_flagged_cases_were_verified() -> None:
    rng = np.random.default_rng(4)
    covered, naive, corrected = [], [], []
    for _ in range(300):
        y = rng.random(3000) < 0.1
        score = rng.normal(1.7 * y)
        chance = np.where(score >= 0.86, 0.9, 0.15)  # sensitivity of about .80 at 0.86
        seen = rng.random(3000) < chance
        (plain,) = thresholds_overall(y[seen], score[seen], thresholds=[0.86])
        (held,) = thresholds_overall(
            y[seen], score[seen], thresholds=[0.86], weights=1 / chance[seen]
        )
        naive.append(plain.sensitivity.estimate)
        corrected.append(held.sensitivity.estimate)
        covered.append(held.sensitivity.lower <= 0.7995 <= held.sensitivity.upper)

    assert np.mean(naive) > 0.93
    assert np.mean(corrected) == pytest.approx(0.80, abs=0.01)
    assert np.mean(covered) > 0.91


def test_weights_of_one_change_nothing() -> None:
    y, score = screened(150, seed=5)

    assert repr(thresholds_overall(y, score, weights=np.ones(150))) == repr(
        thresholds_overall(y, score)
    )


@pytest.mark.parametrize(
    ("score", "weights", "match"),
    [([np.nan], [1.0], "finite"), ([0.1], [0.0], "above 0"), ([0.1], [np.inf], "above 0")],
)
def test_a_score_or_a_weight_that_is_none_is_refused(
    score: list[float], weights: list[float], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        thresholds_overall(np.array([True]), np.array(score), weights=np.array(weights))


def test_a_cost_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="per_test"):
        Costs(per_image=1, per_test=-1)
