"""Whether the images of one group look as they did, before release or in a site's first time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import nan
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.embedding_shift import (
    EmbeddingShift,
    EmbeddingSummary,
    maximum_mean_discrepancy,
    mean_shift,
)
from edgefair.audit.mean_maps import (
    FEWEST,
    MeanMap,
    Movement,
    mean_map_shift,
    movement,
)
from edgefair.records import Group

__all__ = ["Against", "ImageReference", "ImageShift", "MappedCloud", "image_shift"]

_PERMUTATIONS: Final = 1999
"""The smallest p-value is .0005: less than a hundredth of .05, so that it counts in a family."""

_Floats: TypeAlias = NDArray[np.float64]


class Against(StrEnum):
    """What images are held against."""

    RELEASE = "images"
    FIRST_HERE = "images since the first here"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedCloud:
    """A cloud of small embeddings as a bundle tells of it.

    Attributes
    ----------
    mean : ndarray of float64, shape (k,)
    spread : float
        Trace of the covariance.
    mapped : MeanMap
    frequencies : ndarray of float64, shape (waves, k)
    """

    mean: _Floats = field(repr=False)
    spread: float
    mapped: MeanMap
    frequencies: _Floats = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageReference:
    """How the images of one group looked before.

    Attributes
    ----------
    group : Group
    against : Against
    before : MappedCloud, EmbeddingSummary or ndarray of float64, shape (n, k)
        A summary is compared by its mean alone, the others in every respect.
    """

    group: Group
    against: Against
    before: MappedCloud | EmbeddingSummary | _Floats = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageShift:
    """What came of one comparison.

    Attributes
    ----------
    found : EmbeddingShift
    moved : Movement
    spread : float
        How many times wider the cloud is than before, as a ratio of standard deviations; nan
        where that is not known.
    """

    found: EmbeddingShift
    moved: Movement
    spread: float


def image_shift(reference: ImageReference, points: _Floats, *, seed: int) -> ImageShift:
    """Return whether the images here look as those before, and how far they have moved.

    Parameters
    ----------
    reference : ImageReference
    points : ndarray of float64, shape (m, k)
        Small embeddings, one image a patient.
    seed : int
        Of the permutations, where rows are compared with rows.

    Notes
    -----
    Against rows the p-value is by permutation, and exact; against a mapped cloud it is
    asymptotic, and its share of false alarms was simulated to lie near the nominal one from 20
    images on; a summary's likewise, of the mean alone.
    """
    before = reference.before
    if isinstance(before, MappedCloud):
        found = mean_map_shift(before.mapped, points, before.frequencies)
        return _told(found, points, before.mean, before.spread, before.mapped.n)
    if isinstance(before, EmbeddingSummary):
        return _told(mean_shift(before, points), points, before.mean, nan, before.n)
    if min(len(before), len(points)) < FEWEST:
        found = EmbeddingShift(statistic=nan, p_value=nan)
    else:
        found = maximum_mean_discrepancy(before, points, seed=seed, permutations=_PERMUTATIONS)
    return _told(found, points, before.mean(axis=0), _spread(before), len(before))


def _told(
    found: EmbeddingShift, points: _Floats, mean: _Floats, spread: float, n: int
) -> ImageShift:
    wider = (_spread(points) / spread) ** 0.5 if spread > 0 and len(points) >= FEWEST else nan
    return ImageShift(found=found, moved=movement(mean, points, n=n), spread=wider)


def _spread(points: _Floats) -> float:
    return float(points.var(axis=0, ddof=1).sum()) if len(points) > 1 else nan
