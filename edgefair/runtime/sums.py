"""Averages of whole numbers, as sums of rows that still fit their words.

Adding rows up is several times faster than averaging squares, and exact: only the last step,
over a few sums, rounds.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.runtime.scratch import Scratch
from edgefair.runtime.stored import Packing, Window, stretch

__all__ = ["RowSums", "can_sum"]

_WIDE_WINDOW = 512
"""Levels from which rounding an average to an integer is below 0.001 of the display range."""

_BYTES = 2


def can_sum(dtype: np.dtype[Any], window: Window, packing: Packing | None) -> bool:
    """Return whether `RowSums` is exact enough, and made for such words."""
    are_values = packing is not None or (dtype.kind == "u" and dtype.isnative)
    are_words = dtype.kind in "iu" and dtype.itemsize == _BYTES
    return are_words and are_values and abs(window.white - window.black) >= _WIDE_WINDOW


class RowSums:
    """The averages of one image over squares, taken up strip by strip.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width of the result, in pixels.
    factor : int
        Side of the squares, at least 1.
    window : Window
        Clips before the average is taken.
    packing : Packing or None
        None if the words are the values, unsigned.
    strip_rows : int
        Most rows of a strip, a multiple of `factor`.
    scratch : Scratch
        Its memory is in use until the result has been taken.

    Examples
    --------
    >>> sums = RowSums(
    ...     shape=(1, 2), factor=2, window=Window(black=0, white=1024),
    ...     packing=None, strip_rows=2, scratch=Scratch(),
    ... )
    >>> sums.add(np.array([[0, 500, 250, 262], [1024, 524, 262, 1250]], np.uint16))
    >>> sums.shown().tolist()
    [[0.5, 0.43896484375]]
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int],
        factor: int,
        window: Window,
        packing: Packing | None,
        strip_rows: int,
        scratch: Scratch,
    ) -> None:
        self._packing, self._window = packing, window
        signed = packing is not None and packing.signed
        dtype = np.dtype(np.int16 if signed else np.uint16)
        lowest, highest = (packing.lowest, packing.highest) if packing else (0, 0xFFFF)
        lower, upper = sorted((window.black, window.white))
        bottom = min(highest, max(lowest, floor(lower)))
        top = max(bottom, min(highest, ceil(upper)))
        # as numbers of the words' own type, numpy clips them without a detour
        self._bottom, self._top = dtype.type(bottom), dtype.type(top)
        self._clips = bottom > lowest or top < highest
        limit = np.iinfo(dtype)
        self._together = max(
            count
            for count in range(1, factor + 1)
            if factor % count == 0 and count * top <= limit.max and count * bottom >= limit.min
        )
        self._factor = factor
        across = shape[1] * factor
        self._room = scratch.array((strip_rows, across), dtype, "clipped")
        self._sums = scratch.array((strip_rows // self._together, across), dtype, "sums")
        self._means = scratch.array(shape, dtype, "means")
        self._filled = 0

    def add(self, words: NDArray[Any]) -> None:
        """Take up the next rows, shape (a multiple of factor, width * factor)."""
        values = words if self._packing is None else self._packing.unpack(words)
        if self._clips:
            room = self._room[: len(values)]
            values = np.clip(values, self._bottom, self._top, out=room)
        if self._together > 1:
            rows = len(values) // self._together
            squares = values.reshape(rows, self._together, -1)
            values = np.add.reduce(squares, axis=1, dtype=values.dtype, out=self._sums[:rows])
        target = self._means[self._filled : self._filled + len(words) // self._factor]
        if self._factor == 1:
            target[:] = values
        else:
            size = target.shape[::-1]
            cv2.resize(values, size, dst=target, interpolation=cv2.INTER_AREA)
        self._filled += len(target)

    def shown(self) -> NDArray[np.float32]:
        """Return the display intensities, shape (height, width), in [0, 1]."""
        shown = self._means.astype(np.float32)
        shown *= np.float32(1 / self._together)
        stretch(shown, self._window)
        return shown
