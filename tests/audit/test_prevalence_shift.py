"""Prevalence without labels: Lipton's formula, coverage, and what is not prevalence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.prevalence_shift import black_box_prevalence, fit_mixture
from edgefair.records import Confusion

BINS = 64


def histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(values, bins=BINS, range=(0, 1))[0]


def reference(
    rng: np.random.Generator, positives: int, negatives: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return histogram(rng.beta(4, 2, positives)), histogram(rng.beta(1.5, 6, negatives))


def scores(rng: np.random.Generator, n: int, prevalence: float) -> NDArray[np.float64]:
    ill = rng.binomial(n, prevalence)
    return np.concatenate([rng.beta(4, 2, ill), rng.beta(1.5, 6, n - ill)])


def test_the_estimate_is_liptons() -> None:
    before = Confusion(
        true_positives=80, false_negatives=20, true_negatives=810, false_positives=90
    )
    flagged_before, flagged_here = np.array([[0.9, 0.2], [0.1, 0.8]]), np.array([0.7, 0.3])
    shares = np.linalg.solve(flagged_before, flagged_here)

    assert black_box_prevalence(before, 300, 1000).estimate == pytest.approx(shares[1])


@pytest.mark.parametrize("prevalence", [0.03, 0.1, 0.4])
def test_the_black_box_interval_covers_the_prevalence(prevalence: float) -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(800):
        tp, fp = rng.binomial(60, 0.8), rng.binomial(500, 0.1)
        before = Confusion(
            true_positives=tp,
            false_negatives=60 - tp,
            true_negatives=500 - fp,
            false_positives=fp,
        )
        flagged = rng.binomial(300, 0.8 * prevalence + 0.1 * (1 - prevalence))
        ci = black_box_prevalence(before, flagged, 300)
        held.append(ci.lower <= prevalence <= ci.upper)

    assert 0.93 < np.mean(held) < 0.985


@given(st.tuples(*[st.integers(0, 40)] * 4), st.integers(0, 50), st.integers(0, 50))
def test_an_interval_is_in_range_or_says_nothing(
    cells: tuple[int, int, int, int], flagged: int, cleared: int
) -> None:
    tp, fn, tn, fp = cells
    before = Confusion(
        true_positives=tp, false_negatives=fn, true_negatives=tn, false_positives=fp
    )
    ci = black_box_prevalence(before, flagged, flagged + cleared)

    assert 0 <= ci.lower <= ci.upper <= 1
    assert not ci.is_estimable or ci.lower <= ci.estimate <= ci.upper


def test_no_prevalence_explains_more_flags_than_the_ill_alone_would_bring() -> None:
    before = Confusion(true_positives=60, false_negatives=40, true_negatives=95, false_positives=5)

    assert not black_box_prevalence(before, 95, 100).is_estimable


def test_a_model_that_tells_nobody_apart_tells_no_prevalence() -> None:
    before = Confusion(
        true_positives=10, false_negatives=90, true_negatives=80, false_positives=20
    )

    assert not black_box_prevalence(before, 15, 100).is_estimable


@pytest.mark.parametrize(("here", "power"), [(0.1, None), (0.25, 0.9)])
def test_a_mixture_keeps_its_error_rates_and_finds_another_prevalence(
    here: float, power: float | None
) -> None:
    rng = np.random.default_rng(1)
    prevalence, misfit, held = [], [], []
    for _ in range(300):
        fit = fit_mixture(*reference(rng, 100, 900), histogram(scores(rng, 400, here)))
        prevalence.append(fit.p_prevalence <= 0.05)
        misfit.append(fit.p_misfit <= 0.05)
        held.append(fit.prevalence.lower <= here <= fit.prevalence.upper)

    assert np.mean(misfit) < 0.085
    assert np.mean(held) > 0.91
    if power is None:
        assert np.mean(prevalence) < 0.08
    else:
        assert np.mean(prevalence) > power


def test_other_images_are_no_mixture_of_the_ones_before() -> None:
    rng = np.random.default_rng(2)
    blurred = np.clip(scores(rng, 400, 0.1) + 0.12, 0, 1)
    fit = fit_mixture(*reference(rng, 100, 900), histogram(blurred))

    assert fit.p_misfit < 1e-4


def test_the_best_mixture_is_the_one_a_finer_search_finds() -> None:
    from scipy.optimize import minimize_scalar

    from edgefair.audit.prevalence_shift import _distances, _joined

    rng = np.random.default_rng(3)
    positives, negatives = reference(rng, 150, 800)
    here = histogram(scores(rng, 500, 0.2))
    fit = fit_mixture(positives, negatives, here)
    joined = _joined(np.array([positives, negatives, here], dtype=np.float64))
    best = minimize_scalar(
        lambda p: float(_distances(joined, np.array([p]))[0]), bounds=(0, 1), method="bounded"
    )

    assert fit.prevalence.estimate == pytest.approx(best.x, abs=2e-4)
    assert fit.misfit == pytest.approx(best.fun, abs=1e-4)


@pytest.mark.parametrize("sizes", [(10, 900, 400), (100, 20, 400), (100, 900, 12)])
def test_too_few_cases_are_fitted_no_mixture(sizes: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(4)
    fit = fit_mixture(*reference(rng, *sizes[:2]), histogram(scores(rng, sizes[2], 0.1)))

    assert not fit.prevalence.is_estimable
    assert np.isnan(fit.p_misfit)


def test_scores_in_one_bin_are_fitted_no_mixture() -> None:
    assert fit_mixture([50, 0], [50, 0], [50, 0]).bins == 0
