"""Exact tests of two rates: Fisher's, and Boschloo's, which is never less powerful."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BOSCHLOO_UP_TO", "EXACT_UP_TO", "Alternative", "boschloo", "exact_p_values", "fisher"]

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_AS_LIKELY: Final = 1 + 1e-12
"""What rounding may add to a probability before two equal ones look different."""

EXACT_UP_TO: Final = 1000
"""Cases on the smaller side up to which two rates are tested exactly; beyond, the score test and
an exact one agree."""

BOSCHLOO_UP_TO: Final = 1000
"""Product of the cases on both sides up to which Boschloo's test takes but some milliseconds."""

_NUISANCE: Final = 512
_ZOOMS: Final = 6


def fisher(
    hits: ArrayLike,
    n: ArrayLike,
    other_hits: ArrayLike,
    other_n: ArrayLike,
    *,
    alternative: Alternative = "two-sided",
) -> _Floats:
    """Return Fisher's p-values of k comparisons of two rates.

    Exact and conservative: the chance of a p-value of at most alpha under equal rates never
    exceeds alpha, and is often far below it.

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials in the groups.
    other_hits, other_n : array_like of int, shape (k,)
        The same in those they are compared with.
    alternative : {"two-sided", "less", "greater"}, default="two-sided"
        Which deviation of the group's rate from the other's counts; two-sided sums the tables
        that are no likelier than the one seen.

    Returns
    -------
    ndarray of float64, shape (k,)
        1 where either has no trial.

    References
    ----------
    .. [1] R. A. Fisher, "The logic of inductive inference", Journal of the Royal Statistical
       Society 98 (1935) 39-82.

    Examples
    --------
    >>> f"{fisher([8], [10], [1], [6]).item():.4f}"
    '0.0350'
    """
    x, m, y, k = (np.asarray(c, np.int64) for c in (hits, n, other_hits, other_n))
    tables = np.broadcast(x, m, y, k)
    if not tables.size:
        return np.zeros(tables.shape)
    possible, likely = _hypergeometric(m, k, x + y)
    seen = x[..., np.newaxis]
    if alternative == "less":
        counts = possible <= seen
    elif alternative == "greater":
        counts = possible >= seen
    else:
        counts = likely <= np.where(possible == seen, likely, 0).max(-1)[..., np.newaxis] * (
            _AS_LIKELY
        )
    return np.asarray(np.minimum(np.where(counts, likely, 0.0).sum(-1), 1.0))


def boschloo(
    hits: int,
    n: int,
    other_hits: int,
    other_n: int,
    *,
    alternative: Alternative = "two-sided",
) -> float:
    """Return Boschloo's p-value: exact over all rates that both could share.

    Fisher's one-sided p-value is the statistic; what is returned is the largest chance, over the
    common rate, of one as small as that seen. Exact up to the search for that rate (a grid of
    512, then six times finer around its best point), and never larger than Fisher's own.

    Parameters
    ----------
    hits, n, other_hits, other_n : int
        Successes and trials in the group, and in those it is compared with.
    alternative : {"two-sided", "less", "greater"}, default="two-sided"
        Two-sided is twice the smaller of the other two.

    Returns
    -------
    float
        1 where either has no trial.

    References
    ----------
    .. [1] R. D. Boschloo, "Raised conditional level of significance for the 2 x 2-table when
       testing the equality of two probabilities", Statistica Neerlandica 24 (1970) 1-35.

    Examples
    --------
    >>> f"{boschloo(8, 10, 1, 6, alternative='greater'):.4f}"
    '0.0088'
    """
    if not n or not other_n:
        return 1.0
    if alternative == "two-sided":
        sides = (_boschloo(hits, n, other_hits, other_n), _boschloo(other_hits, other_n, hits, n))
        return min(1.0, 2 * min(sides))
    if alternative == "less":
        return _boschloo(hits, n, other_hits, other_n)
    return _boschloo(other_hits, other_n, hits, n)


