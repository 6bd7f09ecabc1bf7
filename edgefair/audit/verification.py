"""Rates where only some cases were verified, and those not at random.

Whoever confirms mostly what the model flagged finds few of the cases that it missed, and computes
a sensitivity near 1. Within one decision, though, who was verified says little about the truth:
so the share with the finding is taken among the verified of each decision, and carried over to
all cases with that decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.corrected_rates import CorrectedRates

__all__ = [
    "VerifiedCounts",
    "begg_greenes",
    "inclusion_probabilities",
    "inverse_probability",
    "verified_counts",
]

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]
_Limits: TypeAlias = tuple[_Floats, _Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCounts:
    """All cases and the verified ones in k groups, each an ndarray of int64 of shape (k,).

    Attributes
    ----------
    flagged, cleared : ndarray of int64
        All cases with either decision, verified or not.
    true_positives, false_positives : ndarray of int64
        The verified among the flagged.
    true_negatives, false_negatives : ndarray of int64
        The verified among the cleared.
    """

    flagged: _Ints
    cleared: _Ints
    true_positives: _Ints
    false_positives: _Ints
    true_negatives: _Ints
    false_negatives: _Ints


def verified_counts(
    y_true: ArrayLike, flagged: ArrayLike, codes: ArrayLike, groups: int
) -> VerifiedCounts:
    """Return how many cases were flagged and cleared, and what the verified ones proved to be.

    Parameters
    ----------
    y_true : array_like of int, shape (n,)
        1 where the finding was there, 0 where not, -1 where nobody verified it.
    flagged : array_like of bool, shape (n,)
        Whether the model flagged the case.
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int
        Number of groups, with those that have no case.

    Examples
    --------
    >>> counts = verified_counts([1, -1, 0, -1], [True, True, False, False], [0, 0, 0, 0], 1)
    >>> counts.flagged.tolist(), counts.true_positives.tolist(), counts.true_negatives.tolist()
    ([2], [1], [1])
    """
    truth, decision = np.asarray(y_true, dtype=np.int64), np.asarray(flagged, dtype=np.int64)
    kind = 3 * decision + truth + 1
    table = np.bincount(6 * np.asarray(codes, dtype=np.int64) + kind, minlength=6 * groups)
    unknown, tn, fn, unknown_flagged, fp, tp = table.reshape(groups, 6).T
    return VerifiedCounts(
        flagged=unknown_flagged + fp + tp,
        cleared=unknown + tn + fn,
        true_positives=tp,
        false_positives=fp,
        true_negatives=tn,
        false_negatives=fn,
    )


def begg_greenes(counts: VerifiedCounts, metric: str) -> CorrectedRates:
    """Return a rate corrected as if the verified were a random sample of each decision.

    Parameters
    ----------
    counts : VerifiedCounts
        Of k groups.
    metric : str
        Any of `edgefair.audit.rates.DECISION_RATES`.

    Notes
    -----
    Assumes that within a group and a decision the verified are like the others. Cases that
    somebody looked into because they looked ill are not: give those a probability of 1 in
    `inverse_probability` instead.

    Examples
    --------
    Nine of ten flagged cases were verified, and one of twenty cleared ones. Counted naively,
    108 of 110 with the finding were flagged; the two that were missed stand for forty.

    >>> truth = [1] * 108 + [0] * 72 + [-1] * 20 + [1] * 2 + [0] * 88 + [-1] * 1710
    >>> counts = verified_counts(truth, [True] * 200 + [False] * 1800, [0] * 2000, 1)
    >>> found = begg_greenes(counts, "sensitivity")
    >>> lower, upper = found.limits(1.96)
    >>> f"{found.estimate[0]:.3f} [{lower[0]:.3f}, {upper[0]:.3f}] n={found.n[0]}"
    '0.750 [0.458, 0.917] n=110'

    References
    ----------
    .. [1] C. B. Begg, R. A. Greenes, "Assessment of diagnostic tests when disease verification is
       subject to selection bias", Biometrics 39 (1983) 207-215.
    """
    n_flagged = (counts.true_positives + counts.false_positives).astype(np.float64)
    n_cleared = (counts.true_negatives + counts.false_negatives).astype(np.float64)
    return CorrectedRates(
        metric=metric,
        n=_denominator(counts, metric),
        flagged=counts.flagged,
        cleared=counts.cleared,
        p_flagged=_share(counts.true_positives, n_flagged),
        p_cleared=_share(counts.false_negatives, n_cleared),
        n_flagged=n_flagged,
        n_cleared=n_cleared,
    )


def inclusion_probabilities(
    strata: ArrayLike, verified: ArrayLike, representative: ArrayLike
) -> _Floats:
    """Return with what probability each verified case came to be verified.

    Cases that were verified for a reason of their own stand for themselves alone. The
    representative ones stand for themselves and for all of their stratum that nobody verified.

    Parameters
    ----------
    strata : array_like of int, shape (n,)
        Group and decision (and sampling stratum) of each case, counted from 0.
    verified : array_like of bool, shape (n,)
        Whether the truth is known.
    representative : array_like of bool, shape (n,)
        Whether the case was picked without regard to its truth, as
        `edgefair.audit.verification_state.is_representative` tells.

    Returns
    -------
    ndarray of float64, shape (n,)
        In (0, 1]; nan where not verified.

    Examples
    --------
    >>> inclusion_probabilities([0] * 5, [1, 1, 0, 0, 0], [0, 1, 0, 0, 0]).tolist()
    [1.0, 0.25, nan, nan, nan]
    """
    stratum = np.asarray(strata, dtype=np.int64)
    known, picked = np.asarray(verified, dtype=bool), np.asarray(representative, dtype=bool)
    size = int(stratum.max(initial=-1)) + 1
    drawn = np.bincount(stratum[known & picked], minlength=size)
    left = np.bincount(stratum[~known], minlength=size)
    share = drawn / np.maximum(drawn + left, 1)
    return np.where(known, np.where(picked, share[stratum], 1.0), np.nan)


def inverse_probability(
    y_true: ArrayLike, flagged: ArrayLike, codes: ArrayLike, probability: ArrayLike, metric: str
) -> CorrectedRates:
    """Return a rate in which each verified case counts for all those it was drawn to stand for.

    Hajek's ratio of weighted sums within each decision; its linearised variance says on how many
    cases drawn with equal chances the share would be as sure, and Wilson's interval is taken at
    that number. Where all chances within a decision are equal this is `begg_greenes`.

    Parameters
    ----------
    y_true : array_like of int, shape (n,)
        1, 0, or -1 where nobody verified the case.
    flagged : array_like of bool, shape (n,)
    codes : array_like of int, shape (n,)
        Group of each case, from 0 on.
    probability : array_like of float, shape (n,)
        Chance with which a verified case was to be verified, in (0, 1]; others are not read.
    metric : str
        Any of `edgefair.audit.rates.DECISION_RATES`.

    Returns
    -------
    CorrectedRates
        Of ``max(codes) + 1`` groups.

    Notes
    -----
    Every case must have had a chance to be verified. The variance is that of a rate in the whole
    stream of patients, of which the cases are a sample themselves. Asymptotic; the effective
    number is never taken as larger than Kish's, which makes the interval conservative where some
    cases stand for themselves alone.

    References
    ----------
    .. [1] J. Hajek, comment on D. Basu's paper, in "Foundations of Statistical Inference", Holt,
       Rinehart and Winston (1971) 236.
    .. [2] C.-E. Sarndal, B. Swensson, J. Wretman, "Model Assisted Survey Sampling", Springer
       (1992), section 5.7.
    .. [3] E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data", Survey Methodology 24 (1998)
       193-201.

    Examples
    --------
    Two cleared cases were looked into because they looked ill, and two of twenty others drawn.

    >>> truth = [1] * 8 + [1, 1] + [1, 0] + [-1] * 18
    >>> flagged = [True] * 8 + [False] * 22
    >>> chance = [1.0] * 10 + [0.1] * 2 + [float("nan")] * 18
    >>> found = inverse_probability(truth, flagged, [0] * 30, chance, "sensitivity")
    >>> found.estimate.tolist()
    [0.4]
    """
    counts = verified_counts(y_true, flagged, codes, int(np.max(codes, initial=-1)) + 1)
    truth, group = np.asarray(y_true, dtype=np.int64), np.asarray(codes, dtype=np.int64)
    decision, chance = np.asarray(flagged, dtype=bool), np.asarray(probability, dtype=np.float64)
    known = truth >= 0
    if not ((chance[known] > 0) & (chance[known] <= 1)).all():
        raise ValueError("the probability of a verified case must be in (0, 1]")
    shares = [
        _weighted(truth[rows], 1 / chance[rows], group[rows], len(counts.flagged))
        for rows in (known & decision, known & ~decision)
    ]
    return CorrectedRates(
        metric=metric,
        n=_denominator(counts, metric),
        flagged=counts.flagged,
        cleared=counts.cleared,
        p_flagged=shares[0][0],
        p_cleared=shares[1][0],
        n_flagged=shares[0][1],
        n_cleared=shares[1][1],
    )


def _weighted(truth: _Ints, weight: _Floats, group: _Ints, groups: int) -> _Limits:
    """Return the weighted share with the finding in each group, and on how many it rests."""

    def total(values: _Floats) -> _Floats:
        return np.asarray(np.bincount(group, values, minlength=groups), dtype=np.float64)

    mass, squares = total(weight), total(weight**2)
    share = _share(total(weight * truth), mass)
    spread = total((weight * (truth - share[group])) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        kish = np.where(mass > 0, mass**2 / squares, 0.0)
        by_variance = share * (1 - share) * mass**2 / spread
    return share, np.where(spread > 0, np.minimum(kish, by_variance), kish)


def _denominator(counts: VerifiedCounts, metric: str) -> _Ints:
    if metric == "ppv":
        return counts.true_positives + counts.false_positives
    if metric == "npv":
        return counts.true_negatives + counts.false_negatives
    if metric in ("sensitivity", "false_negative_rate"):
        return counts.true_positives + counts.false_negatives
    return counts.true_negatives + counts.false_positives


def _share(part: ArrayLike, whole: _Floats) -> _Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part, dtype=np.float64) / whole
