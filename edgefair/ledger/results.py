"""What a ledger answers: frozen records, column by column where an audit reads them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgefair.records import Decision, Outcome, Subject, VerifiedBecause

__all__ = [
    "Case",
    "ImportReport",
    "LabelledCases",
    "OutcomeResult",
    "OutcomeStatus",
    "Withdrawal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One finding on one recorded frame, with the latest that is known of it.

    Attributes
    ----------
    code : str
        What people type to name the frame, e.g. ``K7Q2M19X``.
    image : str
        File name without its folder, as last seen.
    frame : int
        Frame number from 0.
    predicted_at : str
        UTC, ISO 8601.
    outcome : Outcome or None
        None as long as nobody has verified it.
    """

    code: str
    image: str
    frame: int
    finding: str
    predicted_at: str
    decision: Decision
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCases:
    """What one model said beside what turned out to be true, one entry per case and finding.

    Attributes
    ----------
    model, bundle_digest : str
        The one model that is looked at; both empty when the ledger holds no score.
    case, patient, finding : tuple of str
        Case code, pseudonym (empty where no patient is known) and finding of each entry.
    y_true : tuple of bool
        Latest outcome.
    y_score : tuple of float
        Calibrated probability in [0, 1].
    y_pred : tuple of Decision
    operating_point : tuple of str
        The one that decided.
    subject : tuple of Subject
        Sex, age and whatever else to group by; without the patient's id.
    verified_because : tuple of VerifiedBecause
    date : tuple of str
        Day of the truth, ISO 8601.
    unverified : int
        Scores of this model that wait for their outcome.
    unscored : int
        Outcomes that this model gave no score for, e.g. because it refused the image.
    refused : int
        Images that this model refused and gave no score for.
    other_models : int
        Scores of other models in this ledger.
    """

    model: str
    bundle_digest: str
    case: tuple[str, ...]
    patient: tuple[str, ...]
    finding: tuple[str, ...]
    y_true: tuple[bool, ...]
    y_score: tuple[float, ...]
    y_pred: tuple[Decision, ...]
    operating_point: tuple[str, ...]
    subject: tuple[Subject, ...]
    verified_because: tuple[VerifiedBecause, ...]
    date: tuple[str, ...]
    unverified: int
    unscored: int
    refused: int
    other_models: int

    def __len__(self) -> int:
        return len(self.case)


class OutcomeStatus(StrEnum):
    """What became of one outcome that was handed to the ledger."""

    ADDED = "added"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """An outcome that somebody takes back, e.g. because it belongs to another patient.

    Attributes
    ----------
    case : str
        Case code from the ledger, or the image's file name.
    withdrawn_by : str
    reason : str
        Why, in words.
    """

    case: str
    finding: str
    withdrawn_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeResult:
    """What became of one outcome, and what its sender should know.

    Attributes
    ----------
    message : str
        One sentence; empty where there is nothing to say.
    hint : str
        What to do about a refusal.
    """

    status: OutcomeStatus
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each outcome, in the order in which they were handed over.

    Examples
    --------
    >>> report = ImportReport(results=(OutcomeResult(status=OutcomeStatus.ADDED),))
    >>> report.count(OutcomeStatus.ADDED), report.count(OutcomeStatus.REFUSED)
    (1, 0)
    """

    results: tuple[OutcomeResult, ...]

    def count(self, status: OutcomeStatus) -> int:
        """Return how many outcomes met this fate."""
        return sum(result.status is status for result in self.results)
