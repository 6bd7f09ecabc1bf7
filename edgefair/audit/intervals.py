"""Confidence intervals for rates and for differences between rates.

Pure functions of counts: no I/O, no state, no random numbers. The functions on arrays take the
normal quantile `z`, so that one set of counts can be asked at several levels; those on single
counts take the level and return an `Interval`.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.errors import NotEnoughData
from edgefair.records import Interval

__all__ = [
    "clopper_pearson",
    "clopper_pearson_limits",
    "newcombe",
    "rule_of_three",
    "square_and_add",
    "two_sided_z",
    "wilson",
    "wilson_limits",
]


def two_sided_z(level: float) -> float:
    """Return the normal quantile of a two-sided interval, 1.96 for a level of .95.

    Raises
    ------
    ValueError
        If `level` is not in (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson_limits(
    hits: ArrayLike, n: ArrayLike, z: float | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper Wilson score limits of many rates at once.

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials, ``0 <= hits <= n``.
    z : float or ndarray of float64, shape (k,)
        Normal quantile.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        In [0, 1]; 0 and 1 where `n` is 0.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and
       statistical inference", JASA 22 (1927) 209-212.
    """
    trials = np.asarray(n, dtype=np.float64)
    p = np.asarray(hits, dtype=np.float64) / np.maximum(trials, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        extra = z * z / trials
        centre = (p + extra / 2) / (1 + extra)
        half = z * np.sqrt(p * (1 - p) / trials + extra / (4 * trials)) / (1 + extra)
    # rounding must not push the limits of 0 of n and n of n past the rate itself
    lower = np.where(trials > 0, np.clip(np.minimum(p, centre - half), 0, 1), 0.0)
    upper = np.where(trials > 0, np.clip(np.maximum(p, centre + half), 0, 1), 1.0)
    return lower, upper


def wilson(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the Wilson score interval of a rate.

    Parameters
    ----------
    hits : int
        Successes, ``0 <= hits <= n``.
    n : int
        Trials, at least 1.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        Rate and limits, each in [0, 1].

    Raises
    ------
    NotEnoughData
        If `n` is 0: a rate of nothing is not 0 and not 1.
    ValueError
        If `hits` or `level` is outside its range.

    Examples
    --------
    >>> ci = wilson(8, 10)
    >>> f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}] n={ci.n}"
    '0.80 [0.49, 0.94] n=10'
    """
    _check_counts(hits, n)
    lower, upper = wilson_limits(hits, n, two_sided_z(level))
    return Interval(hits / n, float(lower), float(upper), level, n)


def clopper_pearson(hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the exact interval of a rate: its coverage is never below the nominal one.

    For claims of safety, where `wilson` may promise a little too much.

    Parameters
    ----------
    hits, n : int
        Successes and trials, ``0 <= hits <= n``, ``n >= 1``.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Raises
    ------
    NotEnoughData
        If `n` is 0.
    ValueError
        If `hits` or `level` is outside its range.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in
       the case of the binomial", Biometrika 26 (1934) 404-413.

    Examples
    --------
    >>> ci = clopper_pearson(8, 10)
    >>> f"[{ci.lower:.3f}, {ci.upper:.3f}]"
    '[0.444, 0.975]'
    """
    _check_counts(hits, n)
    lower, upper = clopper_pearson_limits(hits, n, level=level)
    return Interval(hits / n, float(lower), float(upper), level, n)


def clopper_pearson_limits(
    hits: ArrayLike, n: ArrayLike, *, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact limits of many rates at once, as `clopper_pearson` has them.

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials, ``0 <= hits <= n``.
    level : float
        Nominal coverage, in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        In [0, 1]; 0 and 1 where `n` is 0.

    Examples
    --------
    >>> lower, upper = clopper_pearson_limits([0, 8], [0, 10], level=0.95)
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([0.0, 0.444], [1.0, 0.975])
    """
    from scipy.special import betaincinv

    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    k, trials, tail = np.asarray(hits), np.asarray(n), (1 - level) / 2
    # the shapes of no Beta where a limit is the end of the range: 1 stands in, unused
    lower = betaincinv(np.maximum(k, 1), trials - k + 1, tail)
    upper = betaincinv(k + 1, np.maximum(trials - k, 1), 1 - tail)
    return np.where(k > 0, lower, 0.0), np.where(k < trials, upper, 1.0)


def rule_of_three(n: int, *, level: float = 0.95) -> float:
    """Return how large a rate may still be after none in `n`: about 3 / n.

    The exact one-sided limit ``1 - (1 - level) ** (1 / n)``, which 3 / n approximates.

    Raises
    ------
    NotEnoughData
        If `n` is 0.

    References
    ----------
    .. [1] J. A. Hanley, A. Lippman-Hand, "If nothing goes wrong, is everything all right?",
       JAMA 249 (1983) 1743-1745.

    Examples
    --------
    >>> f"{rule_of_three(30):.3f}"
    '0.095'
    """
    _check_counts(0, n)
    return float(1 - (1 - level) ** (1 / n))


def square_and_add(
    first: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    second: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits of a difference from the limits of its two independent terms.

    Parameters
    ----------
    first, second : tuple of three ndarrays of float64, shape (k,)
        Estimate, lower and upper limit, both at the same level.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        Of ``first - second``.

    References
    ----------
    .. [1] R. G. Newcombe, "Interval estimation for the difference between independent
       proportions: comparison of eleven methods", Statistics in Medicine 17 (1998) 873-890,
       method 10.
    .. [2] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27 (2008) 1693-1702.
    """
    (p1, l1, u1), (p2, l2, u2) = first, second
    d = p1 - p2
    return d - np.hypot(p1 - l1, u2 - p2), d + np.hypot(u1 - p1, p2 - l2)


def newcombe(hits: int, n: int, other_hits: int, other_n: int, *, level: float = 0.95) -> Interval:
    """Return Newcombe's hybrid score interval of the difference of two independent rates.

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
        ``hits / n - other_hits / other_n``, in [-1, 1], on `n` cases.

    Raises
    ------
    NotEnoughData
        If `n` or `other_n` is 0.
    ValueError
        If a count or `level` is outside its range.

    Examples
    --------
    The first example of Newcombe (1998), table II:

    >>> ci = newcombe(56, 70, 48, 80)
    >>> f"{ci.estimate:.4f} [{ci.lower:.4f}, {ci.upper:.4f}]"
    '0.2000 [0.0524, 0.3339]'
    """
    a, b = wilson(hits, n, level=level), wilson(other_hits, other_n, level=level)
    d = a.estimate - b.estimate
    below = sqrt((a.estimate - a.lower) ** 2 + (b.upper - b.estimate) ** 2)
    above = sqrt((a.upper - a.estimate) ** 2 + (b.estimate - b.lower) ** 2)
    return Interval(d, d - below, d + above, level, n)


def _check_counts(hits: int, n: int) -> None:
    if n == 0:
        raise NotEnoughData(
            "No cases with a confirmed label.",
            hint="Enter outcomes first: `edgefair outcomes template` writes the list.",
        )
    if not 0 <= hits <= n:
        raise ValueError(f"hits must be in [0, {n}], got {hits}")
