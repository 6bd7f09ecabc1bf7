"""Whether a sensitivity may be shown at all, given why cases were verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgefair.records import VerifiedBecause

__all__ = ["MINIMUM_RANDOM_AUDIT", "VerificationState", "is_representative", "sensitivity_allowed"]

MINIMUM_RANDOM_AUDIT: Final = 50
"""Cleared cases drawn at random below which what the model misses is guesswork.

With none found among 50, up to 6 % of the cleared may still be missed cases.
"""

_NEARLY_ALL: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationState:
    """Whether sensitivity (and specificity) of one group may be shown.

    Attributes
    ----------
    allowed : bool
    counted : int
        Verified AI-negatives that stand for the others.
    missing : int
        How many more to draw at random; 0 if allowed.
    why : str
        The rule applied, in one sentence.
    instead : str
        What to do now, in one sentence; empty if allowed.
    """

    allowed: bool
    counted: int
    missing: int
    why: str
    instead: str


def is_representative(because: VerifiedBecause, *, flagged: bool) -> bool:
    """Return whether a verified case may stand for those with the same decision nobody verified.

    One drawn at random may, and among the flagged one that was verified because it was flagged,
    as all of them were to be. One that was verified because it looked ill, or by a routine that
    reaches some patients and not others, stands for itself alone.

    Examples
    --------
    >>> is_representative(VerifiedBecause.AI_POSITIVE, flagged=True)
    True
    >>> is_representative(VerifiedBecause.CLINICAL, flagged=True)
    False
    """
    at_random = because is VerifiedBecause.RANDOM_AUDIT
    return at_random or (flagged and because is VerifiedBecause.AI_POSITIVE)


def sensitivity_allowed(
    verified_because: Mapping[VerifiedBecause, int],
    *,
    unverified: int,
    minimum_random_audit: int = MINIMUM_RANDOM_AUDIT,
) -> VerificationState:
    """Return whether enough of the cleared cases were verified for no reason of their own.

    A cleared case that was drawn at random counts. One that was verified by routine counts only
    where routine and random audit together reach nearly all cleared cases (95 %), for then
    nobody chose; one verified because it looked ill, or for another finding, never does.

    Parameters
    ----------
    verified_because : mapping of VerifiedBecause to int
        Verified AI-negatives of the group, by why they were.
    unverified : int
        AI-negatives of the group whose truth nobody knows.
    minimum_random_audit : int, default=50
        How many to ask for; where fewer cleared cases are left, all of these.

    Examples
    --------
    >>> state = sensitivity_allowed({VerifiedBecause.RANDOM_AUDIT: 12}, unverified=900)
    >>> state.allowed, state.missing
    (False, 38)
    >>> state.instead
    'Verify 38 more AI-negative cases, drawn at random: `edgefair outcomes next` draws them.'
    """
    at_random = verified_because.get(VerifiedBecause.RANDOM_AUDIT, 0)
    unchosen = at_random + verified_because.get(VerifiedBecause.ROUTINE, 0)
    cleared = sum(verified_because.values()) + unverified
    if not cleared:
        return _allowed(0, "The model cleared nobody here, so that it missed nobody.")
    if unchosen >= _NEARLY_ALL * cleared:
        return _allowed(
            unchosen,
            f"{unchosen:,} of {cleared:,} AI-negative cases were verified whatever they looked "
            "like, which is nearly all.",
        )
    if at_random >= minimum_random_audit:
        return _allowed(
            at_random, f"{at_random:,} AI-negative cases were drawn at random and verified."
        )
    missing = min(minimum_random_audit - at_random, unverified)
    if not missing:
        return _allowed(
            sum(verified_because.values()), "Every AI-negative case has been verified."
        )
    return VerificationState(
        allowed=False,
        counted=at_random,
        missing=missing,
        why=f"Of {cleared:,} AI-negative cases {at_random:,} were drawn at random and verified, "
        f"fewer than {minimum_random_audit:,}: what the model misses shows only by chance, and a "
        "sensitivity would come out too high.",
        instead=f"Verify {missing:,} more AI-negative case{'' if missing == 1 else 's'}, drawn "
        "at random: `edgefair outcomes next` draws them.",
    )


def _allowed(counted: int, why: str) -> VerificationState:
    return VerificationState(allowed=True, counted=counted, missing=0, why=why, instead="")
