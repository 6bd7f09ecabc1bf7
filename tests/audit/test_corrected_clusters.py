"""Corrected rates where several images are of one patient, against a bootstrap of patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefair.audit.corrected_clusters import design_effect
from edgefair.audit.groups import Grouping
from edgefair.audit.partly_verified import REASONS, PartlyVerified
from edgefair.records import Group, VerifiedBecause

AI_POSITIVE = REASONS.index(VerifiedBecause.AI_POSITIVE)
RANDOM_AUDIT = REASONS.index(VerifiedBecause.RANDOM_AUDIT)
METRICS = ("sensitivity", "specificity", "ppv", "npv", "prevalence")
Z = 1.959963984540054


def stream(people: int, *, seed: int, largest: int = 6) -> PartlyVerified:
    """Return patients with up to six images, who mostly have it on all, and are missed on all."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(people), rng.integers(1, largest + 1, people))
    n = len(patients)
    ill = np.where(rng.random(n) < 0.9, (rng.random(people) < 0.3)[patients], rng.random(n) < 0.3)
    hard = (rng.random(people) < 0.25)[patients]
    flagged = rng.random(n) < np.where(ill, np.where(hard, 0.3, 0.95), np.where(hard, 0.3, 0.05))
    known = np.where(flagged, rng.random(n) < 0.9, rng.random(n) < 0.3)
    because = np.where(known, np.where(flagged, AI_POSITIVE, RANDOM_AUDIT), -1)
    return PartlyVerified(
        y_true=np.where(known, ill, -1).astype(np.int64),
        flagged=flagged,
        because=because.astype(np.int64),
        drawn_from=np.zeros(n, np.int64),
        patients=patients,
    )


def everybody(partly: PartlyVerified) -> Grouping:
    n = len(partly.y_true)
    return Grouping(attribute="", groups=(Group(),), codes=np.zeros(n, np.int64))


def estimates(partly: PartlyVerified) -> list[float]:
    found = partly.adjusted(everybody(partly)).value
    return [float(found[metric].estimate[0]) for metric in METRICS]


def half_width(partly: PartlyVerified, metric: str) -> float:
    lower, upper = partly.adjusted(everybody(partly)).value[metric].limits(Z)
    return float(upper[0] - lower[0]) / 2


def drawn_anew(partly: PartlyVerified, rng: np.random.Generator) -> PartlyVerified:
    assert partly.patients is not None
    people = int(partly.patients.max()) + 1
    starts = np.searchsorted(partly.patients, np.arange(people + 1))
    chosen = rng.integers(0, people, people)
    rows = np.concatenate([np.arange(starts[p], starts[p + 1]) for p in chosen])
    return replace(
        partly,
        y_true=partly.y_true[rows],
        flagged=partly.flagged[rows],
        because=partly.because[rows],
        drawn_from=partly.drawn_from[rows],
        patients=None,
    )


def test_intervals_are_as_wide_as_a_bootstrap_of_patients() -> None:
    partly, rng = stream(1500, seed=1), np.random.default_rng(2)
    spreads = np.std([estimates(drawn_anew(partly, rng)) for _ in range(250)], axis=0)

    for metric, spread in zip(METRICS, spreads.tolist(), strict=True):
        assert half_width(partly, metric) == pytest.approx(Z * spread, rel=0.15), metric


def test_images_counted_as_independent_are_too_sure() -> None:
    partly = stream(1500, seed=1)
    alone = replace(partly, patients=None)

    for metric in ("sensitivity", "specificity"):
        assert half_width(partly, metric) > 1.15 * half_width(alone, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_where_every_patient_has_one_image_nothing_changes(metric: str) -> None:
    partly = stream(800, seed=3, largest=1)
    alone = replace(partly, patients=None)
    found, plain = (one.adjusted(everybody(one)).value[metric] for one in (partly, alone))

    assert [x.tolist() for x in found.limits(Z)] == [x.tolist() for x in plain.limits(Z)]


def test_a_share_without_spread_counts_each_patient_once() -> None:
    truth, patients = [0] * 12, np.repeat(np.arange(4), 3)
    effect, freedom = design_effect(truth, [False] * 12, [1.0] * 12, patients, "npv")

    assert (effect, freedom) == (3.0, 3.0)


def test_one_patient_alone_is_one_case() -> None:
    effect, _ = design_effect([1, 0, 1], [True] * 3, [1.0] * 3, [7, 7, 7], "ppv")

    assert effect == 3.0
