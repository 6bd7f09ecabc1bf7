"""Who comes: the mix of groups against a population, and against the mix of another time."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MixShift",
    "homogeneity",
    "jensen_shannon_distance",
    "population_stability_index",
    "standardised_residuals",
]

_EXPECTED: Final = 5
"""Cases to be expected in every cell for the chi-squared distribution to hold (Cochran)."""

_PERMUTATIONS: Final = 4999

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShift:
    """Two mixes of k groups compared.

    Attributes
    ----------
    statistic : float
        Pearson's chi-squared; nan where one mix is empty or there is but one group.
    p_value : float
        That both are samples of one mix; nan likewise.
    residuals : ndarray of float64, shape (k,)
        Of the current mix, standard normal without any shift: above 0 for a group that comes
        more often; nan for a group that never comes.
    distance : float
        Jensen-Shannon distance, 0 to 1.
    """

    statistic: float
    p_value: float
    residuals: _Floats
    distance: float


def jensen_shannon_distance(one: ArrayLike, other: ArrayLike) -> float:
    """Return the Jensen-Shannon distance of two mixes, to base 2.

    Parameters
    ----------
    one, other : array_like of float, shape (k,)
        Not negative; each is divided by its sum.

    Returns
    -------
    float
        0 for the same mix, 1 for two without a group in common; nan where one is empty.

    References
    ----------
    .. [1] D. M. Endres, J. E. Schindelin, "A new metric for probability distributions", IEEE
       Transactions on Information Theory 49 (2003) 1858-1860.

    Examples
    --------
    >>> jensen_shannon_distance([1, 1], [2, 2]), jensen_shannon_distance([1, 0], [0, 1])
    (0.0, 1.0)
    """
    p, q = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if not (p.sum() > 0 and q.sum() > 0):
        return nan
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    bits = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return sqrt(min(max(bits, 0.0), 1.0))


def standardised_residuals(counts: ArrayLike, shares: ArrayLike) -> _Floats:
    """Return how far each group's count lies from what a population would send.

    Parameters
    ----------
    counts : array_like of int, shape (k,)
        People who came, by group.
    shares : array_like of float, shape (k,)
        Of the population, taken as known; they add up to 1.

    Returns
    -------
    ndarray of float64, shape (k,)
        ``(count - n share) / sqrt(n share (1 - share))``, about standard normal if people come
        from that population; nan where the share is 0 or 1, or nobody came.

    References
    ----------
    .. [1] S. J. Haberman, "The analysis of residuals in cross-classified tables", Biometrics 29
       (1973) 205-220.

    Examples
    --------
    >>> standardised_residuals([30, 70], [0.5, 0.5]).tolist()
    [-4.0, 4.0]
    """
    came, share = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    spread = np.sqrt(came.sum() * share * (1 - share))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(spread > 0, (came - came.sum() * share) / spread, nan))


def homogeneity(reference: ArrayLike, current: ArrayLike, *, seed: int) -> MixShift:
    """Return whether two samples are of one mix of groups.

    Pearson's chi-squared by its distribution where at least 5 cases are to be expected in every
    cell, else by drawing tables with the same margins.

    Parameters
    ----------
    reference, current : array_like of int, shape (k,)
        Cases by group.
    seed : int
        The same seed gives the same p-value.

    References
    ----------
    .. [1] S. J. Haberman, "The analysis of residuals in cross-classified tables", Biometrics 29
       (1973) 205-220.

    Examples
    --------
    >>> found = homogeneity([500, 500], [40, 60], seed=0)
    >>> f"{found.statistic:.2f} p={found.p_value:.3f}", found.residuals.round(2).tolist()
    ('3.64 p=0.056', [-1.91, 1.91])
    """
    table = np.array([reference, current], dtype=np.int64)
    residuals = np.full(table.shape[1], nan)
    distance = jensen_shannon_distance(*table)
    comes = table.sum(axis=0) > 0
    seen, n = table[:, comes], table.sum(axis=1)
    if seen.shape[1] < 2 or not n.all():
        return MixShift(statistic=nan, p_value=nan, residuals=residuals, distance=distance)
    expected = np.outer(n, seen.sum(axis=0)) / n.sum()
    spread = np.sqrt(expected[1] * (1 - n[1] / n.sum()) * (1 - seen.sum(axis=0) / n.sum()))
    residuals[comes] = (seen[1] - expected[1]) / spread
    statistic = float(((seen - expected) ** 2 / expected).sum())
    if expected.min() >= _EXPECTED:
        from scipy.special import chdtrc

        p_value = float(chdtrc(seen.shape[1] - 1, statistic))
    else:
        p_value = _permuted(seen, expected, statistic, seed)
    return MixShift(statistic=statistic, p_value=p_value, residuals=residuals, distance=distance)


def population_stability_index(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the population stability index, for display: no test, and no threshold is right.

    Its size without any shift is about ``(k - 1) (1 / n + 1 / m)`` for k bins, so that the
    customary limits of .1 and .25 mean different things for every sample size. Half a case is
    added to every bin, or one empty bin would make it infinite.

    Parameters
    ----------
    reference, current : array_like of int, shape (k,)

    References
    ----------
    .. [1] B. Yurdakul, J. Naranjo, "Statistical properties of the population stability index",
       Journal of Risk Model Validation 14 (2020) 89-100.

    Examples
    --------
    >>> f"{population_stability_index([500, 500], [40, 60]):.3f}"
    '0.040'
    """
    p = np.asarray(reference, dtype=np.float64) + 0.5
    q = np.asarray(current, dtype=np.float64) + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _permuted(seen: NDArray[np.int64], expected: _Floats, statistic: float, seed: int) -> float:
    totals = seen.sum(axis=0)
    # one draw a case is quicker than one a group where groups are tiny
    method: Literal["count", "marginals"] = (
        "count" if totals.sum() < 20 * len(totals) else "marginals"
    )
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(
        totals, int(seen[1].sum()), size=_PERMUTATIONS, method=method
    )
    squares = (drawn - expected[1]) ** 2
    reached = (squares / expected[1] + squares / expected[0]).sum(axis=1) >= statistic - 1e-9
    return float((1 + reached.sum()) / (1 + _PERMUTATIONS))


def _relative_entropy(p: _Floats, q: _Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())
