"""What is learned from, and what is written down about the learning, as records."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["DistillationLog", "LabelledPictures", "Material", "TrainingLog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPictures:
    """Pictures with their labels, n of them.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (n, h, w)
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows.
    groups : ndarray of int64, shape (n,), or None
        Each picture's group, counted from 0, the same numbers in every split.
    teacher_logits : ndarray of float32, shape (n, findings), or None
        What the teacher says of each picture; nan where it says nothing.
    """

    pictures: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    groups: NDArray[np.int64] | None = field(default=None, repr=False)
    teacher_logits: NDArray[np.float32] | None = field(default=None, repr=False)

    def take(self, rows: NDArray[np.intp]) -> LabelledPictures:
        """Return the pictures at these positions."""
        return LabelledPictures(
            pictures=self.pictures[rows],
            labels=self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            teacher_logits=None if self.teacher_logits is None else self.teacher_logits[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is learned from, and what says after each epoch how well it went."""

    learn: LabelledPictures
    val: LabelledPictures


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLog:
    """What the val split said after each epoch, and which epoch was kept (from 1).

    Attributes
    ----------
    val_aurocs : tuple of float
        Mean over findings, after each epoch.
    best_epoch : int
    val_worst_aurocs : tuple of float
        The worst group's, after each epoch; empty without groups that have both classes.
    group_weights : tuple of float
        What each group weighed at the end under ``group-dro``; empty otherwise.
    retrained_auroc, retrained_worst_auroc : float or None
        On val after the last layer was trained anew, under ``dfr``.
    """

    val_aurocs: tuple[float, ...]
    best_epoch: int
    val_worst_aurocs: tuple[float, ...] = ()
    group_weights: tuple[float, ...] = ()
    retrained_auroc: float | None = None
    retrained_worst_auroc: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationLog:
    """How well a student learned its teacher's embedding.

    Attributes
    ----------
    losses : tuple of float
        Mean squared error in units of the targets' standard deviation, after each epoch.
    held_out : int
        Pictures that were not learned from, a tenth.
    r_squared : float
        Share of the targets' variance that the student explains on these; 1 is a copy.
    cosine : float
        Mean cosine of the angle between what it says and the target there, both centred.
    """

    losses: tuple[float, ...]
    held_out: int
    r_squared: float
    cosine: float
