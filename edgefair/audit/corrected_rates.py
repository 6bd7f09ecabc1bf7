"""Rates made of three independent shares, with limits put together from theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.corrected_clusters import Alike
from edgefair.audit.intervals import wilson_limits
from edgefair.audit.rates import DECISION_RATES

__all__ = ["CorrectedRates"]

_HALF_A_CASE: Final = 0.5
_ERRORS: Final = ("false_negative_rate", "false_positive_rate")

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]
_Limits: TypeAlias = tuple[_Floats, _Floats]
_Scale: TypeAlias = Callable[[_Floats], _Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedRates:
    """One rate in k groups, corrected for who was verified; each attribute of shape (k,).

    Every rate is made of three independent shares: that of the flagged among all, and those with
    the finding among the flagged and among the cleared. The odds of sensitivity are
    ``flagged / cleared * p_flagged / p_cleared``, those of specificity the same for cases
    without the finding, decisions exchanged.

    Attributes
    ----------
    metric : str
        Any of `edgefair.audit.rates.DECISION_RATES`.
    n : ndarray of int64
        Verified cases of the metric's own denominator.
    flagged, cleared : ndarray of int64, or of float64 if in independent cases
        All cases by decision.
    p_flagged, p_cleared : ndarray of float64
        Share with the finding; nan where none was verified.
    n_flagged, n_cleared : ndarray of float64
        Effective number of verified cases that the shares rest on.
    alike : Alike or None
        How many times fewer independent cases would tell as much of the rate; None where every
        case is of another patient.

    Notes
    -----
    The limits are Wilson's of each share, put together on the log scale by the method of variance
    estimates recovery around centres that are shrunk by half a case of either kind, so that an
    empty cell is no trouble: asymptotic, and near-nominal in simulation from about one expected
    missed case on (see the section ``labels`` of the simulations), where the delta method of
    Begg and Greenes, with half a case added, falls to .88.

    References
    ----------
    .. [1] C. B. Begg, R. A. Greenes, "Assessment of diagnostic tests when disease verification is
       subject to selection bias", Biometrics 39 (1983) 207-215.
    .. [2] X.-H. Zhou, N. A. Obuchowski, D. K. McClish, "Statistical Methods in Diagnostic
       Medicine", 2nd ed., Wiley (2011), chapter 10.
    .. [3] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27 (2008) 1693-1702.
    """

    metric: str
    n: _Ints
    flagged: _Ints | _Floats
    cleared: _Ints | _Floats
    p_flagged: _Floats
    p_cleared: _Floats
    n_flagged: _Floats
    n_cleared: _Floats
    alike: Alike | None = None

    def __post_init__(self) -> None:
        if self.metric not in DECISION_RATES:
            raise ValueError(f"metric must be one of {DECISION_RATES}, got {self.metric}")

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts, which are of one metric, as one."""
        return cls(
            metric=parts[0].metric,
            n=np.concatenate([part.n for part in parts]),
            flagged=np.concatenate([part.flagged for part in parts]),
            cleared=np.concatenate([part.cleared for part in parts]),
            p_flagged=np.concatenate([part.p_flagged for part in parts]),
            p_cleared=np.concatenate([part.p_cleared for part in parts]),
            n_flagged=np.concatenate([part.n_flagged for part in parts]),
            n_cleared=np.concatenate([part.n_cleared for part in parts]),
            alike=Alike.joined([(part.alike, len(part.n)) for part in parts]),
        )

    def as_independent(self, z: float | _Floats) -> Self:
        """Return the rates of fewer cases, all independent, with the same limits at `z`."""
        if self.alike is None:
            return self
        times = self.alike.at(z)
        return replace(
            self,
            flagged=self.flagged / times,
            cleared=self.cleared / times,
            n_flagged=self.n_flagged / times,
            n_cleared=self.n_cleared / times,
            alike=None,
        )

    @property
    def estimate(self) -> _Floats:
        """Point estimates; nan where a decision that occurs has no verified case."""
        if self.metric == "ppv":
            return self.p_flagged
        if self.metric == "npv":
            return 1 - self.p_cleared
        found, missed = self._masses()
        with np.errstate(invalid="ignore"):
            right = found / (found + missed)
        return 1 - right if self.metric in _ERRORS else right

    def limits(self, z: float | _Floats) -> _Limits:
        """Return the limits at the normal quantile `z`; 0 and 1 where there is no estimate."""
        estimate = self.estimate
        lower, upper = self.as_independent(z)._raw_limits(z)
        known = np.isfinite(estimate)
        return (
            np.where(known, np.minimum(lower, estimate), 0.0),
            np.where(known, np.maximum(upper, estimate), 1.0),
        )

    def _masses(self) -> _Limits:
        """Return the cases decided rightly and wrongly, of the truth that the metric is about."""
        positive = self.metric in ("sensitivity", "false_negative_rate")
        among_flagged = self.p_flagged if positive else 1 - self.p_flagged
        among_cleared = self.p_cleared if positive else 1 - self.p_cleared
        of_flagged = np.where(self.flagged > 0, self.flagged * among_flagged, 0.0)
        of_cleared = np.where(self.cleared > 0, self.cleared * among_cleared, 0.0)
        return (of_flagged, of_cleared) if positive else (of_cleared, of_flagged)

    def _raw_limits(self, z: float | _Floats) -> _Limits:
        with_finding = (
            _known(self.p_flagged) * self.n_flagged,
            _known(self.p_cleared) * self.n_cleared,
        )
        if self.metric == "ppv":
            return wilson_limits(with_finding[0], self.n_flagged, z)
        if self.metric == "npv":
            return wilson_limits(self.n_cleared - with_finding[1], self.n_cleared, z)
        right, n_right, wrong, n_wrong, decided = self._shares(*with_finding)
        odds = _shrunk(decided, self.flagged + self.cleared, z, _logit)
        of_right, of_wrong = _shrunk(right, n_right, z, np.log), _shrunk(wrong, n_wrong, z, np.log)
        centre = odds[1] + of_right[1] - of_wrong[1]
        below = _norm(odds[1] - odds[0], of_right[1] - of_right[0], of_wrong[2] - of_wrong[1])
        above = _norm(odds[2] - odds[1], of_right[2] - of_right[1], of_wrong[1] - of_wrong[0])
        lower, upper = _expit(centre - below), _expit(centre + above)
        return (1 - upper, 1 - lower) if self.metric in _ERRORS else (lower, upper)

    def _shares(
        self, in_flagged: _Floats, in_cleared: _Floats
    ) -> tuple[_Floats, _Floats, _Floats, _Floats, _Ints | _Floats]:
        """Return hits and trials of the right and the wrong decision, and cases with the right."""
        if self.metric in ("sensitivity", "false_negative_rate"):
            return in_flagged, self.n_flagged, in_cleared, self.n_cleared, self.flagged
        without = self.n_cleared - in_cleared, self.n_flagged - in_flagged
        return without[0], self.n_cleared, without[1], self.n_flagged, self.cleared


def _known(share: _Floats) -> _Floats:
    """Return the shares, 0 where there is none: it rests on no case, and weighs nothing."""
    return np.nan_to_num(share, nan=0.0)


def _shrunk(
    hits: ArrayLike, n: ArrayLike, z: float | _Floats, scale: _Scale
) -> tuple[_Floats, _Floats, _Floats]:
    """Return Wilson's limits of a share around a centre off the edge, on another scale."""
    lower, upper = wilson_limits(hits, n, z)
    trials = np.asarray(n, dtype=np.float64) + 2 * _HALF_A_CASE
    centre = (np.asarray(hits, dtype=np.float64) + _HALF_A_CASE) / trials
    # with z near 0 the limits are the share itself, on one side of the centre
    lower, upper = np.minimum(lower, centre), np.maximum(upper, centre)
    with np.errstate(divide="ignore"):
        return scale(lower), scale(centre), scale(upper)


def _logit(share: _Floats) -> _Floats:
    return np.asarray(np.log(share) - np.log1p(-share))


def _expit(log_odds: _Floats) -> _Floats:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-log_odds)))


def _norm(first: _Floats, second: _Floats, third: _Floats) -> _Floats:
    return np.hypot(np.hypot(first, second), third)
