"""What stored values are and how they want to be displayed: windows, tables, packings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.records.record import record

__all__ = ["AutoWindow", "Display", "Lookup", "Packing", "Window", "stretch"]


@record(frozen=True, slots=True, kw_only=True)
class Window:
    """A linear window: stored values shown as 0 (black) and 1; `black` above `white` inverts."""

    black: float
    white: float


@record(frozen=True, slots=True, kw_only=True)
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


@record(frozen=True, slots=True, kw_only=True)
class AutoWindow:
    """A window that the pixels themselves must tell: see `percentile_window`."""

    inverted: bool = False


Display = Window | Lookup | AutoWindow


@record(frozen=True, slots=True, kw_only=True)
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


def stretch(values: NDArray[np.float32], window: Window) -> None:
    """Map the window to [0, 1], in place; a window without width leaves 0."""
    values -= np.float32(window.black)
    width = window.white - window.black
    values *= np.float32(1 / width) if width else np.float32(0)
    np.clip(values, 0, 1, out=values)
