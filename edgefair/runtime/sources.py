"""Which files a user means: names, folders down to their last corner, lists of names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgefair.records.record import record

__all__ = ["FoundFile", "Unreachable", "find_files"]


@record(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to read.

    Attributes
    ----------
    path : Path
    named : bool
        Whether the user named it, rather than a folder it lies in: a named file that is no
        image is a mistake to tell, one in a folder is passed over and counted.
    """

    path: Path
    named: bool


@record(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A file or folder that could not be looked into, and why."""

    path: Path
    why: str


def find_files(paths: Iterable[Path]) -> Iterator[FoundFile | Unreachable]:
    """Yield every file meant, folders in sorted order, links to folders not followed.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders.
    """
    for path in paths:
        if path.is_dir():
            yield from _walk(path)
        elif path.exists():
            yield FoundFile(path=path, named=True)
        else:
            yield Unreachable(path=path, why="there is no such file or folder")


def _walk(folder: Path) -> Iterator[FoundFile | Unreachable]:
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in sorted(files):
            yield FoundFile(path=Path(parent, name), named=False)
    for error in closed:
        why = f"the folder cannot be opened: {error.strerror or error}"
        yield Unreachable(path=Path(error.filename), why=why)
