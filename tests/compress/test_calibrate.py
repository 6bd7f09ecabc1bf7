"""Calibration and thresholds: known values, and laws for every set of scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgefair.bundle.manifest import Task
from edgefair.compress.calibrate import (
    choose_operating_point,
    fit_calibration,
    refer_half_width,
)
from edgefair.compress.recipe import Aim

scored = st.lists(
    st.tuples(st.floats(0.001, 0.999), st.sampled_from([0.0, 1.0])), min_size=2, max_size=60
)


def test_platt_finds_the_slope_and_intercept_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 1)).astype(np.float32)
    chance = 1 / (1 + np.exp(-(0.5 * logits - 1)))
    labels = (rng.random(logits.shape) < chance).astype(np.float32)

    (fit,) = fit_calibration(logits, labels, ("opacity",), Task.BINARY, fitted_on="made up")

    assert fit.method == "platt"
    assert fit.slope == pytest.approx(0.5, abs=0.03)
    assert fit.intercept == pytest.approx(-1, abs=0.05)


def test_unknown_labels_do_not_change_the_fit() -> None:
    logits = np.array([[-1], [0], [1], [2], [9]], dtype=np.float32)
    labels = np.array([[0], [1], [0], [1], [np.nan]], dtype=np.float32)

    (fit,) = fit_calibration(logits, labels, ("a",), Task.BINARY, fitted_on="")
    (without,) = fit_calibration(logits[:4], labels[:4], ("a",), Task.BINARY, fitted_on="")

    assert fit == without


def test_separable_labels_still_give_a_finite_fit() -> None:
    logits = np.array([[-3], [-2], [2], [3]], dtype=np.float32)
    labels = np.array([[0], [0], [1], [1]], dtype=np.float32)

    (fit,) = fit_calibration(logits, labels, ("a",), Task.BINARY, fitted_on="")

    # Platt's targets for two positives and two negatives are 3/4 and 1/4
    assert 0 < fit.slope < 2
    assert fit.intercept == pytest.approx(0, abs=1e-6)


def test_classes_share_the_temperature_that_made_the_labels() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (20_000, 3)).astype(np.float32)
    odds = np.exp(logits / 2.5)
    chosen = (odds.cumsum(axis=1) / odds.sum(axis=1, keepdims=True) < rng.random((20_000, 1))).sum(
        axis=1
    )

    fits = fit_calibration(
        logits,
        np.eye(3, dtype=np.float32)[chosen],
        ("a", "b", "c"),
        Task.MULTI_CLASS,
        fitted_on="",
    )

    assert {fit.method for fit in fits} == {"temperature"}
    assert {fit.intercept for fit in fits} == {0.0}
    assert fits[0].slope == fits[2].slope == pytest.approx(1 / 2.5, rel=0.03)


def test_the_refer_band_covers_95_percent_of_the_differences() -> None:
    differences = np.linspace(0, 1, 101)

    assert refer_half_width(differences, np.zeros(101)) == pytest.approx(0.95)


@given(scored, st.floats(0.05, 1.0), st.sampled_from(["sensitivity", "specificity"]))
def test_a_threshold_meets_its_aim_with_the_most_of_the_other_rate(
    cases: list[tuple[float, float]], at_least: float, wanted: str
) -> None:
    scores, labels = np.array(cases).T
    truth = labels == 1
    assume(truth.any() and not truth.all())
    aim = Aim(
        name="aim",
        aim="sensitivity" if wanted == "sensitivity" else "specificity",
        at_least=at_least,
    )

    point = choose_operating_point(
        scores, labels.astype(np.float32), "a", aim, half_width=0.0, chosen_on=""
    )

    def rates(threshold: float) -> tuple[float, float]:
        both = (scores[truth] >= threshold).mean(), (scores[~truth] < threshold).mean()
        return both if wanted == "sensitivity" else both[::-1]

    reached, other = rates(point.threshold)
    others = [rates(threshold) for threshold in (0.0, *scores, 1.0)]
    assert reached >= at_least
    assert other == max(o for r, o in others if r >= at_least)


@given(scored)
def test_youdens_threshold_has_the_largest_sum_of_rates(cases: list[tuple[float, float]]) -> None:
    scores, labels = np.array(cases).T
    truth = labels == 1
    assume(truth.any() and not truth.all())

    point = choose_operating_point(
        scores,
        labels.astype(np.float32),
        "a",
        Aim(name="balanced", aim="youden"),
        half_width=0.0,
        chosen_on="",
    )

    def worth(threshold: float) -> float:
        return float((scores[truth] >= threshold).mean() + (scores[~truth] < threshold).mean())

    assert worth(point.threshold) == pytest.approx(max(map(worth, (0.0, *scores, 1.0))))
