"""Confidence intervals for the ratio of two independent rates."""

from __future__ import annotations

from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.intervals import two_sided_z, wilson
from edgefair.records import Interval

__all__ = ["log_adjusted_limits", "mover_r_limits", "ratio"]

_Floats: TypeAlias = NDArray[np.float64]


def ratio(hits: int, n: int, other_hits: int, other_n: int, *, level: float = 0.95) -> Interval:
    """Return the ratio of two independent rates with its limits by MOVER-R from Wilson's.

    Asymptotic; `tests/benchmarks/simulations` tells its exact coverage at small counts.

    Parameters
    ----------
    hits, n : int
        Successes and trials in the group.
    other_hits, other_n : int
        The same in those it is compared with.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        ``(hits / n) / (other_hits / other_n)`` on `n` cases; the upper limit is inf where the
        other rate may be 0, and there is no estimate where it is 0.

    Raises
    ------
    NotEnoughData
        If `n` or `other_n` is 0.
    ValueError
        If a count or `level` is outside its range.

    Examples
    --------
    >>> ci = ratio(56, 70, 48, 80)
    >>> f"{ci.estimate:.3f} [{ci.lower:.3f}, {ci.upper:.3f}]"
    '1.333 [1.078, 1.663]'
    """
    a, b = wilson(hits, n, level=level), wilson(other_hits, other_n, level=level)
    if not other_hits:
        return Interval.vacuous(level=level, n=n, upper=inf)
    lower, upper = mover_r_limits(
        (np.array(a.estimate), np.array(a.lower), np.array(a.upper)),
        (np.array(b.estimate), np.array(b.lower), np.array(b.upper)),
    )
    return Interval(a.estimate / b.estimate, float(lower), float(upper), level, n)


def mover_r_limits(
    first: tuple[_Floats, _Floats, _Floats], second: tuple[_Floats, _Floats, _Floats]
) -> tuple[_Floats, _Floats]:
    """Return limits of a ratio from the limits of its two independent terms.

    Parameters
    ----------
    first, second : tuple of three ndarrays of float64, shape (k,)
        Estimate, lower and upper limit, both at the same level, none negative.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        Of ``first / second``; the upper one is inf where the second term may be 0.

    References
    ----------
    .. [1] A. Donner, G. Y. Zou, "Closed-form confidence intervals for functions of the normal
       mean and standard deviation", Statistical Methods in Medical Research 21 (2012) 347-359.

    Examples
    --------
    >>> limits = mover_r_limits(
    ...     (np.array([0.8]), np.array([0.7]), np.array([0.9])),
    ...     (np.array([0.5]), np.array([0.4]), np.array([0.6])),
    ... )
    >>> [f"{limit.item():.3f}" for limit in limits]
    ['1.276', '2.058']
    """
    (p1, l1, u1), (p2, l2, u2) = first, second
    product = p1 * p2
    with np.errstate(divide="ignore", invalid="ignore"):
        under = np.sqrt(np.maximum(product**2 - l1 * u2 * (2 * p1 - l1) * (2 * p2 - u2), 0))
        over = np.sqrt(np.maximum(product**2 - u1 * l2 * (2 * p1 - u1) * (2 * p2 - l2), 0))
        below = (product - under) / (u2 * (2 * p2 - u2))
        above = (product + over) / (l2 * (2 * p2 - l2))
    return below, np.where(l2 > 0, above, np.inf)


def log_adjusted_limits(
    hits: ArrayLike, n: ArrayLike, other_hits: ArrayLike, other_n: ArrayLike, *, level: float
) -> tuple[_Floats, _Floats]:
    """Return Walter's limits of the ratios of rates: on the log scale, half a hit added to each.

    Asymptotic, and there for comparison: `ratio` is the one to report.

    Parameters
    ----------
    hits, n, other_hits, other_n : array_like of int, shape (k,)
        Successes and trials, ``n >= 1``.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        Finite and positive, even where no hit was seen.

    References
    ----------
    .. [1] S. D. Walter, "The distribution of Levin's measure of attributable risk", Biometrika 62
       (1975) 371-374; A. S. Pettigrew, J. J. Gart, D. G. Thomas, Biometrika 73 (1986) 425-435.

    Examples
    --------
    >>> limits = log_adjusted_limits([56], [70], [48], [80], level=0.95)
    >>> [f"{limit.item():.3f}" for limit in limits]
    ['1.076', '1.644']
    """
    z = two_sided_z(level)
    x, m, y, k = (np.asarray(c, np.float64) + 0.5 for c in (hits, n, other_hits, other_n))
    centre = np.log(x / m) - np.log(y / k)
    half = z * np.sqrt(1 / x - 1 / m + 1 / y - 1 / k)
    return np.exp(centre - half), np.exp(centre + half)
