"""How many have a finding, from few labels drawn by lot and the model's scores of everybody.

The scores are no truth. But how far they are off is seen on the labelled cases, so that their mean
over all cases, put right by that, is surer than the labels alone where they are any good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.audit.prediction_powered import POWERED_FROM
from edgefair.records import Group, Interval

__all__ = ["PoweredAside", "PoweredGroup", "PoweredStratum", "powered_group", "stratum_of"]

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoweredStratum:
    """Cases of which some were labelled by lot, each with the same chance.

    Attributes
    ----------
    labelled, others : int
        Cases with and without a label, at least 2 and 1.
    share : float
        Of the labelled that have the finding.
    guess, guess_of_others : float
        Mean probability of either.
    variance, variance_of_guess, variance_of_others : float
        Of labels, of their probabilities, and of the probabilities of the others.
    covariance : float
        Of labels with their probabilities.
    """

    labelled: int
    others: int
    share: float
    guess: float
    guess_of_others: float
    variance: float
    variance_of_guess: float
    variance_of_others: float
    covariance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoweredGroup:
    """How many of one group have the finding.

    Attributes
    ----------
    group : Group
    strata : tuple of PoweredStratum
    known, known_positives : int
        Cases that stand for themselves alone, and how many of them have the finding.
    by_labels : Interval
        From the labels alone, each counting for those it was drawn from.
    with_scores : Interval
        From labels and scores together.
    gain : float
        How many times the labels the scores were worth; 1 where they told nothing.
    """

    group: Group
    strata: tuple[PoweredStratum, ...]
    known: int
    known_positives: int
    by_labels: Interval
    with_scores: Interval
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoweredAside:
    """One finding, group by group, everybody first."""

    finding: str
    groups: tuple[PoweredGroup, ...]


def stratum_of(labels: _Floats, guesses: _Floats, guesses_of_others: _Floats) -> PoweredStratum:
    """Return the sums of one stratum.

    Parameters
    ----------
    labels, guesses : ndarray of float64, shape (n,)
        1 or 0, and the probability, of the labelled; at least 2.
    guesses_of_others : ndarray of float64, shape (m,)
        Of all others of the stratum; at least 1.
    """
    return PoweredStratum(
        labelled=len(labels),
        others=len(guesses_of_others),
        share=float(labels.mean()),
        guess=float(guesses.mean()),
        guess_of_others=float(guesses_of_others.mean()),
        variance=float(labels.var(ddof=1)),
        variance_of_guess=float(guesses.var(ddof=1)),
        variance_of_others=float(guesses_of_others.var()),
        covariance=float(np.cov(labels, guesses)[0, 1]),
    )


def powered_group(
    group: Group,
    strata: Sequence[PoweredStratum],
    *,
    known: int,
    known_positives: int,
    level: float,
) -> PoweredGroup | None:
    r"""Return the prevalence in one group with and without the scores; None with too few labels.

    Stratified PPI++: in stratum h of :math:`N_h` cases, :math:`n_h` labelled,

    .. math:: \hat\theta = \sum_h \frac{N_h}{N} \left[ \bar y_h + \lambda (\bar f_h^U - \bar f_h^L)
        \right], \quad \lambda = \frac{\sum_h N_h^2 \, cov_h(y, f) / n_h}
        {\sum_h N_h^2 [var_h(f^L) / n_h + var_h(f^U) / (N_h - n_h)]}

    with one lambda, the best, for all strata. Its variance is that of the strata, and of the mix
    of strata in the stream that the cases are a sample of. Wilson's interval at as many cases as
    have that variance.

    Parameters
    ----------
    group : Group
    strata : sequence of PoweredStratum
    known, known_positives : int
        Cases that stand for themselves alone: all of a stratum without others, and those that
        were verified for a reason of their own.
    level : float

    Returns
    -------
    PoweredGroup or None
        None with fewer than `POWERED_FROM` labels drawn by lot.

    Notes
    -----
    Asymptotic, and without bias whatever the scores are worth, up to the estimation of lambda;
    they must not have been fitted to these labels. Images must be of different patients.

    References
    ----------
    .. [1] A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++: efficient prediction-powered
       inference", arXiv 2311.01453 (2023).
    .. [2] A. Fisch et al., "Stratified prediction-powered inference for hybrid language model
       evaluation", arXiv 2406.04291 (2024).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(0.5, 0.5, 1000)
    >>> y = (rng.random(1000) < p).astype(float)
    >>> sums = [stratum_of(y[:100], p[:100], p[100:])]
    >>> found = powered_group(Group(), sums, known=0, known_positives=0, level=0.95)
    >>> for ci in (found.by_labels, found.with_scores):
    ...     print(f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}]")
    0.54 [0.44, 0.63]
    0.52 [0.45, 0.58]
    """
    labels = sum(one.labelled for one in strata)
    if labels < POWERED_FROM:
        return None
    every = known + sum(one.labelled + one.others for one in strata)
    weights = np.array([(one.labelled + one.others) / every for one in strata])
    trust = _trust(weights, strata)
    found = [
        _estimate(weights, strata, lam, (known, known_positives, every)) for lam in (0.0, trust)
    ]
    fewest = sum(w**2 / one.labelled for w, one in zip(weights, strata, strict=True))
    intervals = [
        _interval(theta, sampled + mixed, (labels, 1 / fewest), level)
        for theta, sampled, mixed in found
    ]
    plain, powered = found[0][1], found[1][1]
    return PoweredGroup(
        group=group,
        strata=tuple(strata),
        known=known,
        known_positives=known_positives,
        by_labels=intervals[0],
        with_scores=intervals[1],
        gain=plain / powered if powered > 0 else 1.0,
    )


def _trust(weights: _Floats, strata: Sequence[PoweredStratum]) -> float:
    together = sum(
        w**2 * one.covariance / one.labelled for w, one in zip(weights, strata, strict=True)
    )
    spread = sum(
        w**2 * (one.variance_of_guess / one.labelled + one.variance_of_others / one.others)
        for w, one in zip(weights, strata, strict=True)
    )
    return float(together / spread) if spread > 0 else 0.0


def _estimate(
    weights: _Floats,
    strata: Sequence[PoweredStratum],
    trust: float,
    sizes: tuple[int, int, int],
) -> tuple[float, float, float]:
    """Return the estimate, its variance from who was labelled, and from who came."""
    known, positives, every = sizes
    shares = np.array([s.share + trust * (s.guess_of_others - s.guess) for s in strata])
    theta = float(np.clip(positives / every + weights @ shares, 0, 1))
    sampled = sum(
        w**2
        * (
            (s.variance - 2 * trust * s.covariance + trust**2 * s.variance_of_guess) / s.labelled
            + trust**2 * s.variance_of_others / s.others
        )
        for w, s in zip(weights, strata, strict=True)
    )
    apart = positives * (1 - theta) ** 2 + (known - positives) * theta**2
    mixed = float(weights @ (shares - theta) ** 2) + apart / every
    return theta, float(sampled), mixed / every


def _interval(theta: float, variance: float, cases: tuple[int, float], level: float) -> Interval:
    """Return Wilson's interval; with no variance to be seen, at what the labels' weights leave."""
    labels, without_variance = cases
    worth = theta * (1 - theta) / variance if variance > 0 else 0.0
    effective = worth if worth > 0 else without_variance
    lower, upper = wilson_limits(theta * effective, effective, two_sided_z(level))
    return Interval(theta, min(float(lower), theta), max(float(upper), theta), level, labels)
