"""Monitoring plans in the ledger: frozen once, never changed, each later one beside the others."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgefair.errors import LedgerDamaged
from edgefair.ledger.connection import insert, sound

__all__ = ["FrozenPlan", "read_plans", "write_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenPlan:
    """A plan as it was laid down, before the evidence that is held against it.

    Attributes
    ----------
    id : int
        Of its row.
    number : int
        1 for the first plan of this ledger that watches this model.
    digest : str
        SHA-256 of `content`, hexadecimal.
    content : str
        The plan's canonical JSON.
    bundle_digest : str
        Of the model that is watched.
    starts_after : int
        The outcome after which its evidence starts; 0 counts every outcome of the ledger.
    frozen_by, frozen_at : str
        Who put it in force at this site, and when (UTC, ISO 8601).
    """

    id: int
    number: int
    digest: str
    content: str
    bundle_digest: str
    starts_after: int
    frozen_by: str
    frozen_at: str


def write_plan(
    connection: sqlite3.Connection,
    content: str,
    *,
    bundle_digest: str,
    starts_after: int,
    frozen_by: str,
    frozen_at: str,
) -> int:
    """Return the key of a new plan; called inside a transaction."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return insert(
        connection,
        "INSERT INTO plan VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
        [digest, content, bundle_digest, starts_after, frozen_by, frozen_at],
    )


def read_plans(path: Path, connection: sqlite3.Connection) -> tuple[FrozenPlan, ...]:
    """Return every plan, the first one first.

    Raises
    ------
    LedgerDamaged
        If one is not what was frozen.
    """
    rows: list[tuple[Any, ...]] = list(
        sound(path, "plan", connection.execute("SELECT * FROM plan ORDER BY id"))
    )
    plans: list[FrozenPlan] = []
    for key, digest, content, bundle_digest, starts_after, frozen_by, frozen_at in rows:
        if hashlib.sha256(content.encode()).hexdigest() != digest:
            raise LedgerDamaged(
                f"The ledger {path} is damaged: plan {key} is not the one that was frozen.",
                hint="Keep the file as it is and restore your backup.",
            )
        number = 1 + sum(plan.bundle_digest == bundle_digest for plan in plans)
        plans.append(
            FrozenPlan(
                id=key,
                number=number,
                digest=digest,
                content=content,
                bundle_digest=bundle_digest,
                starts_after=starts_after,
                frozen_by=frozen_by,
                frozen_at=frozen_at,
            )
        )
    return tuple(plans)
