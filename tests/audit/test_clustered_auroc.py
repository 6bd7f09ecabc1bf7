"""Obuchowski's variance against its definition, pair by pair, and what the audit makes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit import audit
from edgefair.audit.auroc import aurocs
from edgefair.audit.clustered_auroc import clustered_variance, design_effects
from edgefair.audit.placements import RankedScores


def by_pairs(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient: NDArray[np.int64]
) -> float:
    """Return the variance by the formulas of Obuchowski (1997), quadratic in the cases."""
    one, other = score[truth][:, None], score[~truth]
    pairs = (one > other) + 0.5 * (one == other)
    area, m, n = pairs.mean(), truth.sum(), (~truth).sum()
    of_positive, of_negative = pairs.mean(axis=1), pairs.mean(axis=0)
    everybody = sorted(set(patient.tolist()))
    x = [of_positive[patient[truth] == p] for p in everybody]
    y = [of_negative[patient[~truth] == p] for p in everybody]
    i, i10, i01 = len(everybody), sum(len(v) > 0 for v in x), sum(len(v) > 0 for v in y)
    dx = np.array([v.sum() - len(v) * area for v in x])
    dy = np.array([v.sum() - len(v) * area for v in y])
    s10 = i10 / ((i10 - 1) * m) * (dx**2).sum()
    s01 = i01 / ((i01 - 1) * n) * (dy**2).sum()
    s11 = i / (i - 1) * (dx * dy).sum()
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(4, 60), st.integers(3, 30))
def test_the_variance_is_obuchowskis(seed: int, n: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    truth, patient = rng.random(n) < 0.4, rng.integers(0, patients, n)
    score = np.round(rng.normal(truth), 1)
    if min(len(set(patient[truth])), len(set(patient[~truth]))) < 2:
        return

    assert clustered_variance(truth, score, patient) == pytest.approx(
        by_pairs(truth, score, patient), abs=1e-12
    )


def test_with_one_image_a_patient_it_is_delongs() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.random(200) < 0.4, rng.normal(size=200)
    ranked = RankedScores.of(truth, score)

    delong = aurocs(ranked.moments(np.zeros(200, np.int64), 1)[0]).variance
    assert clustered_variance(truth, score, np.arange(200)) == pytest.approx(delong[0], rel=1e-9)


def test_one_class_or_one_patient_has_no_variance() -> None:
    assert np.isnan(clustered_variance([1, 1], [0.2, 0.3], [0, 1]))
    assert np.isnan(clustered_variance([1, 0, 1], [0.2, 0.3, 0.4], [0, 0, 0]))


def test_every_group_and_every_large_groups_rest_have_their_own_design_effect() -> None:
    rng = np.random.default_rng(4)
    patient = rng.integers(0, 150, 600)
    truth = rng.random(600) < 0.5
    score = np.round(rng.normal(truth + rng.normal(size=150)[patient]), 2)
    codes = np.minimum(patient % 30, 2)
    within, rest = design_effects(RankedScores.of(truth, score), codes, patient, 3)

    def expected(rows: NDArray[np.bool_]) -> float:
        clustered = clustered_variance(truth[rows], score[rows], patient[rows])
        alone = clustered_variance(truth[rows], score[rows], np.arange(rows.sum()))
        return max(1.0, clustered / alone)

    assert [np.mean(codes == group) < 0.1 for group in range(3)] == [True, True, False]
    assert within == pytest.approx([expected(codes == group) for group in range(3)], rel=1e-9)
    everybody = expected(np.ones(600, bool))
    assert rest == pytest.approx([everybody, everybody, expected(codes != 2)], rel=1e-9)


def test_the_audits_area_is_the_same_and_its_interval_wider() -> None:
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(120), 3)
    truth = np.repeat(rng.random(120) < 0.5, 3)
    score = truth + np.repeat(rng.normal(size=120), 3) + 0.1 * rng.normal(size=360)
    features = {"sex": np.where(patient % 2, "F", "M")}

    plain = audit(y_true=truth, y_score=score, sensitive_features=features)
    careful = audit(y_true=truth, y_score=score, sensitive_features=features, patients=patient)
    for one, other in zip(plain.by_group, careful.by_group, strict=True):
        assert other.value.estimate == one.value.estimate
        assert other.value.lower < one.value.lower
        assert other.value.upper > one.value.upper


def test_scores_that_part_the_classes_have_an_interval_as_of_one_image_a_patient() -> None:
    truth, patient = np.tile([1, 0], 20), np.repeat(np.arange(10), 4)
    found = audit(
        y_true=truth, y_score=truth + 0.0, sensitive_features=["all"] * 40, patients=patient
    )

    area = next(cell for cell in found.by_group if cell.metric == "auroc")
    assert area.independent == 20  # two of each class of every patient, taken to be alike
    assert area.value.lower < 0.9
