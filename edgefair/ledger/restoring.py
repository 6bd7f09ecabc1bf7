"""Plans, alarms, draws and withdrawals come back with the schema, from the copy that was kept.

Going back and forth would lose them otherwise, and with them an alarm that stands. A ledger is
append only and its rows are numbered: the copy is of this very ledger, and its marks still mean
the same rows, if every row of the older schema in it is in the ledger too.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from edgefair.ledger.checksums import checksum_of
from edgefair.ledger.schema import ADDED_TABLES, APPLICATION_ID, SCHEMAS, TABLES

__all__ = ["kept_name", "restore", "version_of"]


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the schema that the file claims."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def kept_name(path: Path, version: int) -> Path:
    """Return where the first whole copy is kept of a ledger that goes back from a schema.

    Examples
    --------
    >>> kept_name(Path("clinic.ledger"), 2).name
    'clinic.ledger.schema2'
    """
    return path.with_name(f"{path.name}.schema{version}")


def restore(path: Path, connection: sqlite3.Connection, version: int) -> bool:
    """Return whether rows came back from the newest copy that is of this ledger.

    Called inside the transaction that brings the ledger up to date. A copy that is damaged, or of
    another course of the ledger (a backup was restored), is passed over.

    Parameters
    ----------
    path : Path
        The ledger's.
    connection : Connection
        To it, of the schema `version` already, the tables that this adds empty.
    version : int
    """
    for kept in _copies(path, version):
        try:
            uri = f"{kept.absolute().as_uri()}?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as copy:
                rows = _rows_of_same(copy, connection, version)
        except (sqlite3.Error, UnicodeDecodeError):
            continue
        if rows is not None:
            for table, values in rows:
                marks = ", ".join("?" * len(values))
                # the name is one of the schema's constants
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
            return bool(rows)
    return False


def _copies(path: Path, version: int) -> list[Path]:
    """Return the copies that were kept of that schema, the newest first."""
    first = kept_name(path, version)
    pattern = re.compile(re.escape(first.name) + r"(?:-([0-9]{1,6}))?")
    try:
        places = [place for place in path.parent.iterdir() if place.is_file()]
    except OSError:
        return []  # a folder that cannot be listed
    matches = ((pattern.fullmatch(place.name), place) for place in places)
    numbered = [(int(found[1] or 1), place) for found, place in matches if found]
    return [place for _, place in sorted(numbered, reverse=True)]


def _rows_of_same(
    copy: sqlite3.Connection, connection: sqlite3.Connection, version: int
) -> list[tuple[str, tuple[object, ...]]] | None:
    """Return the added tables' rows of a copy; None if it is no whole copy of this ledger."""
    (mark,) = copy.execute("PRAGMA application_id").fetchone()
    (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if mark != APPLICATION_ID or version_of(copy) != version or verdict != "ok":
        return None
    if _statements(copy) != _pattern(version):
        return None
    newer = {table for added in ADDED_TABLES if added >= version for table in ADDED_TABLES[added]}
    older = [table for table in TABLES if table not in newer]
    if not all(_begins_with(_sums(connection, t), _sums(copy, t)) for t in older):
        return None
    rows = [
        (table, tuple(row))
        for table in ADDED_TABLES[version]
        for row in copy.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - a constant
    ]
    is_sound = all(row[-1] == checksum_of(row[1:-1]) for _, row in rows)
    return rows if is_sound else None


def _sums(connection: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    yield from connection.execute(f"SELECT id, checksum FROM {table} ORDER BY id")  # noqa: S608


def _begins_with(whole: Iterable[object], part: Iterable[object]) -> bool:
    """Return whether `part` is where `whole` begins.

    Examples
    --------
    >>> _begins_with([1, 2, 3], [1, 2]), _begins_with([1], [1, 2]), _begins_with([1, 3], [1, 2])
    (True, False, False)
    """
    end = object()
    for one, other in zip_longest(whole, part, fillvalue=end):
        if other is end:
            return True
        if one != other:
            return False
    return True


def _statements(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def _pattern(version: int) -> set[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as pattern:
        pattern.executescript(SCHEMAS[version])
        return _statements(pattern)
