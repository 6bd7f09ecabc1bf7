"""Many estimates at once: their limits at any level, their differences, and tests of these.

Interval and test come from the same limits: a difference is beyond a margin at some error rate
exactly if its interval at that error rate is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import square_and_add, wilson_limits

__all__ = ["Estimates", "JudgedRates", "Rates", "Worth", "difference_limits", "signed_z"]

_LARGEST_Z = 40.0
_HALVINGS = 50
_NO_CASE = 1e-9

_Limits: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


class Estimates(Protocol):
    """One metric in k groups."""

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""

    @property
    def estimate(self) -> NDArray[np.float64]:
        """Point estimates, shape (k,); nan where there is nothing to estimate from."""

    @property
    def n(self) -> NDArray[np.int64]:
        """Cases that each estimate rests on, shape (k,)."""

    def limits(self, z: float | NDArray[np.float64]) -> _Limits:
        """Return the lower and upper limits at the normal quantile `z`, each of shape (k,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """How many independent cases would tell as much as those of k groups, each of shape (k,).

    Attributes
    ----------
    effective : ndarray of float64
        At most the cases themselves.
    freedom : ndarray of float64
        Patients less one where `effective` was estimated from how they differ; inf where it was
        not: each patient has one case, or all are taken to be as alike as can be.
    """

    effective: NDArray[np.float64]
    freedom: NDArray[np.float64]

    def at(self, z: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the effective cases for limits at the normal quantile `z`.

        Fewer where few patients had to tell how alike their cases are: by the square of `z` over
        Student's quantile, as in Korn and Graubard (see `edgefair.audit.clusters`).
        """
        estimated = np.isfinite(self.freedom)
        if not estimated.any():
            return self.effective
        from scipy.special import ndtr, stdtrit

        z = np.maximum(np.broadcast_to(np.asarray(z, np.float64), self.freedom.shape), 1e-3)
        freedom = np.where(estimated, self.freedom, 1.0)
        factor = np.where(estimated, z / -stdtrit(freedom, ndtr(-z)), 1.0)
        effective = self.effective * factor**2
        return np.where(effective < _NO_CASE, 0.0, effective)


class JudgedRates(Estimates, Protocol):
    """Error rates that verdicts are reached on, and further labels planned for."""

    @property
    def hits(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """Errors among the cases, shape (k,)."""

    @property
    def effective(self) -> NDArray[np.float64]:
        """How many independent cases would tell as much, shape (k,)."""

    @property
    def worth(self) -> Worth | None:
        """What the cases are worth; None where all are independent."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of cases, with Wilson limits.

    Attributes
    ----------
    hits, n : ndarray of int64, shape (k,)
    worth : Worth or None
        What the cases are worth where several are of one patient; None where all are independent.
    """

    hits: NDArray[np.int64]
    n: NDArray[np.int64]
    worth: Worth | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        hits, n = np.concatenate([p.hits for p in parts]), np.concatenate([p.n for p in parts])
        if all(part.worth is None for part in parts):
            return cls(hits, n)
        worths = [part.worth or _independent(part.n) for part in parts]
        joined = Worth(
            effective=np.concatenate([worth.effective for worth in worths]),
            freedom=np.concatenate([worth.freedom for worth in worths]),
        )
        return cls(hits, n, joined)

    @property
    def effective(self) -> NDArray[np.float64]:
        """How many independent cases would tell as much."""
        return self.n.astype(np.float64) if self.worth is None else self.worth.effective

    def as_independent(self) -> Rates:
        """Return whole numbers of independent cases that would tell about as much."""
        if self.worth is None:
            return self
        n = np.where(self.n > 0, np.maximum(np.rint(self.effective), 1), 0)
        hits = np.rint(n * self.hits / np.maximum(self.n, 1))
        return Rates(hits.astype(np.int64), n.astype(np.int64))

    @property
    def estimate(self) -> NDArray[np.float64]:
        """Hits over trials; nan where there is no trial."""
        return np.where(self.n > 0, self.hits / np.maximum(self.n, 1), np.nan)

    def limits(self, z: float | NDArray[np.float64]) -> _Limits:
        """Return the Wilson limits; 0 and 1 where there is no trial."""
        if self.worth is None:
            return wilson_limits(self.hits, self.n, z)
        effective = self.worth.at(z)
        return wilson_limits(effective * self.hits / np.maximum(self.n, 1), effective, z)


def _independent(n: NDArray[np.int64]) -> Worth:
    return Worth(effective=n.astype(np.float64), freedom=np.full(n.shape, np.inf))


def difference_limits(
    first: Estimates, second: Estimates, z: float | NDArray[np.float64]
) -> _Limits:
    """Return the limits of ``first - second`` at the normal quantile `z`.

    Newcombe's method 10 for rates, the same square-and-add for areas under the curve; the groups
    are independent. The limits are nan where either estimate is.
    """
    return square_and_add((first.estimate, *first.limits(z)), (second.estimate, *second.limits(z)))


def signed_z(first: Estimates, second: Estimates, margin: float) -> NDArray[np.float64]:
    """Return how many standard normal units ``first - second`` lies above the margin.

    The quantile at which the limit of the difference that faces the margin just touches it;
    ``1 - NormalDist().cdf(z)`` is then the one-sided p-value of "not above the margin", and its
    opposite that of "not below".

    Parameters
    ----------
    first, second : Estimates
        In k groups, and in whatever each is compared with.
    margin : float
        Largest acceptable difference.

    Returns
    -------
    ndarray of float64, shape (k,)
        Positive where the difference exceeds the margin; nan where it is not estimable.
    """
    above = first.estimate - second.estimate > margin
    low, high = np.zeros(above.shape), np.full(above.shape, _LARGEST_Z)
    for _ in range(_HALVINGS):
        z = (low + high) / 2
        lower, upper = difference_limits(first, second, z)
        clear = np.where(above, lower > margin, upper < margin)
        low, high = np.where(clear, z, low), np.where(clear, high, z)
    estimable = np.isfinite(first.estimate) & np.isfinite(second.estimate)
    return np.where(estimable, np.where(above, low, -low), np.nan)
