"""Ratios of rates: an oracle, laws, and what cannot be divided by."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from edgefair.audit.ratios import log_adjusted_limits, ratio
from edgefair.errors import NotEnoughData

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(counts, counts, levels)
def test_log_adjusted_limits_agree_with_statsmodels(
    a: tuple[int, int], b: tuple[int, int], level: float
) -> None:
    lower, upper = log_adjusted_limits(*a, *b, level=level)

    expected = confint_proportions_2indep(
        *a, *b, compare="ratio", method="log-adjusted", alpha=1 - level
    )
    assert (lower, upper) == pytest.approx(expected, rel=1e-9)


@given(counts, counts)
def test_a_ratio_lies_between_its_limits_and_turned_round_between_their_inverses(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    if not a[0] or not b[0]:
        return
    one, other = ratio(*a, *b), ratio(*b, *a)

    assert one.lower <= one.estimate <= one.upper
    assert one.lower == pytest.approx(1 / other.upper, rel=1e-6)


def test_the_ratio_to_a_rate_that_may_be_zero_has_no_upper_limit() -> None:
    nothing_seen = ratio(3, 10, 0, 10)

    assert not nothing_seen.is_estimable
    assert (nothing_seen.lower, nothing_seen.upper) == (0, inf)


def test_a_ratio_of_nothing_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        ratio(0, 0, 1, 10)


def test_mover_r_comes_near_the_log_adjusted_limits_where_data_are_many() -> None:
    ci = ratio(800, 1000, 500, 1000)

    limits = log_adjusted_limits(800, 1000, 500, 1000, level=0.95)
    assert (ci.lower, ci.upper) == pytest.approx(np.array(limits), rel=2e-3)
