"""Tests of two models on the same cases: of flips that go either way, and of too large a loss.

A loss is tested by Tango's score statistic. Up to `EXACT_UP_TO` cases its p-values are exact: the
largest chance of so extreme a table over all shares of flips, since at small n the normal one
errs (at 30 cases and a nominal 5 % it calls up to 8.7 % of harmless losses harm, by enumeration).

Where several images are of one patient, the p-values are those of the statistic among as many
independent pairs as the images are worth (`edgefair.audit.clustered_pairs`), from few patients
on: exact for that many, and no longer for the images. With one image of each patient nothing
changes.
"""

from __future__ import annotations

from functools import lru_cache
from math import erfc, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.clustered_pairs import clustered_mcnemar
from edgefair.audit.estimates import Worth
from edgefair.audit.paired import PairedCounts, tango_statistic, tango_z

__all__ = ["EXACT_UP_TO", "even_flips_p_values", "loss_p_values", "mcnemar"]

EXACT_UP_TO: Final = 500
"""Cases up to which the p-values of a loss are exact; beyond, the normal ones err by little."""

_ROUNDING: Final = 1e-9
_SHARES: Final = 25
"""Shares of flips to right over which the chance of a table is made as large as it can be."""

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]


def even_flips_p_values(counts: PairedCounts) -> _Floats:
    """Return the exact two-sided p-values of "flips go either way alike", nan without a case.

    McNemar's, by patient where several cases are of one (`clustered_mcnemar`).
    """
    if counts.patients is None:
        found = mcnemar(counts.lost, counts.gained)
    else:
        found = clustered_mcnemar(counts.patients)
    return np.where(counts.n > 0, found, np.nan)


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
        exact up to `EXACT_UP_TO` cases, each of another patient; nan where there is no case.

    References
    ----------
    .. [1] I. S. F. Chan, "Exact tests of equivalence and efficacy with a non-zero lower bound for
       comparative studies", Statistics in Medicine 17 (1998) 1403-1413: the principle.
    .. [2] H. M. Hsueh, J. P. Liu, J. J. Chen, "Unconditional exact tests for equivalence or
       noninferiority for paired binary endpoints", Biometrics 57 (2001) 478-483.

    Examples
    --------
    None of 30 cases flipped; the loss may still be a few points:

    >>> from edgefair.audit.paired import paired_counts
    >>> still = paired_counts([1] * 30, [1] * 30, [0] * 30, 1)
    >>> [round(float(p[0]), 3) for p in loss_p_values(still, 0.1)]
    [1.0, 0.042]
    """
    z = tango_z(counts, margin)
    worth = counts.worth
    if worth is None:
        return _p_values(z, counts.n, margin)
    # no less than by how patients differed, and no less than if all their images were alike
    seen = _p_values(*_among(z, counts.n, worth.seen), margin)
    at_worst = Worth(effective=worth.at_worst, freedom=np.full(z.shape, np.inf))
    least = _p_values(*_among(z, counts.n, at_worst), margin)
    return np.fmin(seen[0], least[0]), np.fmin(seen[1], least[1])


def _among(z: _Floats, n: _Counts, worth: Worth) -> tuple[_Floats, _Counts]:
    """Return the statistics of as many independent cases, whole ones, as these are worth."""
    from scipy.special import ndtri, stdtr

    whole = np.where(n > 0, np.maximum(np.floor(worth.effective + _ROUNDING), 1), 0)
    fewer = z * np.sqrt(whole / np.maximum(n, 1))
    estimated = np.isfinite(worth.freedom)
    student = np.sign(fewer) * -ndtri(
        stdtr(np.where(estimated, worth.freedom, 1.0), -np.abs(fewer))
    )
    return np.where(estimated, student, fewer), whole.astype(np.int64)


def _p_values(z: _Floats, n: _Counts, margin: float) -> tuple[_Floats, _Floats]:
    """Return the p-values of harm and ok of Tango's statistics z among n cases."""
    harm = np.array([_upper_tail(value) for value in z.tolist()])
    fine = np.array([_upper_tail(-value) for value in z.tolist()])
    for place in np.flatnonzero((n > 0) & (n <= EXACT_UP_TO)):
        harm[place], fine[place] = _exact_p_values(float(z[place]), int(n[place]), margin)
    return harm, fine


def _exact_p_values(seen: float, n: int, margin: float) -> tuple[float, float]:
    """Return the largest chance of a statistic no less extreme on either side, at the margin."""
    z, harm, fine = _tails(n, margin)
    # Tables that differ by rounding alone are equally extreme. A statistic between those of two
    # tables, as of images that are worth n cases, counts as the less extreme one.
    most = z[max(int(np.searchsorted(z, seen + _ROUNDING, "right")) - 1, 0)]
    least = z[min(int(np.searchsorted(z, seen - _ROUNDING, "left")), len(z) - 1)]
    first = int(np.searchsorted(z, most - _ROUNDING, "left"))
    last = int(np.searchsorted(z, least + _ROUNDING, "right")) - 1
    return float(harm[first]), float(fine[last])


@lru_cache(maxsize=16)
def _tails(n: int, margin: float) -> tuple[_Floats, _Floats, _Floats]:
    """Return the statistics of all tables of n cases, sorted, and the largest chance of each tail.

    Of one as large, and of one as small, over all shares of flips with the loss at the margin.
    """
    losses, gains = np.divmod(np.arange((n + 1) ** 2), n + 1)
    possible = losses + gains <= n
    losses, gains = losses[possible], gains[possible]
    z = tango_statistic(losses, gains, np.full(losses.shape, n), margin)
    order = np.argsort(z, kind="stable")
    z, losses, gains = z[order], losses[order], gains[order]
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    same = n - losses - gains
    ways = log_factorial[n] - log_factorial[losses] - log_factorial[gains] - log_factorial[same]
    harm, fine = np.zeros(z.shape), np.zeros(z.shape)
    for share in (1 - margin) / 2 * np.linspace(0, 1, _SHARES) ** 2:
        chance = np.exp(
            ways
            + _times_log(losses, share + margin)
            + _times_log(gains, share)
            + _times_log(same, 1 - 2 * share - margin)
        )
        harm = np.maximum(harm, np.cumsum(chance[::-1])[::-1])
        fine = np.maximum(fine, np.cumsum(chance))
    return z, np.minimum(harm, 1.0), np.minimum(fine, 1.0)


def _times_log(count: _Counts, share: float) -> _Floats:
    """Return ``count * log(share)``, 0 where the count is, and -inf where only the share is."""
    if share > 1e-15:
        return np.asarray(count * np.log(share))
    return np.where(count > 0, -np.inf, 0.0)


def _upper_tail(z: float) -> float:
    return erfc(z / sqrt(2)) / 2
