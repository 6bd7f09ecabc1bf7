"""Files that survive a power cut: written whole beside their place, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgefair.errors import EdgefairError

__all__ = ["make_folder", "sync_folder", "write_whole", "writing"]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole, and stays there, once this returns.

    Until then, and if it fails, whatever stood at `path` is untouched.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    content : bytes

    Raises
    ------
    EdgefairError
        If the disk is full or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "current"
    >>> write_whole(path, b"0.2.0")
    >>> path.read_bytes()
    b'0.2.0'
    """
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, so that they stay.

    Raises
    ------
    EdgefairError
        If the disk is full or cannot be written.
    """
    with writing(path):
        missing = [place for place in (path, *path.parents) if not place.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for made in missing:
            sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    if os.name == "nt":
        return  # NTFS keeps a journal of names; Windows opens no folder for syncing
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence what the operating system refused."""
    try:
        yield
    except OSError as error:
        raise EdgefairError(
            f"{path} could not be written: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space. Nothing was changed.",
        ) from error
