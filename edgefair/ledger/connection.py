"""Connections that keep what they acknowledge, and SQLite's errors in words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from edgefair.errors import EdgefairError, LedgerBusy, LedgerDamaged, LedgerError, LedgerReadOnly
from edgefair.ledger.checksums import checksum_of
from edgefair.ledger.files import publish_once
from edgefair.ledger.schema import APPLICATION_ID, SCHEMA, SCHEMAS, TABLES, VERSION
from edgefair.ledger.versions import upgrade, upgraded_in_memory, version_of

__all__ = [
    "SqlValue",
    "check",
    "connect",
    "create",
    "insert",
    "keep_copy",
    "said_plainly",
    "schema_of",
    "snapshot",
    "sound",
    "transaction",
]

SqlValue: TypeAlias = str | int | float | bytes | None

_RESTORE = "Keep the file as it is and restore your backup; edgefair will not write to it."


def create(path: Path, *, key_id: str) -> None:
    """Put an empty ledger at `path`, whole and on the disk; one that is there already stays.

    Raises
    ------
    LedgerDamaged
        If a write-ahead log lies there without its ledger.
    OSError
        If the folder takes no files.
    """
    if _wal(path).exists():
        raise LedgerDamaged(
            f"{path} is missing, but a part of it, {_wal(path).name}, is still there.",
            hint="Restore the ledger from your backup, or move that file away to begin anew.",
        )
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        draft = Path(folder, "draft")
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # the whole draft is synced below
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            insert(connection, "INSERT INTO ledger_key VALUES (1, ?, ?)", [key_id])
            # last: a log that a full disk keeps from being copied back would stay behind
            connection.execute("PRAGMA journal_mode = WAL")
        publish_once(draft, path)


def connect(path: Path, *, read_only: bool, wait_s: float) -> sqlite3.Connection:
    """Return a connection to a ledger that is known to be one, and of this edgefair's schema.

    One of an older schema is brought up to date in one transaction; where it is only read, a copy
    in memory is. A commit is in the write-ahead log and on the disk before it returns
    (``synchronous = FULL`` holds for one connection only, so it is set on each).

    Raises
    ------
    LedgerError
        If the file is missing, of a newer edgefair, or lies where no write-ahead log can be.
    LedgerDamaged
        If it is no ledger or not whole. Nothing has been written to it then.
    """
    # looked at through a connection that cannot write: closing one that can would copy the
    # write-ahead log into a damaged file
    with closing(_connect(path, "ro", wait_s)) as connection:
        version = _check_header(path, connection)
        _check_schema(path, connection, version)
        _check_pages(path, connection, "quick_check")
        if read_only and version < VERSION:
            return upgraded_in_memory(path, connection)
    connection = _connect(path, "ro" if read_only else "rw", wait_s)
    try:
        if not read_only:
            _make_durable(path, connection)
            with transaction(path, connection):
                upgrade(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def schema_of(path: Path, *, wait_s: float = 10.0) -> int:
    """Return the version of a ledger's schema; nothing is written, and no page is checked.

    Raises
    ------
    LedgerError
        If the file is no ledger, cannot be read, or a newer edgefair wrote it.
    """
    with said_plainly(path), closing(_connect(path, "ro", wait_s)) as connection:
        return _check_header(path, connection)


def keep_copy(path: Path, kept: Path) -> Path:
    """Return where a whole copy of the ledger lies, on the disk when this returns.

    At `kept`, or with a number behind that name: a copy of an earlier time, or one that a power
    cut left, is never written over.
    """
    with TemporaryDirectory(prefix=f".{kept.name}.", dir=kept.parent) as folder:
        draft = Path(folder, "draft")
        reader = _connect(path, "ro", wait_s=10.0)
        with closing(reader), closing(sqlite3.connect(draft)) as copy:
            reader.backup(copy)
        free, number = kept, 1
        while not publish_once(draft, free):
            number += 1
            free = kept.with_name(f"{kept.name}-{number}")
    return free


def check(path: Path, connection: sqlite3.Connection) -> None:
    """Pass if every page is in its place and every row has the checksum it was written with.

    A flipped bit inside a value leaves the file's structure whole, and SQLite has no checksums.

    Raises
    ------
    LedgerDamaged
        Naming the first fault.
    """
    _check_pages(path, connection, "integrity_check")
    for table in TABLES:
        # the name is one of the constants above
        for _ in sound(path, table, connection.execute(f"SELECT * FROM {table}")):  # noqa: S608
            pass


def sound(
    path: Path, table: str, rows: Iterable[tuple[SqlValue, ...]]
) -> Iterator[tuple[SqlValue, ...]]:
    """Yield the rows without their checksums, once each is seen to be as it was written.

    Parameters
    ----------
    rows : iterable of tuple
        Whole rows of the table, its columns in their order.

    Raises
    ------
    LedgerDamaged
        Naming the first row that is not.
    """
    for key, *values, checksum in rows:
        if checksum != checksum_of(values):
            raise _damaged(path, f"row {key!r} of {table} has changed since it was written")
        yield (key, *values)


def insert(connection: sqlite3.Connection, statement: str, values: Sequence[SqlValue]) -> int:
    """Return the key of a new row, written with the checksum of its values."""
    row = connection.execute(statement, [*values, checksum_of(values)])
    assert row.lastrowid is not None
    return row.lastrowid


@contextmanager
def transaction(path: Path, connection: sqlite3.Connection) -> Iterator[None]:
    """Keep everything done inside, durably, or nothing of it."""
    with said_plainly(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself takes back what a full disk cut short
                connection.execute("ROLLBACK")
            raise


@contextmanager
def snapshot(path: Path, connection: sqlite3.Connection) -> Iterator[None]:
    """Show everything read inside as it stood at one moment, whoever writes meanwhile."""
    with said_plainly(path):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn what SQLite or the file system raises inside into an error of the ledger."""
    try:
        yield
    except sqlite3.Error as error:
        raise _plain(path, error) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "text in it is no longer text") from error
    except OSError as error:
        raise LedgerReadOnly(
            f"The ledger {path} cannot be written: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space.",
        ) from error


