"""Areas under the ROC curve where several images are of one patient: Obuchowski's variance."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.placements import RankedScores

__all__ = ["clustered_covariance", "clustered_variance", "design_effect", "design_effects"]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_NO_VARIANCE: Final = 1e-12

_FEW: Final = 0.05
"""Cases per possible patient below which sorting is quicker than a mark for each patient."""

_SMALL: Final = 0.1
"""Share of all cases below which a group's rest is taken to be as alike as everybody."""


def clustered_variance(y_true: ArrayLike, y_score: ArrayLike, patients: ArrayLike) -> float:
    """Return the variance of the area under the ROC curve over patients instead of images.

    DeLong's where every patient has one image. Consistent as patients grow many; images of one
    patient may be of both classes.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Whether the finding was there.
    y_score : array_like of float, shape (n,)
        Larger for more suspicious; finite.
    patients : array_like of int, shape (n,)
        Number of each image's patient, from 0.

    Returns
    -------
    float
        nan where fewer than two patients have images of either class.

    References
    ----------
    .. [1] N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53
       (1997) 567-578.

    Examples
    --------
    >>> truth, scores = [1, 1, 1, 0, 0, 0], [0.9, 0.4, 0.8, 0.5, 0.1, 0.3]
    >>> f"{clustered_variance(truth, scores, range(6)):.4f}"
    '0.0247'
    >>> f"{clustered_variance(truth, scores, [0, 1, 2, 1, 0, 2]):.4f}"
    '0.0494'
    """
    ranked = RankedScores.of(y_true, y_score)
    own = np.asarray(patients, np.int64)[ranked.order]
    if not 0 < np.count_nonzero(ranked.y_true) < len(own):
        return float("nan")
    excess = _excess(ranked.y_true, ranked.level)
    return _variance(ranked.y_true, excess, _renumbered(own))


def clustered_covariance(
    of_positives: _Floats, of_negatives: _Floats, positives: _Counts, negatives: _Counts
) -> _Floats:
    """Return the covariance over patients of areas under the ROC curves of r models.

    Parameters
    ----------
    of_positives : ndarray of float64, shape (r, m)
        Placements of the positives among the negatives, by each model; their mean is the area.
    of_negatives : ndarray of float64, shape (r, n)
        Placements of the negatives among the positives.
    positives, negatives : ndarray of int64, shapes (m,) and (n,)
        Number of the patient of each, from 0.

    Returns
    -------
    ndarray of float64, shape (r, r)
        nan where fewer than two patients have images of either class.

    References
    ----------
    .. [1] N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53
       (1997) 567-578: also for two readings of the same images.
    """
    everybody, number = np.unique(np.concatenate([positives, negatives]), return_inverse=True)
    k, models = len(everybody), len(of_positives)
    summed, several = [], []
    for placed, own in (
        (of_positives, number[: len(positives)]),
        (of_negatives, number[len(positives) :]),
    ):
        excess = (placed - placed.mean(axis=1, keepdims=True)) / placed.shape[1]
        summed.append(np.array([np.bincount(own, row, minlength=k) for row in excess]))
        several.append(len(np.unique(own)))
    if min(several) < 2:
        return np.full((models, models), np.nan)
    x, y = summed
    across = x @ y.T
    return np.asarray(
        several[0] / (several[0] - 1) * (x @ x.T)
        + several[1] / (several[1] - 1) * (y @ y.T)
        + k / (k - 1) * (across + across.T)
    )


def design_effect(
    clustered: float, independent: float, positives: _Counts, negatives: _Counts
) -> float:
    """Return how many times fewer independent cases would leave a variance so large, at least 1.

    Parameters
    ----------
    clustered, independent : float
        The variance over patients, and over cases; nan where it cannot be had. All images of a
        patient are then taken to be wholly alike.
    positives, negatives : ndarray of int64
        Number of the patient of each case of either class, from 0.
    """
    if np.isfinite(clustered) and independent > _NO_VARIANCE:
        return max(1.0, clustered / independent)
    return max(_worst(positives), _worst(negatives))


