"""Many ledgers brought to this edgefair's schema or back, a sentence for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from edgefair.errors import EdgefairError, LedgerError, LedgerReadOnly
from edgefair.ledger.connection import schema_of
from edgefair.ledger.known import looks_like_a_ledger
from edgefair.ledger.ledger import Ledger
from edgefair.ledger.schema import VERSION

__all__ = ["Change", "Upkeep", "downgrade_each", "examine", "upgrade_each"]

_ROOM: Final = 2
"""Times its size that one step back takes beside a ledger: the copy, and the write-ahead log."""

_KEPT_APART: Final = {
    2: "plans, alarms, draws, adopted operating points and withdrawals",
    3: "the small embeddings of images",
}
"""What the schema before each cannot hold, in words."""


class Change(StrEnum):
    """What became of a ledger."""

    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    UNCHANGED = "unchanged"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What became of one ledger.

    Attributes
    ----------
    path : Path
    change : Change
    schema : int or None
        Its schema now, where that could be read.
    sentence : str
        What happened, for a person.
    hint : str
        What to do next; empty where nothing is to be done.
    """

    path: Path
    change: Change
    schema: int | None
    sentence: str
    hint: str = ""


def examine(path: Path) -> Upkeep:
    """Return how a ledger stands to this edgefair's schema; nothing is written.

    Examples
    --------
    >>> examine(Path("nowhere.ledger")).change.value
    'gone'
    """
    if not _is_there(path):
        sentence = f"{path} is not there (moved, or on a stick that is not in): passed over."
        return Upkeep(path=path, change=Change.GONE, schema=None, sentence=sentence)
    if not looks_like_a_ledger(path):
        sentence = f"{path} is no ledger any more: passed over."
        return Upkeep(path=path, change=Change.GONE, schema=None, sentence=sentence)
    try:
        schema = schema_of(path)
    except EdgefairError as error:
        return _failed(path, error)
    state = "up to date" if schema == VERSION else f"older; this edgefair writes {VERSION}"
    sentence = f"{path} has the schema {schema}: {state}."
    return Upkeep(path=path, change=Change.UNCHANGED, schema=schema, sentence=sentence)


def upgrade_each(paths: Iterable[Path]) -> tuple[Upkeep, ...]:
    """Return what became of each ledger: as many as can be are of this edgefair's schema.

    One that fails is as it was. It can be read as it is, and its first write tries again.
    """
    return tuple(_upgraded(path) for path in paths)


def downgrade_each(paths: Iterable[Path], *, to: int) -> tuple[Upkeep, ...]:
    """Return what became of each ledger: all go back to the schema `to`, or none was changed.

    Every one is first seen to be whole, writable, free and with room beside it. What could stop
    one after that (a disk that fills up in the same second) is told; the others have gone back.
    A whole copy of each stays beside it.

    Parameters
    ----------
    paths : iterable of Path
    to : int
        This edgefair's schema (nothing is done then) or one before it.

    Raises
    ------
    LedgerError
        If `to` is another one.
    """
    if not 1 <= to <= VERSION:
        raise LedgerError(
            f"This edgefair takes ledgers back to the schemas 1 to {VERSION - 1}, not to {to}.",
            hint="Restore the copies that were kept when each ledger was last brought up to date.",
        )
    seen = tuple(_able(path, to) for path in paths)
    if any(one.change is Change.FAILED for one in seen):
        return tuple(_left(one, to) for one in seen)
    return tuple(_downgraded(one, to) for one in seen)


def _upgraded(path: Path) -> Upkeep:
    before = examine(path)
    if before.schema in (None, VERSION):
        return before
    try:
        with Ledger.open(path):
            pass  # opening it to write is what brings it up to date
    except EdgefairError as error:
        return _failed(path, error, before.schema)
    sentence = f"{path} is of the schema {VERSION} now; it was of {before.schema}."
    return Upkeep(path=path, change=Change.UPGRADED, schema=VERSION, sentence=sentence)


def _able(path: Path, to: int) -> Upkeep:
    """Return how a ledger stands, as failed if it could not go back."""
    before = examine(path)
    if before.schema is None or before.schema <= to:
        return before
    try:
        _check_room(path, VERSION - to)
        with Ledger.open(path):
            pass  # checks it, and that nobody else writes
    except EdgefairError as error:
        return _failed(path, error, before.schema)
    return before


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # on a disk that fails, or in a folder of another user's


def _check_room(path: Path, steps: int) -> None:
    try:
        free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror or error}.") from error
    if free < _ROOM * steps * size:
        raise LedgerReadOnly(
            f"The disk is too full for a copy of {path} ({size / 1e6:.1f} MB).",
            hint="Free some space, then try again.",
        )


def _left(seen: Upkeep, to: int) -> Upkeep:
    if seen.schema is None or seen.schema <= to or seen.change is Change.FAILED:
        return seen
    sentence = f"{seen.path} was left at the schema {seen.schema}, since another cannot go back."
    return Upkeep(path=seen.path, change=seen.change, schema=seen.schema, sentence=sentence)


def _downgraded(seen: Upkeep, to: int) -> Upkeep:
    if seen.schema is None or seen.schema <= to:
        return seen
    try:
        with Ledger.open(seen.path) as ledger:
            # opened to write, it is of this edgefair's schema, whatever it was before
            kept = {version: ledger.downgrade() for version in range(VERSION, to, -1)}
    except EdgefairError as error:
        return _failed(seen.path, error, seen.schema)
    apart = "; ".join(
        f"{_KEPT_APART[version]} are in the whole copy {copy.name} beside it"
        for version, copy in kept.items()
    )
    sentence = (
        f"{seen.path} is of the schema {to} now; {apart}, and come back from there with a newer "
        "edgefair."
    )
    return Upkeep(path=seen.path, change=Change.DOWNGRADED, schema=to, sentence=sentence)


def _failed(path: Path, error: EdgefairError, schema: int | None = None) -> Upkeep:
    return Upkeep(
        path=path,
        change=Change.FAILED,
        schema=schema,
        sentence=error.message,
        hint=error.hint,
    )
