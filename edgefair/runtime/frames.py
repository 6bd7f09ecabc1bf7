"""What a decoder is asked for, and what it hands over: a frame, and what its file says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.records import Subject
from edgefair.runtime.limits import Limits

__all__ = ["Asked", "DecodedFrame", "FileContent"]

FileContent: TypeAlias = bytes | memoryview
"""All bytes of a file, as the caller holds them."""

_NOBODY = Subject()


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
