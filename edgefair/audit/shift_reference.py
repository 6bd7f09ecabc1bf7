"""What a stream of patients is held against, and the stream: counts, histograms, embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.embedding_shift import EmbeddingSummary
from edgefair.audit.image_shift import ImageReference
from edgefair.bundle.manifest import Reference
from edgefair.records import Confusion, Group

__all__ = ["DecisionReference", "MixReference", "ScoreReference", "ShiftReference", "Stream"]

_Ints: TypeAlias = NDArray[np.int64]
_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixReference:
    """Who came before: cases in k groups of one attribute."""

    attribute: str
    groups: tuple[Group, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReference:
    """How one finding was scored before, in everybody or in one group.

    Attributes
    ----------
    finding : str
    group : Group
    positives, negatives : ndarray of int64, shape (bins,)
        Calibrated probabilities in equal bins over [0, 1], by truth.
    """

    finding: str
    group: Group
    positives: _Ints
    negatives: _Ints

    @property
    def prevalence(self) -> float:
        """Share of cases with the finding; nan without any case."""
        positives, n = int(self.positives.sum()), int((self.positives + self.negatives).sum())
        return positives / n if n else float("nan")

    def counted(self, probability: ArrayLike) -> _Ints:
        """Return how many probabilities lie in each of the reference's bins.

        Parameters
        ----------
        probability : array_like of float, shape (n,)
            In [0, 1].
        """
        p = np.asarray(probability, dtype=np.float64)
        return np.histogram(p, bins=len(self.positives), range=(0.0, 1.0))[0].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionReference:
    """How one finding was decided on in one group before."""

    finding: str
    group: Group
    confusion: Confusion


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftReference:
    """Everything that a stream is held against; each part may be empty.

    Attributes
    ----------
    mixes : tuple of MixReference
    scores : tuple of ScoreReference
    decisions : tuple of DecisionReference
    embeddings : EmbeddingSummary, ndarray of float64 of shape (n, d), or None
        An array is compared in every respect, a summary by its mean.
    images : tuple of ImageReference
        Small embeddings, of everybody and by group.
    """

    mixes: tuple[MixReference, ...] = ()
    scores: tuple[ScoreReference, ...] = ()
    decisions: tuple[DecisionReference, ...] = ()
    embeddings: EmbeddingSummary | _Floats | None = None
    images: tuple[ImageReference, ...] = ()

    @classmethod
    def of_bundle(cls, reference: Reference) -> ShiftReference:
        """Return what a bundle was measured on, as far as it carries it.

        The mix is that of the cases labelled for the finding that most cases are labelled for;
        crossed attributes are a mix of their own.
        """
        largest = _largest(reference)
        mixes: dict[str, list[tuple[Group, int]]] = {}
        for cell in reference.cells:
            if cell.finding == largest and cell.group.attributes:
                attribute = " x ".join(a.name for a in cell.group.attributes)
                mixes.setdefault(attribute, []).append((cell.group, cell.confusion.n))
        scores = tuple(
            ScoreReference(
                finding=one.finding,
                group=Group(),
                positives=np.array(one.positives, dtype=np.int64),
                negatives=np.array(one.negatives, dtype=np.int64),
            )
            for one in reference.score_histograms
        )
        images = max((int((s.positives + s.negatives).sum()) for s in scores), default=0)
        return cls(
            mixes=tuple(
                MixReference(
                    attribute=attribute,
                    groups=tuple(group for group, _ in counted),
                    counts=tuple(count for _, count in counted),
                )
                for attribute, counted in mixes.items()
            ),
            scores=scores,
            decisions=tuple(
                DecisionReference(finding=c.finding, group=c.group, confusion=c.confusion)
                for c in reference.cells
            ),
            embeddings=EmbeddingSummary(
                mean=np.array(reference.embedding_mean, dtype=np.float64),
                std=np.array(reference.embedding_std, dtype=np.float64),
                n=images,
            )
            if reference.embedding_mean
            else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The patients of some time at one site, in the order of the reference's parts.

    Attributes
    ----------
    mixes : tuple of tuple of int
        For each `MixReference`, cases in its groups.
    scores : tuple of ndarray of float64
        For each `ScoreReference`, the calibrated probabilities here, in [0, 1].
    decisions : tuple of (int, int)
        For each `DecisionReference`, cases flagged and all cases here.
    embeddings : ndarray of float64, shape (m, d), or None
    images : tuple of ndarray of float64, shape (m, k)
        For each `ImageReference`, the small embeddings here.
    """

    mixes: tuple[tuple[int, ...], ...] = ()
    scores: tuple[_Floats, ...] = ()
    decisions: tuple[tuple[int, int], ...] = ()
    embeddings: _Floats | None = None
    images: tuple[_Floats, ...] = ()


def _largest(reference: Reference) -> str | None:
    everybody = [cell for cell in reference.cells if not cell.group.attributes]
    return max(everybody, key=lambda cell: cell.confusion.n).finding if everybody else None
