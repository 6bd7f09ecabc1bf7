"""Embeddings: error rates without a shift, and planted shifts that are found."""

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel

from edgefair.audit.embedding_shift import (
    EmbeddingSummary,
    maximum_mean_discrepancy,
    mean_shift,
)


def summary(cloud: NDArray[np.float64]) -> EmbeddingSummary:
    return EmbeddingSummary(mean=cloud.mean(axis=0), std=cloud.std(axis=0), n=len(cloud))


@pytest.mark.parametrize(("d", "n"), [(8, 60), (64, 40), (150, 30)])
def test_without_a_shift_the_mean_test_keeps_its_error_rate(d: int, n: int) -> None:
    rng = np.random.default_rng(d)
    mixing = rng.normal(size=(d, d)) * np.linspace(1, 0.05, d)
    p_values = [
        mean_shift(
            summary(rng.normal(size=(300, d)) @ mixing.T), rng.normal(size=(n, d)) @ mixing.T
        ).p_value
        for _ in range(250)
    ]

    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09


def test_a_small_shift_in_every_dimension_is_found() -> None:
    rng = np.random.default_rng(1)
    before = summary(rng.normal(size=(500, 200)))

    assert mean_shift(before, rng.normal(0.15, 1, size=(60, 200))).p_value < 1e-4


def test_dimensions_that_never_varied_are_left_out() -> None:
    rng = np.random.default_rng(2)
    cloud, here = rng.normal(size=(200, 6)), rng.normal(size=(40, 6))
    flat = np.column_stack([cloud, np.full(200, 3.0)])
    both = mean_shift(summary(flat), np.column_stack([here, np.full(40, 3.0)]))

    assert both == mean_shift(summary(cloud), here)


def test_few_images_or_a_flat_reference_say_nothing() -> None:
    before = summary(np.random.default_rng(3).normal(size=(100, 4)))

    assert isnan(mean_shift(before, np.zeros((9, 4))).p_value)
    assert isnan(mean_shift(summary(np.ones((100, 4))), np.ones((20, 4))).p_value)
    assert isnan(mean_shift(before, np.ones((20, 4))).p_value)
    assert isnan(maximum_mean_discrepancy(np.zeros((9, 4)), np.ones((50, 4)), seed=0).p_value)


def test_the_discrepancy_is_that_of_a_gaussian_kernel_at_the_median_distance() -> None:
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=(30, 5)), rng.normal(0.5, 1, size=(25, 5))
    found = maximum_mean_discrepancy(one, other, seed=0, permutations=9)
    both = np.concatenate([one, other])
    apart = ((both[:, np.newaxis] - both) ** 2).sum(axis=2)[np.triu_indices(55, 1)]
    kernel = rbf_kernel(both, gamma=1 / np.median(apart))
    expected = kernel[:30, :30].mean() + kernel[30:, 30:].mean() - 2 * kernel[:30, 30:].mean()

    assert found.statistic == pytest.approx(expected)


def test_without_a_shift_the_discrepancy_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(5)
    p_values = [
        maximum_mean_discrepancy(
            rng.normal(size=(40, 6)), rng.normal(size=(30, 6)), seed=seed, permutations=99
        ).p_value
        for seed in range(300)
    ]

    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.085


def test_another_spread_around_the_same_mean_is_found_by_the_discrepancy_alone() -> None:
    rng = np.random.default_rng(6)
    before, here = rng.normal(size=(200, 10)), rng.normal(0, 1.5, size=(80, 10))

    assert maximum_mean_discrepancy(before, here, seed=0).p_value < 0.01
    assert mean_shift(summary(before), here).p_value > 0.01


def test_large_samples_are_cut_and_the_seed_fixes_everything() -> None:
    rng = np.random.default_rng(7)
    before, here = rng.normal(size=(900, 3)), rng.normal(size=(700, 3))
    one, again = (
        maximum_mean_discrepancy(before, here, seed=1, permutations=19, most=100) for _ in range(2)
    )

    assert one == again
