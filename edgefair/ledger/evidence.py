"""Outcomes as evidence of error rates: in ledger order, each beside what the model said.

Where cases of a finding are drawn by lot, those that were met by a draw are evidence, for whatever
reason they were verified, and so are cases that the site drew by lots of its own. Where nothing
was ever drawn, a routine that verifies cases whatever the model said of them counts as well. What
a case is evidence of, its latest outcome says. So its place in the order is never taken by
another, and a correction changes the past instead of adding to it.

A case that was known when it was drawn waits until one is confirmed that stands behind it in its
draw's order: what is known early, mostly of the flagged, would be counted before the others else.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edgefair.bundle.plan import COUNTED_BECAUSE
from edgefair.ledger.connection import sound
from edgefair.ledger.draws import KNOWN_ALREADY
from edgefair.records import UNKNOWN, Attribute, Decision, Subject, VerifiedBecause

__all__ = ["Evidence", "Marks", "PastChanges", "past_changes", "present_marks", "read_evidence"]

_COUNTED: Final = ", ".join(f"'{reason}'" for reason in COUNTED_BECAUSE)

_UNTIL: Final = " AND withdrawal.id <= :withdrawal_id"

_ALL: Final = 2**62
"""A key above all others."""

_STANDS: Final = "NOT EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.outcome_id = {0}.id{1})"

# A case that was met by a draw becomes evidence with its own first outcome, or, where it was known
# already, with the first one of those that had to be verified behind it.
_MET: Final = f"""
WITH turn AS (
    SELECT drawn.*, min(CASE WHEN stratum <> '{KNOWN_ALREADY}' THEN told END)
        OVER (PARTITION BY draw_id, finding ORDER BY drawn.id DESC) AS behind
    FROM (
        SELECT drawn_case.id, draw_id, image_id, finding, stratum, (
            SELECT min(id) FROM outcome AS first
            WHERE first.image_id = drawn_case.image_id AND first.finding = drawn_case.finding
                AND {_STANDS.format("first", _UNTIL)}) AS told
        FROM drawn_case WHERE least > 0 AND drawn_case.id <= :drawn_case_id AND (
            :read_from = '' OR NOT EXISTS (
                SELECT 1 FROM score JOIN reading ON reading.id = score.reading_id
                WHERE score.image_id = drawn_case.image_id
                    AND reading.predicted_at < :read_from))) AS drawn),
met AS (
    SELECT image_id, finding, id AS drawn_id,
        CASE WHEN stratum = '{KNOWN_ALREADY}' THEN max(told, behind) ELSE told END AS outcome_id
    FROM turn)
"""  # noqa: S608 - put together from constants

_UNDRAWN: Final = f"""
    verified_because IN ({_COUNTED}) AND {_STANDS.format("counted", _UNTIL)}
    AND NOT EXISTS (
        SELECT 1 FROM drawn_case WHERE drawn_case.id <= :drawn_case_id
            AND drawn_case.image_id = counted.image_id AND drawn_case.finding = counted.finding)
    AND (verified_because = '{VerifiedBecause.RANDOM_AUDIT}' OR NOT EXISTS (
        SELECT 1 FROM drawn_case WHERE drawn_case.id <= :drawn_case_id
            AND drawn_case.finding = counted.finding))
"""  # noqa: S608 - put together from constants

_PLACES: Final = f"""{_MET}, place AS (
    SELECT image_id, finding, drawn_id, outcome_id FROM met
    UNION ALL
    SELECT image_id, finding, 0, id FROM outcome AS counted
    WHERE id > :after AND {_UNDRAWN} AND NOT EXISTS (
        SELECT 1 FROM outcome AS earlier
        WHERE earlier.image_id = counted.image_id AND earlier.finding = counted.finding
            AND earlier.id < counted.id AND earlier.verified_because IN ({_COUNTED})
            AND {_STANDS.format("earlier", _UNTIL)}))
"""  # noqa: S608 - put together from constants

# every row that the evidence rests on comes whole, so that its checksum can be seen to hold
_EVIDENCE: Final = f"""{_PLACES}
SELECT this.*, truth.*, score.*, subject.*, drawn_case.*
FROM place
JOIN outcome AS this ON this.id = place.outcome_id
JOIN outcome AS truth ON truth.id = (
    SELECT max(id) FROM outcome AS other
    WHERE other.image_id = place.image_id AND other.finding = place.finding
        AND {_STANDS.format("other", "")})
JOIN score ON score.id = (
    SELECT max(other.id) FROM score AS other
    JOIN operating_point ON operating_point.id = other.operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE other.image_id = place.image_id AND operating_point.finding = place.finding
        AND model.bundle_digest = :bundle)
LEFT JOIN subject ON subject.id = (
    SELECT max(id) FROM subject AS other WHERE other.image_id = place.image_id)
