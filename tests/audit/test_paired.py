"""Two models on the same cases: published values, an oracle, exact coverage, laws."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multinomial
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from edgefair.audit.estimates import Rates
from edgefair.audit.paired import (
    PairedCounts,
    newcombe_paired_limits,
    paired_counts,
    tango_limits,
    tango_z,
)
from edgefair.audit.paired_tests import loss_p_values, mcnemar

few = st.integers(0, 30)
tables = st.tuples(few, few, few, few).filter(lambda table: sum(table) > 0)
quantiles = st.sampled_from([0.7, 1.645, 1.96, 2.6])
Z95 = NormalDist().inv_cdf(0.975)


def counts(*rows: tuple[int, int, int, int]) -> PairedCounts:
    """Return both right, lost, gained, neither right, one row a group."""
    both, lost, gained, neither = np.array(rows, dtype=np.int64).T
    return PairedCounts(both=both, lost=lost, gained=gained, neither=neither)


def all_tables(n: int) -> PairedCounts:
    """Return every way that n cases can flip; the others are right both times."""
    flips = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
    return counts(*((n - b - c, b, c, 0) for b, c in flips))


def chances(every: PairedCounts, to_wrong: float, to_right: float) -> NDArray[np.float64]:
    """Return the chance of each table where cases flip with these chances."""
    rows = np.stack([every.both, every.lost, every.gained], axis=1)
    shares = [1 - to_wrong - to_right, to_wrong, to_right]
    return np.asarray(multinomial.pmf(rows, int(every.n[0]), shares))


# Bentur et al. (2009), as M. W. Fagerland, S. Lydersen, P. Laake, "Recommended tests and
# confidence intervals for paired binomial proportions", Statistics in Medicine 33 (2014)
# 2850-2875, work it out: the difference, Tango's and Newcombe's intervals, McNemar's exact test
@pytest.mark.parametrize(
    ("limits", "lower", "upper"),
    [
        pytest.param(tango_limits, -0.517, -0.026, id="tango"),
        pytest.param(newcombe_paired_limits, -0.507, -0.026, id="newcombe"),
    ],
)
def test_limits_match_published_values(limits, lower: float, upper: float) -> None:  # type: ignore[no-untyped-def]
    found = limits(counts((1, 1, 7, 12)), Z95)

    assert found[0][0] == pytest.approx(lower, abs=5e-4)
    assert found[1][0] == pytest.approx(upper, abs=5e-4)


def test_mcnemar_matches_the_published_value() -> None:
    assert mcnemar([1], [7])[0] == pytest.approx(0.0703, abs=5e-5)


@given(tables)
def test_mcnemar_agrees_with_statsmodels(table: tuple[int, int, int, int]) -> None:
    both, lost, gained, neither = table

    expected = statsmodels_mcnemar([[both, lost], [gained, neither]], exact=True).pvalue
    assert mcnemar([lost], [gained])[0] == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=40))
def test_every_case_is_counted_once_in_its_group(cases: list[tuple[bool, bool, int]]) -> None:
    before, after, codes = (np.array([c[i] for c in cases], dtype=int) for i in range(3))
    found = paired_counts(before, after, codes, 4)

    for group in range(4):
        here = codes == group
        assert found.n[group] == here.sum()
        assert found.lost[group] == (here & (before == 1) & (after == 0)).sum()
        assert found.before.hits[group] == before[here].sum()
        assert found.after.hits[group] == after[here].sum()


@given(tables, quantiles)
def test_the_limits_hold_the_estimate_and_swap_with_the_models(
    table: tuple[int, int, int, int], z: float
) -> None:
    both, lost, gained, neither = table
    one, swapped = counts(table), counts((both, gained, lost, neither))

    for limits in (tango_limits, newcombe_paired_limits):
        lower, upper = limits(one, z)
        mirrored_lower, mirrored_upper = limits(swapped, z)
        assert -1 - 1e-9 <= lower[0] <= one.loss[0] + 1e-9
        assert one.loss[0] - 1e-9 <= upper[0] <= 1 + 1e-9
        assert (lower[0], upper[0]) == pytest.approx(
            (-mirrored_upper[0], -mirrored_lower[0]), abs=1e-9
        )


@given(tables, quantiles)
def test_tangos_limits_are_where_his_statistic_reaches_the_quantile(
    table: tuple[int, int, int, int], z: float
) -> None:
    one = counts(table)
    lower, upper = tango_limits(one, z)

    if lower[0] > -0.999:
        assert tango_z(one, lower)[0] == pytest.approx(z, abs=1e-5)
    if upper[0] < 0.999:
        assert tango_z(one, upper)[0] == pytest.approx(-z, abs=1e-5)


@given(tables)
def test_without_flips_tangos_upper_limit_is_wilsons_of_none(
    table: tuple[int, int, int, int],
) -> None:
    n = sum(table)
    _, upper = tango_limits(counts((n, 0, 0, 0)), Z95)

    assert upper == pytest.approx(Rates(np.array([0]), np.array([n])).limits(Z95)[1])


@given(tables, st.sampled_from([0.05, 0.1, 0.2]))
def test_one_more_lost_case_never_looks_safer(
    table: tuple[int, int, int, int], margin: float
) -> None:
    both, lost, gained, neither = table
    now = counts((both + 1, lost, gained, neither))
    worse = counts((both, lost + 1, gained, neither))

    assert loss_p_values(worse, margin)[0] <= loss_p_values(now, margin)[0] + 1e-9
    assert loss_p_values(worse, margin)[1] >= loss_p_values(now, margin)[1] - 1e-9


@pytest.mark.parametrize("n", [1, 12, 29, 30, 60])
def test_a_single_kind_of_flip_is_judged_no_better_than_by_the_binomial(n: int) -> None:
    # without flips to right the chance that none of n cases is lost is (1 - margin)^n
    _, p_ok = loss_p_values(counts((n, 0, 0, 0)), 0.1)

    assert p_ok[0] >= 0.9**n - 1e-12


@pytest.mark.parametrize("n", [8, 20, 30, 45])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_neither_false_alarms_nor_false_all_clears_exceed_alpha(n: int, alpha: float) -> None:
    margin = 0.1
    every = all_tables(n)
    p_harm, p_ok = loss_p_values(every, margin)

    # shares of flips to right off the grid that the p-values are the largest over
    for to_right in (0.0, 0.003, 0.017, 0.06, 0.11, 0.21, 0.33, 0.44):
        chance = chances(every, to_right + margin, to_right)
        assert chance[p_harm <= alpha].sum() <= alpha * 1.02
        assert chance[p_ok <= alpha].sum() <= alpha * 1.02


def coverage(limits, n: int) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    """Return the exact coverage of 95 % limits over shares of flips as they occur here."""
    every = all_tables(n)
    lower, upper = limits(every, Z95)
    found = []
    for to_right in (0.0, 0.01, 0.02, 0.05, 0.1):
        for loss in (0.0, 0.02, 0.05, 0.1, 0.2):
            is_in = (lower <= loss + 1e-12) & (upper >= loss - 1e-12)
            found.append(chances(every, to_right + loss, to_right)[is_in].sum())
    return np.array(found)


@pytest.mark.parametrize("n", [10, 25, 50])
def test_tangos_limits_cover_as_they_say(n: int) -> None:
    found = coverage(tango_limits, n)

    assert found.min() > 0.90
    assert found.mean() > 0.95


def test_an_empty_group_says_nothing() -> None:
    nobody = counts((0, 0, 0, 0))

    assert np.isnan(nobody.loss[0])
    assert np.isnan(loss_p_values(nobody, 0.1)).all()
    assert [float(limit[0]) for limit in tango_limits(nobody, Z95)] == [-1, 1]
    assert [float(limit[0]) for limit in newcombe_paired_limits(nobody, Z95)] == [-1, 1]