def exact_p_values(
    hits: ArrayLike, n: ArrayLike, other_hits: ArrayLike, other_n: ArrayLike
) -> _Floats:
    """Return exact two-sided p-values of "no difference" of k pairs of rates.

    Boschloo's where the pair is small (`BOSCHLOO_UP_TO`), else Fisher's; which of them is decided
    by the numbers of cases alone.

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials in the groups.
    other_hits, other_n : array_like of int, shape (k,)
        The same in those they are compared with, who are other cases.

    Returns
    -------
    ndarray of float64, shape (k,)
        nan where either has no trial, or both more than `EXACT_UP_TO`.

    Examples
    --------
    >>> exact_p_values([8, 80, 0], [10, 100, 0], [1, 10, 5], [6, 60, 9]).round(4).tolist()
    [0.0176, 0.0, nan]
    """
    counts = np.array([hits, n, other_hits, other_n], dtype=np.int64)
    _, m, _, k = counts
    found = np.full(m.shape, np.nan)
    tested = (np.minimum(m, k) > 0) & (np.minimum(m, k) <= EXACT_UP_TO)
    small = tested & (m * k <= BOSCHLOO_UP_TO)
    found[small] = [boschloo(*pair) for pair in counts[:, small].T.tolist()]
    # those of one size of support together: the largest would set the size of all
    order = np.flatnonzero(tested & ~small)
    for some in np.array_split(
        order[np.argsort(np.minimum(m, k)[order])], max(1, len(order) // 8)
    ):
        found[some] = fisher(*counts[:, some])
    return found


def _boschloo(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the p-value of "the first rate is not smaller"."""
    statistic = _fisher_less(n, other_n)
    rejected = statistic <= statistic[hits, other_hits] * _AS_LIKELY
    # with more hits among the others the statistic only falls: the region is an upper tail of
    # the other's hits for each number of the group's
    least = np.where(rejected.any(axis=1), rejected.argmax(axis=1), other_n + 1)
    grid = np.linspace(0, 1, _NUISANCE + 1)
    for _ in range(_ZOOMS):
        chance = _chance_of_region(grid, n, other_n, least)
        best = int(chance.argmax())
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], 65)
    return float(min(_chance_of_region(grid, n, other_n, least).max(), 1.0))


def _chance_of_region(shared: _Floats, n: int, other_n: int, least: _Counts) -> _Floats:
    """Return for each common rate the chance that the others have at least `least[hits]` hits."""
    from scipy.special import bdtrc

    hits = np.arange(n + 1)
    tail = np.where(least > 0, bdtrc(least - 1.0, other_n, shared[:, np.newaxis]), 1.0)
    tail = np.where(least > other_n, 0.0, tail)
    return np.asarray((_binomial(hits, n, shared[:, np.newaxis]) * tail).sum(axis=1))


def _fisher_less(n: int, other_n: int) -> _Floats:
    """Return Fisher's p-value "less" of every table, shape (n + 1, other_n + 1)."""
    hits, other_hits = np.ogrid[: n + 1, : other_n + 1]
    total = np.arange(n + other_n + 1)
    possible, likely = _hypergeometric(np.int64(n), np.int64(other_n), total)
    summed = np.minimum(np.cumsum(likely, axis=-1), 1.0)
    return np.asarray(summed[hits + other_hits, hits - possible[hits + other_hits, 0]])


def _hypergeometric(
    n: _Counts | np.int64, other_n: _Counts | np.int64, total: _Counts
) -> tuple[_Counts, _Floats]:
    """Return how many of `total` hits may fall to the first of two, and how likely each is.

    Returns
    -------
    possible : ndarray of int64, shape (k, s)
        From the fewest possible on.
    likely : ndarray of float64, shape (k, s)
        0 past the most possible.
    """
    fewest, most = np.maximum(0, total - other_n), np.minimum(total, n)
    steps = np.arange(int((most - fewest).max()) + 1)
    possible = fewest[..., np.newaxis] + steps
    inside = possible <= most[..., np.newaxis]
    x = np.where(inside, possible, fewest[..., np.newaxis])
    m, k, t = (np.asarray(c)[..., np.newaxis] for c in (n, other_n, total))
    log_likely = _log_choose(m, x) + _log_choose(k, t - x) - _log_choose(m + k, t)
    likely = np.where(inside, np.exp(log_likely), 0.0)
    # log-gammas of large counts leave a common factor behind that the sum must not have
    return possible, likely / likely.sum(-1, keepdims=True)


def _log_choose(n: _Counts, k: _Counts) -> _Floats:
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def _binomial(hits: _Counts, n: int, p: _Floats) -> _Floats:
    from scipy.special import xlog1py, xlogy

    log_ways = _log_choose(np.asarray(n), hits)
    return np.asarray(np.exp(log_ways + xlogy(hits, p) + xlog1py(n - hits, -p)))
