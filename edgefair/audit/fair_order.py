"""Which cases are evidence of error rates, where some are known already for reasons of their own.

A sampler prefers some cases, and a routine confirms others: neither shows errors as often as the
model makes them. So cases are gone through in an order that is drawn by lot from all of them,
known or not, and every one that is met is evidence, whoever made it known and why. Known ones are
met for free; the others have to be among those that were drawn to be verified.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        Places in the frame; the last one had to be drawn where any had to.
    frame : int
        Cases that could be met.
    """

    met: _Ints
    frame: int

    @property
    def share(self) -> float:
        """Share of the frame that was met: as large for every kind of case; 0 in an empty one."""
        return len(self.met) / self.frame if self.frame else 0.0


def fair_order(
    strata: _Ints, open_: _Bools, drawn: Sequence[_Ints], *, rng: np.random.Generator
) -> FairOrder:
    """Return which cases are met before one would be that nobody was to verify.

    All cases are put in an order by lot. Those that are open stand in it so that, within each
    stratum, the drawn ones come first, which leaves the order as random as it was. It is followed
    until one stratum's drawn cases are used up while others of it are left.

    Notes
    -----
    The order is drawn without regard to truth, decision, or why a case is known, and where it
    ends is told by the cases met, never by the next one. So if cases are independent and alike,
    the labels of those met are so too, in their order, and what is guaranteed at all times for
    such labels (`edgefair.audit.sequential`) holds for these, exactly where the numbers drawn are
    fixed beforehand. A sampler chooses them by how many cases of either decision the frame holds;
    what that changes was not to be seen in simulation (see the section ``audited`` of the
    simulations). Two things are assumed: that who is drawn gets verified, or is lost, without
    regard to the truth; and that the list is worked through without regard to it.

    References
    ----------
    .. [1] J. Ville, "Etude critique de la notion de collectif", Gauthier-Villars (1939).

    Parameters
    ----------
    strata : ndarray of int64, shape (n,)
        Of each case in the frame: all cases that were not met before.
    open_ : ndarray of bool, shape (n,)
        Whether it can be met only if it was drawn: nobody knows the truth, or is about to.
    drawn : sequence of ndarray of int64
        For each stratum the places in the frame of the open cases that were drawn by lot.
    rng : numpy.random.Generator

    Examples
    --------
    Six flagged cases, all known; six others, of which two were drawn:

    >>> found = fair_order(
    ...     np.array([0] * 6 + [1] * 6), np.array([False] * 6 + [True] * 6),
    ...     [np.array([], np.int64), np.array([7, 10])], rng=np.random.default_rng(4),
    ... )
    >>> found.met.tolist()
    [1, 0, 10, 2, 7]
    """
    order, end = rng.permutation(len(strata)), len(strata)
    is_drawn = np.zeros(len(strata), np.bool_)
    for stratum, chosen in enumerate(drawn):
        is_drawn[chosen] = True
        places = np.flatnonzero((strata[order] == stratum) & open_[order])
        order[places] = order[places][np.argsort(~is_drawn[order[places]], kind="stable")]
        if len(chosen) < len(places):
            end = min(end, int(places[len(chosen) - 1]) + 1 if len(chosen) else 0)
    met = order[:end]
    last = np.flatnonzero(open_[met])[-1:]  # the known wait for an open one behind them
    return FairOrder(met=np.concatenate([np.delete(met, last), met[last]]), frame=len(strata))
