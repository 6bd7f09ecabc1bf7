"""Logits of one model brought to the scale of another, by what both say of the same cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["equated"]


def equated(
    logits: NDArray[np.float32],
    own: NDArray[np.float32],
    other: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return a model's logits as another of the same kind would have put them.

    Linear equating in the single-group design (Kolen and Brennan, "Test Equating, Scaling, and
    Linking", 2014, section 2.3): the same cases get the same mean and standard deviation. No
    label is used. Two trainings differ by where they put the middle and by how far they reach,
    which no threshold could be carried across.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, findings)
    own, other : ndarray of float32, shape (m, findings)
        What the model and the other one say of the same cases, which neither has learned from.

    Examples
    --------
    >>> own = np.array([[0.0], [2.0]], dtype=np.float32)
    >>> equated(np.array([[1.0]], dtype=np.float32), own, 3 * own + 1).tolist()
    [[4.0]]
    """
    before, after = own.astype(np.float64), other.astype(np.float64)
    spread = before.std(axis=0)
    ratio = np.where(spread > 0, after.std(axis=0) / np.where(spread > 0, spread, 1), 1)
    moved = (logits.astype(np.float64) - before.mean(axis=0)) * ratio + after.mean(axis=0)
    return np.asarray(moved, dtype=np.float32)
