"""What turned out to be true, and why somebody looked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Outcome",
    "VerifiedBecause",
]


class VerifiedBecause(StrEnum):
    """Why somebody looked for the truth of a case; what it is biased by follows from this."""

    ROUTINE = "routine"
    AI_POSITIVE = "ai_positive"
    RANDOM_AUDIT = "random_audit"
    CLINICAL = "clinical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What turned out to be true of one finding in one case.

    Attributes
    ----------
    case : str
        Case code from the ledger, or the image's file name.
    outcome : bool
        Whether the finding was there.
    verified_by : str
        Who says so: a person, a laboratory, a follow-up image.
    verified_because : VerifiedBecause
        Why this case was looked into.
    date : str
        Day of the truth, ISO 8601.
    """

    case: str
    finding: str
    outcome: bool
    verified_by: str
    verified_because: VerifiedBecause
    date: str