def design_effects(
    ranked: RankedScores, codes: _Counts, patients: _Counts, groups: int
) -> tuple[_Floats, _Floats]:
    """Return how many times fewer independent cases would tell as much, in groups and rests.

    The clustered variance over DeLong's, at least 1. Where either cannot be had, all images of a
    patient are taken to be wholly alike. The rest of a group of less than a tenth of all cases is
    taken to be as alike as everybody.

    Parameters
    ----------
    ranked : RankedScores
    codes, patients : ndarray of int64, shape (n,)
        Group and patient of each case, in the original order.
    groups : int
        Number of groups, with those that have no case.

    Returns
    -------
    within, among_others : ndarray of float64, shape (groups,)
    """
    codes, patients = codes[ranked.order], patients[ranked.order]
    truth, level = ranked.y_true, ranked.level
    within = np.ones(groups)
    among_others = np.full(groups, _design_effect(truth, level, patients))
    by_group = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[by_group], np.arange(groups + 1))
    for group in range(groups):
        rows = by_group[bounds[group] : bounds[group + 1]]
        within[group] = _design_effect(truth[rows], level[rows], patients[rows])
        if len(rows) >= _SMALL * len(codes):
            others = codes != group
            among_others[group] = _design_effect(truth[others], level[others], patients[others])
    return within, among_others


def _design_effect(y_true: NDArray[np.bool_], level: _Counts, patients: _Counts) -> float:
    """Return the design effect of cases sorted by level."""
    if not 0 < np.count_nonzero(y_true) < len(y_true):
        return 1.0
    patients = _renumbered(patients)
    excess = _excess(y_true, level)
    independent = _delong_variance(y_true, excess)
    clustered = _variance(y_true, excess, patients)
    return design_effect(clustered, independent, patients[y_true], patients[~y_true])


def _renumbered(patients: _Counts) -> _Counts:
    """Return numbers from 0 without gaps."""
    if len(patients) < _FEW * patients.max():
        return np.unique(patients, return_inverse=True)[1]
    present = np.zeros(int(patients.max()) + 1, dtype=bool)
    present[patients] = True
    return (np.cumsum(present, dtype=np.int64) - 1)[patients]


def _delong_variance(y_true: NDArray[np.bool_], excess: _Floats) -> float:
    """Return the variance if every case is of another patient; nan with one case of a class."""
    squares, positives = excess * excess, np.count_nonzero(y_true)
    of_positives, negatives = float(squares @ y_true), len(y_true) - positives
    if min(positives, negatives) < 2:
        return float("nan")
    of_negatives = float(squares.sum()) - of_positives
    return of_positives / (positives * (positives - 1)) + of_negatives / (
        negatives * (negatives - 1)
    )


def _worst(patients: _Counts) -> float:
    """Return the design effect of cases that are wholly alike within each patient."""
    sizes = np.bincount(patients)
    return float((sizes**2).sum() / sizes.sum())


def _excess(y_true: NDArray[np.bool_], level: _Counts) -> _Floats:
    """Return each case's placement among the other class, less the area; sorted by level.

    The placement of a positive is the share of negatives below it, ties counting half; that of a
    negative the share of positives above it. Both are the area on average.
    """
    run = np.cumsum(np.diff(level, prepend=level[:1]) > 0)
    positives = np.bincount(run, y_true)
    negatives = np.bincount(run) - positives
    below = (np.cumsum(negatives) - negatives / 2) / negatives.sum()
    above = 1 - (np.cumsum(positives) - positives / 2) / positives.sum()
    placed = np.where(y_true, below[run], above[run])
    return np.asarray(placed - placed[y_true].mean())


def _variance(y_true: NDArray[np.bool_], excess: _Floats, patients: _Counts) -> float:
    """Return the area's variance; patients numbered from 0 without gaps."""
    positives = np.bincount(patients, y_true)
    cases = np.bincount(patients)
    with_positive = np.count_nonzero(positives)
    with_negative = np.count_nonzero(cases > positives)
    if min(with_positive, with_negative) < 2:
        return float("nan")
    of_positives = np.bincount(patients, excess * y_true)
    of_negatives = (np.bincount(patients, excess) - of_positives) / (cases - positives).sum()
    of_positives = of_positives / positives.sum()
    k = len(cases)
    return float(
        with_positive / (with_positive - 1) * (of_positives @ of_positives)
        + with_negative / (with_negative - 1) * (of_negatives @ of_negatives)
        + 2 * k / (k - 1) * (of_positives @ of_negatives)
    )
