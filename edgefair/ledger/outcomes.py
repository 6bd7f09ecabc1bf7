"""Outcomes on their way into the ledger: matched, judged one by one, appended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta

from edgefair.ledger.connection import SqlValue, insert
from edgefair.ledger.keys import normal_case_code
from edgefair.ledger.results import OutcomeResult, OutcomeStatus
from edgefair.ledger.writing import plain_text
from edgefair.records import Outcome

__all__ = ["canonical_finding", "matches", "refusals_of_naming", "write_outcome"]

_ONE_DAY = timedelta(days=1)


def write_outcome(connection: sqlite3.Connection, outcome: Outcome, today: date) -> OutcomeResult:
    """Return what became of the outcome: appended, known already, or refused with the reason."""
    image_ids = matches(connection, outcome.case)
    finding = canonical_finding(connection, outcome.finding)
    refusal = next(_refusals(connection, outcome, image_ids, finding, today), None)
    if refusal:
        return refusal
    assert finding is not None
    return _append(connection, image_ids[0], finding, outcome, today)


def matches(connection: sqlite3.Connection, case: str) -> list[int]:
    """Return the images that a case code, or else a file name, means."""
    by_code = connection.execute(
        "SELECT id FROM image WHERE code = ?", [normal_case_code(case)]
    ).fetchall()
    rows = by_code or connection.execute(
        "SELECT image_id FROM image_name WHERE name = ?", [plain_text(case)]
    )
    return [image_id for (image_id,) in rows]


def canonical_finding(connection: sqlite3.Connection, finding: str) -> str | None:
    """Return the finding as the models spell it; None if no model of this ledger knows it."""
    wanted = finding.strip().casefold()
    return next((name for name in _findings(connection) if name.casefold() == wanted), None)


def _findings(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT finding FROM operating_point GROUP BY finding ORDER BY min(id)"
    )
    return [name for (name,) in rows]


def refusals_of_naming(
    connection: sqlite3.Connection,
    case: tuple[str, list[int]],
    finding: tuple[str, str | None],
) -> Iterator[OutcomeResult]:
    """Yield why a case or a finding, each as written and as found, names nothing here."""
    (written, image_ids), (spelled, found) = case, finding
    if not image_ids:
        yield _refused(
            f"no case or image {written!r} in this ledger",
            "Copy the case code from the template or from the predictions.",
        )
    if len(image_ids) > 1:
        yield _refused(
            f"{len(image_ids)} images are called {written!r}",
            f"Use the case code: {_codes(connection, image_ids)}.",
        )
    if found is None:
        yield _refused(
            f"no model of this ledger looks for {spelled!r}",
            f"Findings here: {', '.join(_findings(connection))}.",
        )


def _refusals(
    connection: sqlite3.Connection,
    outcome: Outcome,
    image_ids: list[int],
    finding: str | None,
    today: date,
) -> Iterator[OutcomeResult]:
    yield from refusals_of_naming(
        connection, (outcome.case, image_ids), (outcome.finding, finding)
    )
    if not outcome.verified_by.strip():
        yield _refused("verified_by is empty", "Write who verified it, e.g. initials.")
    try:
        day = date.fromisoformat(outcome.date)
    except ValueError:
        yield _refused(
            f"the date {outcome.date!r} is no day of the calendar",
            "Write year, month, day: 2026-03-09.",
        )
    else:
        if day > today:
            yield _refused(
                f"the date {day} is in the future", "Check the date, and this computer's clock."
            )


def _append(
    connection: sqlite3.Connection, image_id: int, finding: str, outcome: Outcome, today: date
) -> OutcomeResult:
    day = date.fromisoformat(outcome.date).isoformat()
    values: list[SqlValue] = [
        image_id,
        finding,
        int(outcome.outcome),
        outcome.verified_by.strip(),
        str(outcome.verified_because),
        day,
    ]
    latest = connection.execute(
        "SELECT image_id, finding, outcome, verified_by, verified_because, date "
        "FROM standing_outcome WHERE image_id = ? AND finding = ? ORDER BY id DESC LIMIT 1",
        values[:2],
    ).fetchone()
    if latest == tuple(values):
        return OutcomeResult(status=OutcomeStatus.UNCHANGED)
    if known := _as_recorded(connection, values):
        return known
    insert(
        connection,
        "INSERT INTO outcome VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        [*values, today.isoformat()],
    )
    if latest and latest[2] != values[2]:
        return OutcomeResult(
            status=OutcomeStatus.CORRECTED,
            message=f"contradicts what {latest[3]} said on {latest[5]}; this one counts from now "
            "on, and both are kept",
        )
    return OutcomeResult(
        status=OutcomeStatus.ADDED, message=_notice(connection, image_id, finding, day)
    )


def _as_recorded(connection: sqlite3.Connection, values: list[SqlValue]) -> OutcomeResult | None:
    """Return what to say of an outcome that was recorded before and does not stand."""
    query = (
        "SELECT outcome.id, withdrawn_by, reason, withdrawal.recorded_on FROM outcome "
        "LEFT JOIN withdrawal ON outcome_id = outcome.id WHERE image_id = ? AND finding = ? "
        "AND outcome = ? AND verified_by = ? AND verified_because = ? AND date = ?"
    )
    found = connection.execute(query, values).fetchone()
    if found is None:
        return None
    _, withdrawn_by, reason, day = found
    if withdrawn_by is None:
        return OutcomeResult(
            status=OutcomeStatus.UNCHANGED,
            message="recorded before and corrected since; the correction stands",
        )
    return OutcomeResult(
        status=OutcomeStatus.UNCHANGED,
        message=f"recorded before and withdrawn by {withdrawn_by} on {day} ({reason}); it counts "
        "no more",
        hint="If it is true after all, record it again with another date or verifier.",
    )


def _notice(connection: sqlite3.Connection, image_id: int, finding: str, day: str) -> str:
    """Return what is odd about an outcome that is kept nevertheless; empty if nothing is."""
    scored = connection.execute(
        "SELECT min(predicted_at) FROM score JOIN reading ON reading.id = reading_id "
        "JOIN operating_point ON operating_point.id = operating_point_id "
        "WHERE score.image_id = ? AND finding = ?",
        [image_id, finding],
    ).fetchone()[0]
    if scored is None:
        return "the model gave this image no score; the outcome is kept for the count"
    # predictions are dated in UTC and truths by the wall calendar: a day apart says nothing
    if date.fromisoformat(day) + _ONE_DAY < date.fromisoformat(scored[:10]):
        return f"the truth ({day}) is older than the prediction ({scored[:10]}); kept"
    return ""


def _codes(connection: sqlite3.Connection, image_ids: list[int]) -> str:
    codes = (
        connection.execute("SELECT code FROM image WHERE id = ?", [image_id]).fetchone()[0]
        for image_id in image_ids[:5]
    )
    return " or ".join(codes)


def _refused(message: str, hint: str) -> OutcomeResult:
    return OutcomeResult(status=OutcomeStatus.REFUSED, message=message, hint=hint)
