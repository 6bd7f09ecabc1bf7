"""Writing that survives a power cut: whole or not at all, and on the disk when said to be."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

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
def locked(path: Path, *, wait_s: float = 5.0) -> Iterator[None]:
    """Hold the lock of an installation, which a dead process never keeps.

    Another process waits for it for some seconds, then gives up.

    Raises
    ------
    Fault
        If another installer is at work.
    """
    last = time.monotonic() + wait_s
    while (stream := _lock(path)) is None:
        if time.monotonic() >= last:
            raise Fault(
                "This installation of edgefair is being changed by another program right now.",
                hint="Wait until it has ended, then start again.",
            )
        time.sleep(0.1)
    with stream:
        yield


def _lock(path: Path) -> BinaryIO | None:
    """Return the locked file; None if another process holds the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a+b")
    if _is_ours(stream.fileno(), path):
        return stream
    stream.close()
    return None


def _is_ours(handle: int, path: Path) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # uninstalling removes the file: a lock on a file without a name keeps nobody out
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


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
