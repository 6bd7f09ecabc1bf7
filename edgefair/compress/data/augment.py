"""Random changes that a radiograph can undergo without changing what it shows.

No flips: the heart is on the left, and markers must stay readable. What changes is drawn first
and done afterwards, so that processes which share a batch can draw all of it and do their part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, sqrt
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Changes",
    "Drawn",
    "StrongChanges",
    "augment",
    "augment_strongly",
    "draw_changes",
    "draw_strong_changes",
]

_TURN_DEGREES: Final = 8.0
_SHIFT: Final = 0.05
_LOG_SCALE: Final = 0.10
_LOG_GAMMA: Final = 0.25
_LOG_CONTRAST: Final = 0.20
_BRIGHTNESS: Final = 0.08
_BLUR_PX: Final = 0.9
_NOISE: Final = 0.02
_CROP: Final = 0.3
_LOG_ASPECT: Final = 0.15
_LOCAL_CONTRAST: Final = 0.6
_COARSENING: Final = 0.5
_COVERS: Final = 2
_COVER_SIDE: Final = (0.04, 0.12)


class Drawn(Protocol):
    """Changes that have been drawn, to be done to a picture."""

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the changed copy, shape (side_px, side_px), intensities in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What `augment` does to one picture.

    Attributes
    ----------
    side_px : int
        Height and width of the copy.
    turn_degrees, scale : float
    shift_px : ndarray of float64, shape (2,)
        To the right and down.
    exposure : Exposure or None
        None where the picture is only moved.
    """

    side_px: int
    turn_degrees: float
    scale: float
    shift_px: NDArray[np.float64]
    exposure: Exposure | None

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the changed copy, shape (side_px, side_px), intensities in [0, 1]."""
        moved = self._moved(picture).astype(np.float32) / np.float32(255)
        return moved if self.exposure is None else self.exposure.of(moved)

    def _moved(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = picture.shape
        side_px = self.side_px
        # pixel centres: the middle of the first pixel is at 0, that of the image at (n - 1) / 2
        middle = ((width - 1) / 2, (height - 1) / 2)
        matrix = np.asarray(
            cv2.getRotationMatrix2D(middle, self.turn_degrees, self.scale), dtype=np.float64
        )
        matrix[:, 2] -= np.array(middle)
        matrix = np.diag([side_px / width, side_px / height]) @ matrix
        matrix[:, 2] += (side_px - 1) / 2 + self.shift_px
        moved = cv2.warpAffine(
            picture,
            matrix,
            (side_px, side_px),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return moved.astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How the copy is blurred, exposed anew and made noisy; `noise` is added last."""

    blur_sigma_px: float
    gamma: float
    contrast: float
    middle: float
    noise: NDArray[np.float32] = field(repr=False)

    def of(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the exposed copy, intensities in [0, 1]."""
        blurred = picture
        if self.blur_sigma_px > 0.1:
            blurred = cv2.GaussianBlur(picture, (0, 0), self.blur_sigma_px).astype(
                np.float32, copy=False
            )
        exposed = (np.power(blurred, self.gamma) - 0.5) * self.contrast + self.middle + self.noise
        return np.clip(exposed, 0, 1).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongChanges:
    """What `augment_strongly` does to one picture, before and after `Changes`.

    Attributes
    ----------
    window : tuple of float
        Left, top, width and height of what is kept, as shares of the picture.
    local_contrast : float
        Share of the locally equalised picture in the mixture, in [0, 1).
    coarse : float
        Resolution that is kept, 1 for all of it.
    covers : tuple of tuple of float
        Left, top, width, height as shares of the copy, and the shade, of each small cover.
    changes : Changes
    """

    window: tuple[float, float, float, float]
    local_contrast: float
    coarse: float
    covers: tuple[tuple[float, float, float, float, float], ...]
    changes: Changes

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the changed copy, shape (side_px, side_px), intensities in [0, 1]."""
        copy = self._coarsened(self.changes.of(self._equalised(self._cropped(picture))))
        side_px = self.changes.side_px
        for left, top, width, height, shade in self.covers:
            x, y = int(left * side_px), int(top * side_px)
            copy[y : y + int(height * side_px), x : x + int(width * side_px)] = shade
        return copy

    def _cropped(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        left, top, width, height = self.window
        rows, columns = picture.shape
        first_row, first_column = round(top * rows), round(left * columns)
        return picture[
            first_row : max(first_row + 1, round((top + height) * rows)),
            first_column : max(first_column + 1, round((left + width) * columns)),
        ]

    def _equalised(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.local_contrast == 0:
            return picture
        equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(4, 4)).apply(picture)
        share = self.local_contrast
        mixed = cv2.addWeighted(equalised, share, picture, 1 - share, 0)
        return mixed.astype(np.uint8, copy=False)

    def _coarsened(self, copy: NDArray[np.float32]) -> NDArray[np.float32]:
        side_px = self.changes.side_px
        coarse_px = max(1, round(side_px * self.coarse))
        if coarse_px >= side_px:
            return copy
        small = cv2.resize(copy, (coarse_px, coarse_px), interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, (side_px, side_px), interpolation=cv2.INTER_LINEAR)
        return large.astype(np.float32, copy=False)


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
    return draw_changes(side_px, strength, rng).of(picture)


def augment_strongly(
    picture: NDArray[np.uint8], side_px: int, strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a copy changed as by `augment`, and cropped, equalised, coarsened and covered.

    For learning without labels, where a copy only has to keep most of what the teacher saw: at
    least 0.7 of the picture's area, its local contrast as other machines' software would set it,
    half the resolution at the least, and up to two small covers such as markers and leads.
    Nothing is flipped and no shade is inverted.

    Parameters
    ----------
    picture : ndarray of uint8, shape (h, w)
        Display intensities, 255 white.
    side_px : int
        Height and width of the copy.
    strength : float
        Share of the full ranges, in [0, 1]; with 0 the picture is only resized.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (side_px, side_px)
        Intensities in [0, 1].

    Examples
    --------
    >>> copy = augment_strongly(np.zeros((40, 40), np.uint8), 32, 1.0, np.random.default_rng(0))
    >>> copy.shape
    (32, 32)
    """
    return draw_strong_changes(side_px, strength, rng).of(picture)


def draw_changes(side_px: int, strength: float, rng: np.random.Generator) -> Changes:
    """Draw what `augment` does to a picture; the arguments are its own.

    Examples
    --------
    >>> draw_changes(32, 0.0, np.random.default_rng(0)).scale
    1.0
    """
    # the order of the draws is part of every bundle made so far
    turn = strength * rng.uniform(-_TURN_DEGREES, _TURN_DEGREES)
    scale = exp(strength * rng.uniform(-_LOG_SCALE, _LOG_SCALE))
    shift = strength * rng.uniform(-_SHIFT, _SHIFT, size=2) * side_px
    exposure = None if strength == 0 else _draw_exposure(side_px, strength, rng)
    return Changes(
        side_px=side_px, turn_degrees=turn, scale=scale, shift_px=shift, exposure=exposure
    )


def draw_strong_changes(side_px: int, strength: float, rng: np.random.Generator) -> StrongChanges:
    """Draw what `augment_strongly` does to a picture; the arguments are its own.

    Examples
    --------
    >>> draw_strong_changes(32, 0.0, np.random.default_rng(0)).window
    (0.0, 0.0, 1.0, 1.0)
    """
    area = 1 - strength * rng.uniform(0, _CROP)
    aspect = exp(strength * rng.uniform(-_LOG_ASPECT, _LOG_ASPECT))
    width, height = min(1.0, sqrt(area * aspect)), min(1.0, sqrt(area / aspect))
    left, top = rng.random() * (1 - width), rng.random() * (1 - height)
    # as likely as not there is nothing of these
    local_contrast = max(0.0, strength * rng.uniform(-_LOCAL_CONTRAST, _LOCAL_CONTRAST))
    coarse = min(1.0, 1 - strength * rng.uniform(-_COARSENING, _COARSENING))
    covers = tuple(_draw_cover(strength, rng) for _ in range(rng.integers(0, _COVERS + 1)))
    return StrongChanges(
        window=(left, top, width, height),
        local_contrast=local_contrast,
        coarse=coarse,
        covers=covers,
        changes=draw_changes(side_px, strength, rng),
    )


def _draw_exposure(side_px: int, strength: float, rng: np.random.Generator) -> Exposure:
    sigma_px = strength * _BLUR_PX * rng.uniform(-1, 1)
    gamma = exp(strength * rng.uniform(-_LOG_GAMMA, _LOG_GAMMA))
    contrast = exp(strength * rng.uniform(-_LOG_CONTRAST, _LOG_CONTRAST))
    brightness = 0.5 + strength * rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    noise = rng.standard_normal((side_px, side_px), dtype=np.float32)
    noise *= np.float32(strength * _NOISE * rng.random())
    return Exposure(
        blur_sigma_px=sigma_px, gamma=gamma, contrast=contrast, middle=brightness, noise=noise
    )


def _draw_cover(
    strength: float, rng: np.random.Generator
) -> tuple[float, float, float, float, float]:
    width, height = (strength * rng.uniform(*_COVER_SIDE) for _ in range(2))
    left, top = rng.random() * (1 - width), rng.random() * (1 - height)
    return left, top, width, height, rng.random()
