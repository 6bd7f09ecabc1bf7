"""How the pixels of a DICOM file lie in it, and the frames that are not compressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.records.record import record
from edgefair.runtime.faults import truncated
from edgefair.runtime.frames import FileContent
from edgefair.runtime.grayscale import Packing

__all__ = ["PixelLayout", "Stored", "encoded_frame", "native_frame", "refuse_incomplete"]

_BIT = "bit"
_ITEM = b"\xfe\xff\x00\xe0"


@record(frozen=True, slots=True, kw_only=True)
class PixelLayout:
    """How the pixels lie in the file (PS3.3, C.7.6.3).

    Attributes
    ----------
    buffer : bytes or memoryview
        What `start` counts in: the file, or the inflated data set, or the beginning of either.
    size_bytes : int
        How long the whole of it is.
    start, length : int
        Where the pixel data's value lies; `length` is None if the frames are encapsulated.
    dtype : str
        Numpy's name of one sample's word, with byte order; ``bit`` for packed bits.
    swapped : bool
        Whether bytes lie in words of two of big-endian order.
    packing : Packing or None
        None for floating-point samples.
    extended_offsets : tuple of (bytes, bytes) or None
        Offsets and lengths of the encapsulated frames (PS3.3, C.7.6.3.1.8).
    """

    buffer: FileContent = field(repr=False)
    size_bytes: int
    start: int
    length: int | None
    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    photometric: str
    planar: bool
    frames: int
    dtype: str
    swapped: bool
    packing: Packing | None
    extended_offsets: tuple[bytes, bytes] | None

    def shaped(self, words: NDArray[Any], *, planar: bool) -> NDArray[Any]:
        """Return a frame's words with the shape (rows, columns) or (rows, columns, samples).

        Parameters
        ----------
        words : ndarray, shape (n,)
        planar : bool
            Whether colours lie plane by plane, else pixel by pixel.

        Raises
        ------
        ValueError
            If there are too few words.
        """
        due = self.rows * self.columns * self.samples
        if words.size < due:
            raise ValueError(f"not enough pixels: {words.size} of {due}")
        if self.samples == 1:
            return words[:due].reshape(self.rows, self.columns)
        if planar:
            return np.moveaxis(words[:due].reshape(self.samples, self.rows, self.columns), 0, 2)
        return words[:due].reshape(self.rows, self.columns, self.samples)


@record(frozen=True, slots=True, kw_only=True)
class Stored:
    """The samples of one frame, decoded and not yet displayed.

    Attributes
    ----------
    words : ndarray, shape (h, w) or (h, w, 3)
        Possibly reduced by the decoder.
    packing : Packing or None
        How the words hold the values; None if they are the values.
    """

    words: NDArray[Any] = field(repr=False)
    packing: Packing | None


def _bytes_due(layout: PixelLayout) -> int:
    """Return how many bytes all frames take when they are not compressed."""
    if layout.dtype == _BIT:
        return -(-layout.rows * layout.columns * layout.frames // 8)
    return _frame_words(layout) * layout.frames * np.dtype(layout.dtype).itemsize


def refuse_incomplete(layout: PixelLayout, name: str) -> None:
    """Refuse a file that ends before the last of the frames it declares.

    Raises
    ------
    TruncatedImage
    """
    if layout.length is None:
        _refuse_cut_items(layout, name)
        return
    present = layout.size_bytes - layout.start
    present, due = min(present, layout.length), _bytes_due(layout)
    if present < due:
        raise truncated(name, f"it has {present} of {due} bytes of pixels")


def _refuse_cut_items(layout: PixelLayout, name: str) -> None:
    """Refuse a file that ends within an encapsulated item, or has too few of them."""
    items = list(_items(layout))
    end = items[-1].stop if items else 0
    if end > len(layout.buffer):
        raise truncated(name, f"its compressed pixels lack {end - len(layout.buffer)} bytes")
    if len(items) - 1 < layout.frames:
        raise truncated(name, f"it has {max(0, len(items) - 1)} of {layout.frames} frames")


def _items(layout: PixelLayout) -> Iterator[slice]:
    """Yield where each encapsulated item's value lies, the offset table first (PS3.5, A.4)."""
    buffer, position = layout.buffer, layout.start
    while buffer[position : position + 4] == _ITEM:
        length = int.from_bytes(buffer[position + 4 : position + 8], "little")
        yield slice(position + 8, position + 8 + length)
        position += 8 + length


def encoded_frame(layout: PixelLayout, number: int) -> FileContent:
    """Return the compressed bytes of one frame, as a view of the file wherever possible."""
    if layout.frames == 1:  # every fragment is the one frame's: no stream, which would copy all
        _, *fragments = _items(layout)
        if len(fragments) == 1:
            return memoryview(layout.buffer)[fragments[0]]
        return b"".join(layout.buffer[fragment] for fragment in fragments)
    from pydicom.encaps import get_frame

    stream = BytesIO(layout.buffer)
    stream.seek(layout.start)
    return get_frame(
        stream,
        number,
        number_of_frames=layout.frames,
        extended_offsets=layout.extended_offsets,
    )


def native_frame(layout: PixelLayout, number: int) -> Stored:
    """Return a frame that is not compressed, as a view of the file wherever possible.

    See PS3.5, 8.1 and 8.2.
    """
    if layout.dtype == _BIT:
        words = _unpacked_bits(layout, number)
    else:
        count = _frame_words(layout)
        words = _all_words(layout)[number * count : (number + 1) * count]
        if count < layout.rows * layout.columns * layout.samples:
            # Two luminances, then a blue and a red difference for both: PS3.3, C.7.6.3.1.2.
            luminance = words.reshape(layout.rows, layout.columns // 2, 4)[..., :2]
            words = luminance.reshape(layout.rows, layout.columns)
            return Stored(words=words, packing=layout.packing)
    return Stored(words=layout.shaped(words, planar=layout.planar), packing=layout.packing)


def _all_words(layout: PixelLayout) -> NDArray[Any]:
    """Return the words of all frames; bytes of a big-endian file change places in pairs."""
    value = memoryview(layout.buffer)[layout.start : layout.start + (layout.length or 0)]
    if layout.swapped:
        pairs = np.frombuffer(value[: len(value) // 2 * 2], ">u2")
        return pairs.astype("<u2").view(np.uint8)
    whole = len(value) // np.dtype(layout.dtype).itemsize
    return np.frombuffer(value, layout.dtype, whole)


def _unpacked_bits(layout: PixelLayout, number: int) -> NDArray[np.uint8]:
    """Return a frame of single bits, the first pixel in the lowest (PS3.5, 8.1.1)."""
    pixels = layout.rows * layout.columns
    first = number * pixels
    packed = np.frombuffer(layout.buffer, np.uint8, offset=layout.start + first // 8)
    bits = np.unpackbits(packed, count=first % 8 + pixels, bitorder="little")
    return bits[first % 8 :]


def _frame_words(layout: PixelLayout) -> int:
    """Return how many words a frame has, fewer where its colours are subsampled.

    Files that claim subsampling and are none of it exist; their length tells.
    """
    full = layout.rows * layout.columns * layout.samples
    present = (layout.length or 0) // np.dtype(layout.dtype).itemsize
    if layout.photometric == "YBR_FULL_422" and present < full * layout.frames:
        return full // 3 * 2
    return full
