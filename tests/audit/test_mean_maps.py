"""Mean maps: false alarms at their nominal share, and changes seen in mean, width and form."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from edgefair.audit.image_shift import Against, ImageReference, MappedCloud, image_shift
from edgefair.audit.mean_maps import (
    FEWEST,
    frequencies_for,
    mean_map_of,
    mean_map_shift,
    movement,
    waves_of,
)
from edgefair.records import Group

Cloud = NDArray[np.float64]

K = 16


@pytest.fixture(scope="module")
def frequencies() -> Cloud:
    return frequencies_for(np.random.default_rng(7).normal(size=(200, K)), waves=64, seed=0)


def p_values(
    frequencies: Cloud, change: Callable[[Cloud], Cloud], *, n: int, runs: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(runs):
        before = mean_map_of(rng.standard_t(5, size=(100, K)), frequencies)
        now = change(rng.standard_t(5, size=(n, K)))
        found.append(mean_map_shift(before, now, frequencies).p_value)
    return np.array(found)


@pytest.mark.parametrize("n", [FEWEST, 100])
def test_without_a_shift_false_alarms_come_as_often_as_they_may(
    frequencies: Cloud, n: int
) -> None:
    found = p_values(frequencies, lambda now: now, n=n, runs=500)

    assert binomtest(int((found < 0.05).sum()), len(found), 0.05).pvalue > 0.001


def _moved(now: Cloud) -> Cloud:
    return now + np.where(np.isin(np.arange(K), (0, 5)), 0.8, 0.0)


def _wider(now: Cloud) -> Cloud:
    return now * 1.3


def _going_together(now: Cloud) -> Cloud:
    # each number has the mean and the variance that it had, and eight of them are one
    together = now.copy()
    together[:, 1:8] = together[:, :1]
    return together


@pytest.mark.parametrize("change", [_moved, _wider, _going_together])
def test_a_change_in_mean_width_or_form_is_seen(
    frequencies: Cloud, change: Callable[[Cloud], Cloud]
) -> None:
    assert np.mean(p_values(frequencies, change, n=150, runs=40) < 0.05) > 0.7


def test_the_features_inner_products_are_the_gaussian_kernel() -> None:
    points = np.random.default_rng(3).normal(size=(80, 4))
    features = waves_of(points, frequencies_for(points, waves=20_000, seed=0))
    squared = ((points[:, np.newaxis] - points) ** 2).sum(axis=2)
    width = np.median(squared[np.triu_indices(80, 1)])

    np.testing.assert_allclose(features @ features.T, np.exp(-squared / width), atol=0.04)


def test_the_traces_are_estimated_without_bias() -> None:
    rng = np.random.default_rng(4)
    frequencies = frequencies_for(rng.normal(size=(200, K)), waves=16, seed=1)
    exact = np.cov(waves_of(rng.normal(size=(200_000, K)), frequencies), rowvar=False)
    eigenvalues = np.linalg.eigvalsh(exact)
    found = np.mean(
        [mean_map_of(rng.normal(size=(40, K)), frequencies).traces for _ in range(800)], axis=0
    )

    for power in (1, 2, 3):
        assert found[power - 1] == pytest.approx((eigenvalues**power).sum(), rel=0.05)


def test_a_move_is_told_in_deviations_and_in_pairs_told_apart() -> None:
    rng = np.random.default_rng(5)
    before = rng.normal(size=(20_000, 3))
    now = rng.normal([0.9, 0, 0], 1, size=(20_000, 3))
    found = movement(before.mean(axis=0), now, n=len(before))

    assert found.deviations == pytest.approx(0.9, abs=0.03)
    assert found.told_apart == pytest.approx(norm.cdf(0.9 / np.sqrt(2)), abs=0.01)
    pairs = np.mean(rng.permutation(now[:, 0]) > before[:, 0])
    assert found.told_apart == pytest.approx(pairs, abs=0.02)


def test_chance_alone_is_told_as_no_move_on_average() -> None:
    rng = np.random.default_rng(6)
    found = [
        movement(rng.normal(0, 200**-0.5, K), rng.normal(size=(50, K)), n=200).deviations
        for _ in range(200)
    ]

    assert np.median(found) < 0.25


def test_too_few_images_are_told_as_such(frequencies: Cloud) -> None:
    before = mean_map_of(np.random.default_rng(0).normal(size=(60, K)), frequencies)
    few = np.zeros((FEWEST - 1, K))

    assert isnan(mean_map_shift(before, few, frequencies).p_value)
    assert isnan(movement(np.zeros(K), few, n=60).deviations)
    rows = ImageReference(group=Group(), against=Against.FIRST_HERE, before=np.zeros((60, K)))
    assert isnan(image_shift(rows, few, seed=0).found.p_value)


def test_images_all_alike_are_no_error(frequencies: Cloud) -> None:
    before = mean_map_of(np.zeros((60, K)), frequencies)

    assert isnan(mean_map_shift(before, np.zeros((60, K)), frequencies).p_value)
    assert movement(np.zeros(K), np.zeros((60, K)), n=60).deviations == 0


def test_rows_and_means_of_one_cloud_say_the_same(frequencies: Cloud) -> None:
    rng = np.random.default_rng(8)
    before, now = rng.normal(size=(200, K)), rng.normal(0.3, 1.2, size=(100, K))
    mapped = MappedCloud(
        mean=before.mean(axis=0),
        spread=float(before.var(axis=0, ddof=1).sum()),
        mapped=mean_map_of(before, frequencies),
        frequencies=frequencies,
    )
    by_means, by_rows = (
        image_shift(ImageReference(group=Group(), against=against, before=of), now, seed=0)
        for against, of in ((Against.RELEASE, mapped), (Against.FIRST_HERE, before))
    )

    assert by_means.moved == by_rows.moved
    assert by_means.spread == pytest.approx(1.2, abs=0.05)
    assert by_means.found.p_value < 0.001
    assert by_rows.found.p_value == 0.0005
