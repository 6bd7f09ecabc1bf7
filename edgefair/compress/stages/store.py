"""Finished stages on disk: found again by what they were made from, whole or not at all.

A stage is a folder of files. While it is made it is called ``NAME.partial``, and whatever makes
it may leave checkpoints there: after ``kill -9`` the same stage finds them again. Once finished
it is written through to the disk, listed with the SHA-256 of each file, and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from edgefair.compress.training.parallel import Team
from edgefair.errors import EdgefairError

__all__ = ["StageStore", "digest_of"]

_LIST: Final = "stage.json"
_KEY: Final = "key"
_SCRATCH: Final = "scratch"
_DISK_FAULTS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStore:
    """The stages of one recipe in one folder.

    Attributes
    ----------
    folder : Path
        Made when the first stage is.
    on_damage : callable
        Called with the name of a finished stage whose files are not what they were; it is made
        again.
    """

    folder: Path
    on_damage: Callable[[str], None] = lambda name: None

    def finished(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """Return the folder of a stage's files, made now unless it was made from the same.

        Parameters
        ----------
        name : str
        key : str
            Says everything the stage is made from, as by `digest_of`.
        make : callable
            Called with the folder to fill. A folder ``scratch`` in it outlives a killed run and
            is gone from the finished stage.

        Raises
        ------
        EdgefairError
            If the folder cannot be written.
        """
        done = self.folder / name
        if _is_made_from(done, key):
            if _is_whole(done):
                return done
            self.on_damage(name)
        partial = self.folder / f"{name}.partial"
        with _writing(self.folder):
            _begin(partial, key)
        with _writing(self.folder, only=_DISK_FAULTS):
            make(partial)
        with _writing(self.folder):
            _finish(partial, done)
        return done

    def finished_together(
        self, name: str, key: str, make: Callable[[Path], None], *, team: Team, by_all: bool
    ) -> Path:
        """Return what `finished` does, in every process of a team; the first one writes.

        Parameters
        ----------
        name, key, make
            As in `finished`.
        team : Team
            All of its processes make the same call and see the same folder.
        by_all : bool
            Whether all make it together, the others in a folder that is thrown away; else they
            wait for the first.
        """
        if team.size == 1:
            return self.finished(name, key, make)
        done = self.folder / name
        is_made = team.rank == 0 and _is_made_from(done, key) and _is_whole(done)
        is_made = bool(team.from_first(b"made" if is_made else b""))
        if team.rank == 0:
            self.finished(name, key, make)
        elif by_all and not is_made:
            with TemporaryDirectory(prefix="edgefair-") as folder:
                Path(folder, _SCRATCH).mkdir()
                make(Path(folder))
        team.from_first(b"")  # nobody goes on before the first has written
        return done


def digest_of(*parts: object) -> str:
    """Return the SHA-256, hexadecimal, of what the parts' canonical JSON says.

    Parameters
    ----------
    *parts : object
        Text, numbers, and lists of them.

    Examples
    --------
    >>> digest_of("a", 1) == digest_of("a", 1), digest_of("a", 1) == digest_of("a", 2)
    (True, False)
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_made_from(done: Path, key: str) -> bool:
    try:
        return str(json.loads((done / _LIST).read_bytes())["key"]) == key
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_whole(done: Path) -> bool:
    listed = json.loads((done / _LIST).read_bytes())["files"]
    try:
        return bool(listed == _hashes(done))
    except OSError:
        return False


def _begin(partial: Path, key: str) -> None:
    """Leave the folder as a killed run left it if it was making the same, else empty it."""
    try:
        is_same = (partial / _KEY).read_text() == key
    except OSError:
        is_same = False
    if not is_same:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / _KEY).write_text(key)
    (partial / _SCRATCH).mkdir(exist_ok=True)


def _finish(partial: Path, done: Path) -> None:
    shutil.rmtree(partial / _SCRATCH)
    key = (partial / _KEY).read_text()
    (partial / _KEY).unlink()
    listing = {"key": key, "files": _hashes(partial)}
    (partial / _LIST).write_text(json.dumps(listing, indent=1, sort_keys=True))
    for path in (*_files(partial), partial):
        _sync(path)
    shutil.rmtree(done, ignore_errors=True)
    partial.replace(done)
    _sync(done.parent)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
        if path.name != _LIST
    }


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows has no such thing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _writing(folder: Path, *, only: tuple[int, ...] = ()) -> Iterator[None]:
    """Say in one sentence what the operating system refused, or only some of it."""
    try:
        yield
    except OSError as error:
        if only and error.errno not in only:
            raise
        raise EdgefairError(
            f"{folder} cannot be written: {error.strerror or error}.",
            hint="Name another folder with --work, and check the free space.",
        ) from error
