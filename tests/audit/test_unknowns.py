"""Bounds for unknown demographics, against all that the unknown could be."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefair.audit.estimates import Rates
from edgefair.audit.unknowns import maybe_of, rate_bounds
from edgefair.records import UNKNOWN, Attribute, Group

small = st.tuples(st.integers(0, 4), st.integers(0, 4))


def groups(*values: tuple[str, ...]) -> list[Group]:
    return [
        Group(attributes=tuple(Attribute(name=f"a{i}", value=v) for i, v in enumerate(value)))
        for value in values
    ]


@settings(max_examples=150)
@given(small, small, small)
def test_the_bounds_are_reached_and_never_passed(
    women: tuple[int, int], men: tuple[int, int], unknown: tuple[int, int]
) -> None:
    """Each is (errors, others); every way to share out the unknown is tried."""
    hits = np.array([women[0], men[0], unknown[0]])
    n = np.array([sum(women), sum(men), sum(unknown)])
    rates, differences = [], []
    for errors, others in product(range(unknown[0] + 1), range(unknown[1] + 1)):
        k, m = hits[0] + errors, n[0] + errors + others
        rest_k, rest_m = hits.sum() - k, n.sum() - m
        rates += [k / m] if m else []
        differences += [k / m - rest_k / rest_m] if m and rest_m else []

    found = rate_bounds(Rates(hits, n), maybe_of(groups(("F",), ("M",), (UNKNOWN,))))

    if np.isfinite(found.lowest[0]) and np.isfinite(found.highest[0]):
        assert (found.lowest[0], found.highest[0]) == pytest.approx((min(rates), max(rates)))
    reached = (found.difference_lowest[0], found.difference_highest[0])
    if np.isfinite(reached).all():
        assert reached == pytest.approx((min(differences), max(differences)))


def test_of_crossed_attributes_only_those_that_may_agree_count() -> None:
    crossed = groups(("F", "young"), ("M", "young"), ("F", UNKNOWN), (UNKNOWN, UNKNOWN))

    maybe = maybe_of(crossed)

    assert maybe.unknown.tolist() == [2, 3]
    assert maybe.of.tolist() == [[True, True], [False, True], [False, False], [False, False]]


def test_with_nobody_unknown_the_bounds_are_the_rate() -> None:
    found = rate_bounds(
        Rates(np.array([1, 2]), np.array([4, 5])), maybe_of(groups(("F",), ("M",)))
    )

    assert found.lowest.tolist() == found.highest.tolist() == [0.25, 0.4]
    assert found.unknown.tolist() == [0, 0]
