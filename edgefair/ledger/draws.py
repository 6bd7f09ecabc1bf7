"""Draws of cases to confirm: kept before anybody sees them, so that no chance is forgotten.

A case that is known already can be drawn too: nobody has to look at it again, but from then on it
is evidence of error rates, as it was picked by lot and not for the reason it was confirmed for.

Beside them the stream they are drawn from: everything that one model scored, known or not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from edgefair.errors import LedgerError
from edgefair.ledger.connection import insert
from edgefair.ledger.reading import newest_model, read_subject
from edgefair.ledger.results import Case
from edgefair.records import Decision, Subject, VerifiedBecause

__all__ = [
    "KNOWN_ALREADY",
    "Draw",
    "DrawnCase",
    "Reading",
    "ScoredCases",
    "read_draws",
    "read_open",
    "read_readings",
    "read_scored",
    "write_draw",
]

KNOWN_ALREADY: Final = "known already"
"""Stratum of a case that was drawn when its outcome was known, or awaited from an earlier draw."""

_SCORED: Final = """
SELECT code, coalesce(patient, ''), latest_score.finding, probability, decision, predicted_at,
    outcome, verified_because, sex, age_years, attributes
FROM latest_score
JOIN image ON image.id = latest_score.image_id
LEFT JOIN latest_subject ON latest_subject.image_id = latest_score.image_id
LEFT JOIN latest_outcome ON latest_outcome.image_id = latest_score.image_id
    AND latest_outcome.finding = latest_score.finding
WHERE model_id = ?
ORDER BY latest_score.id
"""

_DRAWS: Final = """
SELECT draw.id, drawn_at, design, code, finding, stratum, probability, least
FROM draw
JOIN drawn_case ON draw_id = draw.id
JOIN image ON image.id = image_id
ORDER BY drawn_case.id
"""

_OPEN: Final = """
SELECT code, latest_name.name, frame, drawn_case.finding, max(predicted_at), decision
FROM drawn_case
JOIN image ON image.id = drawn_case.image_id
JOIN latest_name ON latest_name.image_id = image.id
JOIN scored ON scored.image_id = image.id AND scored.finding = drawn_case.finding
WHERE NOT EXISTS (
    SELECT 1 FROM standing_outcome AS known
    WHERE known.image_id = image.id AND known.finding = drawn_case.finding)
GROUP BY image.id, drawn_case.finding
ORDER BY min(drawn_case.id)
"""

_READINGS: Final = """
SELECT code, finding, verified_by, outcome
FROM standing_outcome AS this
JOIN image ON image.id = image_id
WHERE this.id = (
    SELECT max(id) FROM standing_outcome AS other
    WHERE other.image_id = this.image_id AND other.finding = this.finding
        AND other.verified_by = this.verified_by)
ORDER BY this.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCase:
    """One case of a draw.

    Attributes
    ----------
    case, finding : str
        Case code, and what is to be confirmed.
    stratum : str
        Group and decision that it was drawn from, never shown to who verifies; or `KNOWN_ALREADY`.
    probability : float
        Its chance to be drawn, in (0, 1].
    least : float
        How large that chance is after a second lot, which makes it the same for all cases of the
        finding, whatever the model said of them. The same as `probability` where the case is
        evidence of error rates as it is; 0 where it is none.
    """

    case: str
    finding: str
    stratum: str
    probability: float
    least: float

    @property
    def was_known(self) -> bool:
        """Whether nobody has to verify it because of this draw."""
        return self.stratum == KNOWN_ALREADY


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Cases that were drawn together.

    Attributes
    ----------
    drawn_at : str
        UTC, ISO 8601.
    design : str
        JSON: what the strata were, their sizes, cases drawn from each, the seed.
    cases : tuple of DrawnCase
        At least one, in the order of the worklist.
    """

    drawn_at: str
    design: str
    cases: tuple[DrawnCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCases:
    """All that one model scored, one entry per case and finding, in the order of reading.

    Attributes
    ----------
    model, bundle_digest : str
        Both empty when the ledger holds no score.
    case, patient, finding : tuple of str
    y_score : tuple of float
        Calibrated probability in [0, 1].
    y_pred : tuple of Decision
    predicted_at : tuple of str
        UTC, ISO 8601.
    y_true : tuple of bool or None
        Latest outcome; None where nobody has verified it.
    verified_because : tuple of VerifiedBecause or None
        None likewise.
    subject : tuple of Subject
        Without the patient's id.
    """

    model: str
    bundle_digest: str
    case: tuple[str, ...]
    patient: tuple[str, ...]
    finding: tuple[str, ...]
    y_score: tuple[float, ...]
    y_pred: tuple[Decision, ...]
    predicted_at: tuple[str, ...]
    y_true: tuple[bool | None, ...]
    verified_because: tuple[VerifiedBecause | None, ...]
    subject: tuple[Subject, ...]

    def __len__(self) -> int:
        return len(self.case)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The latest that one person said of one case."""

    case: str
    finding: str
    verified_by: str
    outcome: bool


