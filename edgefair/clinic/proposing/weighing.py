"""How many people each verified case stands for, and whether that can be said at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.verification_state import (
    VerificationState,
    is_representative,
    sensitivity_allowed,
)
from edgefair.clinic.proposing.material import Material
from edgefair.errors import NotEnoughData

__all__ = ["Weighed", "weighed"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The verified cases, and what they stand for.

    Attributes
    ----------
    used : ndarray of bool, shape (n,)
        Which of all cases are verified.
    weights : ndarray of float64, shape (used,), or None
        None if each stands for itself.
    states : tuple of VerificationState
        Of each group: where not allowed, nothing may be said of whom the model misses there.
    notes : tuple of str
    """

    used: _Bools
    weights: _Floats | None
    states: tuple[VerificationState, ...]
    notes: tuple[str, ...]


def weighed(material: Material) -> Weighed:
    """Return the verified cases with their weights.

    Raises
    ------
    NotEnoughData
        If no case is verified, or too few of those whom the model cleared were verified for no
        reason of their own: whom it misses is then not known, and no threshold follows.
    """
    verified = material.outcome >= 0
    if not verified.any():
        raise NotEnoughData(
            f"There is no outcome of {material.finding} yet.",
            hint="`edgefair outcomes next` draws the cases to verify, `edgefair outcomes import` "
            "records what turned out.",
        )
    groups = len(material.grouping.groups)
    if not material.because:
        states = (_ALLOWED,) * groups
        return Weighed(used=verified, weights=None, states=states, notes=_of_table(verified))
    everybody = _state(material, np.ones(len(material), dtype=np.bool_))
    if not everybody.allowed:
        raise NotEnoughData(
            f"Whom the model misses is not known here, and no threshold follows without it. "
            f"{everybody.why}",
            hint=everybody.instead,
        )
    states = tuple(_state(material, material.grouping.codes == code) for code in range(groups))
    weights, notes = _weights(material, by_group=all(state.allowed for state in states))
    if float(np.ptp(weights[verified])) < 1e-9:
        return Weighed(used=verified, weights=None, states=states, notes=())
    return Weighed(used=verified, weights=weights[verified], states=states, notes=notes)


_ALLOWED = VerificationState(allowed=True, counted=0, missing=0, why="", instead="")


def _of_table(verified: _Bools) -> tuple[str, ...]:
    left_out = int(np.sum(~verified))
    if not left_out:
        return ()
    return (
        f"{left_out:,} rows without an outcome were left out. If mostly flagged cases were "
        "verified, no figure here holds: nothing in a table says who was.",
    )


def _state(material: Material, rows: _Bools) -> VerificationState:
    cleared = rows & ~material.flagged_then
    known = cleared & (material.outcome >= 0)
    because = Counter(
        reason for i in np.flatnonzero(known).tolist() if (reason := material.because[i])
    )
    return sensitivity_allowed(because, unverified=int(np.sum(cleared & ~known)))


def _weights(material: Material, *, by_group: bool) -> tuple[_Floats, tuple[str, ...]]:
    """Return for each case how many it stands for, 1 where nobody else; and what to know of it."""
    verified = material.outcome >= 0
    stands = np.array(
        [
            reason is not None and is_representative(reason, flagged=bool(flagged))
            for reason, flagged in zip(material.because, material.flagged_then, strict=True)
        ],
        dtype=np.bool_,
    )
    codes = material.grouping.codes if by_group else np.zeros(len(material), dtype=np.int64)
    strata = 2 * codes + material.flagged_then
    weights = np.ones(len(material))
    for stratum in np.unique(strata).tolist():
        rows = strata == stratum
        nobody = int(np.sum(rows & ~verified))
        standing = rows & verified & stands
        if not standing.any():  # nobody was drawn: all that were verified must do
            standing = rows & verified
        if nobody and standing.any():
            shares = _shares(material.drawn_with[standing])
            weights[standing] = shares * (nobody + standing.sum())
    note = (
        f"Of {len(material):,} cases {int(verified.sum()):,} are verified, and not all with equal "
        "chances: each counts for those it stands for, one for up to "
        f"{weights[verified].max():.0f}. Intervals take these weights for known, and the cases "
        "told are as many as all of these are worth.",
    )
    return weights, note


def _shares(drawn_with: _Floats) -> _Floats:
    """Return the share of a stratum that each of its cases stands for."""
    if np.isnan(drawn_with).any():  # not all by lot: alike
        return np.full(len(drawn_with), 1 / len(drawn_with))
    held = 1 / drawn_with
    return np.asarray(held / held.sum())
