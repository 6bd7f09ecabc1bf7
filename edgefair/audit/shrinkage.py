"""Small cells that borrow from each other: beta-binomial empirical Bayes.

What each cell's rate would be if it were one of a family of rates whose spread the cells
themselves tell. For intersections of a few cases each it errs far less on average than the raw
rate; it is never what a verdict rests on, because it draws an outlying group towards all others,
and harm is about those who lie outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BetaPrior", "Shrunken", "fit_beta_prior", "shrink"]

_Floats: TypeAlias = NDArray[np.float64]

_FEWEST_CELLS: Final = 3
"""Below this many cells their spread says next to nothing."""

_LARGEST_WORTH: Final = 100
"""Times all cases there are, to search up to."""

_ZOOMS: Final = 8
_STEPS: Final = 33
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPrior:
    """The family of rates: Beta(a, b).

    Attributes
    ----------
    a, b : float
        Above 0; ``a + b`` is how many cases the family's knowledge is worth.
    """

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The family's mean rate."""
        return self.a / (self.a + self.b)

    @property
    def worth(self) -> float:
        """How many cases of its own a cell's prior knowledge is worth."""
        return self.a + self.b


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunken:
    """Rates of k cells after borrowing, each attribute an ndarray of float64 of shape (k,).

    Attributes
    ----------
    estimate : ndarray of float64
        ``(hits + a) / (n + a + b)``.
    lower, upper : ndarray of float64
        Equal-tailed limits of the Beta posterior.
    borrowed : ndarray of float64
        ``(a + b) / (n + a + b)``: the weight of the other cells, 1 where the cell has no case.
    """

    estimate: _Floats
    lower: _Floats
    upper: _Floats
    borrowed: _Floats


def fit_beta_prior(hits: ArrayLike, n: ArrayLike) -> BetaPrior | None:
    """Return the Beta(a, b) that the cells' hits speak for.

    The marginal likelihood of beta-binomial counts, maximised over the mean (in which it is
    concave) for each ``a + b``. Over ``a + b`` the likelihood alone would often rise for ever,
    and claim that all cells are one; it is weighed by the prior under which a cell of mean size
    borrows any share of its strength equally likely, on the scale of ``log(a + b)``. That leaves
    the error of the rates as it is and keeps the intervals honest: .89 to .99 of nominal .95 in
    place of .80 to .89 (simulated, 24 cells of 150 cases in all).

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials; cells without trials are passed over.

    Returns
    -------
    BetaPrior or None
        None with fewer than three cells that have cases, or no hit or nothing but hits at all.

    References
    ----------
    .. [1] J. G. Skellam, "A probability distribution derived from the binomial distribution by
       regarding the probability of success as variable between the sets of trials", Journal of
       the Royal Statistical Society B 10 (1948) 257-261.
    .. [2] M. J. Daniels, "A prior for the variance in hierarchical models", Canadian Journal of
       Statistics 27 (1999) 567-578: uniform shrinkage.

    Examples
    --------
    >>> prior = fit_beta_prior([1, 2, 6, 3, 9], [10, 12, 11, 14, 12])
    >>> f"{prior.mean:.3f} {prior.worth:.2f}"
    '0.356 6.26'
    """
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    k, m = k[m > 0], m[m > 0]
    if len(m) < _FEWEST_CELLS or not 0 < k.sum() < m.sum():
        return None
    low, high = np.log(1e-2), np.log(_LARGEST_WORTH * m.sum())
    for _ in range(_ZOOMS):
        logs = np.linspace(low, high, _STEPS)
        worth = np.exp(logs)
        mean = _likeliest_mean(k, m, worth)
        log_prior = logs - 2 * np.log(worth + m.mean())
        likelihood = _log_likelihood(k, m, mean * worth, (1 - mean) * worth)
        best = int((likelihood + log_prior).argmax())
        low, high = logs[max(best - 1, 0)], logs[min(best + 1, _STEPS - 1)]
    a = float(mean[best] * worth[best])
    return BetaPrior(a=a, b=float(worth[best]) - a)


def shrink(hits: ArrayLike, n: ArrayLike, prior: BetaPrior, *, level: float = 0.95) -> Shrunken:
    """Return the cells' rates drawn towards their family's, and how much was borrowed.

    Parameters
    ----------
    hits, n : array_like of int, shape (k,)
        Successes and trials.
    prior : BetaPrior
        As `fit_beta_prior` returns it.
    level : float, default=0.95
        Of the intervals, in (0, 1).

    Notes
    -----
    The intervals hold on average over the cells, and approximately: the family's own a and b
    were estimated from the same cells and are taken as known, so that with few cells they are
    somewhat too narrow, and for one cell that lies far from the others they may be far off.

    References
    ----------
    .. [1] C. N. Morris, "Parametric empirical Bayes inference: theory and applications", JASA 78
       (1983) 47-55.

    Examples
    --------
    >>> found = shrink([0, 5], [2, 50], BetaPrior(a=2, b=18))
    >>> found.estimate.round(3).tolist(), found.borrowed.round(3).tolist()
    ([0.091, 0.1], [0.909, 0.286])
    """
    from scipy.special import betaincinv

    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    a, b, tail = k + prior.a, m - k + prior.b, (1 - level) / 2
    return Shrunken(
        estimate=a / (a + b),
        lower=np.asarray(betaincinv(a, b, tail)),
        upper=np.asarray(betaincinv(a, b, 1 - tail)),
        borrowed=prior.worth / (m + prior.worth),
    )


def _likeliest_mean(hits: _Floats, n: _Floats, worth: _Floats) -> _Floats:
    """Return for each ``a + b`` the mean at which the likelihood, concave in it, no more rises."""
    from scipy.special import digamma

    low, high = np.zeros(worth.shape), np.ones(worth.shape)
    for _ in range(_HALVINGS):
        mean = (low + high) / 2
        a, b = (mean * worth)[:, np.newaxis], ((1 - mean) * worth)[:, np.newaxis]
        slope = digamma(hits + a) - digamma(a) - digamma(n - hits + b) + digamma(b)
        rises = slope.sum(axis=1) > 0
        low, high = np.where(rises, mean, low), np.where(rises, high, mean)
    return (low + high) / 2


def _log_likelihood(hits: _Floats, n: _Floats, a: _Floats, b: _Floats) -> _Floats:
    """Return the log marginal likelihood of each (a, b), the binomial coefficients left out."""
    from scipy.special import betaln

    a, b = a[:, np.newaxis], b[:, np.newaxis]
    return np.asarray((betaln(hits + a, n - hits + b) - betaln(a, b)).sum(axis=1))
