"""Which ledgers this PC has written to: they lie where people put them, and nobody else knows."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair.bundle.durable import make_folder, sync_folder, write_whole, writing
from edgefair.errors import EdgefairError
from edgefair.ledger.schema import APPLICATION_ID

__all__ = ["KnownLedgers", "known_in", "looks_like_a_ledger"]

_MAX_BYTES: Final = 100_000
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = slice(68, 72)
"""https://www.sqlite.org/fileformat2.html, section 1.3"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLedgers:
    """The ledgers that this PC has written to: one small file each, so that writers never meet.

    Attributes
    ----------
    folder : Path
        Need not exist: none is known then.

    Examples
    --------
    >>> import tempfile
    >>> known = known_in(Path(tempfile.mkdtemp()))
    >>> known.note(Path("/data/clinic.ledger"))
    >>> [path.as_posix() for path in known.paths()] # doctest: +SKIP
    ['/data/clinic.ledger']
    >>> known.forget(Path("/data/clinic.ledger")), known.paths()
    (True, ())
    """

    folder: Path

    def note(self, path: Path) -> None:
        """Know a ledger from now on, over a power cut too; one that is known changes nothing.

        Raises
        ------
        EdgefairError
            If the home folder takes no file.
        """
        note = self._note_of(path)
        with writing(note):  # a folder of another user's cannot be looked into either
            if note.is_file():
                return
        make_folder(self.folder)
        content = json.dumps({"ledger": str(_whole(path))}) + "\n"
        try:
            write_whole(note, content.encode("ascii"))
        except EdgefairError:
            if not note.is_file():  # else another process noted the same one meanwhile
                raise

    def paths(self) -> tuple[Path, ...]:
        """Return where they were, sorted; some may be gone."""
        read = (_ledger_in(note) for note in self.folder.glob("*.json"))
        return tuple(sorted(path for path in read if path is not None))

    def forget(self, path: Path) -> bool:
        """Return whether a ledger was known that is known no longer; the ledger itself stays.

        Raises
        ------
        EdgefairError
            If the home folder cannot be written.
        """
        note = self._note_of(path)
        with writing(note):
            if not note.is_file():
                return False
            note.unlink(missing_ok=True)
            sync_folder(self.folder)
        return True

    def _note_of(self, path: Path) -> Path:
        digest = hashlib.sha256(os.fsencode(_whole(path))).hexdigest()
        return self.folder / f"{digest[:32]}.json"


def known_in(home: Path) -> KnownLedgers:
    """Return the ledgers that were noted under `home`."""
    return KnownLedgers(folder=home / "known-ledgers")


def looks_like_a_ledger(path: Path) -> bool:
    """Return whether the file's header is a ledger's: looked at, nothing opened or locked."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    mark = APPLICATION_ID.to_bytes(4, "big")
    return header.startswith(_MAGIC) and header[_APPLICATION_ID_AT] == mark


def _whole(path: Path) -> Path:
    # through links, so that one ledger is noted once by whatever name it was called
    return Path(os.path.realpath(path))


def _ledger_in(note: Path) -> Path | None:
    try:
        with note.open("rb") as file:
            return Path(json.loads(file.read(_MAX_BYTES))["ledger"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not one of ours
