"""Areas of partly verified cases: DeLong's where all are verified, unbiased where few are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.audit.auroc import auroc, aurocs
from edgefair.audit.placements import RankedScores
from edgefair.audit.verification import inclusion_probabilities, inverse_probability
from edgefair.audit.weighted_auroc import WeightedAurocs, weighted_auroc

Z = 1.959963984540054
_Floats = NDArray[np.float64]


def people(n: int, *, seed: int) -> tuple[NDArray[np.int64], _Floats]:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(np.int64)
    return truth, np.round(rng.normal(1.5 * truth), 1)  # with ties


def area(
    truth: NDArray[np.int64],
    score: _Floats,
    known: NDArray[np.bool_],
    patients: NDArray[np.int64] | None = None,
) -> WeightedAurocs:
    flagged, seen = score >= 1.0, np.where(known, truth, -1)
    chance = inclusion_probabilities(flagged, known, np.ones(len(truth), bool))
    nobody = np.zeros(len(truth), np.int64)
    rate = inverse_probability(seen, flagged, nobody, chance, "sensitivity")
    drawn = (chance, flagged.astype(np.int64))
    return weighted_auroc(seen, flagged, score, drawn, rate, patients=patients)


def test_where_everybody_is_verified_it_is_the_plain_area() -> None:
    truth, score = people(2000, seed=1)
    found = area(truth, score, np.ones(2000, bool))
    plain = auroc(truth, score)
    moments = RankedScores.of(truth == 1, score).moments(np.zeros(2000, np.int64), 1)[0]
    lower, upper = found.limits(Z)

    assert found.estimate[0] == pytest.approx(plain.estimate, abs=1e-12)
    assert found.n[0] == 2000
    assert found.variance[0] < float(aurocs(moments).variance[0])  # at this sensitivity
    assert (upper - lower)[0] == pytest.approx(plain.upper - plain.lower, rel=0.15)


def test_it_is_the_area_of_everybody_where_the_verified_alone_are_misleading() -> None:
    estimates, naive = [], []
    for seed in range(40):
        truth, score = people(3000, seed=seed)
        rng = np.random.default_rng(1000 + seed)
        known = (score >= 1.0) | (rng.random(3000) < 0.1)
        estimates.append(float(area(truth, score, known).estimate[0]))
        naive.append(auroc(truth[known], score[known]).estimate)
    real = auroc(*people(200_000, seed=99)).estimate
    error = np.std(estimates) / np.sqrt(len(estimates))

    assert abs(np.mean(estimates) - real) < 4 * error
    assert abs(np.mean(naive) - real) > 0.01


def test_with_nobody_missed_the_limits_allow_for_those_who_may_be() -> None:
    truth = np.repeat([1, 0, 0], [40, 20, 940])
    score = np.repeat([2.0, 1.5, 0.0], [40, 20, 940])
    known = (score >= 1.0) | (np.arange(1000) % 10 == 0)
    lower, upper = area(truth, score, known).limits(Z)

    assert lower[0] < 0.8
    assert upper[0] == 1.0


def test_images_of_one_patient_widen_it() -> None:
    once = people(600, seed=3)
    truth, score = np.repeat(once[0], 3), np.repeat(once[1], 3)
    known = (score >= 1.0) | (np.arange(1800) % 7 == 0)
    alone, together = (
        area(truth, score, known, patients) for patients in (None, np.repeat(np.arange(600), 3))
    )

    assert together.estimate[0] == alone.estimate[0]
    assert together.variance[0] > 1.2 * alone.variance[0]


def test_a_class_that_nobody_found_leaves_no_area() -> None:
    truth, score = np.zeros(50, np.int64), np.linspace(0, 2, 50)
    found = area(truth, score, np.ones(50, bool))

    assert np.isnan(found.estimate[0])
    assert [limit.tolist() for limit in found.limits(Z)] == [[0.0], [1.0]]
