"""Kolmogorov and Smirnov: scipy as the oracle, and conservative where values are binned."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from edgefair.audit.score_shift import kolmogorov_smirnov, kolmogorov_smirnov_of_counts


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000), st.floats(0, 2))
def test_without_ties_it_is_exactly_scipys(n: int, m: int, seed: int, apart: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=n), rng.normal(apart, 1, size=m)
    found = kolmogorov_smirnov(one, other)

    oracle = ks_2samp(one, other, method="exact")
    assert found.distance == pytest.approx(oracle.statistic)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


def test_large_samples_are_tested_by_the_limit_distribution() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=3000), rng.normal(0.06, 1, size=4000)
    found = kolmogorov_smirnov(one, other)

    oracle = ks_2samp(one, other, method="exact")
    assert found.p_value == pytest.approx(oracle.pvalue, rel=0.1)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.integers(1, 64),
)
def test_bins_never_make_a_shift_look_larger(
    one: list[float], other: list[float], bins: int
) -> None:
    counts = [np.histogram(values, bins=bins, range=(0, 1))[0] for values in (one, other)]
    binned, plain = kolmogorov_smirnov_of_counts(*counts), kolmogorov_smirnov(one, other)

    assert binned.distance <= plain.distance + 1e-12
    assert binned.p_value >= plain.p_value - 1e-9


def test_fine_bins_lose_next_to_nothing() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.beta(2, 5, 800), rng.beta(2.4, 5, 500)
    counts = [np.histogram(values, bins=512, range=(0, 1))[0] for values in (one, other)]

    assert kolmogorov_smirnov_of_counts(*counts).distance == pytest.approx(
        kolmogorov_smirnov(one, other).distance, abs=0.01
    )


def test_equal_samples_are_no_shift_and_empty_ones_no_test() -> None:
    assert kolmogorov_smirnov([1, 2], [1, 2]).p_value == 1
    assert isnan(kolmogorov_smirnov([], [1, 2]).p_value)
    assert isnan(kolmogorov_smirnov_of_counts([0, 0], [1, 2]).distance)
