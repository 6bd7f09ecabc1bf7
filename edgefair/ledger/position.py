"""How far a ledger had come: the last row of each record that an audit rests on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

__all__ = ["LedgerPosition", "read_position"]

_PLAN: Final = "SELECT digest FROM plan WHERE bundle_digest = ? ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPosition:
    """Where a ledger stood.

    Attributes
    ----------
    last_reading, last_score, last_outcome, last_withdrawal : int
        Keys of the last rows, which only rise; 0 where there is none.
    plan_digest : str or None
        SHA-256 of the monitoring plan in force for the model, hexadecimal; None without one.
    """

    last_reading: int
    last_score: int
    last_outcome: int
    last_withdrawal: int
    plan_digest: str | None


def read_position(connection: sqlite3.Connection, bundle_digest: str) -> LedgerPosition:
    """Return where the ledger stands; called inside a snapshot."""
    last = {
        table: connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608 - names of our own
        for table in ("reading", "score", "outcome", "withdrawal")
    }
    plan = connection.execute(_PLAN, [bundle_digest]).fetchone()
    return LedgerPosition(
        last_reading=last["reading"],
        last_score=last["score"],
        last_outcome=last["outcome"],
        last_withdrawal=last["withdrawal"],
        plan_digest=plan[0] if plan else None,
    )
