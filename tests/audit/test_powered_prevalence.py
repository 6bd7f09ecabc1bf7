"""Prevalence from few labels and many scores: surer where the scores are any good."""

from __future__ import annotations

import numpy as np
import pytest

from edgefair.audit.powered_prevalence import PoweredGroup, powered_group, stratum_of
from edgefair.audit.prediction_powered import powered_mean
from edgefair.records import Group


def found(*, seed: int, informative: bool = True) -> PoweredGroup:
    """Return what 90 labels say, of two strata of which the second is labelled twice as often."""
    rng = np.random.default_rng(seed)
    strata = []
    for size, labelled, shape in ((1200, 60, (0.5, 3.0)), (300, 30, (2.0, 1.0))):
        p = rng.beta(*shape, size)
        y = (rng.random(size) < p).astype(np.float64)
        guess = p if informative else rng.random(size)
        strata.append(stratum_of(y[:labelled], guess[:labelled], guess[labelled:]))
    one = powered_group(Group(), strata, known=0, known_positives=0, level=0.95)
    assert one is not None
    return one


TRUTH = (1200 * 0.5 / 3.5 + 300 * 2 / 3) / 1500


def test_both_intervals_hold_the_truth_as_often_as_they_say() -> None:
    runs = [found(seed=seed) for seed in range(400)]
    for held in (
        [one.by_labels.lower <= TRUTH <= one.by_labels.upper for one in runs],
        [one.with_scores.lower <= TRUTH <= one.with_scores.upper for one in runs],
    ):
        assert np.mean(held) == pytest.approx(0.95, abs=0.03)
    errors = [(o.by_labels.estimate - TRUTH, o.with_scores.estimate - TRUTH) for o in runs]
    plain, powered = np.var(errors, axis=0)
    assert plain / powered == pytest.approx(np.mean([one.gain for one in runs]), rel=0.25)
    assert np.mean([one.gain for one in runs]) > 1.2


def test_scores_that_say_nothing_change_nothing_much() -> None:
    runs = [found(seed=seed, informative=False) for seed in range(50)]

    assert np.mean([one.gain for one in runs]) == pytest.approx(1.0, abs=0.05)


def test_with_one_stratum_the_estimate_is_that_of_a_simple_sample() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.5, 0.5, 1000)
    y = (rng.random(1000) < p).astype(np.float64)
    sums = [stratum_of(y[:100], p[:100], p[100:])]
    one = powered_group(Group(), sums, known=0, known_positives=0, level=0.95)
    plain = powered_mean(y[:100], p[:100], p[100:])

    assert one is not None
    assert one.with_scores.estimate == pytest.approx(plain.interval.estimate, abs=0.005)
    assert one.gain == pytest.approx(plain.gain, rel=0.1)


def test_cases_that_stand_for_themselves_count_once() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(500)
    y = (rng.random(500) < p).astype(np.float64)
    sums = [stratum_of(y[:50], p[:50], p[50:])]
    one = powered_group(Group(), sums, known=500, known_positives=0, level=0.95)

    assert one is not None
    assert one.by_labels.estimate == pytest.approx(y[:50].mean() / 2)


def test_with_few_labels_nothing_is_said() -> None:
    p = np.linspace(0, 1, 40)
    sums = [stratum_of(np.round(p[:20]), p[:20], p[20:])]

    assert powered_group(Group(), sums, known=10, known_positives=5, level=0.95) is None