def _connect(path: Path, mode: str, wait_s: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    if mode == "ro" and not os.access(path.parent, os.W_OK) and not _has_log(path):
        # a read-only disk, on which no lock can be kept and none is needed
        uri += "&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait_s)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _make_durable(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise LedgerError(
            f"{path} lies where a write-ahead log cannot be kept, such as a network folder.",
            hint="Keep the ledger on a disk of this computer.",
        )


def _check_header(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the schema."""
    if path.stat().st_size == 0:
        raise _damaged(path, "it is empty")
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    if application_id != APPLICATION_ID:
        raise LedgerDamaged(
            f"{path} is a database, but not a ledger of edgefair.",
            hint="Name another file; edgefair will not write to this one.",
        )
    if version < 1:
        raise _damaged(path, f"it claims the schema {version}, which there never was")
    if version > VERSION:
        raise LedgerError(
            f"{path} was written by a newer edgefair (schema {version}; known: {VERSION}).",
            hint="Update edgefair on this computer.",
        )
    return version


def _check_schema(path: Path, connection: sqlite3.Connection, version: int) -> None:
    """Pass if tables, views and triggers are those that every ledger has."""
    with closing(sqlite3.connect(":memory:")) as pattern:
        pattern.executescript(SCHEMAS[version])
        if _statements(connection) != _statements(pattern):
            raise _damaged(path, "its tables or the rules that protect them were altered")


def _statements(connection: sqlite3.Connection) -> set[tuple[SqlValue, ...]]:
    return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def _check_pages(path: Path, connection: sqlite3.Connection, pragma: str) -> None:
    # quick_check takes 0.26 s for a million rows, integrity_check looks into the indexes too
    (verdict,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, str(verdict).strip())


def _has_log(path: Path) -> bool:
    return _wal(path).exists() and _wal(path).stat().st_size > 0


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _damaged(path: Path, what: str) -> LedgerDamaged:
    return LedgerDamaged(f"The ledger {path} is damaged: {what}.", hint=_RESTORE)


def _plain(path: Path, error: sqlite3.Error) -> EdgefairError | ValueError:
    # the low byte is the primary code (https://www.sqlite.org/rescode.html)
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerBusy(
            f"Another program is writing to the ledger {path} and did not finish in time.",
            hint="Close it, or wait for it, and try again; nothing was lost.",
        )
    if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        return LedgerReadOnly(
            f"The disk is full: the ledger {path} cannot be used until there is some space.",
            hint="Free some space and run the same command again; what was recorded is kept.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return LedgerReadOnly(
            f"The ledger {path} cannot be written: it, its folder or its disk is read-only.",
            hint="Check the permissions, or copy the ledger with its companions (-wal, .key) to a "
            "folder of yours.",
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        return ValueError(f"The ledger's rules refuse this record: {error}")
    return LedgerError(
        f"The ledger {path} could not be used: {error}.",
        hint="Check the disk and its free space, then try again; what was recorded is kept.",
    )
