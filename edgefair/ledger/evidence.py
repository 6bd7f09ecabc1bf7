"""Outcomes as evidence of error rates: in ledger order, each beside what the model said.

A case is evidence from its first outcome on that was verified for a reason that does not depend on
the model; what it is evidence of, its latest outcome says. So the place of a case in the order is
never taken by another, and a correction changes the past instead of adding to it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edgefair.bundle.plan import COUNTED_BECAUSE
from edgefair.ledger.connection import sound
from edgefair.records import UNKNOWN, Attribute, Decision, Subject, VerifiedBecause

__all__ = ["Evidence", "Marks", "PastChanges", "past_changes", "present_marks", "read_evidence"]

_COUNTED: Final = ", ".join(f"'{reason}'" for reason in COUNTED_BECAUSE)

_STANDS: Final = "NOT EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.outcome_id = {0}.id{1})"

# every row that the evidence rests on comes whole, so that its checksum can be seen to hold
_EVIDENCE: Final = f"""
SELECT this.*, truth.*, score.*, subject.*, drawn_case.*
FROM outcome AS this
JOIN outcome AS truth ON truth.id = (
    SELECT max(id) FROM outcome AS other
    WHERE other.image_id = this.image_id AND other.finding = this.finding
        AND {_STANDS.format("other", "")})
JOIN score ON score.id = (
    SELECT max(other.id) FROM score AS other
    JOIN operating_point ON operating_point.id = other.operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE other.image_id = this.image_id AND operating_point.finding = this.finding
        AND model.bundle_digest = :bundle)
LEFT JOIN subject ON subject.id = (
    SELECT max(id) FROM subject AS other WHERE other.image_id = this.image_id)
LEFT JOIN drawn_case ON drawn_case.id = (
    SELECT min(id) FROM drawn_case AS other
    WHERE other.image_id = this.image_id AND other.finding = this.finding)
WHERE this.id > :after AND this.recorded_on >= :since
    AND this.verified_because IN ({_COUNTED}) AND {_STANDS.format("this", "")}
    AND NOT EXISTS (
        SELECT 1 FROM outcome AS earlier
        WHERE earlier.image_id = this.image_id AND earlier.finding = this.finding
            AND earlier.id < this.id AND earlier.verified_because IN ({_COUNTED})
            AND {_STANDS.format("earlier", "")})
ORDER BY this.id
"""  # noqa: S608 - put together from constants

_COLUMNS: Final = (("outcome", 9), ("outcome", 9), ("score", 9), ("subject", 7), ("drawn_case", 8))
"""Which tables' rows stand side by side above, and how many columns each has."""

_WHOLE: Final = ("model", "operating_point", "withdrawal")
"""Small tables that the query goes through: their rows are all checked."""

_MARKS: Final = """
SELECT (SELECT max(id) FROM score), (SELECT max(id) FROM outcome),
    (SELECT max(id) FROM withdrawal), (SELECT max(id) FROM subject),
    (SELECT max(id) FROM drawn_case)
"""

_COUNTED_BEFORE: Final = f"""
SELECT 1 FROM outcome AS counted
WHERE counted.image_id = {{0}} AND counted.id > :start AND counted.id <= :outcome_id
    AND counted.verified_because IN ({_COUNTED})
    AND {_STANDS.format("counted", " AND withdrawal.id <= :withdrawal_id")}
"""  # noqa: S608 - put together from constants

_LATEST_VALUE: Final = """
SELECT outcome FROM outcome AS other
WHERE other.image_id = new.image_id AND other.finding = new.finding AND {0}
ORDER BY other.id DESC LIMIT 1
"""

_NOW: Final = _LATEST_VALUE.format(_STANDS.format("other", ""))
_THEN: Final = _LATEST_VALUE.format(
    "other.id <= :outcome_id AND "
    + _STANDS.format("other", " AND withdrawal.id <= :withdrawal_id")
)

_OF_FINDING: Final = " AND counted.finding = new.finding"

_CORRECTED: Final = f"""
SELECT count(*) FROM (SELECT DISTINCT image_id, finding FROM outcome WHERE id > :outcome_id) AS new
WHERE EXISTS ({_COUNTED_BEFORE.format("new.image_id")}{_OF_FINDING})
    AND ({_NOW}) IS NOT ({_THEN})
"""  # noqa: S608 - put together from constants

_WITHDRAWN: Final = """
SELECT count(*) FROM withdrawal WHERE id > :withdrawal_id AND outcome_id <= :outcome_id
"""

_SCORED_LATE: Final = f"""
SELECT count(*) FROM (
    SELECT score.image_id, finding FROM score
    JOIN operating_point ON operating_point.id = operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE score.id > :score_id AND bundle_digest = :bundle) AS new
WHERE EXISTS ({_COUNTED_BEFORE.format("new.image_id")}{_OF_FINDING})
"""  # noqa: S608 - put together from constants

_SUBJECT_CHANGED: Final = f"""
SELECT count(DISTINCT image_id) FROM subject AS new WHERE new.id > :subject_id
    AND EXISTS ({_COUNTED_BEFORE.format("new.image_id")})
"""  # noqa: S608 - put together from constants

