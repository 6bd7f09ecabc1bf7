"""Two models on the same cases: flips, the loss of a rate, and whether it exceeds a margin.

A loss is tested by Tango's score statistic. Up to `EXACT_UP_TO` cases its p-values are exact: the
largest chance of so extreme a table over all shares of flips, since at small n the normal one
errs (at 30 cases and a nominal 5 % it calls up to 8.7 % of harmless losses harm, by enumeration).
Tango's limits, not Newcombe's, are shown beside them, because they invert the same statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erfc, sqrt
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.estimates import Rates

__all__ = [
    "EXACT_UP_TO",
    "PairedCounts",
    "loss_p_values",
    "mcnemar",
    "newcombe_paired_limits",
    "paired_counts",
    "tango_limits",
    "tango_z",
]

EXACT_UP_TO: Final = 500
"""Cases up to which the p-values of a loss are exact; beyond, the normal ones err by little."""

_HALVINGS: Final = 60
_SHARES: Final = 25
"""Shares of flips to right over which the chance of a table is made as large as it can be."""

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCounts:
    """Decisions of two models on the same cases in k groups; each of shape (k,).

    Attributes
    ----------
    both, neither : ndarray of int64
        Cases that both models decided right, and that neither did.
    lost, gained : ndarray of int64
        Cases that only the model before, and only the model after, decided right.
    """

    both: _Counts
    lost: _Counts
    gained: _Counts
    neither: _Counts

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            both=np.concatenate([part.both for part in parts]),
            lost=np.concatenate([part.lost for part in parts]),
            gained=np.concatenate([part.gained for part in parts]),
            neither=np.concatenate([part.neither for part in parts]),
        )

    @property
    def n(self) -> _Counts:
        """All cases."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def before(self) -> Rates:
        """Share of right decisions of the model before."""
        return Rates(self.both + self.lost, self.n)

    @property
    def after(self) -> Rates:
        """Share of right decisions of the model after."""
        return Rates(self.both + self.gained, self.n)

    @property
    def loss(self) -> _Floats:
        """The rate before less the rate after; nan where there is no case."""
        return np.where(self.n > 0, (self.lost - self.gained) / np.maximum(self.n, 1), np.nan)


def paired_counts(
    right_before: ArrayLike, right_after: ArrayLike, codes: ArrayLike, groups: int
) -> PairedCounts:
    """Return how the decisions of two models on the same cases went together in every group.

    Parameters
    ----------
    right_before, right_after : array_like of bool, shape (n,)
        Whether each model decided the case right.
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int
        Number of groups, with those that have no case.

    Examples
    --------
    >>> counts = paired_counts([1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1], 3)
    >>> counts.lost.tolist(), counts.loss.round(2).tolist()
    ([1, 1, 0], [0.33, 1.0, nan])
    """
    kind = 2 * np.asarray(right_before, dtype=np.int64) + np.asarray(right_after, dtype=np.int64)
    table = np.bincount(4 * np.asarray(codes, dtype=np.int64) + kind, minlength=4 * groups)
    neither, gained, lost, both = table.reshape(groups, 4).T
    return PairedCounts(both=both, lost=lost, gained=gained, neither=neither)


def mcnemar(lost: ArrayLike, gained: ArrayLike) -> _Floats:
    """Return the exact two-sided p-values of "a flip goes either way alike".

    Parameters
    ----------
    lost, gained : array_like of int, shape (k,)
        Flips either way.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated
       proportions or percentages", Psychometrika 12 (1947) 153-157; binomial form.

    Examples
    --------
    >>> mcnemar([1, 0], [7, 0]).round(4).tolist()
    [0.0703, 1.0]
    """
    from scipy.special import bdtr

    one, other = np.asarray(lost, dtype=np.int64), np.asarray(gained, dtype=np.int64)
    return np.asarray(np.minimum(1.0, 2 * bdtr(np.minimum(one, other), one + other, 0.5)))


