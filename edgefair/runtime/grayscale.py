"""Stored pixel values to display intensities in [0, 1], reduced by averaging on the way.

Everything here works strip by strip: a strip stays in the processor's cache, so that undoing
the packing, clipping to the window and averaging together cost little more than one look at
the pixels, and no second image of full size ever exists. The window clips before the average is
taken, as if the full image had been displayed first and shrunk afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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

_WIDE_WINDOW = 512
"""Levels from which rounding an average to an integer is below 0.001 of the display range."""

_TAIL_PERCENT = 0.5
_SAMPLE_STEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A linear window: stored values shown as 0 (black) and 1; `black` above `white` inverts."""

    black: float
    white: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A display function given as a table.

    Attributes
    ----------
    first : int
        Stored value of the first entry; values outside the table take its nearest end.
    intensity : ndarray of float32, shape (n,)
        Display intensity in [0, 1] of each stored value from `first` on.
    """

    first: int
    intensity: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoWindow:
    """A window that the pixels themselves must tell: see `percentile_window`."""

    inverted: bool = False


Display = Window | Lookup | AutoWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Where in its word a stored value lies (PS3.5, 8.1.1); other bits are not the image's.

    Attributes
    ----------
    bits_stored : int
    high_bit : int
        Number of the value's most significant bit.
    signed : bool
        Two's complement.
    """

    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def lowest(self) -> int:
        """Smallest value that can be stored."""
        return -(1 << (self.bits_stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """Largest value that can be stored."""
        return self.lowest + (1 << self.bits_stored) - 1

    def unpack(self, words: NDArray[Any]) -> NDArray[Any]:
        """Return the values stored in integer `words`, in native byte order."""
        allocated = 8 * words.dtype.itemsize
        values = words.astype(f"{'i' if self.signed else 'u'}{words.dtype.itemsize}", copy=False)
        if self.bits_stored >= allocated or self._fits(values):
            return values
        aligned = values << (allocated - 1 - self.high_bit)
        unpacked: NDArray[Any] = aligned >> (allocated - self.bits_stored)
        return unpacked

    def _fits(self, values: NDArray[Any]) -> bool:
        """Return whether the other bits are clear, or copies of the sign, as they mostly are."""
        return (
            self.high_bit + 1 == self.bits_stored
            and bool(values.max() <= self.highest)
            and (not self.signed or bool(values.min() >= self.lowest))
        )


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
        sample = words[::_SAMPLE_STEP, ::_SAMPLE_STEP]
        display = percentile_window(
            sample if packing is None else packing.unpack(sample), inverted=display.inverted
        )
    height, width = words.shape[0] // factor, words.shape[1] // factor
    top, left = (words.shape[0] % factor) // 2, (words.shape[1] % factor) // 2
    words = words[top : top + height * factor, left : left + width * factor]
    rows = factor * max(1, _STRIP_BYTES // (words[0].nbytes * factor))
    shown = np.empty((height, width), np.float32)
    shade = _table(display) if isinstance(display, Lookup) else _Clipper(display)
    for start in range(0, len(words), rows):
        strip = words[start : start + rows]
        values = strip if packing is None else packing.unpack(strip)
        grey = _luminance(values) if values.ndim == 3 else values
        ready = shade(grey)
        target = shown[start // factor : (start + len(strip)) // factor]
        if factor == 1:
            target[:] = ready
        else:
            target[:] = cv2.resize(ready, target.shape[::-1], interpolation=cv2.INTER_AREA)
    if isinstance(display, Window):
        _stretch(shown, display)
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


class _Clipper:
    """Clips the strips of one image to a window, as integers where that is exact enough.

    All strips are clipped in the same memory: new memory for each would cost more than clipping,
    above all where several threads ask for it.
    """

    def __init__(self, window: Window) -> None:
        self._lower, self._upper = sorted((window.black, window.white))
        self._room: tuple[NDArray[Any], ...] = ()

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        lower, upper = self._lower, self._upper
        if values.dtype.kind == "f" or values.dtype.itemsize > 2 or upper - lower < _WIDE_WINDOW:
            return np.clip(values.astype(np.float32), np.float32(lower), np.float32(upper))
        limits = np.iinfo(values.dtype)
        floor = max(limits.min, int(np.floor(lower)))
        ceiling = max(floor, min(limits.max, int(np.ceil(upper))))
        if floor <= limits.min and ceiling >= limits.max:
            return values
        if not self._room:
            ends = np.full_like(values, floor), np.full_like(values, ceiling)
            self._room = *ends, np.empty_like(values)
        low, high, room = (array[: len(values)] for array in self._room)
        # numpy's loops over two arrays are vectorised, those over an array and a number are not:
        # this takes a fifth of the time of np.clip
        np.maximum(values, low, out=room)
        np.minimum(room, high, out=room)
        return room


def _stretch(values: NDArray[np.float32], window: Window) -> None:
    """Map the window to [0, 1], in place; a window without width leaves 0."""
    values -= np.float32(window.black)
    width = window.white - window.black
    values *= np.float32(1 / width) if width else np.float32(0)
    np.clip(values, 0, 1, out=values)
