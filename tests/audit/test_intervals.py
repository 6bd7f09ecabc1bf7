"""Intervals: published values, an oracle, exact coverage, laws, refusals."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from edgefair.audit.intervals import (
    clopper_pearson,
    clopper_pearson_limits,
    newcombe,
    rule_of_three,
    wilson,
    wilson_limits,
)
from edgefair.errors import NotEnoughData
from edgefair.records import Interval

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("hits", "n", "lower", "upper"),
    [
        pytest.param(0, 10, 0.0, 0.27753, id="none"),
        pytest.param(8, 10, 0.49016, 0.94331, id="some"),
        pytest.param(10, 10, 0.72247, 1.0, id="all"),
    ],
)
def test_wilson_matches_published_values(hits: int, n: int, lower: float, upper: float) -> None:
    ci = wilson(hits, n)

    assert ci.lower == pytest.approx(lower, abs=1e-4)
    assert ci.upper == pytest.approx(upper, abs=1e-4)


@given(counts, levels)
def test_wilson_agrees_with_statsmodels(c: tuple[int, int], level: float) -> None:
    hits, n = c
    ci = wilson(hits, n, level=level)

    expected = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert (ci.lower, ci.upper) == pytest.approx(expected, abs=1e-9)


@given(counts, levels)
def test_clopper_pearson_agrees_with_statsmodels(c: tuple[int, int], level: float) -> None:
    hits, n = c
    ci = clopper_pearson(hits, n, level=level)

    expected = proportion_confint(hits, n, alpha=1 - level, method="beta")
    assert (ci.lower, ci.upper) == pytest.approx(expected, abs=1e-9)


@given(counts, counts, levels)
def test_newcombe_agrees_with_statsmodels(
    a: tuple[int, int], b: tuple[int, int], level: float
) -> None:
    ci = newcombe(*a, *b, level=level)

    expected = confint_proportions_2indep(*a, *b, method="newcomb", alpha=1 - level)
    assert (ci.lower, ci.upper) == pytest.approx(expected, abs=1e-9)


@given(counts)
def test_wilson_limits_enclose_the_estimate(c: tuple[int, int]) -> None:
    ci = wilson(*c)

    assert 0 <= ci.lower <= ci.estimate <= ci.upper <= 1


@given(counts)
def test_wilson_treats_hits_and_misses_alike(c: tuple[int, int]) -> None:
    hits, n = c

    assert wilson(hits, n).lower == pytest.approx(1 - wilson(n - hits, n).upper)


@given(counts)
def test_the_exact_interval_encloses_the_estimate(c: tuple[int, int]) -> None:
    ci = clopper_pearson(*c)

    assert 0 <= ci.lower <= ci.estimate <= ci.upper <= 1


@given(counts, counts)
def test_a_difference_turned_around_changes_its_sign(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    there, back = newcombe(*a, *b), newcombe(*b, *a)

    assert there.lower == pytest.approx(-back.upper)
    assert -1 <= there.lower <= there.estimate <= there.upper <= 1


@given(st.lists(counts, min_size=1, max_size=20))
def test_many_limits_at_once_are_those_of_each(cs: list[tuple[int, int]]) -> None:
    hits, n = np.array(cs).T
    lower, upper = wilson_limits(hits, n, 1.959963984540054)

    one_by_one = [wilson(*c) for c in cs]
    assert lower == pytest.approx([ci.lower for ci in one_by_one])
    assert upper == pytest.approx([ci.upper for ci in one_by_one])


@given(st.integers(1, 2000))
def test_the_rule_of_three_is_the_exact_one_sided_limit(n: int) -> None:
    limit = rule_of_three(n)

    assert limit == pytest.approx(clopper_pearson(0, n, level=0.9).upper)
    assert limit <= 3 / n


def exact_coverage(interval: Callable[[int, int], Interval], n: int, p: float) -> float:
    """Return the chance that the interval of a binomial count holds the true rate."""
    hits = range(n + 1)
    held = [ci.lower <= p <= ci.upper for ci in (interval(k, n) for k in hits)]
    return float(np.dot(held, binom.pmf(hits, n, p)))


@pytest.mark.parametrize(
    ("interval", "n", "coverage"),
    [(wilson, 10, 0.914), (clopper_pearson, 10, 0.988), (wilson, 20, 0.925)],
    ids=["wilson 10", "exact 10", "wilson 20"],
)
def test_coverage_at_a_rate_of_95_percent(
    interval: Callable[[int, int], Interval], n: int, coverage: float
) -> None:
    assert exact_coverage(interval, n, 0.95) == pytest.approx(coverage, abs=5e-4)


def test_newcombe_covers_the_difference_of_a_small_group_to_a_large_one() -> None:
    n, other_n, p, other_p = 10, 200, 0.80, 0.85
    hits, other_hits = np.arange(n + 1), np.arange(other_n + 1)
    held = [
        [
            ci.lower <= p - other_p <= ci.upper
            for ci in (newcombe(k, n, j, other_n) for j in range(201))
        ]
        for k in range(n + 1)
    ]
    chance = np.outer(binom.pmf(hits, n, p), binom.pmf(other_hits, other_n, other_p))

    assert float(np.sum(held * chance)) == pytest.approx(0.964, abs=5e-4)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_an_empty_group_is_not_judged(interval: Callable[[int, int], Interval]) -> None:
    with pytest.raises(NotEnoughData, match="No cases"):
        interval(0, 0)


@pytest.mark.parametrize(("hits", "n"), [(-1, 10), (11, 10)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="hits must be in"):
        wilson(hits, n)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_impossible_levels_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must be in"):
        newcombe(1, 2, 1, 2, level=level)


def test_many_exact_limits_at_once_are_those_of_each() -> None:
    n = np.array([1, 1, 10, 10, 10, 300])
    hits = np.array([0, 1, 0, 4, 10, 17])
    lower, upper = clopper_pearson_limits(hits, n, level=0.9)

    each = [clopper_pearson(int(k), int(m), level=0.9) for k, m in zip(hits, n, strict=True)]
    assert lower.tolist() == [ci.lower for ci in each]
    assert upper.tolist() == [ci.upper for ci in each]
    nothing = clopper_pearson_limits(0, 0, level=0.9)
    assert [float(limit) for limit in nothing] == [0, 1]
