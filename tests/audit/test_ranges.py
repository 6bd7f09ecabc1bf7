"""The smallest and largest of many groups: intervals that pay for the picking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.estimates import Rates
from edgefair.audit.intervals import newcombe, wilson
from edgefair.audit.ranges import (
    largest_difference,
    largest_value,
    smallest_ratio,
    smallest_value,
)

counts = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def rates(*pairs: tuple[int, int]) -> Rates:
    hits, n = np.array(pairs).T
    return Rates(hits, n)


@given(st.lists(counts, min_size=1, max_size=8))
def test_every_summary_lies_within_its_limits(groups: list[tuple[int, int]]) -> None:
    estimates = rates(*groups)
    shares = [hits / n for hits, n in groups if n]
    for summary in (smallest_value, largest_value, largest_difference, smallest_ratio):
        ci = summary(estimates, 0.95)

        assert ci.n == sum(n for _, n in groups)
        assert 0 <= ci.lower <= ci.upper <= 1
        assert not ci.is_estimable or ci.lower <= ci.estimate <= ci.upper
    assert not shares or smallest_value(estimates, 0.95).estimate == min(shares)
    assert not shares or largest_value(estimates, 0.95).estimate == max(shares)


def test_one_group_has_its_own_interval_and_no_difference() -> None:
    estimates = rates((8, 10), (0, 0))

    assert smallest_value(estimates, 0.95) == wilson(8, 10)
    assert not largest_difference(estimates, 0.95).is_estimable
    assert not smallest_ratio(estimates, 0.95).is_estimable


def test_two_groups_differ_by_newcombes_interval() -> None:
    ci, expected = largest_difference(rates((56, 70), (48, 80)), 0.95), newcombe(56, 70, 48, 80)

    assert (ci.estimate, ci.lower, ci.upper) == pytest.approx(
        (expected.estimate, expected.lower, expected.upper)
    )


def test_the_ratio_of_two_is_that_of_donner_and_zou() -> None:
    # the limits of a ratio solve p1 - ratio p2 = 0 at the edge of its square-and-add interval
    ci = smallest_ratio(rates((48, 80), (56, 70)), 0.95)
    mine, others = wilson(48, 80), wilson(56, 70)
    for ratio, near, far in (
        (ci.lower, mine.lower, others.upper),
        (ci.upper, mine.upper, others.lower),
    ):
        apart = mine.estimate - ratio * others.estimate
        width = np.hypot(mine.estimate - near, ratio * (far - others.estimate))
        assert abs(apart) == pytest.approx(width)


def test_no_error_anywhere_has_no_ratio() -> None:
    assert not smallest_ratio(rates((0, 10), (0, 20)), 0.95).is_estimable


def test_equal_groups_are_seldom_shown_to_differ() -> None:
    rng = np.random.default_rng(4)
    shown = [
        largest_difference(rates(*((h, 30) for h in hits)), 0.95).lower > 0
        for hits in rng.binomial(30, 0.85, size=(600, 6)).tolist()
    ]

    assert np.mean(shown) < 0.05
