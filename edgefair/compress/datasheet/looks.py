"""What every image looks like: read once, measured and hashed, or why it cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.errors import InputError
from edgefair.records import Image
from edgefair.runtime.images import Limits, read_frames

__all__ = ["MEASURES", "NAMED_IN_FILE", "THUMB_PX", "Looks", "OnImage", "look_at"]

OnImage: TypeAlias = Callable[[int, int], None]
"""Called with the number of images read so far, and how many there are."""

MEASURES: Final = (
    "width_px",
    "height_px",
    "file_bytes_per_pixel",
    "exposure",
    "contrast",
    "sharpness",
    "black_border",
    "corner_brightness",
    "marker_top_left",
    "marker_top_right",
    "marker_bottom_left",
    "marker_bottom_right",
)
"""What is measured of each image; see `_measured`."""

NAMED_IN_FILE: Final = ("modality", "view", "device")
"""What a DICOM file says of how it was made."""

THUMB_PX: Final = 32
_SIDE_PX: Final = 256
_HASH_PX: Final = 8
_READERS: Final = 8
_CORNER_PX: Final = 48
_INK: Final = 0.25
_BLACK: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What was seen of n images; where one could not be read, zeros, nan and a reason.

    Attributes
    ----------
    reasons : tuple of str, length n
        Why an image could not be read, as the `reason` of the error; empty where it could.
    digests : tuple of str, length n
        XXH3-128 of the file's bytes.
    hashes : ndarray of uint64, shape (n,)
        Perceptual hash: signs of the lowest frequencies against their median.
    thumbs : ndarray of uint8, shape (n, 32, 32)
    measures : ndarray of float64, shape (n, measures)
        In the order of `MEASURES`.
    named : tuple of tuple of str, each of length n
        In the order of `NAMED_IN_FILE`; empty where the file does not say.
    """

    reasons: tuple[str, ...] = field(repr=False)
    digests: tuple[str, ...] = field(repr=False)
    hashes: NDArray[np.uint64] = field(repr=False)
    thumbs: NDArray[np.uint8] = field(repr=False)
    measures: NDArray[np.float64] = field(repr=False)
    named: tuple[tuple[str, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.reasons)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which images could be read, shape (n,)."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    def measure(self, name: str) -> NDArray[np.float64]:
        """Return one measure of all images, shape (n,)."""
        return self.measures[:, MEASURES.index(name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    reason: str = ""
    digest: str = ""
    hashed: int = 0
    thumb: NDArray[np.uint8] | None = None
    measures: tuple[float, ...] = (float("nan"),) * len(MEASURES)
    named: tuple[str, ...] = ("",) * len(NAMED_IN_FILE)


def look_at(paths: Sequence[Path], *, on_image: OnImage = lambda done, total: None) -> Looks:
    """Return what the first frame of each file looks like; each file is read once.

    Parameters
    ----------
    paths : sequence of Path
    on_image : callable, optional
    """
    thumbs = np.zeros((len(paths), THUMB_PX, THUMB_PX), dtype=np.uint8)
    looks = []
    with ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as pool:
        for place, look in enumerate(pool.map(_look, paths)):
            if look.thumb is not None:
                thumbs[place] = look.thumb
            looks.append(look)
            on_image(place + 1, len(paths))
    return Looks(
        reasons=tuple(look.reason for look in looks),
        digests=tuple(look.digest for look in looks),
        hashes=np.array([look.hashed for look in looks], dtype=np.uint64),
        thumbs=thumbs,
        measures=np.array([look.measures for look in looks]).reshape(-1, len(MEASURES)),
        named=tuple(zip(*(look.named for look in looks), strict=True)) or ((),) * 3,
    )


def _look(path: Path) -> _Look:
    try:
        if not path.is_file():
            return _Look(reason="missing")
        frames = read_frames(
            path, name=path.name, min_side_px=_SIDE_PX, limits=Limits(min_side_px=1), frame=0
        )
        image = next(iter(frames))
        size_bytes = path.stat().st_size
    except InputError as error:
        return _Look(reason=error.reason)
    except OSError:
        return _Look(reason="unreadable")
    square = _resized(image.pixels, _SIDE_PX)
    attributes = {a.name: a.value for a in image.subject.attributes}
    return _Look(
        digest=image.digest,
        hashed=_hash(square),
        thumb=np.rint(_resized(square, THUMB_PX) * 255).astype(np.uint8),
        measures=_measured(image, square, size_bytes),
        named=(image.modality or "", attributes.get("view", ""), attributes.get("device", "")),
    )


def _resized(pixels: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    shrinks = min(pixels.shape) >= side_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (side_px, side_px), interpolation=method).astype(np.float32)


def _hash(square: NDArray[np.float32]) -> int:
    """Return 64 bits: which of the lowest frequencies, the mean aside, exceed their median.

    After C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010:
    brightness and contrast change no bit, size and compression few.
    """
    waves = cv2.dct(_resized(square, THUMB_PX))
    lowest = waves[1 : _HASH_PX + 1, 1 : _HASH_PX + 1].ravel()
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _measured(image: Image, square: NDArray[np.float32], size_bytes: int) -> tuple[float, ...]:
    """Return the measures of an image, those of its pixels from a square of 256.

    Exposure is the mean intensity, contrast the standard deviation, sharpness the standard
    deviation of the Laplacian over the contrast, the border the share of the outermost pixels
    that are black, a marker the share of a corner that is ink: brighter than its surroundings by
    a quarter of the range.
    """
    contrast = float(square.std())
    laplacian = cv2.Laplacian(square, cv2.CV_32F)
    edge = np.concatenate([square[0], square[-1], square[1:-1, 0], square[1:-1, -1]])
    # what is thinner than 15 of 256 pixels, as lead letters are
    ink = square - cv2.morphologyEx(square, cv2.MORPH_OPEN, np.ones((15, 15), dtype=np.uint8))
    corners = [
        (rows, columns)
        for rows in (slice(0, _CORNER_PX), slice(-_CORNER_PX, None))
        for columns in (slice(0, _CORNER_PX), slice(-_CORNER_PX, None))
    ]
    return (
        float(image.full_width_px),
        float(image.full_height_px),
        size_bytes / (image.full_width_px * image.full_height_px),
        float(square.mean()),
        contrast,
        float(laplacian.std()) / max(contrast, 1e-6),
        float((edge < _BLACK).mean()),
        float(np.mean([square[place].mean() for place in corners])),
        *(float((ink[place] > _INK).mean()) for place in corners),
    )
