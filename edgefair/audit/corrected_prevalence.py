"""The share of all cases with a finding, where only some were verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.corrected_clusters import Alike
from edgefair.audit.corrected_rates import CorrectedRates
from edgefair.audit.estimates import Estimates
from edgefair.audit.intervals import wilson_limits

__all__ = ["CorrectedPrevalence"]

_Floats: TypeAlias = NDArray[np.float64]
_Part: TypeAlias = tuple[_Floats, _Floats, _Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPrevalence:
    """Shares with the finding among the flagged and the cleared, put together by their sizes.

    Attributes
    ----------
    n : ndarray of int64, shape (k,)
        Verified cases.
    shares : CorrectedRates
        Of the k groups, of any metric; how alike the cases of one patient are is about
        prevalence.

    Notes
    -----
    Wilson's limits of both shares, and of that of the flagged among all, put together by the
    method of variance estimates recovery [1]_: of the prevalence in the stream of patients that
    the cases are a sample of. Asymptotic.

    References
    ----------
    .. [1] G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a
       general approach", Statistics in Medicine 27 (2008) 1693-1702.

    Examples
    --------
    >>> from edgefair.audit.verification import begg_greenes, verified_counts
    >>> truth = [1] * 8 + [0] * 2 + [1] + [0] * 9 + [-1] * 80
    >>> counts = verified_counts(truth, [True] * 10 + [False] * 90, [0] * 100, 1)
    >>> found = CorrectedPrevalence(n=np.array([20]), shares=begg_greenes(counts, "npv"))
    >>> found.estimate.round(3).tolist(), [one.round(2).tolist() for one in found.limits(1.96)]
    ([0.17], [[0.08], [0.45]])
    """

    n: NDArray[np.int64]
    shares: CorrectedRates

    @classmethod
    def of(cls, shares: Estimates, n: NDArray[np.int64], alike: Alike | None = None) -> Self:
        """Return the prevalence that goes with corrected rates.

        Parameters
        ----------
        shares : Estimates
            The corrected rates.
        n : ndarray of int64, shape (k,)
        alike : Alike or None
            How alike the cases of one patient are, for prevalence.
        """
        assert isinstance(shares, CorrectedRates)
        return cls(n=n, shares=replace(shares, alike=alike))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(
            n=np.concatenate([part.n for part in parts]),
            shares=CorrectedRates.joined([part.shares for part in parts]),
        )

    @property
    def estimate(self) -> _Floats:
        """Point estimates; nan where a decision that occurs has no verified case."""
        flagged, cleared = self._parts()
        there = self.shares.flagged + self.shares.cleared > 0
        return np.where(there, flagged[0] * flagged[1] + cleared[0] * cleared[1], np.nan)

    def limits(self, z: float | _Floats) -> tuple[_Floats, _Floats]:
        """Return the limits at the normal quantile `z`; 0 and 1 where there is no estimate."""
        shares = replace(self, shares=self.shares.as_independent(z))
        (flagged, with_it, _), (_, others, _) = parts = shares._parts()
        decided = (with_it - others, flagged, shares.shares.flagged + shares.shares.cleared)
        below, above = np.zeros(self.n.shape), np.zeros(self.n.shape)
        for weight, share, n in (*parts, decided):
            lower, upper = wilson_limits(np.nan_to_num(share) * n, n, z)
            down, up = weight * (share - lower), weight * (upper - share)
            below += np.where(weight >= 0, down, up) ** 2
            above += np.where(weight >= 0, up, down) ** 2
        estimate = self.estimate
        known = np.isfinite(estimate)
        return (
            np.where(known, np.maximum(estimate - np.sqrt(below), 0), 0.0),
            np.where(known, np.minimum(estimate + np.sqrt(above), 1), 1.0),
        )

    def _parts(self) -> tuple[_Part, _Part]:
        """Return weight, share and effective cases of either decision; share 0 without a case."""
        of = self.shares
        all_cases = np.maximum(of.flagged + of.cleared, 1e-9)
        flagged, cleared = (
            (count / all_cases, np.where(count > 0, share, 0.0), effective)
            for count, share, effective in (
                (of.flagged, of.p_flagged, of.n_flagged),
                (of.cleared, of.p_cleared, of.n_cleared),
            )
        )
        return flagged, cleared
