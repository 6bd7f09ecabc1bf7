"""Calibration and thresholds: known values, and laws for every set of scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.manifest import OperatingPoint, Task
from edgefair.compress.evidence.calibrate import (
    choose_operating_point,
    fit_calibration,
    refer_half_width,
)
from edgefair.compress.recipe import Aim
from edgefair.runtime.scores import flagged

# three digits, so that two neighbours have a number between them
scored = st.lists(
    st.tuples(st.integers(1, 999).map(lambda n: n / 1000), st.sampled_from([0.0, 1.0])),
    min_size=2,
    max_size=60,
).filter(lambda cases: len({label for _, label in cases}) == 2)


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


def _rates(cases: list[tuple[float, float]], point: OperatingPoint) -> tuple[float, float]:
    scores, labels = np.array(cases).T
    is_flagged = flagged(scores, point)
    return float(is_flagged[labels == 1].mean()), float(1 - is_flagged[labels == 0].mean())


def _choose(cases: list[tuple[float, float]], aim: Aim, half_width: float) -> OperatingPoint:
    scores, labels = np.array(cases).T
    return choose_operating_point(
        scores, labels.astype(np.float32), "a", aim, half_width=half_width, chosen_on=""
    )


@given(scored, st.floats(0.05, 1.0), st.sampled_from([0.0, 0.02]))
def test_a_threshold_flags_the_positives_it_was_chosen_for(
    cases: list[tuple[float, float]], at_least: float, half_width: float
) -> None:
    aim = Aim(name="screening", aim="sensitivity", at_least=at_least)

    point = _choose(cases, aim, half_width)

    sensitivity, specificity = _rates(cases, point)
    others = [_rates(cases, replace(point, threshold=score)) for score, _ in cases]
    best = max((spec for sens, spec in others if sens >= at_least), default=0.0)
    assert sensitivity >= at_least
    # a threshold on a score itself flags that score and those within the band below it
    assert specificity >= best or half_width > 0


@given(scored, st.floats(0.05, 1.0))
def test_a_threshold_spares_the_negatives_it_was_chosen_for(
    cases: list[tuple[float, float]], at_least: float
) -> None:
    aim = Aim(name="confirming", aim="specificity", at_least=at_least)

    point = _choose(cases, aim, 0.0)

    sensitivity, specificity = _rates(cases, point)
    others = [_rates(cases, replace(point, threshold=score)) for score, _ in cases]
    assert specificity >= at_least
    assert sensitivity >= max((se for se, sp in others if sp >= at_least), default=0.0)


@given(cases=scored, half_width=st.sampled_from([0.0, 0.01]))
def test_a_threshold_at_the_prevalence_flags_whoever_reaches_it(
    cases: list[tuple[float, float]], half_width: float
) -> None:
    point = _choose(cases, Aim(name="balanced", aim="prevalence"), half_width)

    prevalence = np.mean([label for _, label in cases])
    assert point.threshold - point.refer_half_width == pytest.approx(prevalence, abs=1e-6)
    assert point.chosen_for == "largest sum of sensitivity and specificity, at the prevalence"


def test_chance_moves_the_point_at_the_prevalence_less_than_the_largest_sum() -> None:
    rng = np.random.default_rng(0)
    rates: dict[str, list[float]] = {"youden": [], "prevalence": []}
    for _ in range(60):
        labels = (rng.random(200) < 0.4).astype(np.float32)
        # one spread, and log odds that are therefore linear in the score
        scores = rng.normal(2 * labels, 1)
        chance = 1 / (1 + np.exp(-(2 * scores - 2 + np.log(0.4 / 0.6))))
        for aim, found in rates.items():
            point = _choose(
                list(zip(chance.tolist(), labels.tolist(), strict=True)),
                Aim(name="balanced", aim=aim),  # type: ignore[arg-type]  # the keys above
                0.0,
            )
            edge = (np.log(point.threshold / (1 - point.threshold)) - np.log(0.4 / 0.6) + 2) / 2
            found.append(edge)

    assert np.mean(rates["prevalence"]) == pytest.approx(1, abs=0.05)
    assert np.std(rates["prevalence"]) < np.std(rates["youden"]) / 2


@given(scored)
def test_youdens_threshold_has_the_largest_sum_of_rates(cases: list[tuple[float, float]]) -> None:
    point = _choose(cases, Aim(name="balanced", aim="youden"), 0.0)

    others = [sum(_rates(cases, replace(point, threshold=score))) for score, _ in cases]
    assert sum(_rates(cases, point)) >= max(others) - 1e-9


def test_an_aim_out_of_reach_is_said() -> None:
    cases = [(0.2, 0.0), (0.97, 0.0), (0.98, 1.0)]
    aim = Aim(name="confirming", aim="specificity", at_least=1.0)

    point = _choose(cases, aim, 0.1)

    assert point.chosen_for == "specificity at least 1.00 (not reached)"
    assert _rates(cases, point)[1] == 0.5
