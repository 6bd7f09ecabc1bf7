"""Rates of several kinds in one family: plain shares beside corrected and disputed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Estimates, Rates, Worth

__all__ = ["MixedRates"]

_Z: Final = 1.96
_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MixedRates:
    """Rates in all groups of several parts, each with the limits of its own kind.

    Attributes
    ----------
    parts : tuple of Estimates
        Of one metric, a share in [0, 1].

    Examples
    --------
    >>> plain = Rates(np.array([2]), np.array([10]))
    >>> MixedRates.joined([MixedRates((plain,)), MixedRates((plain,))]).estimate.tolist()
    [0.2, 0.2]
    """

    parts: tuple[Estimates, ...]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        return cls(tuple(one for part in parts for one in part.parts))

    @property
    def plain(self) -> Rates | None:
        """The rates themselves where they are plain shares and nothing else."""
        (first, *more) = self.parts
        return first if isinstance(first, Rates) and not more else None

    @property
    def estimate(self) -> _Floats:
        """Point estimates; nan where there is none, or where it was refused."""
        return np.concatenate([part.estimate for part in self.parts])

    @property
    def n(self) -> NDArray[np.int64]:
        """Verified cases of the metric's own denominator."""
        return np.concatenate([part.n for part in self.parts])

    @property
    def hits(self) -> _Floats:
        """Verified cases that a plain share of the same size would count."""
        return np.nan_to_num(self.estimate) * self.n

    @property
    def effective(self) -> _Floats:
        """How many cases a plain share would need to be as sure; for planning."""
        return np.concatenate([_effective(part) for part in self.parts])

    @property
    def worth(self) -> Worth | None:
        """The same as a record; None where every part is a plain share of independent cases."""
        if all(isinstance(part, Rates) and part.worth is None for part in self.parts):
            return None
        return Worth(effective=self.effective, freedom=np.full(self.n.shape, np.inf))

    def limits(self, z: float | _Floats) -> tuple[_Floats, _Floats]:
        """Return the limits at the normal quantile `z`; 0 and 1 where there is no estimate."""
        ends = np.cumsum([len(part.n) for part in self.parts])[:-1]
        each = np.split(np.broadcast_to(np.asarray(z, np.float64), self.n.shape), ends)
        limits = [part.limits(one) for part, one in zip(self.parts, each, strict=True)]
        return (
            np.concatenate([lower for lower, _ in limits]),
            np.concatenate([upper for _, upper in limits]),
        )


def _effective(part: Estimates) -> _Floats:
    """Return the size of a simple sample whose interval would be as wide, at most the cases."""
    if isinstance(part, Rates):
        return part.effective
    lower, upper = part.limits(_Z)
    n = part.n.astype(np.float64)
    rate = (np.nan_to_num(part.estimate) * n + 0.5) / (n + 1)
    half = np.maximum(upper - lower, 1e-9) / 2
    return np.minimum(n, np.maximum(rate * (1 - rate) * (_Z / half) ** 2, np.minimum(n, 1.0)))
