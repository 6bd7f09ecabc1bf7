"""Stored pixel values to display intensities in [0, 1], reduced by averaging on the way.

Everything here works strip by strip: a strip stays in the processor's cache, so that undoing
the packing, clipping to the window and averaging together cost little more than one look at
the pixels, and no second image of full size ever exists. The window clips before the average is
taken, as if the full image had been displayed first and shrunk afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.runtime.scratch import Scratch
from edgefair.runtime.stored import AutoWindow, Display, Lookup, Packing, Window, stretch
from edgefair.runtime.sums import RowSums, can_sum

__all__ = [
    "SPARE_RESOLUTION",
    "AutoWindow",
    "Display",
    "Lookup",
    "Packing",
    "Window",
    "area_factor",
    "displayed",
    "percentile_window",
    "strip_rows",
]

_STRIP_BYTES = 1 << 20
"""About a strip's size: with its copies it fits the last cache of any PC, and two threads that
each take fewer, larger strips wait less for one another (7.3 ms an image instead of 8.8)."""

SPARE_RESOLUTION = 4
"""How much finer than needed an image is left by averaging.

An average of averages is blurred where their borders do not meet. Of ten radiographs of 2048
pixels, an EfficientNet-Lite0 with a logistic head changed its probability by 0.040 in the mean
where the first average went to 256 pixels, by 0.014 at 512, by 0.003 at 1024.
"""

_TAIL_PERCENT = 0.5
_SAMPLE_STEP = 4
_SAMPLED_FROM_PIXELS = 512 * 512
"""From here on every 16th pixel tells the percentiles: of a slice of 128 pixels they would be off
by a hundredth of the range, of a radiograph of 2048 all pixels take 18 ms instead of 1."""

_GREY = 2


def area_factor(height_px: int, width_px: int, min_side_px: int) -> int:
    """Return the integer by which an image shrinks before the model's own resizing.

    Where the model's own resizing is by integers too, averages of averages are the averages of
    the whole, and the image shrinks as far as it goes. Else both sides keep at least
    `SPARE_RESOLUTION` times `min_side_px`. Of the factors down to half of the largest, the one
    that leaves the fewest rows and columns over is taken: averaging by an integer is several
    times faster than by a fraction.

    Examples
    --------
    >>> area_factor(2048, 2048, 256), area_factor(2560, 2048, 256)
    (8, 2)
    >>> area_factor(2048, 2048, 224), area_factor(1955, 1841, 112), area_factor(200, 300, 224)
    (2, 4, 1)
    """
    if height_px % min_side_px == 0 == width_px % min_side_px:
        return gcd(height_px // min_side_px, width_px // min_side_px)
    largest = max(1, min(height_px, width_px) // (SPARE_RESOLUTION * min_side_px))

    def left_over(factor: int) -> float:
        return height_px % factor / height_px + width_px % factor / width_px

    return min(range(largest, largest // 2, -1), key=left_over)


def percentile_window(values: NDArray[Any], *, inverted: bool = False) -> Window:
    """Return the window between the 0.5th and 99.5th percentile of the values.

    For images that do not say how they are to be displayed: markers, collimator edges and dead
    pixels, which the very ends of the range belong to, do not set the contrast.

    Parameters
    ----------
    values : ndarray, shape (h, w)
        Stored values.
    inverted : bool, default=False
        Whether high values are dark.
    """
    black, white = np.percentile(values, (_TAIL_PERCENT, 100 - _TAIL_PERCENT))
    if black == white:
        black, white = values.min(), values.max()
    ends = float(black), float(white)
    return Window(black=ends[inverted], white=ends[not inverted])


def displayed(
    words: NDArray[Any], *, packing: Packing | None, display: Display, factor: int
) -> NDArray[np.float32]:
    """Return display intensities, averaged over squares of `factor` pixels.

    Parameters
    ----------
    words : ndarray, shape (h, w) or (h, w, 3)
        Grey, or red, green and blue, which are shown as their luminance. Rows and columns that
        fill no square are cut, half of them from each end.
    packing : Packing or None
        How integer words hold the values; None if the values are as they stand.
    display : Window, Lookup or AutoWindow
    factor : int
        At least 1.

    Returns
    -------
    ndarray of float32, shape (h // factor, w // factor)
        In [0, 1].
    """
    if isinstance(display, AutoWindow):
        step = _SAMPLE_STEP if words.shape[0] * words.shape[1] >= _SAMPLED_FROM_PIXELS else 1
        sample = words[::step, ::step]
        display = percentile_window(
            sample if packing is None else packing.unpack(sample), inverted=display.inverted
        )
    height, width = (side // factor * factor for side in words.shape[:2])
    top, left = (words.shape[0] % factor) // 2, (words.shape[1] % factor) // 2
    words = words[top : top + height, left : left + width]
    if (
        isinstance(display, Window)
        and words.ndim == _GREY
        and can_sum(words.dtype, display, packing)
    ):
        return _summed(words, packing, display, factor)
    return _averaged(words, packing, display, factor)


def strip_rows(row_bytes: int, factor: int) -> int:
    """Return how many rows to work on at a time, a multiple of `factor`."""
    return factor * max(1, _STRIP_BYTES // (row_bytes * factor))


def _summed(
    words: NDArray[Any], packing: Packing | None, window: Window, factor: int
) -> NDArray[np.float32]:
    rows = strip_rows(words[0].nbytes, factor)
    sums = RowSums(
        shape=(words.shape[0] // factor, words.shape[1] // factor),
        factor=factor,
        window=window,
        packing=packing,
        strip_rows=rows,
        scratch=Scratch(),
    )
    for start in range(0, len(words), rows):
        sums.add(words[start : start + rows])
    return sums.shown()


def _averaged(
    words: NDArray[Any], packing: Packing | None, display: Window | Lookup, factor: int
) -> NDArray[np.float32]:
    """Average what is displayed as floating-point numbers."""
    rows = strip_rows(words[0].nbytes, factor)
    shown = np.empty((words.shape[0] // factor, words.shape[1] // factor), np.float32)
    shade = _table(display) if isinstance(display, Lookup) else _clipper(display)
    for start in range(0, len(words), rows):
        strip = words[start : start + rows]
        values = strip if packing is None else packing.unpack(strip)
        ready = shade(_luminance(values) if values.ndim > _GREY else values)
        target = shown[start // factor : (start + len(strip)) // factor]
        if factor == 1:
            target[:] = ready
        else:
            target[:] = cv2.resize(ready, target.shape[::-1], interpolation=cv2.INTER_AREA)
    if isinstance(display, Window):
        stretch(shown, display)
    return shown


def _luminance(rgb: NDArray[Any]) -> NDArray[Any]:
    """Return 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as PS3.3, C.7.6.3.1.2 has it."""
    if rgb.dtype not in (np.uint8, np.uint16):
        rgb = rgb.astype(np.float32)
    grey: NDArray[Any] = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    return grey


def _table(lookup: Lookup) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what gives the intensity of each value."""

    def shade(values: NDArray[Any]) -> NDArray[Any]:
        index = values if lookup.first == 0 else values.astype(np.int64) - lookup.first
        return np.take(lookup.intensity, index, mode="clip")

    return shade


def _clipper(window: Window) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what clips values to a window."""
    lower, upper = (np.float32(end) for end in sorted((window.black, window.white)))

    def shade(values: NDArray[Any]) -> NDArray[Any]:
        return np.clip(values.astype(np.float32), lower, upper)

    return shade
