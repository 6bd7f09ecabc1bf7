"""Files that appear whole or not at all, and survive a power cut once they are there."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["publish_once"]


def publish_once(draft: Path, path: Path) -> bool:
    """Return whether `draft` became `path`; False if something stands at `path` already.

    The draft's content and the folder's entry are on the disk when this returns, and nothing is
    ever overwritten.

    Parameters
    ----------
    draft : Path
        A complete file on the same file system.
    path : Path
        Its final name.

    Raises
    ------
    OSError
        If the disk is full or the folder takes no files.
    """
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        if os.name == "nt":
            draft.rename(path)  # refuses to overwrite there
        else:
            _link(draft, path)
    except FileExistsError:
        return False
    _sync_folder(path.parent)
    return True


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except PermissionError:
        # FAT and exFAT, as on USB sticks, have no hard links
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # NTFS journals the entry, and a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
