"""One at a time: a lock that the system gives back when its holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from edgefair.bundle.durable import make_folder, writing
from edgefair.errors import EdgefairError

__all__ = ["alone_in", "exclusive"]

_WAIT_S: Final = 5.0
_PAUSE_S: Final = 0.05
_TAKEN: Final = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


def alone_in(home: Path) -> AbstractContextManager[None]:
    """Let one process at a time change which models count, and which keys are trusted.

    Parameters
    ----------
    home : Path
        The folder in which this PC keeps both.
    """
    return exclusive(home / "models.lock", what="the models or keys")


@contextmanager
def exclusive(path: Path, *, what: str, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Hold a lock while the caller is inside; another process waits for it, then gives up.

    The file stays: to remove it would let two processes each lock a file of that name. What
    counts is the system's lock on it, which no dead process keeps.

    Parameters
    ----------
    path : Path
        The lock's file; it and its folder are made where missing.
    what : str
        What must not be changed by two at once, for the sentence.
    wait_s : float, optional
        Seconds to wait for the one that holds it.

    Raises
    ------
    EdgefairError
        If another process still holds it then, or the folder takes no file.

    Examples
    --------
    >>> import tempfile
    >>> with exclusive(Path(tempfile.mkdtemp()) / "models.lock", what="the models"):
    ...     pass
    """
    make_folder(path.parent)
    with writing(path):
        stream = path.open("a+b")
    with stream:
        last = time.monotonic() + wait_s
        while not _locks(stream.fileno()):
            if time.monotonic() >= last:
                raise EdgefairError(
                    f"Another edgefair is changing {what} of this computer right now.",
                    hint="Wait until it has ended, then try again; nothing was changed here.",
                )
            time.sleep(_PAUSE_S)
        yield


def _locks(handle: int) -> bool:
    """Return whether the lock is ours now; closing the file gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
