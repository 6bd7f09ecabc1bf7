"""Areas under the ROC curve of two models on the same cases: DeLong's test of their difference.

Where several images are of one patient, the variance is Obuchowski's over patients instead, and
never smaller than DeLong's. Of models that are alike, a nominal 5 % were then called different in
5 to 7 % of simulated runs, against 17 to 27 % with images as independent; with a few patients of
very many images in 10 % (`python -m tests.benchmarks.simulations pairs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, isfinite, nan, sqrt
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.auroc import DELONG_FROM, Aurocs
from edgefair.audit.clustered_auroc import clustered_covariance, design_effect
from edgefair.audit.inputs import several_of_one

__all__ = ["PairedAurocs", "paired_aurocs"]

_Floats: TypeAlias = NDArray[np.float64]

_NO_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAurocs:
    """Areas of two models on the same cases in k groups.

    Attributes
    ----------
    before, after : Aurocs
        Each with its own design effect where several cases are of one patient.
    correlation : ndarray of float64, shape (k,)
        DeLong's, of the two areas, in [-1, 1]; 0 where it cannot be had.
    variance : ndarray of float64, shape (k,)
        Of the loss, at least 0; nan where a class has fewer than two cases.
    design_effect : ndarray of float64, shape (k,)
        How many times as many cases as independent ones told the loss; 1 where all are that.
    """

    before: Aurocs
    after: Aurocs
    correlation: _Floats
    variance: _Floats
    design_effect: _Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            before=Aurocs.joined([part.before for part in parts]),
            after=Aurocs.joined([part.after for part in parts]),
            correlation=np.concatenate([part.correlation for part in parts]),
            variance=np.concatenate([part.variance for part in parts]),
            design_effect=np.concatenate([part.design_effect for part in parts]),
        )

    @property
    def loss(self) -> _Floats:
        """The area before less the area after; nan where a class is missing."""
        return self.before.estimate - self.after.estimate

    @property
    def p_values(self) -> _Floats:
        """Two-sided p-values of "no loss", of shape (k,); nan where there is no variance to go by.

        Areas that are equal without any variance differ in nothing: 1.
        """
        pairs = zip(self.loss.tolist(), self.variance.tolist(), strict=True)
        return np.array([_two_sided(loss, variance) for loss, variance in pairs])

    def limits(self, z: float) -> tuple[_Floats, _Floats]:
        """Return the limits of each loss at the normal quantile `z`; -1 and 1 where none.

        DeLong's from `DELONG_FROM` cases of each class on. Below, and where the variance is 0,
        those of the two areas, squared and added with their correlation, because few cases
        without any change are no proof that there is none.

        References
        ----------
        .. [1] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
           general approach", Statistics in Medicine 27 (2008) 1693-1702.
        """
        lower, upper = self._added(z)
        smaller = np.minimum(self.before.positives, self.before.negatives)
        few = smaller / self.design_effect < DELONG_FROM
        with np.errstate(invalid="ignore"):
            is_delong = ~few & (self.variance > _NO_VARIANCE)
        half = z * np.sqrt(self.variance)
        lower = np.where(is_delong, self.loss - half, lower)
        upper = np.where(is_delong, self.loss + half, upper)
        known = np.isfinite(self.loss)
        return (
            np.where(known, np.maximum(lower, -1), -1.0),
            np.where(known, np.minimum(upper, 1), 1.0),
        )

    def _added(self, z: float) -> tuple[_Floats, _Floats]:
        (lower1, upper1), (lower2, upper2) = self.before.limits(z), self.after.limits(z)
        one, other = self.before.estimate, self.after.estimate

        def spread(a: _Floats, b: _Floats) -> _Floats:
            return np.sqrt(np.maximum(a**2 - 2 * self.correlation * a * b + b**2, 0))

        return (
            self.loss - spread(one - lower1, upper2 - other),
            self.loss + spread(upper1 - one, other - lower2),
        )


def paired_aurocs(
    y_true: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    codes: ArrayLike,
    groups: int,
    *,
    patients: ArrayLike | None = None,
) -> PairedAurocs:
    """Return the areas of two models in every group, with the variance of their difference.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Whether the finding was there.
    before, after : array_like of float, shape (n,)
        Scores of the two models, larger for more suspicious; finite.
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int
        Number of groups, with those that have no case.
    patients : array_like of int, shape (n,), or None, default=None
        Number of each case's patient, from 0; None if every case is of another one.

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or
       more correlated receiver operating characteristic curves", Biometrics 44 (1988) 837-845.
    .. [2] N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53
       (1997) 567-578.

    Examples
    --------
    >>> found = paired_aurocs([0, 0, 1, 1], [1, 2, 3, 4], [1, 3, 2, 4], [0, 0, 0, 0], 1)
    >>> found.loss.tolist(), found.p_values.round(2).tolist()
    ([0.25], [0.48])
    """
    truth, group = np.asarray(y_true, dtype=bool), np.asarray(codes, dtype=np.int64)
    scores = np.array([before, after], dtype=np.float64)
    people = None if patients is None else np.asarray(patients, dtype=np.int64)
    by_group = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=groups))
    return PairedAurocs.joined(
        [
            _of_one(truth[rows], scores[:, rows], None if people is None else people[rows])
            for rows in np.split(by_group, ends[:-1])
        ]
    )


def _of_one(
    truth: NDArray[np.bool_], scores: _Floats, patients: NDArray[np.int64] | None
) -> PairedAurocs:
    """Return the areas of one group, of shape (1,)."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    area, effects = np.full(2, nan), np.ones(3)
    covariance = np.full((2, 2), nan)
    if positives and negatives:
        placed = [_placements(truth, each) for each in scores]
        above = np.array([of_positives for of_positives, _ in placed])
        below = np.array([of_negatives for _, of_negatives in placed])
        area = above.mean(axis=1)
        if positives > 1 and negatives > 1:
            covariance = np.cov(above) / positives + np.cov(below) / negatives
        if patients is not None and several_of_one(patients) is not None:
            own = patients[truth], patients[~truth]
            clustered = clustered_covariance(above, below, *own)
            sums = zip(_variances(clustered), _variances(covariance), strict=True)
            effects = np.array([design_effect(*pair, *own) for pair in sums])
    first, second = (
        Aurocs(
            positives=np.array([positives]),
            negatives=np.array([negatives]),
            estimate=area[i : i + 1],
            variance=covariance[i, i : i + 1] * effects[i],
            design_effect=None if patients is None else effects[i : i + 1],
        )
        for i in range(2)
    )
    apart = _variances(covariance)[2]
    return PairedAurocs(
        before=first,
        after=second,
        correlation=np.array([_correlation(covariance)]),
        variance=np.maximum(apart * effects[2:], 0),
        design_effect=effects[2:],
    )