LEFT JOIN drawn_case ON drawn_case.id = place.drawn_id
WHERE this.id > :after AND this.recorded_on >= :since
ORDER BY this.id, place.drawn_id
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
EXISTS (
    SELECT 1 FROM outcome AS counted
    WHERE counted.image_id = new.image_id AND counted.finding = new.finding
        AND counted.id > :start AND counted.id <= :outcome_id AND {_UNDRAWN})
OR (new.image_id, new.finding) IN (
    SELECT image_id, finding FROM met WHERE outcome_id > :start AND outcome_id <= :outcome_id)
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

_CORRECTED: Final = f"""{_MET}
SELECT count(*) FROM (SELECT DISTINCT image_id, finding FROM outcome WHERE id > :outcome_id) AS new
WHERE ({_COUNTED_BEFORE}) AND ({_NOW}) IS NOT ({_THEN})
"""  # noqa: S608 - put together from constants

_WITHDRAWN: Final = """
SELECT count(*) FROM withdrawal WHERE id > :withdrawal_id AND outcome_id <= :outcome_id
"""

_SCORED_LATE: Final = f"""{_MET}
SELECT count(*) FROM (
    SELECT score.image_id, finding FROM score
    JOIN operating_point ON operating_point.id = operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE score.id > :score_id AND bundle_digest = :bundle) AS new
WHERE {_COUNTED_BEFORE}
"""  # noqa: S608 - put together from constants

_SUBJECT_CHANGED: Final = f"""{_MET}
SELECT count(DISTINCT new.image_id) FROM (
    SELECT DISTINCT subject.image_id, finding FROM subject
    JOIN outcome ON outcome.image_id = subject.image_id WHERE subject.id > :subject_id) AS new
WHERE {_COUNTED_BEFORE}
"""  # noqa: S608 - put together from constants

_COUNTED_THEN: Final = f"""{_PLACES}
SELECT image_id, finding, outcome_id FROM place
WHERE outcome_id > :start AND outcome_id <= :outcome_id
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One case and finding that says something of the model's error rates.

    Attributes
    ----------
    outcome_id : int
        With which outcome it became evidence, its own or one that it waited for.
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
        Cases that count otherwise since cases of their finding are drawn by lot: mostly those
        verified by routine, which count no more.
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
                "1 case counts otherwise since cases are drawn by lot",
                "{} cases count otherwise since cases are drawn by lot",
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
    connection: sqlite3.Connection,
    marks: Marks,
    *,
    bundle_digest: str,
    start: int,
    read_from: str = "",
) -> PastChanges:
    """Return what of the cases counted from a start up to the marks is other now."""
    named = {
        **asdict(marks),
        "bundle": bundle_digest,
        "start": start,
        "after": start,
        "read_from": read_from,
    }
    corrected, withdrawn, scored, subjects = (
        int(connection.execute(query, named).fetchone()[0])
        for query in (_CORRECTED, _WITHDRAWN, _SCORED_LATE, _SUBJECT_CHANGED)
    )
    return PastChanges(
        corrected=corrected,
        withdrawn=withdrawn,
        scored_late=scored,
        subjects=subjects,
        drawn_late=_counted_otherwise(connection, marks, named),
    )


def _counted_otherwise(
    connection: sqlite3.Connection, marks: Marks, named: Mapping[str, int | str]
) -> int:
    if present_marks(connection).drawn_case_id <= marks.drawn_case_id:
        return 0
    then = connection.execute(_COUNTED_THEN, named).fetchall()
    now = connection.execute(_COUNTED_THEN, {**named, "drawn_case_id": _ALL}).fetchall()
    return len({row[:2] for row in set(then) ^ set(now)})


def read_evidence(
    path: Path,
    connection: sqlite3.Connection,
    *,
    bundle_digest: str,
    after: int = 0,
    since: str = "",
    read_from: str = "",
) -> Iterator[Evidence]:
    """Yield the evidence on one model in its order, every row's checksum seen to hold.

    Parameters
    ----------
    bundle_digest : str
    after : int
        Only what became evidence by an outcome after this row.
    since : str
        Only what was recorded on this day or later, ISO 8601.
    read_from : str
        Of drawn cases only those that were first read at this time or later, ISO 8601: where what
        was known before may not count, neither may what could have been.

    Raises
    ------
    LedgerDamaged
        If a row that is read is not what was written.
    """
    for table in _WHOLE:
        for _ in sound(path, table, connection.execute(f"SELECT * FROM {table}")):  # noqa: S608
            pass
    named = {
        "bundle": bundle_digest,
        "after": after,
        "since": since,
        "read_from": read_from,
        "withdrawal_id": _ALL,
        "drawn_case_id": _ALL,
    }
    for row in connection.execute(_EVIDENCE, named):
        this, truth, score, subject, drawn = _parted(path, row)
        if drawn and _is_passed_over(drawn):
            continue
        yield Evidence(
            outcome_id=this[0],
            finding=truth[2],
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
    keeps each with the chance ``least / probability``: 1 in draws that tell by themselves which
    cases are evidence.
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
