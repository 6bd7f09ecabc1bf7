"""Every case that a model gave a score for, verified or not, and why it was verified."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from edgefair.ledger.draws import KNOWN_ALREADY
from edgefair.ledger.reading import newest_model, read_subject
from edgefair.ledger.turns import name_of_point
from edgefair.records import Decision, Subject, VerifiedBecause

__all__ = ["ScreenedCases", "read_screened"]

# a case that was drawn to be verified twice keeps the chance of its first draw
_SCREENED: Final = f"""
SELECT coalesce(patient, ''), latest_score.finding, logit, probability, decision,
    operating_point, threshold, outcome, verified_because, sex, age_years, attributes,
    (SELECT probability FROM drawn_case WHERE drawn_case.image_id = latest_score.image_id
        AND drawn_case.finding = latest_score.finding AND stratum <> '{KNOWN_ALREADY}'
        ORDER BY drawn_case.id LIMIT 1)
FROM latest_score
LEFT JOIN latest_outcome ON latest_outcome.image_id = latest_score.image_id
    AND latest_outcome.finding = latest_score.finding
LEFT JOIN latest_subject ON latest_subject.image_id = latest_score.image_id
WHERE model_id = ?
ORDER BY latest_score.id
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedCases:
    """What one model said of everybody, beside the truth where it is known.

    Attributes
    ----------
    model, bundle_digest : str
        The model that read last; both empty when the ledger holds no reading.
    patient, finding : tuple of str
        Pseudonym (empty where no patient is known) and finding of each entry.
    logit, probability : tuple of float
        As shown when it was decided on.
    decision : tuple of Decision
    operating_point : tuple of str
        The one that decided.
    threshold : tuple of float
        Its threshold.
    outcome : tuple of int
        1, 0, or -1 where nobody has verified it.
    verified_because : tuple of (VerifiedBecause or None)
    drawn_with : tuple of (float or None)
        With what chance the case was drawn to be verified; None if it was not drawn.
    subject : tuple of Subject
        Without the patient's id.
    """

    model: str
    bundle_digest: str
    patient: tuple[str, ...]
    finding: tuple[str, ...]
    logit: tuple[float, ...]
    probability: tuple[float, ...]
    decision: tuple[Decision, ...]
    operating_point: tuple[str, ...]
    threshold: tuple[float, ...]
    outcome: tuple[int, ...]
    verified_because: tuple[VerifiedBecause | None, ...]
    drawn_with: tuple[float | None, ...]
    subject: tuple[Subject, ...]

    def __len__(self) -> int:
        return len(self.finding)


def read_screened(connection: sqlite3.Connection) -> ScreenedCases:
    """Return every score of the model that read last, in the order of recording."""
    model_id, model, digest = newest_model(connection, None)
    rows = connection.execute(_SCREENED, [model_id]).fetchall()
    return ScreenedCases(
        model=model,
        bundle_digest=digest,
        patient=tuple(row[0] for row in rows),
        finding=tuple(row[1] for row in rows),
        logit=tuple(row[2] for row in rows),
        probability=tuple(row[3] for row in rows),
        decision=tuple(Decision(row[4]) for row in rows),
        operating_point=tuple(name_of_point(row[5]) for row in rows),
        threshold=tuple(row[6] for row in rows),
        outcome=tuple(-1 if row[7] is None else int(row[7]) for row in rows),
        verified_because=tuple(
            None if row[8] is None else VerifiedBecause(row[8]) for row in rows
        ),
        drawn_with=tuple(row[12] for row in rows),
        subject=tuple(read_subject(row[9:12], patient=None) for row in rows),
    )
