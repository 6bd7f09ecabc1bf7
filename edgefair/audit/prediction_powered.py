"""Few labels helped by many predictions: rates that are right whatever the predictions are worth.

A label tells the truth about one case, a probability guesses at every case. Where the guesses are
good, the average of the guesses, corrected by how wrong they were on the labelled cases, is surer
than the labels alone; where they are bad, they are weighed down to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.intervals import two_sided_z
from edgefair.records import Interval

__all__ = [
    "POWERED_FROM",
    "PredictionPowered",
    "powered_mean",
    "powered_sensitivity",
]

POWERED_FROM: Final = 30
"""Labelled cases of the metric's own denominator from which the normal approximation holds."""

_ROUNDING: Final = 1e-15
"""Variance of probabilities that is rounding, and no difference between cases."""

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPowered:
    """A rate from labels and predictions together.

    Attributes
    ----------
    interval : Interval
        In [0, 1]; vacuous below `POWERED_FROM` labelled cases. Its n are labels.
    trust : float
        Weight given to the predictions, lambda: 0 for none, about 1 for full; nan if vacuous.
    gain : float
        Variance of the labels alone over this one: how many times the labels it is worth, at
        least about 1; nan if vacuous.
    """

    interval: Interval
    trust: float
    gain: float


@dataclass(frozen=True, slots=True)
class _Powered:
    """Means of labelled values corrected by predictions of the same."""

    trust: float
    variance: float
    variance_of_labels: float


def powered_mean(
    y_true: ArrayLike, guessed: ArrayLike, guessed_unlabelled: ArrayLike, *, level: float = 0.95
) -> PredictionPowered:
    """Return the share of cases with the finding (or of any other yes or no) by PPI++.

    ``mean(y_L) + lam (mean(f_U) - mean(f_L))`` with
    ``lam = cov(y, f) / ((1 + n / N) var(f))``, its variance
    ``var(y - lam f) / n + lam^2 var(f) / N``.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Labels, of a simple random sample.
    guessed : array_like of float, shape (n,)
        Probabilities for the same cases, finite.
    guessed_unlabelled : array_like of float, shape (N,)
        Probabilities for cases of the same stream that nobody labelled.
    level : float, default=0.95

    Notes
    -----
    Asymptotic, and unbiased up to the estimation of lambda whatever the predictions are: they
    must only not have been fitted to these labels. The labelled cases must be a random sample of
    the stream: take each stratum of an audit by itself.

    References
    ----------
    .. [1] A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++: efficient prediction-powered
       inference", arXiv 2311.01453 (2023).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(0.5, 0.5, 1000)
    >>> y = rng.random(1000) < p
    >>> found = powered_mean(y[:100], p[:100], p[100:])
    >>> ci = found.interval
    >>> f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}], worth {found.gain:.1f} times"
    '0.51 [0.45, 0.58], worth 2.1 times'
    """
    y = np.asarray(y_true, dtype=np.float64)
    f, others = _checked(guessed, y), np.asarray(guessed_unlabelled, dtype=np.float64)
    z = two_sided_z(level)
    if len(y) < POWERED_FROM or not len(others):
        return _vacuous(level, len(y))
    powered = _powered(y, f, others)
    estimate = float(y.mean() + powered.trust * (others.mean() - f.mean()))
    return _result(estimate, powered, z, level, len(y))


def powered_sensitivity(
    y_true: ArrayLike,
    labelled: tuple[ArrayLike, ArrayLike],
    unlabelled: tuple[ArrayLike, ArrayLike],
    *,
    level: float = 0.95,
) -> PredictionPowered:
    """Return the sensitivity in one group by PPI++, as the ratio of two means.

    Sensitivity is the mean of "has it and was flagged" over the mean of "has it". Both are
    corrected with one lambda, that of the ratio's influence ``y (flagged - sensitivity)``
    against its guess ``p (flagged - sensitivity)``; the variance is linearised.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Labels, of a simple random sample of the group's cases.
    labelled, unlabelled : tuple of (flagged, probability)
        Decisions (bool) and calibrated probabilities, of the n labelled cases in the order of
        the labels, and of all others.
    level : float, default=0.95

    Returns
    -------
    PredictionPowered
        Vacuous below `POWERED_FROM` labelled positives.

    References
    ----------
    .. [1] A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++: efficient prediction-powered
       inference", arXiv 2311.01453 (2023).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> p = rng.beta(0.5, 1.0, 4000)
    >>> y, flagged = rng.random(4000) < p, p > 0.4
    >>> found = powered_sensitivity(y[:300], (flagged[:300], p[:300]), (flagged[300:], p[300:]))
    >>> ci = found.interval
    >>> f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}] n={ci.n}"
    '0.66 [0.59, 0.73] n=106'
    """
    y = np.asarray(y_true, dtype=np.float64)
    flagged, p = np.asarray(labelled[0], dtype=np.float64), _checked(labelled[1], y)
    others_flagged, others = (np.asarray(one, dtype=np.float64) for one in unlabelled)
    z = two_sided_z(level)
    positives = int(y.sum())
    if positives < POWERED_FROM or not len(others):
        return _vacuous(level, positives)
    plain = (y * flagged).sum() / positives
    powered = _powered(
        y * (flagged - plain), p * (flagged - plain), others * (others_flagged - plain)
    )
    trust = powered.trust
    with_finding = y.mean() + trust * (others.mean() - p.mean())
    found = (y * flagged).mean() + trust * (
        (others * others_flagged).mean() - (p * flagged).mean()
    )
    if with_finding <= 0:
        return _vacuous(level, positives)
    scaled = _Powered(
        trust,
        powered.variance / float(with_finding) ** 2,
        powered.variance_of_labels / float(y.mean()) ** 2,
    )
    return _result(float(found / with_finding), scaled, z, level, positives)


def _powered(y: _Floats, f: _Floats, others: _Floats) -> _Powered:
    n, more = len(y), len(others)
    variance_of_guess = float(np.concatenate([f, others]).var(ddof=1))
    covariance = float(np.cov(y, f)[0, 1])
    varies = variance_of_guess > _ROUNDING
    trust = covariance / ((1 + n / more) * variance_of_guess) if varies else 0.0
    variance = float((y - trust * f).var(ddof=1)) / n + trust**2 * float(others.var()) / more
    return _Powered(trust, variance, float(y.var(ddof=1)) / n)


def _result(
    estimate: float, powered: _Powered, z: float, level: float, n: int
) -> PredictionPowered:
    """Return Wilson's interval at the number of labels that would be as sure by themselves."""
    estimate = min(max(estimate, 0.0), 1.0)
    gain = powered.variance_of_labels / powered.variance if powered.variance > 0 else 1.0
    worth = n * max(gain, 1.0)
    centre = (estimate * worth + z * z / 2) / (worth + z * z)
    spread = estimate * (1 - estimate) / worth + z * z / (4 * worth**2)
    half = z * sqrt(spread) / (1 + z * z / worth)
    lower, upper = max(0.0, min(centre - half, estimate)), min(1.0, max(centre + half, estimate))
    return PredictionPowered(
        interval=Interval(estimate, lower, upper, level, n), trust=powered.trust, gain=gain
    )


def _checked(guessed: ArrayLike, y: _Floats) -> _Floats:
    f = np.asarray(guessed, dtype=np.float64)
    if f.shape != y.shape:
        raise ValueError(f"{len(y)} labels but {len(f)} probabilities")
    return f


def _vacuous(level: float, n: int) -> PredictionPowered:
    nan = float("nan")
    return PredictionPowered(interval=Interval.vacuous(level=level, n=n), trust=nan, gain=nan)
