"""Cases that stand for more than themselves: shares, changes, thresholds chosen by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.aims import Aim, threshold_for
from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import wilson
from edgefair.audit.proposals import HeldOut, propose_group_thresholds, propose_threshold
from edgefair.audit.weighted_shares import weighted_change, weighted_share
from edgefair.records import UNKNOWN, Attribute, Group

SENSITIVE = Aim(metric="sensitivity", at_least=0.9)


def test_cases_that_stand_for_themselves_give_wilsons_interval() -> None:
    hits = np.arange(40) < 30
    found, plain = weighted_share(hits, np.ones(40), level=0.95), wilson(30, 40, level=0.95)

    assert (found.estimate, found.n) == (plain.estimate, plain.n)
    assert (found.lower, found.upper) == pytest.approx((plain.lower, plain.upper), abs=1e-12)


def test_equal_weights_of_any_size_say_no_more_than_the_cases() -> None:
    hits = np.arange(40) < 30

    assert weighted_share(hits, np.full(40, 7.0), level=0.95).upper == pytest.approx(
        weighted_share(hits, np.ones(40), level=0.95).upper
    )


def test_no_change_seen_is_no_proof_that_there_is_none() -> None:
    found = weighted_change(np.zeros(50), np.ones(50), np.arange(50), level=0.95)

    assert found.estimate == 0
    assert found.lower == -found.upper == pytest.approx(-wilson(0, 50, level=0.95).upper)


def test_the_cases_of_one_patient_say_nothing_of_change() -> None:
    found = weighted_change(np.ones(5), np.ones(5), np.zeros(5, np.int64), level=0.95)

    assert not found.is_estimable


def test_a_weighted_change_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, covered, runs = -0.05, 0, 1000
    for _ in range(runs):
        flagged = rng.random(600) < 0.3
        change = np.where(rng.random(600) < 0.05, -1.0, 0.0)
        verified = flagged | (rng.random(600) < 0.25)
        weights = np.where(flagged, 1.0, 4.0)[verified]
        units = np.arange(int(verified.sum()))
        found = weighted_change(change[verified], weights, units, level=0.95)
        covered += found.lower <= truth <= found.upper

    assert 0.90 < covered / runs < 0.98


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(1, 4)), min_size=1),
    st.sampled_from([0.5, 0.8, 0.9, 0.95]),
    st.sampled_from(["sensitivity", "specificity"]),
)
def test_a_weight_is_worth_as_many_cases_that_are_alike(
    cases: list[tuple[int, bool, int]], share: float, metric: str
) -> None:
    score, y, weight = (np.array(column) for column in zip(*cases, strict=True))
    aim = Aim(metric=metric, at_least=share)
    weighed = threshold_for(y, score * 1.0, weight * 1.0, aim)
    times = np.repeat(np.arange(len(cases)), weight)

    assert weighed == threshold_for(y[times], score[times] * 1.0, np.ones(len(times)), aim)


def by_sex(codes: np.ndarray, *values: str) -> Grouping:
    groups = tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in values)
    return Grouping(attribute="sex", groups=groups, codes=codes)


def test_a_threshold_counts_whom_the_verified_stand_for() -> None:
    reached, naive, covered = [], [], 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        ill = rng.random(6000) < 0.4
        score = rng.normal(2.0 * ill)
        flagged = score >= 1.5
        verified = flagged | (rng.random(6000) < 0.2)
        weights = np.where(flagged, 1.0, 5.0)[verified]
        nobody = by_sex(np.zeros(int(verified.sum()), np.int64), "F")
        cases = HeldOut(y_true=ill[verified], score=score[verified], grouping=nobody, seed=seed)
        weighed = propose_threshold(replace(cases, weights=weights), SENSITIVE, current=1.5)
        plain = propose_threshold(cases, SENSITIVE, current=1.5)
        reached.append((score[ill] >= weighed.thresholds[0][1]).mean())
        naive.append((score[ill] >= plain.thresholds[0][1]).mean())
        before = weighed.effects[0].before
        covered += before.lower < (score[ill] >= 1.5).mean() < before.upper

    assert np.mean(reached) == pytest.approx(0.9, abs=0.01)
    assert np.mean(naive) < 0.85
    assert covered >= 17


def test_whose_group_is_not_known_gets_the_threshold_of_all() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 3, 1500)
    ill = rng.random(1500) < 0.5
    score = rng.normal(2.0 * ill - 1.0 * codes)
    cases = HeldOut(y_true=ill, score=score, grouping=by_sex(codes, "F", "M", UNKNOWN), seed=1)
    for_all = propose_threshold(cases, SENSITIVE, current=1.0).thresholds[0][1]
    own = propose_group_thresholds(cases, SENSITIVE, current=1.0, lawful_because="agreed")

    assert own.thresholds[2][1] == for_all
    assert own.thresholds[0][1] > own.thresholds[1][1]


def test_a_weight_of_nothing_is_a_mistake() -> None:
    nobody = by_sex(np.zeros(9, np.int64), "F")

    with pytest.raises(ValueError, match="weights must be above 0"):
        HeldOut(
            y_true=np.ones(9, bool), score=np.zeros(9), grouping=nobody, weights=np.zeros(9),
            seed=1,
        )  # fmt: skip
