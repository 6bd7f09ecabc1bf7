"""From one version of the schema to the next and back, in one transaction, no row touched.

Always a step at a time: each has its own copy to go back to, and its own rows to bring again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edgefair.ledger.restoring import restore, version_of
from edgefair.ledger.schema import DOWNGRADES, UPGRADES, VERSION

__all__ = ["downgrade", "upgrade", "upgraded_in_memory", "version_of"]


def upgrade(path: Path, connection: sqlite3.Connection) -> None:
    """Bring an older ledger up to date; called inside a transaction, which makes it whole.

    What it had before it went back comes with it, from the copy that was kept then.
    """
    # asked again inside the transaction: another process may have done it meanwhile
    for version in range(version_of(connection) + 1, VERSION + 1):
        _run(connection, UPGRADES[version], version=version)
        restore(path, connection, version)


def downgrade(connection: sqlite3.Connection) -> None:
    """Take out what the schema before cannot hold.

    Called inside a transaction, after a copy was kept.
    """
    version = version_of(connection)
    _run(connection, DOWNGRADES[version], version=version - 1)


def upgraded_in_memory(path: Path, connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy of an older ledger, up to date, that only this process sees and reads."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    upgrade(path, copy)
    copy.execute("PRAGMA query_only = ON")
    return copy


def _run(connection: sqlite3.Connection, script: str, *, version: int) -> None:
    for statement in _statements(script):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements one by one: `executescript` would commit before it begins."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
