"""Areas under the ROC curve of two models on the same cases: DeLong's test of their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, isfinite, nan, sqrt
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.auroc import DELONG_FROM, Aurocs

__all__ = ["PairedAurocs", "paired_aurocs"]

_Floats: TypeAlias = NDArray[np.float64]

_NO_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAurocs:
    """Areas of two models on the same cases in k groups.

    Attributes
    ----------
    before, after : Aurocs
    covariance : ndarray of float64, shape (k,)
        DeLong's, of the two areas; nan where a class has fewer than two cases.
    """

    before: Aurocs
    after: Aurocs
    covariance: _Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            before=Aurocs.joined([part.before for part in parts]),
            after=Aurocs.joined([part.after for part in parts]),
            covariance=np.concatenate([part.covariance for part in parts]),
        )

    @property
    def loss(self) -> _Floats:
        """The area before less the area after; nan where a class is missing."""
        return self.before.estimate - self.after.estimate

    @property
    def variance(self) -> _Floats:
        """DeLong's variance of the loss; nan where a class has fewer than two cases."""
        apart = self.before.variance + self.after.variance - 2 * self.covariance
        return np.maximum(apart, 0)

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
        few = np.minimum(self.before.positives, self.before.negatives) < DELONG_FROM
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
        with np.errstate(invalid="ignore", divide="ignore"):
            together = self.covariance / np.sqrt(self.before.variance * self.after.variance)
        correlation = np.where(np.isfinite(together), np.clip(together, -1, 1), 0.0)

        def spread(a: _Floats, b: _Floats) -> _Floats:
            return np.sqrt(np.maximum(a**2 - 2 * correlation * a * b + b**2, 0))

        return (
            self.loss - spread(one - lower1, upper2 - other),
            self.loss + spread(upper1 - one, other - lower2),
        )


def paired_aurocs(
    y_true: ArrayLike, before: ArrayLike, after: ArrayLike, codes: ArrayLike, groups: int
) -> PairedAurocs:
    """Return the areas of two models in every group, with their covariance.

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

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or
       more correlated receiver operating characteristic curves", Biometrics 44 (1988) 837-845.

    Examples
    --------
    >>> found = paired_aurocs([0, 0, 1, 1], [1, 2, 3, 4], [1, 3, 2, 4], [0, 0, 0, 0], 1)
    >>> found.loss.tolist(), found.p_values.round(2).tolist()
    ([0.25], [0.48])
    """
    truth, group = np.asarray(y_true, dtype=bool), np.asarray(codes, dtype=np.int64)
    scores = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    by_group = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=groups))
    rows = np.split(by_group, ends[:-1])
    return PairedAurocs.joined([_of_one(truth[r], scores[0][r], scores[1][r]) for r in rows])


def _of_one(truth: NDArray[np.bool_], before: _Floats, after: _Floats) -> PairedAurocs:
    """Return the areas of one group, of shape (1,)."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    area = np.full(2, nan)
    covariance = np.full((2, 2), nan)
    if positives and negatives:
        placed = [_placements(truth, scores) for scores in (before, after)]
        above = np.array([of_positives for of_positives, _ in placed])
        below = np.array([of_negatives for _, of_negatives in placed])
        area = above.mean(axis=1)
        if positives > 1 and negatives > 1:
            covariance = np.cov(above) / positives + np.cov(below) / negatives
    first, second = (
        Aurocs(
            positives=np.array([positives]),
            negatives=np.array([negatives]),
            estimate=area[i : i + 1],
            variance=covariance[i, i : i + 1],
        )
        for i in range(2)
    )
    return PairedAurocs(before=first, after=second, covariance=covariance[0, 1:])


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
