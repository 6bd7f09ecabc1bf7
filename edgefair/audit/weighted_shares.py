"""Shares of cases that stand for more than themselves, and what they change by."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.audit.tasks.means import student_quantile
from edgefair.records import Interval

__all__ = ["Weighed", "share_intervals", "weighted_change", "weighted_share"]

Weighed: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Sums of the weights of one kind of case, and of their squares."""


def weighted_share(
    hits: NDArray[np.bool_], weights: NDArray[np.float64], *, level: float
) -> Interval:
    """Return the share of the hits where case `i` stands for ``weights[i]``.

    Parameters
    ----------
    hits : ndarray of bool, shape (n,)
    weights : ndarray of float64, shape (n,)
        Above 0; taken for known.
    level : float

    References
    ----------
    .. [1] E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data", Survey Methodology 24 (1998) 193-201.

    Examples
    --------
    >>> found = weighted_share(np.array([True, False]), np.array([1.0, 3.0]), level=0.95)
    >>> found.estimate
    0.25
    """
    sums = [
        (np.array([weights[kind].sum()]), np.array([(weights[kind] ** 2).sum()]))
        for kind in (hits, ~hits)
    ]
    (share,) = share_intervals(sums[0], sums[1], level)
    return share


def weighted_change(
    change: NDArray[np.float64],
    weights: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    level: float,
) -> Interval:
    """Return the mean change, over cases that stand for more than themselves.

    Student's interval by linearisation over the patients; where no case changes, Wilson's limits
    of 0 to either side at Kish's effective number of cases. Asymptotic.

    Parameters
    ----------
    change : ndarray of float64, shape (n,)
        In [-1, 1].
    weights : ndarray of float64, shape (n,)
        Above 0; taken for known.
    units : ndarray of int64, shape (n,)
        Number of the patient of each case.
    level : float

    References
    ----------
    .. [1] C.-E. Sarndal, B. Swensson, J. Wretman, "Model Assisted Survey Sampling", Springer
       (1992), section 5.7.
    """
    n, z = len(change), two_sided_z(level)
    _, place = np.unique(units, return_inverse=True)
    patients = int(place.max(initial=-1)) + 1
    if patients < 2:
        return Interval.vacuous(level=level, n=n, lower=-1.0)
    mass = float(weights.sum())
    mean = float(weights @ change) / mass
    if not np.any(change):
        effective = mass**2 / float(np.sum(weights**2))
        reach = float(wilson_limits(np.array([0.0]), np.array([effective]), z)[1][0])
    else:
        residuals = np.bincount(place, weights * (change - mean))
        variance = float(np.sum(residuals**2)) * patients / (patients - 1) / mass**2
        quantile = float(student_quantile(z, np.array([patients - 1.0]))[0])
        reach = quantile * np.sqrt(variance)
    return Interval(mean, max(-1.0, mean - reach), min(1.0, mean + reach), level, n)


def share_intervals(hits: Weighed, others: Weighed, level: float) -> list[Interval]:
    """Return the shares of the hits, with Wilson's limits at the effective number of cases.

    Each kind comes as the sums of its weights and of their squares. The number is the one at
    which a plain share has the variance of the weighted one, by linearisation; where all cases
    are of one kind it is Kish's.
    """
    (hit, hit_square), (other, other_square) = hits, others
    total = hit + other
    known = total > 1e-12
    share = np.clip(np.where(known, hit / np.where(known, total, 1), np.nan), 0, 1)
    spread = (1 - share) ** 2 * hit_square + share**2 * other_square
    mixed = known & (spread > 1e-12 * np.maximum(total, 1) ** 2)
    of_one_kind = total**2 / np.where(known, hit_square + other_square, 1)
    as_mixed = share * (1 - share) * total**2 / np.where(mixed, spread, 1)
    cases = np.where(known, np.where(mixed, as_mixed, of_one_kind), 0)
    lower, upper = wilson_limits(np.nan_to_num(share) * cases, cases, two_sided_z(level))
    rows = zip(*(c.tolist() for c in (share, lower, upper, np.rint(cases), known)), strict=True)
    return [
        Interval(point, low, high, level, int(n)) if is_known else Interval.vacuous(level=level)
        for point, low, high, n, is_known in rows
    ]
