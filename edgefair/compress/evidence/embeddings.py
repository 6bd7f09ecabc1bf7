"""How the test images look to the finished model, for clinics to compare theirs with."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.mean_maps import frequencies_for, mean_map_of, waves_of
from edgefair.bundle.embedding_reference import FEWEST, EmbeddingReference, GroupLook
from edgefair.bundle.projection import SIZE, Projection
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.reference import groups_of
from edgefair.records import Group

__all__ = ["measure_embeddings"]

_WAVES: Final = 64
_SEED: Final = 0
_DIGITS: Final = 6
_LEAST_SCALE: Final = 1e-6
"""Of a direction's standard deviation, as a share of the largest."""


def measure_embeddings(
    cases: Cases,
    embeddings: NDArray[np.float32],
    others: NDArray[np.float32],
    ways: tuple[str, ...],
) -> EmbeddingReference | None:
    """Return the look of the test images, by group; None where patients are too few.

    Parameters
    ----------
    cases : Cases
        Of the test split; one image of each patient is taken, the first.
    embeddings : ndarray of float32, shape (n, d)
        Of these cases, by the INT8 model.
    others : ndarray of float32, shape (m, d)
        Of the val split: the directions that images vary by are looked for among these, since
        any further image varies less along directions than those they were fitted to.
    ways : tuple of str
        Columns to report by; crossed ones are passed over, as the part would grow with them.

    Notes
    -----
    The small embedding is the first 15 principal components of `others`, each divided by its
    standard deviation, and the logarithm of the distance to their span. Groups of less than
    30 patients are left out.
    """
    rows = _one_a_patient(cases)
    if len(rows) < FEWEST or len(others) < 2 * SIZE or embeddings.shape[1] < SIZE:
        return None
    projection = _fitted(others.astype(np.float64))
    points = projection.of(embeddings[rows]).astype(np.float64)
    frequencies = frequencies_for(points, waves=_WAVES, seed=_SEED).astype(np.float32)
    waves = frequencies.astype(np.float64)
    plain = tuple(way for way in ways if "+" not in way)
    looks = [
        _look(group, points[within], waves)
        for group, within in groups_of(cases.take(rows), plain)
        if within.sum() >= FEWEST
    ]
    return EmbeddingReference(
        measured_on=f"test split, one image of each of {len(rows)} patients",
        projection=projection,
        frequencies=waves,
        looks=tuple(looks),
    )


def _one_a_patient(cases: Cases) -> NDArray[np.intp]:
    first: dict[str, int] = {}
    for row, patient in enumerate(cases.patients):
        first.setdefault(patient, row)
    return np.array(list(first.values()), dtype=np.intp)


def _fitted(embeddings: NDArray[np.float64]) -> Projection:
    centre = embeddings.mean(axis=0)
    _, lengths, axes = np.linalg.svd(embeddings - centre, full_matrices=False)
    # the sign of an axis is chance: its largest entry is made positive
    axes = axes[: SIZE - 1]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, np.newaxis]
    deviations = lengths[: SIZE - 1] / np.sqrt(len(embeddings) - 1)
    # as they will be read from the part
    directions = axes.astype(np.float16).astype(np.float32)
    scales = 1 / np.maximum(deviations, _LEAST_SCALE * max(deviations.max(), _LEAST_SCALE))
    bare = Projection(
        centre=centre.astype(np.float32),
        directions=directions,
        scales=_rounded(scales).astype(np.float32),
        rest=(0.0, 1.0),
    )
    far = bare.of(embeddings)[:, -1].astype(np.float64)
    rest = _rounded(np.array([far.mean(), 1 / max(float(far.std()), _LEAST_SCALE)]))
    return Projection(
        centre=bare.centre,
        directions=directions,
        scales=bare.scales,
        rest=(float(rest[0]), float(rest[1])),
    )


def _look(
    group: Group, points: NDArray[np.float64], frequencies: NDArray[np.float64]
) -> GroupLook:
    mapped = mean_map_of(points, frequencies)
    spread, *traces = _rounded(np.array([points.var(axis=0, ddof=1).sum(), *mapped.traces]))
    return GroupLook(
        group=group,
        n=mapped.n,
        mean=_rounded(points.mean(axis=0)),
        spread=float(spread),
        waves=_rounded(waves_of(points, frequencies).mean(axis=0)),
        traces=(float(traces[0]), float(traces[1]), float(traces[2])),
    )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values])
