"""From a teacher's concept to a row of weights in the student's embedding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import NotEnoughData

__all__ = ["ConceptRows", "concept_rows"]

FEWEST_IMAGES: Final = 16
_FOLDS: Final = 5
_PENALTIES: Final = np.logspace(-6, 6, 49)
"""Tried penalties, as multiples of the mean variance of a direction of the embedding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptRows:
    """k concepts read off the student's embedding, and how well it carries them.

    A row gives the concept's similarity to the image as the teacher sees it, in standard
    deviations from its mean over the images.

    Attributes
    ----------
    weights : ndarray of float32, shape (k, d)
    biases : ndarray of float32, shape (k,)
    correlations : tuple of float, length k
        Between row and teacher, each image answered by a row that was fitted without it.
    r_squared : tuple of float, length k
        Share of the variance explained there; below 0 where the mean would be nearer.
    images : int
        How many the rows rest on.
    """

    weights: NDArray[np.float32] = field(repr=False)
    biases: NDArray[np.float32] = field(repr=False)
    correlations: tuple[float, ...]
    r_squared: tuple[float, ...]
    images: int


def concept_rows(
    student: NDArray[np.float32],
    teacher: NDArray[np.float32],
    concepts: NDArray[np.float32],
    *,
    seed: int = 0,
) -> ConceptRows:
    """Return for each concept the row that answers as the teacher's similarity to it does.

    Ridge regression of the cosine similarity on the student's embedding, the penalty chosen for
    each concept by generalised cross-validation [1].

    Parameters
    ----------
    student : ndarray of float32, shape (n, d)
        Embeddings of n images, of the model that the rows are for, INT8 where it is.
    teacher : ndarray of float32, shape (n, e)
        The teacher's embeddings of the same images; no label is needed.
    concepts : ndarray of float32, shape (k, e)
        Directions in the teacher's embedding, such as a text tower gives.
    seed : int
        Of the folds in which correlation and variance explained are measured.

    Raises
    ------
    NotEnoughData
        If there are fewer than 16 images.
    ValueError
        If the shapes do not fit.

    References
    ----------
    .. [1] G. Golub, M. Heath, G. Wahba, "Generalized cross-validation as a method for choosing a
       good ridge parameter", Technometrics 21, 1979.

    Examples
    --------
    >>> student = np.random.default_rng(0).standard_normal((64, 3), dtype=np.float32)
    >>> teacher = student @ np.array([[0, 1], [1, 0], [1, 1]], dtype=np.float32)
    >>> rows = concept_rows(student, teacher, np.eye(2, dtype=np.float32))
    >>> rows.weights.shape, min(rows.correlations) > 0.8
    ((2, 3), True)
    """
    if len(student) != len(teacher) or teacher.shape[1] != concepts.shape[1]:
        raise ValueError("student and teacher need the same images, teacher and concepts one d")
    if len(student) < FEWEST_IMAGES:
        raise NotEnoughData(
            f"A concept cannot be learned from {len(student)} images.",
            hint=f"Give at least {FEWEST_IMAGES}, better several hundred; no labels are needed.",
        )
    wanted = _standardised(_unit(teacher) @ _unit(concepts).T)
    embedding = student.astype(np.float64)
    weights, biases = _ridge(embedding, wanted)
    held_out = _held_out(embedding, wanted, seed)
    error = np.square(wanted - held_out).sum(axis=0)
    return ConceptRows(
        weights=weights.T.astype(np.float32),
        biases=biases.astype(np.float32),
        correlations=tuple(_correlation(a, b) for a, b in zip(wanted.T, held_out.T, strict=True)),
        r_squared=tuple((1 - error / np.square(wanted).sum(axis=0).clip(min=1e-300)).tolist()),
        images=len(student),
    )


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    units: NDArray[np.float64] = wide / np.where(lengths > 0, lengths, 1)
    return units


def _standardised(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = similarities.std(axis=0)
    centred: NDArray[np.float64] = similarities - similarities.mean(axis=0)
    return centred / np.where(spread > 0, spread, 1)


def _ridge(
    embedding: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (d, k) and biases (k,), each concept with the penalty that suits it."""
    middle, level = embedding.mean(axis=0), wanted.mean(axis=0)
    left, sizes, right = np.linalg.svd(embedding - middle, full_matrices=False)
    along = left.T @ (wanted - level)
    variances = sizes**2
    scale = max(float(variances.mean()), 1e-300)
    kept = variances / (variances + scale * _PENALTIES[:, np.newaxis])
    best = _best_penalties(kept, along, wanted - level)
    shrunk = kept[best].T / np.where(sizes > 0, sizes, 1)[:, np.newaxis]
    weights: NDArray[np.float64] = right.T @ (shrunk * along)
    return weights, level - middle @ weights


def _best_penalties(
    kept: NDArray[np.float64], along: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return for each concept the penalty of the smallest generalised cross-validation.

    Parameters
    ----------
    kept : ndarray, shape (penalties, r)
        Share of each direction that a penalty leaves.
    along : ndarray, shape (r, k)
        The wanted answers in these directions.
    wanted : ndarray, shape (n, k)
        Of mean 0.
    """
    n = len(wanted)
    outside = np.square(wanted).sum(axis=0) - np.square(along).sum(axis=0)
    residual = np.square((1 - kept)[:, :, np.newaxis] * along).sum(axis=1) + outside.clip(min=0)
    freedom = n - 1 - kept.sum(axis=1)
    # with as many directions as images a penalty of nothing explains everything, and tells nothing
    usable = freedom > 0.01 * n
    score = residual / np.where(usable, freedom, 1)[:, np.newaxis] ** 2
    return np.asarray(np.where(usable[:, np.newaxis], score, np.inf).argmin(axis=0))


def _held_out(
    embedding: NDArray[np.float64], wanted: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    fold = np.random.default_rng(seed).permutation(len(wanted)) % _FOLDS
    answers = np.empty_like(wanted)
    for number in range(_FOLDS):
        is_out = fold == number
        weights, biases = _ridge(embedding[~is_out], wanted[~is_out])
        answers[is_out] = embedding[is_out] @ weights + biases
    return answers


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