_DRAWN_LATE: Final = f"""
SELECT count(*) FROM drawn_case AS new WHERE new.id > :drawn_case_id
    AND EXISTS ({_COUNTED_BEFORE.format("new.image_id")}{_OF_FINDING})
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One case and finding that says something of the model's error rates.

    Attributes
    ----------
    outcome_id : int
        Its place in the order.
    outcome : bool
        Whether the finding was there, by the latest outcome that stands.
    flagged : bool
        Whether the model wanted somebody to look: positive or refer.
    recorded_on : str
        Day on which the case became evidence, ISO 8601.
    """

    outcome_id: int
    finding: str
    outcome: bool
    flagged: bool
    subject: Subject
    recorded_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The last row of each table that a step looked at, or 0: how far it went."""

    score_id: int = 0
    outcome_id: int = 0
    withdrawal_id: int = 0
    subject_id: int = 0
    drawn_case_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChanges:
    """What is other now of cases that a step has counted: each makes it count all anew.

    Attributes
    ----------
    corrected, withdrawn : int
        Outcomes that a later one contradicts, and that were taken back.
    scored_late : int
        Scores that came after the outcome.
    subjects : int
        Images of whose patients something was learned later.
    drawn_late : int
        Cases that were drawn for verification after they had been verified.
    """

    corrected: int
    withdrawn: int
    scored_late: int
    subjects: int
    drawn_late: int

    def in_words(self) -> str:
        """Return why all has to be counted anew; empty if nothing was changed.

        Examples
        --------
        >>> changes = PastChanges(
        ...     corrected=1, withdrawn=0, scored_late=2, subjects=0, drawn_late=0
        ... )
        >>> changes.in_words()
        '1 outcome was corrected; 2 scores came after their outcomes'
        """
        said = (
            (self.corrected, "1 outcome was corrected", "{} outcomes were corrected"),
            (self.withdrawn, "1 outcome was withdrawn", "{} outcomes were withdrawn"),
            (
                self.scored_late,
                "1 score came after its outcome",
                "{} scores came after their outcomes",
            ),
            (
                self.subjects,
                "something was learned later of 1 patient",
                "something was learned later of {} patients",
            ),
            (
                self.drawn_late,
                "1 case was drawn after it was verified",
                "{} cases were drawn after they were verified",
            ),
        )
        return "; ".join(
            one if count == 1 else many.format(f"{count:,}") for count, one, many in said if count
        )


def present_marks(connection: sqlite3.Connection) -> Marks:
    """Return how far the tables go now."""
    row = connection.execute(_MARKS).fetchone()
    score, outcome, withdrawal, subject, drawn = (last or 0 for last in row)
    return Marks(
        score_id=score,
        outcome_id=outcome,
        withdrawal_id=withdrawal,
        subject_id=subject,
        drawn_case_id=drawn,
    )


def past_changes(
    connection: sqlite3.Connection, marks: Marks, *, bundle_digest: str, start: int
) -> PastChanges:
    """Return what of the cases counted from a start up to the marks is other now."""
    named = {**asdict(marks), "bundle": bundle_digest, "start": start}
    corrected, withdrawn, scored, subjects, drawn = (
        int(connection.execute(query, named).fetchone()[0])
        for query in (_CORRECTED, _WITHDRAWN, _SCORED_LATE, _SUBJECT_CHANGED, _DRAWN_LATE)
    )
    return PastChanges(
        corrected=corrected,
        withdrawn=withdrawn,
        scored_late=scored,
        subjects=subjects,
        drawn_late=drawn,
    )


def read_evidence(
    path: Path,
    connection: sqlite3.Connection,
    *,
    bundle_digest: str,
    after: int = 0,
    since: str = "",
) -> Iterator[Evidence]:
    """Yield the evidence on one model in its order, every row's checksum seen to hold.

    Parameters
    ----------
    bundle_digest : str
    after : int
        Only what became evidence by an outcome after this row.
    since : str
        Only what was recorded on this day or later, ISO 8601.

    Raises
    ------
    LedgerDamaged
        If a row that is read is not what was written.
    """
    for table in _WHOLE:
        for _ in sound(path, table, connection.execute(f"SELECT * FROM {table}")):  # noqa: S608
            pass
    named = {"bundle": bundle_digest, "after": after, "since": since}
    for row in connection.execute(_EVIDENCE, named):
        this, truth, score, subject, drawn = _parted(path, row)
        if this[5] == VerifiedBecause.RANDOM_AUDIT and drawn and _is_passed_over(drawn):
            continue
        yield Evidence(
            outcome_id=this[0],
            finding=this[2],
            outcome=bool(truth[3]),
            flagged=score[6] != Decision.NEGATIVE,
            subject=_subject(subject),
            recorded_on=this[7],
        )


def _parted(path: Path, row: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the joined rows one by one; an empty tuple for one that is not there."""
    start = 0
    for table, width in _COLUMNS:
        columns = tuple(row[start : start + width])
        start += width
        if columns[0] is None:
            yield ()
        else:
            yield from sound(path, table, [columns])


def _is_passed_over(drawn: Sequence[Any]) -> bool:
    """Return whether a drawn case is left out, so that all of its group are as likely to be in.

    A draw that prefers some cases, e.g. those that the model called negative, shows errors as
    often as it prefers them. A second lot, which depends on nothing but the draw and the case,
    keeps each with the chance ``least / probability``; none where ``least`` is 0, since no lot
    makes up for cases that could not be drawn.
    """
    _, draw_id, image_id, finding, _, probability, least = drawn
    lot = hashlib.sha256(f"{draw_id}\0{image_id}\0{finding}".encode()).digest()
    return bool(int.from_bytes(lot[:8]) / 2**64 >= least / probability)


def _subject(row: Sequence[Any]) -> Subject:
    if not row:
        return Subject()
    _, _, _, sex, age_years, attributes = row
    known = json.loads(attributes)
    return Subject(
        sex=sex or UNKNOWN,
        age_years=age_years,
        attributes=tuple(Attribute(name=name, value=value) for name, value in known.items()),
    )
