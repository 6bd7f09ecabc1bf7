"""Large uncompressed radiographs, read, hashed, clipped and averaged strip by strip.

A strip stays in the processor's cache for all of this, and the file's content is never in
memory as a whole. The steps are few and long, and none of them keeps the other threads waiting.
"""

from __future__ import annotations

from io import FileIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from edgefair.runtime.dicom_header import HEADER_BYTES, read_opening
from edgefair.runtime.dicom_layout import PixelLayout
from edgefair.runtime.dicom_plain import open_plainly
from edgefair.runtime.faults import truncated
from edgefair.runtime.frames import Asked, DecodedFrame
from edgefair.runtime.grayscale import area_factor, strip_rows
from edgefair.runtime.scratch import Scratch
from edgefair.runtime.stored import Window
from edgefair.runtime.sums import RowSums, can_sum

__all__ = ["read_strips"]

_EXPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1\0"
_META_BYTES = 1024
"""The transfer syntax stands within this beginning, or the file is read in the other way."""


def read_strips(
    file: FileIO,
    size_bytes: int,
    asked: Asked,
    scratch: Scratch,
) -> tuple[DecodedFrame, str] | None:
    """Return the one frame of a file and the XXH3-128 of its bytes; None where that is not so.

    Parameters
    ----------
    file : FileIO
        At its beginning; afterwards anywhere.
    size_bytes : int
        How long the file is.
    asked : Asked
    scratch : Scratch
        In use until the next call.

    Raises
    ------
    InputError
        One of the leaves that `edgefair.runtime.images.read_frames` names.
    """
    head = scratch.room(min(size_bytes, HEADER_BYTES), "header")
    if file.readinto(head) != len(head) or _EXPLICIT_LITTLE_ENDIAN not in bytes(
        head[:_META_BYTES]
    ):
        return None
    opening = open_plainly(head, head, size_bytes)
    if opening is None or opening.length is None:
        return None
    header = read_opening(opening, name=asked.name, limits=asked.limits, frame=asked.frame)
    layout, window = header.layout, header.displays[0][1]
    if not isinstance(window, Window) or not _is_one_grey_frame(layout, window):
        return None
    digest = xxhash.xxh3_128(head[: opening.start])
    file.seek(opening.start)
    reader = _Reader(file, name=asked.name, left_bytes=size_bytes - opening.start, digest=digest)
    pixels = reader.pixels(layout, window, asked.min_side_px, scratch)
    return (
        DecodedFrame(
            number=0,
            full_height_px=layout.rows,
            full_width_px=layout.columns,
            pixels=pixels,
            subject=header.subject,
            modality=header.modality,
            body_part=header.body_part,
        ),
        digest.hexdigest(),
    )


def _is_one_grey_frame(layout: PixelLayout, window: Window) -> bool:
    return (
        layout.frames == layout.samples == 1
        and layout.dtype.startswith("<")
        and can_sum(np.dtype(layout.dtype), window, layout.packing)
    )


class _Reader:
    """Reads on in a file, and hashes all that it reads."""

    def __init__(
        self, file: FileIO, *, name: str, left_bytes: int, digest: xxhash.xxh3_128
    ) -> None:
        self._file, self._name = file, name
        self._left_bytes, self._digest = left_bytes, digest

    def pixels(
        self, layout: PixelLayout, window: Window, min_side_px: int, scratch: Scratch
    ) -> NDArray[np.float32]:
        """Return the display intensities, and read on to the end of the file."""
        factor = area_factor(layout.rows, layout.columns, min_side_px)
        word = np.dtype(layout.dtype)
        row_bytes = layout.columns * word.itemsize
        strip = strip_rows(row_bytes, factor)
        height, width = layout.rows // factor, layout.columns // factor
        sums = RowSums(
            shape=(height, width),
            factor=factor,
            window=window,
            packing=layout.packing,
            strip_rows=strip,
            scratch=scratch,
        )
        room = scratch.room(strip * row_bytes, "strip")
        left = (layout.columns % factor) // 2
        self._skip((layout.rows % factor) // 2 * row_bytes, room)
        for start in range(0, height * factor, strip):
            rows = min(strip, height * factor - start)
            content = self._read(room[: rows * row_bytes])
            words = np.frombuffer(content, word).reshape(rows, layout.columns)
            sums.add(words[:, left : left + width * factor])
        self._skip(self._left_bytes, room)
        return sums.shown()

    def _skip(self, size_bytes: int, room: memoryview) -> None:
        """Read what holds no pixel that counts: it is part of the file's identity."""
        for start in range(0, size_bytes, len(room)):
            self._read(room[: size_bytes - start])

    def _read(self, room: memoryview) -> memoryview:
        filled = 0
        while filled < len(room):
            more = self._file.readinto(room[filled:])
            if not more:
                raise truncated(self._name, "it became shorter while it was read")
            filled += more
        self._digest.update(room)
        self._left_bytes -= filled
        return room