def tango_z(counts: PairedCounts, loss: float | _Floats) -> _Floats:
    """Return how many standard normal units the loss seen lies above a supposed one.

    The variance is that of the most likely table with the supposed loss.

    Parameters
    ----------
    counts : PairedCounts
    loss : float or ndarray of float64, shape (k,)
        In (-1, 1).

    Returns
    -------
    ndarray of float64, shape (k,)
        Nan where there is no case.

    References
    ----------
    .. [1] T. Tango, "Equivalence test and confidence interval for the difference in proportions
       for the paired-sample design", Statistics in Medicine 17 (1998) 891-908.
    """
    return _score(counts.lost, counts.gained, counts.n, np.asarray(loss, dtype=np.float64))


def tango_limits(counts: PairedCounts, z: float | _Floats) -> tuple[_Floats, _Floats]:
    """Return the limits of each loss: those that the score statistic reaches `z` at.

    Parameters
    ----------
    counts : PairedCounts
    z : float or ndarray of float64, shape (k,)
        Normal quantile, positive.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        -1 and 1 where there is no case.

    Examples
    --------
    Airway hyper-responsiveness of 21 children before and after a transplantation (Bentur et al.,
    2009), as in Fagerland et al. (2014):

    >>> one = PairedCounts(
    ...     both=np.array([1]), lost=np.array([1]), gained=np.array([7]), neither=np.array([12])
    ... )
    >>> [round(float(limit[0]), 3) for limit in tango_limits(one, 1.959964)]
    [-0.517, -0.026]
    """
    seen = np.where(counts.n > 0, counts.loss, 0.0)

    def within(loss: _Floats) -> NDArray[np.bool_]:
        return np.asarray(np.abs(tango_z(counts, loss)) <= z)

    lower = _edge(seen, np.full(seen.shape, -1.0), within)
    upper = _edge(seen, np.full(seen.shape, 1.0), within)
    return np.where(counts.n > 0, lower, -1.0), np.where(counts.n > 0, upper, 1.0)


def newcombe_paired_limits(counts: PairedCounts, z: float | _Floats) -> tuple[_Floats, _Floats]:
    """Return Newcombe's limits of each loss, by method 10: Wilson limits, squared and added.

    Parameters
    ----------
    counts : PairedCounts
    z : float or ndarray of float64, shape (k,)
        Normal quantile, positive.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        -1 and 1 where there is no case.

    References
    ----------
    .. [1] R. G. Newcombe, "Improved confidence intervals for the difference between binomial
       proportions based on paired data", Statistics in Medicine 17 (1998) 2635-2650.

    Examples
    --------
    The table of `tango_limits`:

    >>> one = PairedCounts(
    ...     both=np.array([1]), lost=np.array([1]), gained=np.array([7]), neither=np.array([12])
    ... )
    >>> [round(float(limit[0]), 3) for limit in newcombe_paired_limits(one, 1.959964)]
    [-0.507, -0.026]
    """
    before, after, n = counts.before, counts.after, counts.n
    (lower1, upper1), (lower2, upper2) = before.limits(z), after.limits(z)
    p1, p2 = before.estimate, after.estimate
    correlation = _corrected_correlation(counts)
    below = _added(p1 - lower1, upper2 - p2, correlation)
    above = _added(upper1 - p1, p2 - lower2, correlation)
    return np.where(n > 0, p1 - p2 - below, -1.0), np.where(n > 0, p1 - p2 + above, 1.0)


def loss_p_values(counts: PairedCounts, margin: float) -> tuple[_Floats, _Floats]:
    """Return one-sided p-values of "at most the margin", and of "at least the margin".

    Parameters
    ----------
    counts : PairedCounts
    margin : float
        Largest acceptable loss, in (0, 1).

    Returns
    -------
    p_harm, p_ok : ndarray of float64, shape (k,)
        Small where the loss is shown to exceed the margin, and where it is shown to stay below;
        exact up to `EXACT_UP_TO` cases; nan where there is no case.

    References
    ----------
    .. [1] I. S. F. Chan, "Exact tests of equivalence and efficacy with a non-zero lower bound for
       comparative studies", Statistics in Medicine 17 (1998) 1403-1413: the principle.
    .. [2] H. M. Hsueh, J. P. Liu, J. J. Chen, "Unconditional exact tests for equivalence or
       noninferiority for paired binary endpoints", Biometrics 57 (2001) 478-483.

    Examples
    --------
    None of 30 cases flipped; the loss may still be a few points:

    >>> still = paired_counts([1] * 30, [1] * 30, [0] * 30, 1)
    >>> [round(float(p[0]), 3) for p in loss_p_values(still, 0.1)]
    [1.0, 0.042]
    """
    z = tango_z(counts, margin)
    harm = np.array([_upper_tail(value) for value in z.tolist()])
    fine = np.array([_upper_tail(-value) for value in z.tolist()])
    for place in np.flatnonzero((counts.n > 0) & (counts.n <= EXACT_UP_TO)):
        harm[place], fine[place] = _exact_p_values(
            int(counts.lost[place]), int(counts.gained[place]), int(counts.n[place]), margin
        )
    return harm, fine


