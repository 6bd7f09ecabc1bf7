"""Does the gate keep its error rates where several images are of one patient?

Harm and all-clear of a group whose true loss is the margin, the share of images counted wrong in
each; judged as if all images were of different patients, and by patient. Then the same for
McNemar's test, and for the paired test of two areas under the ROC curve, of models that are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import two_sided_z
from edgefair.audit.paired import paired_counts, tango_limits
from edgefair.audit.paired_auroc import paired_aurocs
from edgefair.audit.paired_tests import even_flips_p_values, loss_p_values
from tests.benchmarks.simulations.figure import Figure, share_of

Counts = NDArray[np.int64]

ALPHA: Final = 0.05
MARGIN: Final = 0.10
CLINICS: Final = (
    (15, (1, 2, 3)),
    (30, (1, 1, 2, 3)),
    (30, (3,)),
    (60, (1, 2, 4)),
    (100, (1, 1, 1, 2, 5)),
    (60, (1,) * 9 + (12,)),
)
"""Patients, and the numbers of images that they have with equal chances."""

BAR: Final = "at most .05"


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield error rates by the number of patients, their images, and how alike these flip."""
    rng = np.random.default_rng(seed)
    for patients, sizes in CLINICS:
        for alike in (0.0, 0.5, 1.0):
            for gained in (0.0, 0.05):
                yield from _losses(rng, (patients, sizes, alike, gained), repetitions)
    for patients, sizes in CLINICS:
        yield from _flips(rng, (patients, sizes), repetitions)
    for patients, sizes in CLINICS:
        yield from _areas(rng, (patients, sizes), min(repetitions, 1000))


def _losses(
    rng: np.random.Generator, clinic: tuple[int, tuple[int, ...], float, float], runs: int
) -> Iterator[Figure]:
    patients, sizes, alike, gained = clinic
    run, patient = _images(rng, patients, sizes, runs)
    drawn = rng.random(len(run))
    together = rng.random(len(run)) < np.sqrt(alike)
    drawn = np.where(together, rng.random(patients * runs)[patient], drawn)
    lost, to_right = (
        drawn < MARGIN + gained,
        (drawn >= MARGIN + gained) & (drawn < MARGIN + 2 * gained),
    )
    what = f"{patients} patients of {_told(sizes)} images, alike {alike:g}, gained {gained:g}"
    for name, who in (("as independent", None), ("by patient", patient)):
        counts = paired_counts(~to_right, ~lost, run, runs, patients=who)
        p_harm, p_ok = loss_p_values(counts, MARGIN)
        lower, upper = tango_limits(counts, two_sided_z(1 - 2 * ALPHA))
        bar = BAR if who is not None else ""
        yield share_of(f"false harm, {name}, {what}", int((p_harm <= ALPHA).sum()), runs, bar=bar)
        yield share_of(f"false ok, {name}, {what}", int((p_ok <= ALPHA).sum()), runs, bar=bar)
        outside = int(((lower > MARGIN) | (upper < MARGIN)).sum())
        yield share_of(f"outside of 90 % limits, {name}, {what}", outside, runs)


def _flips(
    rng: np.random.Generator, clinic: tuple[int, tuple[int, ...]], runs: int
) -> Iterator[Figure]:
    patients, sizes = clinic
    run, patient = _images(rng, patients, sizes, runs)
    drawn = rng.random(patients * runs)[patient]
    what = f"{patients} patients of {_told(sizes)} images, wholly alike"
    for name, who in (("as independent", None), ("by patient", patient)):
        counts = paired_counts(
            drawn >= 0.1, (drawn < 0.1) | (drawn >= 0.2), run, runs, patients=who
        )
        rejected = int((even_flips_p_values(counts) <= ALPHA).sum())
        bar = BAR if who is not None else ""
        yield share_of(f"McNemar of equal models, {name}, {what}", rejected, runs, bar=bar)


def _areas(
    rng: np.random.Generator, clinic: tuple[int, tuple[int, ...]], runs: int
) -> Iterator[Figure]:
    patients, sizes = clinic
    run, patient = _images(rng, patients, sizes, runs)
    ill = (rng.random(patients * runs) < 0.5)[patient]
    common = rng.normal(size=patients * runs)[patient] + ill
    before, after = (
        common + rng.normal(size=patients * runs)[patient] + 0.3 * rng.normal(size=len(run))
        for _ in range(2)
    )
    what = f"{patients} patients of {_told(sizes)} images"
    for name, who in (("as independent", None), ("by patient", patient)):
        found = paired_aurocs(ill, before, after, run, runs, patients=who)
        rejected = int((found.p_values <= ALPHA).sum())
        yield share_of(f"paired areas of equal models, {name}, {what}", rejected, runs)


def _images(
    rng: np.random.Generator, patients: int, sizes: tuple[int, ...], runs: int
) -> tuple[Counts, Counts]:
    """Return run and patient of each image of all runs; patients are numbered over all runs."""
    images = rng.choice(sizes, size=patients * runs)
    patient = np.repeat(np.arange(patients * runs), images)
    return patient // patients, patient


def _told(sizes: tuple[int, ...]) -> str:
    return "/".join(map(str, sizes)) if len(sizes) < 6 else f"{sizes[0]} or {sizes[-1]}"
