"""What a decoder is asked for, and what it hands over: a frame, and what its file says of it."""

from __future__ import annotations

from dataclasses import field
from io import SEEK_CUR, SEEK_END, RawIOBase
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.records import Subject
from edgefair.records.record import record
from edgefair.runtime.limits import Limits

__all__ = ["Asked", "ContentStream", "DecodedFrame", "FileContent"]

FileContent: TypeAlias = bytes | memoryview
"""All bytes of a file, as the caller holds them."""

_NOBODY = Subject()


@record(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a file.

    Attributes
    ----------
    name : str
        What to call it.
    min_side_px : int
        Length that both sides keep.
    limits : Limits
        What the model accepts.
    frame : int or None
        Only this frame, from 0; None for each.
    """

    name: str
    min_side_px: int
    limits: Limits
    frame: int | None


@record(frozen=True, slots=True, kw_only=True)
class DecodedFrame:
    """One frame of a file; the fields are those of `edgefair.records.Image`.

    Attributes
    ----------
    pixels : ndarray of float32, shape (h, w)
        Display intensities in [0, 1], possibly reduced.
    """

    number: int
    full_height_px: int
    full_width_px: int
    pixels: NDArray[np.float32] = field(repr=False, compare=False)
    subject: Subject = _NOBODY
    modality: str | None = None
    body_part: str | None = None


class ContentStream(RawIOBase):
    """A file's bytes for a decoder to read on in, without a copy of them all.

    Examples
    --------
    >>> stream = ContentStream(b"abcdef")
    >>> stream.read(2), stream.seek(-1, SEEK_END), stream.read(), stream.tell()
    (b'ab', 5, b'f', 6)
    """

    def __init__(self, content: FileContent) -> None:
        super().__init__()
        self._content, self._position = memoryview(content), 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, all that are left if `size` is negative."""
        end = len(self._content) if size < 0 else self._position + size
        taken = bytes(self._content[self._position : end])
        self._position += len(taken)
        return taken

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position, counted as `io.IOBase.seek` does, and return it."""
        base = {SEEK_CUR: self._position, SEEK_END: len(self._content)}.get(whence, 0)
        self._position = max(0, base + offset)
        return self._position