@lru_cache(maxsize=4096)
def _exact_p_values(lost: int, gained: int, n: int, margin: float) -> tuple[float, float]:
    """Return the largest chance of a table no less extreme on either side, at the margin."""
    losses, gains, ways = _tables(n)
    z = _score(losses, gains, np.full(losses.shape, n), np.float64(margin))
    seen = z[(losses == lost) & (gains == gained)][0]
    # tables that differ by rounding alone are equally extreme
    is_harm, is_fine = z >= seen - 1e-9, z <= seen + 1e-9
    harm = fine = 0.0
    for share in (1 - margin) / 2 * np.linspace(0, 1, _SHARES) ** 2:
        chance = np.exp(
            ways
            + _times_log(losses, share + margin)
            + _times_log(gains, share)
            + _times_log(n - losses - gains, 1 - 2 * share - margin)
        )
        harm = max(harm, float(chance[is_harm].sum()))
        fine = max(fine, float(chance[is_fine].sum()))
    return min(harm, 1.0), min(fine, 1.0)


@lru_cache(maxsize=8)
def _tables(n: int) -> tuple[_Counts, _Counts, _Floats]:
    """Return all pairs of flips among n cases, and the log of how many ways lead to each."""
    losses, gains = np.divmod(np.arange((n + 1) ** 2), n + 1)
    possible = losses + gains <= n
    losses, gains = losses[possible], gains[possible]
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = log_factorial[n] - log_factorial[losses] - log_factorial[gains]
    return losses, gains, ways - log_factorial[n - losses - gains]


def _times_log(count: _Counts, share: float) -> _Floats:
    """Return ``count * log(share)``, 0 where the count is, and -inf where only the share is."""
    if share > 1e-15:
        return np.asarray(count * np.log(share))
    return np.where(count > 0, -np.inf, 0.0)


def _score(lost: _Counts, gained: _Counts, n: _Counts, loss: _Floats | np.float64) -> _Floats:
    b, c = lost.astype(np.float64), gained.astype(np.float64)
    linear = (2 * n - b + c) * loss - b - c
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * loss * (1 - loss), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        gained_share = (root - linear) / (4 * n)
        variance = n * np.maximum(2 * gained_share + loss * (1 - loss), 0)
        excess = b - c - n * loss
        # without any variance what is seen is certain, and anything else is out of the question
        z = np.where(np.abs(excess) < 1e-9, 0.0, excess / np.sqrt(variance))
    return np.where(n > 0, z, np.nan)


def _edge(
    inside: _Floats, outside: _Floats, within: Callable[[_Floats], NDArray[np.bool_]]
) -> _Floats:
    """Return where, between a point inside and the end of the range, losses stop being within."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        hit = within(middle)
        inside, outside = np.where(hit, middle, inside), np.where(hit, outside, middle)
    return (inside + outside) / 2


def _corrected_correlation(counts: PairedCounts) -> _Floats:
    """Return phi with Newcombe's correction for continuity; 0 where a margin is empty."""
    a, b, c, d = (
        part.astype(np.float64)
        for part in (counts.both, counts.lost, counts.gained, counts.neither)
    )
    spread = np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    together = a * d - b * c
    corrected = np.where(together > 0, np.maximum(together - counts.n / 2, 0), together)
    return np.where(spread > 0, corrected / np.where(spread > 0, spread, 1), 0.0)


def _added(one: _Floats, other: _Floats, correlation: _Floats) -> _Floats:
    return np.sqrt(np.maximum(one**2 - 2 * correlation * one * other + other**2, 0))


def _upper_tail(z: float) -> float:
    return erfc(z / sqrt(2)) / 2
