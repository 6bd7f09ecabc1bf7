"""Whether the finding has become more frequent, or the scores themselves have changed.

If only the prevalence differs, scores are a mixture of the reference's scores of cases with and
without the finding, in other shares. How well the best mixture fits tells the two apart, and the
best shares estimate the prevalence, all without a single label.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, nan, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.records import Confusion, Interval

__all__ = ["MixtureFit", "black_box_prevalence", "fit_mixture"]

_GRID: Final = 2000
_BINS: Final = 10
_FEWEST: Final = 30
"""Cases of each class on the reference, and of all here, below which no mixture is fitted."""

_Floats: TypeAlias = NDArray[np.float64]


def black_box_prevalence(
    reference: Confusion, flagged: int, n: int, *, level: float = 0.95
) -> Interval:
    """Return the prevalence that explains how many cases were flagged here.

    ``(q - f) / (s - f)`` with q the share flagged here, s the sensitivity and f the false
    positive rate on the reference: right if, given the truth, the model answers as it did there.

    Parameters
    ----------
    reference : Confusion
        Decisions against truth before release.
    flagged, n : int
        Cases flagged here, and all cases here.
    level : float, default=0.95

    Returns
    -------
    Interval
        All prevalences p for which ``q - p s - (1 - p) f`` may be 0, by Wilson's limits of the
        three shares put together (Fieller's method with better limits): near-nominal or
        conservative; the whole range where the model does not tell cases apart. Vacuous if there
        is nothing to go by, or if no prevalence explains what was flagged: then more has shifted
        than that.

    References
    ----------
    .. [1] Z. C. Lipton, Y.-X. Wang, A. J. Smola, "Detecting and correcting for label shift with
       black box predictors", ICML (2018).
    .. [2] W. J. Rogan, B. Gladen, "Estimating prevalence from the results of a screening test",
       American Journal of Epidemiology 107 (1978) 71-76.

    Examples
    --------
    >>> before = Confusion(
    ...     true_positives=160, false_negatives=40, true_negatives=720, false_positives=80
    ... )
    >>> ci = black_box_prevalence(before, 120, 400)
    >>> f"{ci.estimate:.3f} [{ci.lower:.3f}, {ci.upper:.3f}]"
    '0.286 [0.218, 0.361]'
    """
    z = two_sided_z(level)
    hits = np.array([flagged, reference.true_positives, reference.false_positives])
    trials = np.array([n, reference.positives, reference.negatives])
    if not trials.all():
        return Interval.vacuous(level=level, n=n)
    q, s, f = hits / trials
    (q_low, s_low, f_low), (q_high, s_high, f_high) = wilson_limits(hits, trials, z)
    p = np.linspace(0, 1, _GRID + 1)
    difference = q - p * s - (1 - p) * f
    below = np.sqrt((q - q_low) ** 2 + (p * (s_high - s)) ** 2 + ((1 - p) * (f_high - f)) ** 2)
    above = np.sqrt((q_high - q) ** 2 + (p * (s - s_low)) ** 2 + ((1 - p) * (f - f_low)) ** 2)
    possible = p[(difference - below <= 0) & (difference + above >= 0)]
    if s <= f or not len(possible):
        return Interval.vacuous(level=level, n=n)
    estimate = float(np.clip((q - f) / (s - f), 0, 1))
    lower, upper = min(float(possible[0]), estimate), max(float(possible[-1]), estimate)
    return Interval(estimate, lower, upper, level, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureFit:
    """How far other shares of the same two kinds of cases explain the scores.

    Attributes
    ----------
    prevalence : Interval
        That of the best mixture; right only if the mixture fits.
    p_prevalence : float
        That this is the reference's prevalence.
    misfit : float
        Chi-squared distance to the best mixture.
    p_misfit : float
        That the scores are such a mixture at all: small where more than the prevalence shifted.
    bins : int
        Of the scores, 2 more than the misfit's degrees of freedom.
    """

    prevalence: Interval
    p_prevalence: float
    misfit: float
    p_misfit: float
    bins: int


def fit_mixture(
    positives: ArrayLike, negatives: ArrayLike, current: ArrayLike, *, level: float = 0.95
) -> MixtureFit:
    """Return the mixture of the reference's two histograms that comes closest to the scores here.

    Parameters
    ----------
    positives, negatives : array_like of int, shape (bins,)
        The reference's scores of cases with and without the finding.
    current : array_like of int, shape (bins,)
        Scores here, in the same bins.
    level : float, default=0.95

    Returns
    -------
    MixtureFit
        All nan, the interval vacuous, below 30 cases of either kind on the reference or here.

    Notes
    -----
    Bins are joined to at most ten of about equal mass. Minimum chi-squared with the covariance of
    all three histograms taken at each prevalence in turn; the minimum is then asymptotically
    chi-squared with two degrees of freedom fewer than bins, and the prevalences within z^2 of it
    are the interval.

    References
    ----------
    .. [1] L. P. Hansen, J. Heaton, A. Yaron, "Finite-sample properties of some alternative GMM
       estimators", Journal of Business and Economic Statistics 14 (1996) 262-280.
    .. [2] M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new a
       priori probabilities", Neural Computation 14 (2002) 21-41.

    Examples
    --------
    Twice as many with the finding, and otherwise nothing new:

    >>> positives, negatives = [10, 20, 30, 40], [400, 300, 150, 50]
    >>> fit = fit_mixture(positives, negatives, [73, 65, 37, 25])
    >>> f"{fit.prevalence.estimate:.2f} p={fit.p_prevalence:.3f} {fit.p_misfit:.2f}"
    '0.20 p=0.134 0.87'
    """
    z = two_sided_z(level)
    table = np.array([positives, negatives, current], dtype=np.float64)
    sizes = table.sum(axis=1)
    if sizes.min() < _FEWEST:
        return _no_fit(level, int(sizes[2]))
    joined = _joined(table)
    if joined.shape[1] < 3:
        return _no_fit(level, int(sizes[2]))
    p = np.linspace(0, 1, _GRID // 10 + 1)
    coarse = _distances(joined, p)
    around = float(p[np.argmin(coarse)])
    p = np.union1d(p, np.clip(np.linspace(around - 0.01, around + 0.01, 101), 0, 1))
    distances = _distances(joined, p)
    best = int(np.argmin(distances))
    misfit = float(distances[best])
    within = p[distances <= misfit + z * z]
    estimate, before = float(p[best]), sizes[0] / (sizes[0] + sizes[1])
    variance = 1 / _information(joined, estimate) + before * (1 - before) / (sizes[0] + sizes[1])
    from scipy.special import chdtrc

    return MixtureFit(
        prevalence=Interval(estimate, float(within[0]), float(within[-1]), level, int(sizes[2])),
        p_prevalence=erfc(abs(estimate - before) / sqrt(2 * variance)),
        misfit=misfit,
        p_misfit=float(chdtrc(joined.shape[1] - 2, misfit)),
        bins=joined.shape[1],
    )


def _joined(table: _Floats) -> _Floats:
    """Return the histograms in at most ten bins of about equal mass, the three weighing alike."""
    mass = np.cumsum((table / table.sum(axis=1, keepdims=True)).mean(axis=0))
    place = np.minimum((mass - 1e-9) * _BINS, _BINS - 1).astype(np.int64)
    joined = np.stack([np.bincount(place, row, minlength=_BINS) for row in table])
    return np.asarray(joined[:, joined.sum(axis=0) > 0], dtype=np.float64)


def _distances(joined: _Floats, p: _Floats) -> _Floats:
    """Return the squared distance of the scores here to the mixture at each prevalence."""
    difference, covariance = _residuals(joined, p)
    solved = np.linalg.solve(covariance, difference[:, :, np.newaxis])[:, :, 0]
    return np.asarray((difference * solved).sum(axis=1))


def _information(joined: _Floats, p: float) -> float:
    _, covariance = _residuals(joined, np.array([p]))
    shares = joined / joined.sum(axis=1, keepdims=True)
    slope = (shares[0] - shares[1])[:-1]
    return max(float(slope @ np.linalg.solve(covariance[0], slope)), 1e-12)


def _residuals(joined: _Floats, p: _Floats) -> tuple[_Floats, _Floats]:
    """Return, but for the last bin, here less mixture at each prevalence, and its covariance."""
    n = joined.sum(axis=1)
    shares = joined / n[:, np.newaxis]
    # half a case in every bin, for the covariance only: no bin is known without any error
    smooth = (joined + 0.5) / (n[:, np.newaxis] + 0.5 * joined.shape[1])
    p = p[:, np.newaxis]
    mixture = p * smooth[0] + (1 - p) * smooth[1]
    covariance = (
        _multinomial(mixture) / n[2]
        + p[:, :, np.newaxis] ** 2 * _multinomial(smooth[:1]) / n[0]
        + (1 - p[:, :, np.newaxis]) ** 2 * _multinomial(smooth[1:2]) / n[1]
    )
    difference = shares[2] - (p * shares[0] + (1 - p) * shares[1])
    return difference[:, :-1], covariance[:, :-1, :-1]


def _multinomial(shares: _Floats) -> _Floats:
    """Return the covariances of one draw from each row of shares, shape (rows, k, k)."""
    own = shares[:, :, np.newaxis] * np.eye(shares.shape[1])
    return np.asarray(own - shares[:, :, np.newaxis] * shares[:, np.newaxis, :])


def _no_fit(level: float, n: int) -> MixtureFit:
    return MixtureFit(
        prevalence=Interval.vacuous(level=level, n=n),
        p_prevalence=nan,
        misfit=nan,
        p_misfit=nan,
        bins=0,
    )
