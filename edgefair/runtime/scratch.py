"""Memory that image after image is worked on in."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scratch"]


class Scratch:
    """Memory that file after file is read into, by one thread.

    The memory of a large file is new to a process each time it asks for it, and the system's
    making it ready takes longer than filling it.

    Examples
    --------
    >>> scratch = Scratch()
    >>> len(scratch.room(10)), scratch.array((2, 3), np.dtype("u2"), "sums").shape
    (10, (2, 3))
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytearray] = {}

    def room(self, size_bytes: int, purpose: str = "file") -> memoryview:
        """Return that much memory; what the last call for this purpose returned is overwritten."""
        kept = self._kept.get(purpose, b"")
        if len(kept) < size_bytes:
            kept = self._kept[purpose] = bytearray(size_bytes)
        return memoryview(kept)[:size_bytes]

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any], purpose: str) -> NDArray[Any]:
        """Return an array of that shape in such memory, its values left as they are."""
        room = self.room(prod(shape) * dtype.itemsize, purpose)
        return np.frombuffer(room, dtype).reshape(shape)
