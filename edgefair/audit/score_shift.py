"""Whether scores are distributed as before: Kolmogorov and Smirnov, on values or on histograms."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["KolmogorovSmirnov", "kolmogorov_smirnov", "kolmogorov_smirnov_of_counts"]

_EXACT_UP_TO: Final = 2_000_000
"""Product of the sizes up to which paths are counted; beyond, the limit distribution holds."""

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KolmogorovSmirnov:
    """The largest distance of two distribution functions.

    Attributes
    ----------
    distance : float
        In [0, 1]; nan where a sample is empty.
    p_value : float
        That both are samples of one distribution; too large rather than too small where values
        are tied or in bins; nan where a sample is empty.
    """

    distance: float
    p_value: float


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> KolmogorovSmirnov:
    """Return whether two samples are of one distribution.

    Parameters
    ----------
    reference, current : array_like of float, shape (n,) and (m,)
        Finite.

    Notes
    -----
    Exact, by the share of lattice paths that stay within the distance, where n m is at most two
    million; beyond by Kolmogorov's limit distribution. With ties conservative.

    References
    ----------
    .. [1] J. L. Hodges, "The significance probability of the Smirnov two-sample test", Arkiv for
       Matematik 3 (1958) 469-486.

    Examples
    --------
    >>> found = kolmogorov_smirnov([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7])
    >>> f"{found.distance:.1f} p={found.p_value:.3f}"
    '1.0 p=0.057'
    """
    one = np.sort(np.asarray(reference, dtype=np.float64))
    other = np.sort(np.asarray(current, dtype=np.float64))
    at = np.concatenate([one, other])
    return _tested(
        np.searchsorted(one, at, side="right"),
        np.searchsorted(other, at, side="right"),
        len(one),
        len(other),
    )


def kolmogorov_smirnov_of_counts(reference: ArrayLike, current: ArrayLike) -> KolmogorovSmirnov:
    """Return the same for two histograms with the same bins.

    The distance is seen at the edges of the bins only, so it is never larger than that of the
    values, and the p-value never smaller: conservative.

    Parameters
    ----------
    reference, current : array_like of int, shape (bins,)

    Examples
    --------
    >>> found = kolmogorov_smirnov_of_counts([4, 0], [0, 3])
    >>> f"{found.distance:.1f} p={found.p_value:.3f}"
    '1.0 p=0.057'
    """
    one = np.cumsum(np.asarray(reference, dtype=np.int64))
    other = np.cumsum(np.asarray(current, dtype=np.int64))
    return _tested(one, other, int(one[-1]), int(other[-1]))


def _tested(one: NDArray[np.int64], other: NDArray[np.int64], n: int, m: int) -> KolmogorovSmirnov:
    """Return the test from how many of either sample lie at or below each of some values."""
    if not (n and m):
        return KolmogorovSmirnov(distance=nan, p_value=nan)
    # in whole numbers, so that equal distances are equal
    reached = int(np.abs(one * m - other * n).max())
    return KolmogorovSmirnov(distance=reached / (n * m), p_value=_p_value(reached, n, m))


def _p_value(reached: int, n: int, m: int) -> float:
    if reached == 0:
        return 1.0
    if n * m <= _EXACT_UP_TO:
        return _exact(reached, n, m)
    from scipy.special import kolmogorov

    return float(kolmogorov(sqrt(n * m / (n + m)) * reached / (n * m)))


def _exact(reached: int, n: int, m: int) -> float:
    """Return the chance that a random path from (0, 0) to (n, m) comes that far off the diagonal.

    Walks over the anti-diagonals; entry i of `within` is the chance that the path passes
    (i, t - i) and has kept within the distance so far.
    """
    n, m = min(n, m), max(n, m)
    i = np.arange(n + 1)
    within = np.zeros(n + 1)
    within[0] = 1.0
    for t in range(n + m):
        # the next value is of either sample with chances as its values left
        steps_left = n + m - t
        of_first = within * (n - i) / steps_left
        within = within * np.maximum(m - (t - i), 0) / steps_left
        within[1:] += of_first[:-1]
        j = t + 1 - i
        within[(j < 0) | (j > m) | (np.abs(i * m - j * n) >= reached)] = 0.0
    return float(min(max(1 - within[n], 0.0), 1.0))
