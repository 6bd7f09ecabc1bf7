"""Mixes of groups: laws of the distance, oracles for the tests, and figures worked out by hand."""

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from statsmodels.stats.contingency_tables import Table

from edgefair.audit.mix import (
    homogeneity,
    jensen_shannon_distance,
    population_stability_index,
    standardised_residuals,
)

mixes = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


@given(mixes)
def test_a_mix_has_no_distance_to_itself(mix: list[int]) -> None:
    assert jensen_shannon_distance(mix, [3 * count for count in mix]) == pytest.approx(0, abs=1e-7)


@given(mixes, mixes)
def test_mixes_without_a_common_group_are_one_apart(one: list[int], other: list[int]) -> None:
    nothing = [0] * 4

    assert jensen_shannon_distance([*one, *nothing], [*nothing, *other]) == pytest.approx(1)


@given(mixes, mixes, mixes)
def test_it_is_a_distance(one: list[int], other: list[int], third: list[int]) -> None:
    there = jensen_shannon_distance(one, other)
    around = jensen_shannon_distance(one, third) + jensen_shannon_distance(third, other)

    assert 0 <= there <= 1
    assert there == pytest.approx(jensen_shannon_distance(other, one))
    assert there <= around + 1e-9


def test_it_matches_a_value_worked_out_by_hand() -> None:
    # of (1/2, 1/2) and (1, 0): half of [1/2 log2(2/3) + 1/2 log2(2)] plus half of log2(4/3)
    bits = (0.5 * np.log2(2 / 3) + 0.5) / 2 + np.log2(4 / 3) / 2

    assert jensen_shannon_distance([1, 1], [1, 0]) == pytest.approx(sqrt(bits))


def test_an_empty_mix_has_no_distance() -> None:
    assert isnan(jensen_shannon_distance([0, 0], [1, 0]))


@given(st.lists(st.tuples(st.integers(20, 400), st.integers(20, 400)), min_size=2, max_size=6))
def test_two_mixes_are_compared_as_scipy_and_statsmodels_do(rows: list[tuple[int, int]]) -> None:
    reference, current = np.array(rows).T
    found = homogeneity(reference, current, seed=0)

    oracle = chi2_contingency([reference, current], correction=False)
    assert found.statistic == pytest.approx(oracle.statistic)
    assert found.p_value == pytest.approx(oracle.pvalue)
    assert found.residuals == pytest.approx(
        Table(np.array([reference, current])).standardized_resids[1]
    )


def test_a_sparse_table_is_tested_by_permutation_of_its_cases() -> None:
    reference, current = [6, 2, 1], [0, 3, 4]
    found = homogeneity(reference, current, seed=3)
    groups = np.repeat([0, 1, 2], np.add(reference, current))
    rng = np.random.default_rng(4)

    def statistic(of: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        table = [np.bincount(of[:9], minlength=3), np.bincount(of[9:], minlength=3)]
        return float(chi2_contingency(table, correction=False).statistic)

    reached = [statistic(rng.permutation(groups)) >= found.statistic - 1e-9 for _ in range(1500)]
    assert found.p_value == pytest.approx(np.mean(reached), abs=0.015)


def test_a_group_that_never_comes_is_left_out_and_one_group_is_no_mix() -> None:
    found = homogeneity([50, 50, 0], [30, 70, 0], seed=0)

    assert isnan(found.residuals[2])
    assert found.p_value < 0.01
    assert isnan(homogeneity([50, 0], [30, 0], seed=0).p_value)
    assert isnan(homogeneity([0, 0], [30, 2], seed=0).p_value)


def test_residuals_against_a_population_are_standard_normal_without_any_shift() -> None:
    shares = np.array([0.1, 0.3, 0.6])
    counts = np.random.default_rng(1).multinomial(200, shares, size=2000)
    residuals = np.array([standardised_residuals(row, shares) for row in counts])

    assert residuals.mean(axis=0) == pytest.approx(0, abs=0.07)
    assert residuals.std(axis=0) == pytest.approx(1, abs=0.05)


def test_a_group_that_the_population_lacks_has_no_residual() -> None:
    assert isnan(standardised_residuals([3, 7], [0.0, 1.0])[0])


def test_the_stability_index_grows_by_chance_alone_where_samples_are_small() -> None:
    rng = np.random.default_rng(2)
    share = np.full(10, 0.1)
    small, large = (
        np.mean(
            [
                population_stability_index(rng.multinomial(n, share), rng.multinomial(n, share))
                for _ in range(300)
            ]
        )
        for n in (100, 1000)
    )

    assert small == pytest.approx(9 * 2 / 100, rel=0.15)
    assert large == pytest.approx(9 * 2 / 1000, rel=0.15)
