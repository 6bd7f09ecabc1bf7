"""Outcomes taken back: the row stays, and says who took it back and why."""

from __future__ import annotations

import sqlite3
from datetime import date

from edgefair.ledger.connection import insert
from edgefair.ledger.outcomes import canonical_finding, matches, refusals_of_naming
from edgefair.ledger.results import OutcomeResult, OutcomeStatus, Withdrawal

__all__ = ["write_withdrawal"]

_STANDING = (
    "SELECT id, outcome, verified_by, date FROM standing_outcome "
    "WHERE image_id = ? AND finding = ? ORDER BY id DESC LIMIT 1"
)


def write_withdrawal(
    connection: sqlite3.Connection, withdrawal: Withdrawal, today: date
) -> OutcomeResult:
    """Return what became of it: withdrawn, or refused with the reason."""
    images = matches(connection, withdrawal.case)
    finding = canonical_finding(connection, withdrawal.finding)
    refusal = next(
        refusals_of_naming(connection, (withdrawal.case, images), (withdrawal.finding, finding)),
        None,
    )
    if refusal:
        return refusal
    if not withdrawal.withdrawn_by.strip() or not withdrawal.reason.strip():
        return OutcomeResult(
            status=OutcomeStatus.REFUSED,
            message="a withdrawal needs a name and a reason",
            hint="Say who takes the outcome back, and why.",
        )
    standing = connection.execute(_STANDING, [images[0], finding]).fetchone()
    if standing is None:
        return OutcomeResult(
            status=OutcomeStatus.REFUSED,
            message=f"no outcome of {finding} stands for {withdrawal.case!r}",
            hint="There is nothing to take back.",
        )
    outcome_id, value, verified_by, day = standing
    insert(
        connection,
        "INSERT INTO withdrawal VALUES (NULL, ?, ?, ?, ?, ?)",
        [
            outcome_id,
            withdrawal.withdrawn_by.strip(),
            withdrawal.reason.strip(),
            today.isoformat(),
        ],
    )
    said = f"{_word(value)}, by {verified_by} on {day}, counts no more"
    before = connection.execute(_STANDING, [images[0], finding]).fetchone()
    if before:
        said += f"; {_word(before[1])}, by {before[2]} on {before[3]}, counts again"
    return OutcomeResult(status=OutcomeStatus.WITHDRAWN, message=said)


def _word(outcome: int) -> str:
    return "yes" if outcome else "no"