def read_scored(connection: sqlite3.Connection, bundle_digest: str | None) -> ScoredCases:
    """Return the stream of one model; None takes the model that read last."""
    model_id, model, digest = newest_model(connection, bundle_digest)
    rows = connection.execute(_SCORED, [model_id]).fetchall()
    return ScoredCases(
        model=model,
        bundle_digest=digest,
        case=tuple(row[0] for row in rows),
        patient=tuple(row[1] for row in rows),
        finding=tuple(row[2] for row in rows),
        y_score=tuple(row[3] for row in rows),
        y_pred=tuple(Decision(row[4]) for row in rows),
        predicted_at=tuple(row[5] for row in rows),
        y_true=tuple(None if row[6] is None else bool(row[6]) for row in rows),
        verified_because=tuple(
            None if row[7] is None else VerifiedBecause(row[7]) for row in rows
        ),
        subject=tuple(read_subject(row[8:11], patient=None) for row in rows),
    )


def read_draws(connection: sqlite3.Connection) -> tuple[Draw, ...]:
    """Return every draw, oldest first."""
    return tuple(
        Draw(
            drawn_at=lines[0][1],
            design=lines[0][2],
            cases=tuple(
                DrawnCase(
                    case=code,
                    finding=finding,
                    stratum=stratum,
                    probability=probability,
                    least=least,
                )
                for _, _, _, code, finding, stratum, probability, least in lines
            ),
        )
        for _, group in groupby(connection.execute(_DRAWS), key=lambda row: row[0])
        for lines in (list(group),)
    )


def read_open(connection: sqlite3.Connection) -> Iterator[Case]:
    """Yield the cases that were drawn and not confirmed yet, longest waiting first."""
    for code, image, frame, finding, predicted_at, decision in connection.execute(_OPEN):
        yield Case(
            code=code,
            image=image,
            frame=frame,
            finding=finding,
            predicted_at=predicted_at,
            decision=Decision(decision),
            outcome=None,
        )


def read_readings(connection: sqlite3.Connection) -> tuple[Reading, ...]:
    """Return what each person said last of each case, whether it counts or was corrected."""
    return tuple(
        Reading(case=case, finding=finding, verified_by=verified_by, outcome=bool(outcome))
        for case, finding, verified_by, outcome in connection.execute(_READINGS)
    )


def write_draw(connection: sqlite3.Connection, draw: Draw, *, earlier: int) -> None:
    """Append a draw, all of it; to be called inside a transaction.

    Parameters
    ----------
    connection : Connection
    draw : Draw
    earlier : int
        Draws that were known when it was made.

    Raises
    ------
    LedgerError
        If somebody else has drawn since: its chances would be other than they say.
    """
    (known,) = connection.execute("SELECT count(*) FROM draw").fetchone()
    if known != earlier:
        raise LedgerError(
            "Somebody else drew cases from this ledger at the same moment.",
            hint="Run the command again: it goes on from the other draw.",
        )
    draw_id = insert(
        connection, "INSERT INTO draw VALUES (NULL, ?, ?, ?)", [draw.drawn_at, draw.design]
    )
    images = _image_ids(connection, draw.cases)
    for one in draw.cases:
        insert(
            connection,
            "INSERT INTO drawn_case VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
            [
                draw_id,
                images[one.case],
                one.finding,
                one.stratum,
                float(one.probability),
                float(one.least),
            ],
        )


def _image_ids(connection: sqlite3.Connection, cases: Sequence[DrawnCase]) -> dict[str, int]:
    query = "SELECT id FROM image WHERE code = ?"
    return {one.case: connection.execute(query, [one.case]).fetchone()[0] for one in cases}
