"""How many labels a question needs, and how many are still missing."""

from __future__ import annotations

from functools import cache
from math import ceil, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.intervals import two_sided_z

__all__ = [
    "POWER",
    "cases_for_verdict",
    "cases_for_width",
    "cases_to_detect",
    "cases_to_show_ok",
    "wilson_half_width",
]

POWER: Final = 0.8
"""Chance of a verdict that the numbers here are made for."""

_MOST: Final = 20_000


def wilson_half_width(
    rate: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> NDArray[np.float64]:
    """Return half the width of Wilson's interval if a rate came out at `rate` among `n`.

    Parameters
    ----------
    rate : array_like of float
        In [0, 1].
    n : array_like of int
        Cases, at least 1.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       JASA 22 (1927) 209-212.

    Examples
    --------
    >>> wilson_half_width(0.85, [10, 30, 50, 100, 200]).round(3).tolist()
    [0.212, 0.127, 0.099, 0.07, 0.049]
    """
    z = two_sided_z(level)
    p, trials = np.asarray(rate, np.float64), np.asarray(n, np.float64)
    extra = z * z / trials
    return np.asarray(z * np.sqrt((p * (1 - p) + extra / 4) / trials) / (1 + extra))


def cases_for_width(rate: float, half_width: float, *, level: float = 0.95) -> int:
    """Return how many cases make Wilson's interval as narrow as asked.

    Parameters
    ----------
    rate : float
        The rate that is expected, in [0, 1].
    half_width : float
        In (0, .5).
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Raises
    ------
    ValueError
        If the rate or the half width is outside its range.

    Notes
    -----
    Exact for the formula: with ``x = n / z^2`` the half width w solves
    ``w^2 (x + 1)^2 = p (1 - p) x + 1 / 4``, a quadratic in x.

    Examples
    --------
    >>> [cases_for_width(0.85, width) for width in (0.2, 0.1, 0.05)]
    [12, 49, 196]
    """
    if not 0 <= rate <= 1 or not 0 < half_width < 0.5:
        raise ValueError(f"no rate in [0, 1] and half width in (0, .5): {rate}, {half_width}")
    square = half_width**2
    linear = 2 * square - rate * (1 - rate)
    root = sqrt(linear**2 - 4 * square * (square - 1 / 4))
    exact = two_sided_z(level) ** 2 * (root - linear) / (2 * square)
    return max(1, ceil(exact - 1e-9))


def cases_to_detect(
    rate: float, worse: float, *, alpha: float = 0.05, power: float = POWER
) -> int:
    """Return how many cases each of two groups needs to tell one rate from a worse one.

    Two-sided test, with the correction for continuity.

    Parameters
    ----------
    rate, worse : float
        The two true rates, ``rate < worse``, in [0, 1].
    alpha : float, default=0.05
        Chance of a false alarm.
    power : float, default=0.8
        Chance to detect.

    References
    ----------
    .. [1] J. L. Fleiss, A. Tytun, H. K. Ury, "A simple approximation for calculating sample sizes
       for comparing independent proportions", Biometrics 36 (1980) 343-346.

    Examples
    --------
    >>> [cases_to_detect(0.15, worse) for worse in (0.25, 0.30, 0.35)]
    [270, 134, 83]
    """
    if not 0 <= rate < worse <= 1:
        raise ValueError(f"0 <= rate < worse <= 1 does not hold for {rate} and {worse}")
    gap, mean = worse - rate, (rate + worse) / 2
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    spread = sqrt(rate * (1 - rate) + worse * (1 - worse))
    plain = ((z_alpha * sqrt(2 * mean * (1 - mean)) + z_power * spread) / gap) ** 2
    return ceil(plain / 4 * (1 + sqrt(1 + 4 / (plain * gap))) ** 2)


@cache
def cases_to_show_ok(
    rate: float, limit: float, *, alpha: float = 0.05, power: float = POWER
) -> int:
    """Return how many cases show that a rate lies below a limit.

    The smallest n at which the exact one-sided test has the power; Clopper and Pearson's upper
    limit lies below `limit` exactly if the test rejects.

    Parameters
    ----------
    rate, limit : float
        True rate and the limit to stay below, ``0 <= rate < limit <= 1``.
    alpha : float, default=0.05
        Chance to call a rate at the limit fine.
    power : float, default=0.8
        Chance to call the true rate fine.

    Raises
    ------
    ValueError
        If the rates are out of order, or so close that 20,000 cases would not do.

    Examples
    --------
    >>> [cases_to_show_ok(0.15, 0.15 + margin) for margin in (0.05, 0.10, 0.15)]
    [365, 103, 49]
    """
    from scipy.special import bdtr

    if not 0 <= rate < limit <= 1:
        raise ValueError(f"0 <= rate < limit <= 1 does not hold for {rate} and {limit}")
    allowed = -1  # most hits at which the test still rejects
    for n in range(1, _MOST):
        # one more case never lowers what is allowed, and raises it by one at most
        allowed += bool(bdtr(allowed + 1, n, limit) < alpha)
        if allowed >= 0 and bdtr(allowed, n, rate) >= power:
            return n
    raise ValueError(f"{rate} is too close to {limit} to be told apart by {_MOST} cases")


def cases_for_verdict(
    rest_rate: NDArray[np.float64],
    distance: NDArray[np.float64],
    rest_per_case: NDArray[np.float64],
    *,
    margin: float,
    alpha: float,
) -> NDArray[np.float64]:
    """Return how many cases of a group a verdict on its difference to the rest can be had from.

    Normal approximation of the one-sided test of ``group - rest`` against `margin`.

    Parameters
    ----------
    rest_rate : ndarray of float64, shape (k,)
        Rate in all others, in (0, 1).
    distance : ndarray of float64, shape (k,)
        True difference less the margin that is to be told from 0: below 0 for a group that is
        fine, above for one that is harmed.
    rest_per_case : ndarray of float64, shape (k,)
        Cases among all others that come along with each case of the group.
    margin : float
        Largest acceptable difference.
    alpha : float
        One-sided error rate, after any correction for the number of groups.

    Returns
    -------
    ndarray of float64, shape (k,)
        Whole numbers, inf where `distance` is 0.
    """
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha), NormalDist().inv_cdf(POWER)
    at_limit = np.clip(rest_rate + margin, 0, 1)
    truly = np.clip(rest_rate + margin + distance, 0, 1)
    of_rest = rest_rate * (1 - rest_rate) / rest_per_case
    spread = z_alpha * np.sqrt(at_limit * (1 - at_limit) + of_rest)
    spread += z_power * np.sqrt(truly * (1 - truly) + of_rest)
    with np.errstate(divide="ignore"):
        return np.asarray(np.ceil((spread / distance) ** 2))
