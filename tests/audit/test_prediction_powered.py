"""Prediction-powered rates: the formula, never worse than labels alone, coverage, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.intervals import wilson
from edgefair.audit.prediction_powered import powered_mean, powered_sensitivity


def stream(
    rng: np.random.Generator, n: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    p = rng.beta(0.5, 1.0, n)
    return rng.random(n) < p, p > 0.4, p


def test_the_mean_is_that_of_the_published_formula() -> None:
    y, _, f = stream(np.random.default_rng(0), 1200)
    found = powered_mean(y[:200], f[:200], f[200:])
    covariance = np.cov(y[:200], f[:200])[0, 1]
    trust = covariance / ((1 + 200 / 1000) * np.var(f, ddof=1))
    expected = y[:200].mean() + trust * (f[200:].mean() - f[:200].mean())

    assert found.trust == pytest.approx(trust)
    assert found.interval.estimate == pytest.approx(expected)
    assert found.gain > 1.2


def test_worthless_predictions_leave_the_labels_as_they_are() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(400) < 0.3
    found = powered_mean(y, rng.random(400), rng.random(5000))
    plain = wilson(int(y.sum()), 400)

    assert abs(found.trust) < 0.15
    assert found.gain == pytest.approx(1, abs=0.02)
    assert found.interval.lower == pytest.approx(plain.lower, abs=0.01)


def test_predictions_that_say_nothing_at_all_are_given_no_weight() -> None:
    y = np.arange(60) % 3 == 0
    found = powered_mean(y, np.full(60, 0.4), np.full(500, 0.4))
    plain = wilson(20, 60)

    assert found.trust == 0
    assert (found.interval.lower, found.interval.upper) == pytest.approx(
        (plain.lower, plain.upper)
    )


def test_biased_predictions_do_not_bias_the_rate() -> None:
    rng = np.random.default_rng(2)
    estimates = []
    for _ in range(300):
        y, _, p = stream(rng, 1100)
        skewed = p**3
        found = powered_mean(y[:100], skewed[:100], skewed[100:])
        estimates.append(found.interval.estimate)

    assert np.mean(estimates) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("n", [100, 200])
def test_intervals_cover_the_truth_and_are_narrower(n: int) -> None:
    rng = np.random.default_rng(3)
    y, flagged, _ = stream(rng, 1_000_000)
    sensitivity = flagged[y].mean()
    of_mean, of_sensitivity, gains = [], [], []
    for _ in range(600):
        y, flagged, p = stream(rng, n + 2000)
        mean = powered_mean(y[:n], p[:n], p[n:])
        of_mean.append(mean.interval.lower <= 1 / 3 <= mean.interval.upper)
        found = powered_sensitivity(y[:n], (flagged[:n], p[:n]), (flagged[n:], p[n:]))
        if found.interval.is_estimable:
            of_sensitivity.append(found.interval.lower <= sensitivity <= found.interval.upper)
            gains.append(found.gain)

    assert 0.925 < np.mean(of_mean) < 0.975
    assert not of_sensitivity or 0.92 < np.mean(of_sensitivity) < 0.98
    assert not gains or np.median(gains) > 1.05


def test_too_few_labels_of_the_metrics_own_denominator_say_nothing() -> None:
    y, flagged, p = stream(np.random.default_rng(4), 300)
    mean = powered_mean(y[:29], p[:29], p[29:])
    few_positives = powered_sensitivity(y[:60], (flagged[:60], p[:60]), (flagged[60:], p[60:]))

    assert not mean.interval.is_estimable
    assert mean.interval.n == 29
    assert few_positives.interval.n == y[:60].sum() < 30
    assert not few_positives.interval.is_estimable
    assert not powered_mean(y, p, []).interval.is_estimable


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(30, 200))
def test_limits_enclose_the_estimate(seed: int, n: int) -> None:
    y, flagged, p = stream(np.random.default_rng(seed), n + 300)
    for found in (
        powered_mean(y[:n], p[:n], p[n:]),
        powered_sensitivity(y[:n], (flagged[:n], p[:n]), (flagged[n:], p[n:])),
    ):
        ci = found.interval
        assert 0 <= ci.lower <= ci.upper <= 1
        assert not ci.is_estimable or ci.lower <= ci.estimate <= ci.upper


def test_labels_and_probabilities_must_be_of_the_same_cases() -> None:
    with pytest.raises(ValueError, match="3 labels but 2"):
        powered_mean([1, 0, 1], [0.1, 0.2], [0.3])
