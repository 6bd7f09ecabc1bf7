"""What a decoder hands over: one frame as displayed, and what its file says of the patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.records import Subject

__all__ = ["DecodedFrame", "FileContent"]

FileContent: TypeAlias = bytes | memoryview
"""All bytes of a file, as the caller holds them."""

_NOBODY = Subject()


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
