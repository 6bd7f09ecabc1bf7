"""Area under the ROC curve by group: fast DeLong, and Newcombe's method where data are few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.clustered_auroc import design_effects
from edgefair.audit.intervals import two_sided_z
from edgefair.audit.placements import Moments, RankedScores
from edgefair.records import Interval

__all__ = ["DELONG_FROM", "Aurocs", "auroc", "aurocs", "logit_limits", "method5_limits"]

DELONG_FROM: Final = 30
"""Cases of each class from which DeLong's variance is trusted."""

_HALVINGS: Final = 40

_Floats: TypeAlias = NDArray[np.float64]
_Reached: TypeAlias = Callable[[_Floats], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aurocs:
    """Areas under the ROC curves of k groups, each attribute of shape (k,).

    Attributes
    ----------
    positives, negatives : ndarray of int64
        Cases of either class.
    estimate : ndarray of float64
        Share of pairs in the right order, ties counting half; nan where a class is missing.
    variance : ndarray of float64
        DeLong's, times the design effect; nan where a class has fewer than two cases.
    design_effect : ndarray of float64, or None
        Times as many cases as independent ones would have told as much, at least 1; None where
        all cases are independent.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    estimate: _Floats
    variance: _Floats
    design_effect: _Floats | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            positives=np.concatenate([part.positives for part in parts]),
            negatives=np.concatenate([part.negatives for part in parts]),
            estimate=np.concatenate([part.estimate for part in parts]),
            variance=np.concatenate([part.variance for part in parts]),
            design_effect=None
            if all(part.design_effect is None for part in parts)
            else np.concatenate([part._effect for part in parts]),
        )

    def with_design_effect(self, effect: _Floats) -> Self:
        """Return the areas of cases of which several are of one patient."""
        return replace(self, variance=self.variance * effect, design_effect=effect)

    @property
    def _effect(self) -> _Floats:
        return np.ones(self.estimate.shape) if self.design_effect is None else self.design_effect

    @property
    def n(self) -> NDArray[np.int64]:
        """Cases of both classes."""
        return self.positives + self.negatives

    def limits(self, z: float | _Floats) -> tuple[_Floats, _Floats]:
        """Return the limits at the normal quantile `z`; 0 and 1 where a class is missing.

        DeLong's variance on the logit scale from `DELONG_FROM` cases of each class on; below,
        and where that variance is 0 (all pairs in order, or all scores equal), Newcombe's
        method 5.
        """
        z = np.broadcast_to(np.asarray(z, dtype=np.float64), self.estimate.shape)
        lower, upper = np.zeros(self.estimate.shape), np.ones(self.estimate.shape)
        estimable = np.isfinite(self.estimate)
        positives, negatives = self.positives / self._effect, self.negatives / self._effect
        many = np.minimum(positives, negatives) >= DELONG_FROM
        with np.errstate(invalid="ignore"):
            wide = (self.variance > 1e-12) & (self.estimate > 0) & (self.estimate < 1)
        delong = estimable & many & wide
        lower[delong], upper[delong] = logit_limits(
            self.estimate[delong], self.variance[delong], z[delong]
        )
        few = estimable & ~delong
        if few.any():  # its halvings take as long for no area as for a hundred
            lower[few], upper[few] = method5_limits(
                self.estimate[few], positives[few], negatives[few], z[few]
            )
        return lower, upper


def aurocs(moments: Moments) -> Aurocs:
    """Return the areas and DeLong's variances that the sums of placements make."""
    m, n = moments.positives.astype(np.float64), moments.negatives.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.clip(moments.placed / (m * n), 0, 1)
        of_positives = (moments.positives_squared / n**2 - m * area**2) / (m - 1)
        of_negatives = (moments.negatives_squared / m**2 - n * area**2) / (n - 1)
        variance = np.maximum(of_positives, 0) / m + np.maximum(of_negatives, 0) / n
    return Aurocs(
        positives=moments.positives,
        negatives=moments.negatives,
        estimate=np.where((m > 0) & (n > 0), area, np.nan),
        variance=np.where((m > 1) & (n > 1), variance, np.nan),
    )


def auroc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Return the area under the ROC curve with its interval.

    Parameters
    ----------
    y_true : array_like of bool, shape (n,)
        Whether the finding was there.
    y_score : array_like of float, shape (n,)
        Larger for more suspicious; finite.
    patients : array_like of int, shape (n,), or None, default=None
        Number of each case's patient, from 0; None if every case is of another one.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Returns
    -------
    Interval
        Vacuous where one class is missing: the area is not estimable then, and not .5.

    Examples
    --------
    >>> ci = auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}]"
    '0.75 [0.23, 0.97]'
    >>> auroc([1, 1], [0.2, 0.3]).is_estimable
    False
    """
    z = two_sided_z(level)
    ranked = RankedScores.of(y_true, y_score)
    everybody = np.zeros(len(ranked.order), dtype=np.int64)
    found = aurocs(ranked.moments(everybody, 1)[0])
    if patients is not None and len(everybody):
        number = np.asarray(patients, dtype=np.int64)
        found = found.with_design_effect(design_effects(ranked, everybody, number, 1)[0])
    if not np.isfinite(found.estimate[0]):
        return Interval.vacuous(level=level, n=int(found.n[0]))
    lower, upper = found.limits(z)
    return Interval(
        float(found.estimate[0]), float(lower[0]), float(upper[0]), level, int(found.n[0])
    )


def method5_limits(
    area: _Floats, positives: ArrayLike, negatives: ArrayLike, z: float | _Floats
) -> tuple[_Floats, _Floats]:
    """Return the limits A that solve ``|area - A| = z sqrt(V(A))``, V of Hanley and McNeil.

    Parameters
    ----------
    area : ndarray of float64, shape (k,)
        Estimates in [0, 1].
    positives, negatives : array_like of int, shape (k,)
        Cases of either class, at least 1.
    z : float or ndarray of float64, shape (k,)
        Normal quantile.

    References
    ----------
    .. [1] R. G. Newcombe, "Confidence intervals for an effect size measure based on the
       Mann-Whitney statistic. Part 2: asymptotic methods and evaluation", Statistics in Medicine
       25 (2006) 559-573, method 5.
    .. [2] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
       characteristic (ROC) curve", Radiology 143 (1982) 29-36.
    """
    m, n = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)

    def reached(limit: _Floats) -> NDArray[np.bool_]:
        within = (1 - limit) / (2 - limit) + limit / (1 + limit)
        variance = limit * (1 - limit) / (m * n) * (1 + ((m + n) / 2 - 1) * within)
        return np.asarray((area - limit) ** 2 <= z * z * variance)

    return _edge(area, np.zeros_like(area), reached), _edge(area, np.ones_like(area), reached)


def _edge(inside: _Floats, outside: _Floats, reached: _Reached) -> _Floats:
    """Return where, between a point inside and the end of the range, limits stop being reached."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        hit = reached(middle)
        inside, outside = np.where(hit, middle, inside), np.where(hit, outside, middle)
    return (inside + outside) / 2


def logit_limits(area: _Floats, variance: _Floats, z: _Floats) -> tuple[_Floats, _Floats]:
    """Return the limits of an area within (0, 1) by its variance on the logit scale."""
    spread = area * (1 - area)
    centre, half = np.log(area / (1 - area)), z * np.sqrt(variance) / spread
    return 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
