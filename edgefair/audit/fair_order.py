"""Which cases are evidence of error rates, where some are known already for reasons of their own.

A sampler prefers some cases, and a routine confirms others: neither shows errors as often as the
model makes them. So cases are gone through in an order that is drawn by lot from all of them,
known or not, and every one that is met is evidence, whoever made it known and why. Known ones are
met for free; the others are to be verified, and their number tells when to stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FairOrder", "fair_order"]

_Ints: TypeAlias = NDArray[np.int64]
_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FairOrder:
    """The cases that are evidence, in their order.

    Attributes
    ----------
    met : ndarray of int64
        Places in the frame; the last one is open.
    frame : int
        Cases that could be met.
    """

    met: _Ints
    frame: int

    @property
    def share(self) -> float:
        """Share of the frame that was met: as large for every kind of case; 0 in an empty one."""
        return len(self.met) / self.frame if self.frame else 0.0


def fair_order(open_: _Bools, budget: int, *, rng: np.random.Generator) -> FairOrder:
    """Return the cases that are met until so many open ones were.

    Parameters
    ----------
    open_ : ndarray of bool, shape (n,)
        Of each case in the frame, which are all that were not met before: whether nobody knows
        the truth, nor is about to.
    budget : int
        Open cases to be met, and verified; fixed beforehand.
    rng : numpy.random.Generator

    Notes
    -----
    **Guaranteed:** the order is drawn without regard to truth, decision, or why a case is known,
    and where it ends is told by the cases met, never by the next one. So if cases are independent
    and alike, the labels of those met are so too, in their order, and what holds at all times for
    such labels (`edgefair.audit.sequential`) holds for these, exactly. Two things are assumed:
    that who is met gets verified, or is lost, without regard to the truth; and that the list is
    worked through without regard to it. See the section ``audited`` of the simulations.

    References
    ----------
    .. [1] J. Ville, "Etude critique de la notion de collectif", Gauthier-Villars (1939).

    Examples
    --------
    Six known cases, then six open ones, of which two are to be verified:

    >>> found = fair_order(np.arange(12) >= 6, 2, rng=np.random.default_rng(4))
    >>> found.met.tolist()
    [1, 0, 8, 2, 10]
    """
    order = rng.permutation(len(open_))
    places = np.flatnonzero(open_[order])
    if budget < 1 or not len(places):
        return FairOrder(met=order[:0], frame=len(open_))
    end = int(places[budget - 1]) + 1 if budget <= len(places) else len(order)
    met = order[:end]
    last = np.flatnonzero(open_[met])[-1:]  # the known wait for an open one behind them
    return FairOrder(met=np.concatenate([np.delete(met, last), met[last]]), frame=len(open_))
