"""Writing that survives a power cut: whole or not at all, and on the disk when said to be."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgefair_installer.faults import Fault

__all__ = [
    "discard",
    "locked",
    "remove_tree",
    "sync_folder",
    "sync_tree",
    "words_for",
    "write_whole",
]


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file that is there with all of `content`, or not changed at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.chmod(mode)
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows does so by itself."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Wait until everything below `folder` is on the disk.

    Linux is asked once for the whole file system: thousands of single requests would take
    minutes on a spinning disk. Windows is asked file by file, and cannot be for the dozen that
    this very program is running from.
    """
    if sys.platform == "win32":
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                with suppress(PermissionError), path.open("r+b") as stream:
                    os.fsync(stream.fileno())
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)


def remove_tree(folder: Path) -> None:
    """Remove a folder, whatever is left of it."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of an installation, which a dead process never keeps.

    Raises
    ------
    Fault
        If another installer is at work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        try:
            _lock(stream.fileno())
        except OSError as error:
            raise Fault(
                "Another installation of edgefair is being changed right now.",
                hint="Wait until it has ended, then start again.",
            ) from error
        yield


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def words_for(error: OSError) -> Fault:
    """Return what the system's error means for whoever installs."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Fault(
            f"The disk is full{where}. What was installed before is as it was.",
            hint="Free some space, then start again.",
        )
    if error.errno in (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE):
        return Fault(
            f"The disk or the stick could not be read or written{where}.",
            hint="Was the stick pulled out? Put it in again and start again, or use another one.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Fault(
            f"edgefair may not write there{where}.",
            hint="Install as the user who will work with it, not as another one.",
        )
    return Fault(
        f"{error.strerror or error}{where}", hint="What was installed before is as it was."
    )


def discard(path: Path) -> None:
    """Remove a file if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
