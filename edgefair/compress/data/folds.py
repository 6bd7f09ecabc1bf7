"""Patients dealt into folds, so that a model that never saw a patient can speak of its cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import InputError

__all__ = ["deal_folds"]


def deal_folds(
    patients: Sequence[str],
    labels: NDArray[np.float32],
    groups: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
) -> NDArray[np.int64]:
    """Return the fold of each image, from 0 and the same for all of a patient, shape (n,).

    Patients are sorted by the findings they have on any of their images, within these by their
    groups, and dealt round like cards: two folds differ by at most one patient, and where one
    label comes first, by at most one patient with it. The order of the rows does not matter.

    Parameters
    ----------
    patients : sequence of str, length n
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows.
    groups : ndarray of int64, shape (n, ways)
        Each image's group in every way of grouping, counted from 0.
    folds : int
        At least 2.
    seed : int

    Raises
    ------
    InputError
        If there are fewer patients than folds, or so few with or without a finding that one
        fold holds them all.

    Examples
    --------
    >>> labels = np.array([[1], [1], [1], [0], [0]], dtype=np.float32)
    >>> dealt = deal_folds("aabcd", labels, np.zeros((5, 1), np.int64), folds=2, seed=0)
    >>> bool(dealt[0] == dealt[1] != dealt[2]), bool(dealt[3] != dealt[4])
    (True, True)
    """
    of_patient: dict[str, list[int]] = {}
    for row, patient in enumerate(patients):
        of_patient.setdefault(patient, []).append(row)
    if len(of_patient) < folds:
        raise _too_few(f"cross_fitting.folds is {folds}, but there are {len(of_patient)} patients")
    shuffled = np.random.default_rng(seed).permutation(sorted(of_patient)).tolist()
    order = sorted(shuffled, key=lambda patient: _stratum(labels, groups, of_patient[patient]))
    dealt = np.empty(len(patients), dtype=np.int64)
    for place, patient in enumerate(order):
        dealt[of_patient[patient]] = place % folds
    _check_both_classes(labels, dealt)
    return dealt


def _stratum(
    labels: NDArray[np.float32], groups: NDArray[np.int64], rows: list[int]
) -> tuple[tuple[bool, ...], tuple[int, ...]]:
    has = (labels[rows] == 1).any(axis=0)
    return tuple(has.tolist()), tuple(groups[rows].min(axis=0).tolist())


def _check_both_classes(labels: NDArray[np.float32], dealt: NDArray[np.int64]) -> None:
    for column in labels.T:
        for value, kind in ((1, "with"), (0, "without")):
            if len(np.unique(dealt[column == value])) < 2:
                raise _too_few(f"All training cases {kind} one of the findings are in one fold")


def _too_few(sentence: str) -> InputError:
    return InputError(
        f"The train split is too small for cross-fitting: {sentence}.",
        hint="Take fewer folds, or leave the [cross_fitting] table out of the recipe.",
    )
