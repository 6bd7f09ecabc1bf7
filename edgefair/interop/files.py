"""Files that appear whole or not at all, whatever happens to the power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edgefair.errors import EdgefairError

__all__ = ["replaced_whole"]


@contextmanager
def replaced_whole(path: Path) -> Iterator[TextIO]:
    """Yield a text stream whose content replaces `path` once all of it is on disk.

    Raises
    ------
    EdgefairError
        If the folder is missing or the disk is full; what stood at `path` before is untouched.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise EdgefairError(
            f"{path} could not be written: {error.strerror or error}.",
            hint="Check the folder, its permissions and the free space.",
        ) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
