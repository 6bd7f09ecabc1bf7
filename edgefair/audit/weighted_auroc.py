"""Area under the ROC curve where only some cases were verified, and those not at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.auroc import DELONG_FROM, logit_limits, method5_limits
from edgefair.audit.corrected_rates import CorrectedRates

__all__ = ["WeightedAurocs", "weighted_auroc"]

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]
_Bools: TypeAlias = NDArray[np.bool_]

_NO_VARIANCE: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedAurocs:
    """Areas under the ROC curves of k groups, each attribute of shape (k,).

    An area is that of the positives that were flagged and that of the missed, mixed by how many
    were flagged: ``A = Se A_flagged + (1 - Se) A_missed``.

    Attributes
    ----------
    positives, negatives : ndarray of int64
        Verified cases of either class.
    effective_positives, effective_negatives : ndarray of float64
        Kish's number of cases, by what each stands for.
    area : ndarray of float64
        Share of pairs in the right order, ties counting half; nan where a class is missing.
    slope : ndarray of float64
        How much the area rises with the sensitivity: ``A_flagged - A_missed``, the latter as if
        one more had been missed that scored like any other of the cleared.
    variance : ndarray of float64
        Of the area at this sensitivity.
    sensitivity : CorrectedRates

    Notes
    -----
    The limits are those of the corrected sensitivity, times the slope, put together with those of
    the area at a given sensitivity (by its variance on the logit scale, from `DELONG_FROM`
    effective cases of each class on, else Newcombe's method 5) by the method of variance estimates
    recovery [1]_. So they are as wide as what the model misses is unsure, where the variance alone
    would be far too small with few missed cases, and 0 with none. Asymptotic.

    References
    ----------
    .. [1] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27 (2008) 1693-1702.
    """

    positives: _Ints
    negatives: _Ints
    effective_positives: _Floats
    effective_negatives: _Floats
    area: _Floats
    slope: _Floats
    variance: _Floats
    sensitivity: CorrectedRates

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            positives=np.concatenate([part.positives for part in parts]),
            negatives=np.concatenate([part.negatives for part in parts]),
            effective_positives=np.concatenate([part.effective_positives for part in parts]),
            effective_negatives=np.concatenate([part.effective_negatives for part in parts]),
            area=np.concatenate([part.area for part in parts]),
            slope=np.concatenate([part.slope for part in parts]),
            variance=np.concatenate([part.variance for part in parts]),
            sensitivity=CorrectedRates.joined([part.sensitivity for part in parts]),
        )

    @property
    def estimate(self) -> _Floats:
        """The areas; nan where a class is missing, or where the sensitivity is not known."""
        return np.where(np.isfinite(self.sensitivity.estimate), self.area, np.nan)

    @property
    def n(self) -> _Ints:
        """Verified cases of both classes."""
        return self.positives + self.negatives

    def limits(self, z: float | _Floats) -> tuple[_Floats, _Floats]:
        """Return the limits at the normal quantile `z`; 0 and 1 where there is no estimate."""
        area, flagged = self.estimate, self.sensitivity.estimate
        known = np.isfinite(area)
        lowest, highest = self._at_this_sensitivity(z)
        least, most = self.sensitivity.limits(z)
        down, up = self.slope * (flagged - least), self.slope * (most - flagged)
        down, up = np.where(self.slope >= 0, [down, up], [-up, -down])
        with np.errstate(invalid="ignore"):
            lower = np.maximum(area - np.hypot(down, area - lowest), 0)
            upper = np.minimum(area + np.hypot(up, highest - area), 1)
        return np.where(known, lower, 0.0), np.where(known, upper, 1.0)

    def _at_this_sensitivity(self, z: float | _Floats) -> tuple[_Floats, _Floats]:
        z = np.broadcast_to(np.asarray(z, np.float64), self.area.shape)
        lower, upper = np.zeros(self.area.shape), np.ones(self.area.shape)
        known = np.isfinite(self.area)
        fewest = np.minimum(self.effective_positives, self.effective_negatives)
        with np.errstate(invalid="ignore"):
            wide = (self.variance > _NO_VARIANCE) & (self.area > 0) & (self.area < 1)
        many = known & wide & (fewest >= DELONG_FROM)
        lower[many], upper[many] = logit_limits(self.area[many], self.variance[many], z[many])
        few = known & ~many
        lower[few], upper[few] = method5_limits(
            self.area[few], self.effective_positives[few], self.effective_negatives[few], z[few]
        )
        return lower, upper


def weighted_auroc(
    y_true: ArrayLike,
    flagged: ArrayLike,
    y_score: ArrayLike,
    drawn: tuple[ArrayLike, ArrayLike],
    sensitivity: CorrectedRates,
    *,
    patients: ArrayLike | None = None,
) -> WeightedAurocs:
    r"""Return the area of one group, each verified case counting for those it stands for.

    .. math:: \hat A = \frac{\sum_{i: D_i = 1} \sum_{j: D_j = 0} w_i w_j
        (1\{s_i > s_j\} + \tfrac12 1\{s_i = s_j\})}{\sum_{D_i = 1} w_i \sum_{D_j = 0} w_j}

    over verified cases with ``w = 1 / P(V | decision, group)``. The variance at a given
    sensitivity is that of the influence function (Hajek's projection), from which the part that
    is known of everybody in a stratum is taken, as the chances are estimated there; summed by
    patient where some have several images.

    Parameters
    ----------
    y_true : array_like of int, shape (n,)
        1, 0, or -1 where nobody verified the case.
    flagged : array_like of bool, shape (n,)
    y_score : array_like of float, shape (n,)
        Larger for more suspicious; finite.
    drawn : tuple of two array_like, each of shape (n,)
        The chance with which a verified case was to be verified, in (0, 1], as
        `edgefair.audit.verification.inclusion_probabilities` returns it; and the stratum within
        which all that are not known for reasons of their own have equal ones.
    sensitivity : CorrectedRates
        Of this group, from the same chances.
    patients : array_like of int, shape (n,), optional

    Returns
    -------
    WeightedAurocs
        Of one group.

    Notes
    -----
    Consistent where, within a stratum, who was verified says nothing of the truth or the score.
    See the section ``labels`` of the simulations for its coverage.

    References
    ----------
    .. [1] T. A. Alonzo, M. S. Pepe, "Assessing accuracy of a continuous screening test in the
       presence of verification bias", Journal of the Royal Statistical Society C 54 (2005)
       173-190.
    .. [2] H. He, J. M. Lyness, M. P. McDermott, "Direct estimation of the area under the receiver
       operating characteristic curve in the presence of verification bias", Statistics in Medicine
       28 (2009) 361-376.
    .. [3] J. M. Robins, A. Rotnitzky, L. P. Zhao, "Estimation of regression coefficients when some
       regressors are not always observed", Journal of the American Statistical Association 89
       (1994) 846-866: the projection.

    Examples
    --------
    Two of the four low scores were drawn, and one of them has it:

    >>> from edgefair.audit.verification import inverse_probability
    >>> truth, flagged = [1, 1, 0, 1, 0, -1, -1], [True] * 3 + [False] * 4
    >>> chance = [1, 1, 1, 0.5, 0.5, 1, 1]
    >>> found = weighted_auroc(
    ...     truth, flagged, [0.9, 0.8, 0.7, 0.3, 0.2, 0.1, 0.3], (chance, [0] * 3 + [1] * 4),
    ...     inverse_probability(truth, flagged, [0] * 7, chance, "sensitivity"),
    ... )
    >>> f"{found.estimate[0]:.3f}"
    '0.833'
    """
    truth, decision = np.asarray(y_true, np.int64), np.asarray(flagged, np.bool_)
    known = truth >= 0
    weight = np.where(known, 1 / np.where(known, np.asarray(drawn[0], np.float64), 1), 0.0)
    positive, negative = (np.where(truth == kind, weight, 0.0) for kind in (1, 0))
    below, above = _placements(np.asarray(y_score, np.float64), positive, negative)
    m, n = float(positive.sum()), float(negative.sum())
    area = slope = variance = np.nan
    if m and n:
        area = float(positive @ below) / (m * n)
        of_flagged, of_missed = (_area(positive[r], below[r] / n) for r in (decision, ~decision))
        missed = np.count_nonzero(positive[~decision])
        like_others = float(negative[~decision].sum()) / n / 2
        slope = of_flagged - (of_missed * missed + like_others) / (missed + 1)
        expected = np.where(decision, of_flagged, of_missed)
        moved = np.where(truth == 1, (below / n - expected) / m, (above / m - area) / n)
        variance = _variance(
            np.where(known, moved, 0.0), weight, np.asarray(drawn[1], np.int64), patients
        )
    return WeightedAurocs(
        positives=np.array([np.count_nonzero(truth == 1)]),
        negatives=np.array([np.count_nonzero(truth == 0)]),
        effective_positives=np.array([_kish(positive)]),
        effective_negatives=np.array([_kish(negative)]),
        area=np.array([area]),
        slope=np.array([slope]),
        variance=np.array([variance]),
        sensitivity=sensitivity,
    )


def _kish(weight: _Floats) -> float:
    return float(weight.sum() ** 2 / np.sum(weight**2)) if weight.any() else 0.0


def _area(positive: _Floats, placed: _Floats) -> float:
    return float(positive @ placed / positive.sum()) if positive.any() else 0.0


def _placements(score: _Floats, positive: _Floats, negative: _Floats) -> tuple[_Floats, _Floats]:
    """Return for each case the weight of negatives below it, and of positives above it."""
    _, level = np.unique(score, return_inverse=True)
    of_positives, of_negatives = np.bincount(level, positive), np.bincount(level, negative)
    below = np.cumsum(of_negatives) - of_negatives / 2
    above = of_positives.sum() - (np.cumsum(of_positives) - of_positives / 2)
    return below[level], above[level]


def _variance(
    moved: _Floats, weight: _Floats, stratum: _Ints, patients: ArrayLike | None
) -> float:
    """Return the variance of the sum of all influences, 0 on average in the whole stream."""
    pool = (weight == 0) | (weight > 1)  # the others stand for themselves alone
    drawn = weight > 1
    size = int(stratum.max()) + 1
    count = np.bincount(stratum[drawn], minlength=size)
    mean = np.bincount(stratum[drawn], moved[drawn], minlength=size) / np.maximum(count, 1)
    few = np.sqrt(count / np.maximum(count - 1, 1))
    influence = np.where(pool, mean[stratum], 0.0)
    influence = influence + np.where(
        drawn, weight * (moved - mean[stratum]) * few[stratum], np.where(pool, 0.0, moved)
    )
    if patients is not None:
        _, patient = np.unique(np.asarray(patients, np.int64), return_inverse=True)
        influence = np.bincount(patient, influence)
    units = len(influence)
    return units / (units - 1) * float(np.sum(influence**2)) if units > 1 else float("nan")
