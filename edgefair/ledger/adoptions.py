"""Which rules of its own a site put in force, by whom and why; each beside the ones before."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgefair.ledger.connection import insert, sound

__all__ = ["Adoption", "NewAdoption", "read_adoptions", "write_adoption"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdoption:
    """What is to be put in force from now on.

    Attributes
    ----------
    bundle_digest : str
        Of the model whose decisions change.
    finding : str
    content : str
        Canonical JSON: what is in force from now on, and what was before.
    adopted_by : str
        A person's name.
    reason : str
    adopted_at : str
        UTC, ISO 8601.
    """

    bundle_digest: str
    finding: str
    content: str
    adopted_by: str
    reason: str
    adopted_at: str

    def __post_init__(self) -> None:
        if not self.adopted_by.strip() or not self.reason.strip():
            raise ValueError("an adoption needs a name and a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption(NewAdoption):
    """What was put in force, as it stands in the ledger.

    Attributes
    ----------
    number : int
        Of its row: rises.
    """

    number: int


def write_adoption(connection: sqlite3.Connection, new: NewAdoption) -> Adoption:
    """Append it and return it as it stands there; called inside a transaction."""
    values = [
        new.bundle_digest,
        new.finding,
        new.content,
        new.adopted_by.strip(),
        new.reason.strip(),
        new.adopted_at,
    ]
    number = insert(connection, "INSERT INTO adoption VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values)
    return _adoption((number, *values))


def read_adoptions(path: Path, connection: sqlite3.Connection) -> tuple[Adoption, ...]:
    """Return every adoption, the oldest first.

    Raises
    ------
    LedgerDamaged
        If one is not what was written: nobody is decided on by it.
    """
    rows = connection.execute("SELECT * FROM adoption ORDER BY id")
    return tuple(_adoption(row) for row in sound(path, "adoption", rows))


def _adoption(row: Sequence[Any]) -> Adoption:
    number, bundle_digest, finding, content, adopted_by, reason, adopted_at = row
    return Adoption(
        number=number,
        bundle_digest=bundle_digest,
        finding=finding,
        content=content,
        adopted_by=adopted_by,
        reason=reason,
        adopted_at=adopted_at,
    )
