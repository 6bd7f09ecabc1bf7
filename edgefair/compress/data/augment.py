"""Random changes that a radiograph can undergo without changing what it shows.

No flips: the heart is on the left, and markers must stay readable.
"""

from __future__ import annotations

from math import exp
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["augment"]

_TURN_DEGREES: Final = 8.0
_SHIFT: Final = 0.05
_LOG_SCALE: Final = 0.10
_LOG_GAMMA: Final = 0.25
_LOG_CONTRAST: Final = 0.20
_BRIGHTNESS: Final = 0.08
_BLUR_PX: Final = 0.9
_NOISE: Final = 0.02


def augment(
    picture: NDArray[np.uint8], side_px: int, strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a randomly turned, shifted, scaled, re-exposed, blurred and noisy copy.

    Blur and noise also stand for what differs between decoders: a DICOM image decoded at
    reduced resolution must score the same.

    Parameters
    ----------
    picture : ndarray of uint8, shape (h, w)
        Display intensities, 255 white, a little larger than `side_px`.
    side_px : int
        Height and width of the copy.
    strength : float
        Share of the full ranges, in [0, 1]; with 0 the picture is only resized.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (side_px, side_px)
        Intensities in [0, 1].
    """
    moved = _move(picture, side_px, strength, rng).astype(np.float32) / np.float32(255)
    if strength == 0:
        return moved
    return _expose(_blur(moved, strength, rng), strength, rng)


def _move(
    picture: NDArray[np.uint8], side_px: int, strength: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    height, width = picture.shape
    turn = strength * rng.uniform(-_TURN_DEGREES, _TURN_DEGREES)
    scale = exp(strength * rng.uniform(-_LOG_SCALE, _LOG_SCALE))
    shift = strength * rng.uniform(-_SHIFT, _SHIFT, size=2) * side_px
    # pixel centres: the middle of the first pixel is at 0, that of the image at (n - 1) / 2
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, turn, scale), dtype=np.float64)
    matrix[:, 2] -= np.array(middle)
    matrix = np.diag([side_px / width, side_px / height]) @ matrix
    matrix[:, 2] += (side_px - 1) / 2 + shift
    moved = cv2.warpAffine(
        picture,
        matrix,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return moved.astype(np.uint8, copy=False)


def _blur(
    picture: NDArray[np.float32], strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    sigma_px = strength * _BLUR_PX * rng.uniform(-1, 1)
    if sigma_px <= 0.1:
        return picture
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma_px)
    return blurred.astype(np.float32, copy=False)


def _expose(
    picture: NDArray[np.float32], strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    gamma = exp(strength * rng.uniform(-_LOG_GAMMA, _LOG_GAMMA))
    contrast = exp(strength * rng.uniform(-_LOG_CONTRAST, _LOG_CONTRAST))
    brightness = 0.5 + strength * rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= np.float32(strength * _NOISE * rng.random())
    exposed = (np.power(picture, gamma) - 0.5) * contrast + brightness + noise
    return np.clip(exposed, 0, 1).astype(np.float32, copy=False)