def _variances(covariance: _Floats) -> tuple[float, float, float]:
    """Return the variance of the first area, of the second, and of their difference."""
    first, second, together = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    return float(first), float(second), float(first + second - 2 * together)


def _correlation(covariance: _Floats) -> float:
    scale = sqrt(covariance[0, 0] * covariance[1, 1]) if isfinite(covariance[0, 0]) else 0.0
    return min(1.0, max(-1.0, float(covariance[0, 1]) / scale)) if scale > 0 else 0.0


def _placements(truth: NDArray[np.bool_], scores: _Floats) -> tuple[_Floats, _Floats]:
    """Return the share of negatives below each positive, and of positives above each negative.

    Ties count half.
    """
    positives, negatives = np.sort(scores[truth]), np.sort(scores[~truth])

    def share_below(of: _Floats, among: _Floats) -> _Floats:
        ends = np.searchsorted(among, of, "left") + np.searchsorted(among, of, "right")
        return np.asarray(ends / (2 * len(among)))

    return share_below(scores[truth], negatives), 1 - share_below(scores[~truth], positives)


def _two_sided(loss: float, variance: float) -> float:
    if not isfinite(variance):
        return nan
    if variance <= _NO_VARIANCE:
        return 1.0 if abs(loss) < _NO_VARIANCE else nan
    return erfc(abs(loss) / sqrt(2 * variance))
