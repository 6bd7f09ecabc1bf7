"""From an image to what a teacher's network wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.compress.recipe import TeacherInput

__all__ = ["Prepare", "normalized", "resized", "stretched"]

Prepare: TypeAlias = Callable[[NDArray[np.float32], TeacherInput], NDArray[np.float32]]
"""From intensities (h, w) in [0, 1] to a network's input (c, height_px, width_px)."""


def stretched(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return an image as most networks want it: stretched to a square, normalised.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w)
        In [0, 1].
    given : TeacherInput

    Returns
    -------
    ndarray of float32, shape (c, side_px, side_px)
    """
    return normalized(resized(pixels, given.side_px, given.side_px), given)


def resized(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return an image of another size: areas averaged, or interpolated where it grows."""
    if pixels.shape == (height, width):
        return pixels
    shrinks = pixels.shape[0] >= height and pixels.shape[1] >= width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.float32, copy=False)


def normalized(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return the grey channel repeated, each time by its own mean and deviation, (c, h, w)."""
    mean, std = np.array(given.mean, np.float32), np.array(given.std, np.float32)
    return (pixels - mean[:, np.newaxis, np.newaxis]) / std[:, np.newaxis, np.newaxis]
