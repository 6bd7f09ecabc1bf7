"""Smooth shapes on a square canvas, in fractions of its side: x to the right, y down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Points", "curve", "fill", "mirrored", "outline", "smooth_noise", "soften", "stroke"]

Points = NDArray[np.float64]
"""Shape (n, 2): x and y in fractions of the canvas."""

SUBPIXEL_BITS = 4
SAMPLES_PER_SEGMENT = 6
WIDEST_DIRECT_BLUR_PX = 3.0


def mirrored(points: Points) -> Points:
    """Return the points on the other side of the midline x = 0.5."""
    return np.column_stack([1.0 - points[:, 0], points[:, 1]])


def outline(points: Points) -> Points:
    """Return a closed Catmull-Rom curve through the points; a point given twice is a corner.

    Examples
    --------
    >>> outline(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])).shape
    (18, 2)
    """
    return _closed_basis(len(points)) @ points


def curve(points: Points) -> Points:
    """Return an open Catmull-Rom curve through the points."""
    ends = np.vstack([points[:1], points, points[-1:]])
    samples = _closed_basis(len(ends)) @ ends
    return samples[SAMPLES_PER_SEGMENT : len(points) * SAMPLES_PER_SEGMENT + 1]


def fill(outlines: Sequence[Points], side_px: int) -> NDArray[np.float32]:
    """Return a mask of shape (side_px, side_px), 1 inside the outlines, with smooth edges."""
    mask = np.zeros((side_px, side_px), np.uint8)
    for points in outlines:
        cv2.fillPoly(mask, [_to_pixels(points, side_px)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return _to_unit(mask)


def stroke(
    lines: Sequence[Points], widths: Sequence[float], side_px: int, *, rim: float = 0.0
) -> NDArray[np.float32]:
    """Return lines drawn on a canvas, 1 on the line.

    Parameters
    ----------
    lines : sequence of ndarray, shape (n, 2)
    widths : sequence of float
        One for each line, in fractions of the canvas.
    rim : float, default=0
        How much fainter the middle is than the rim, as in a tube of bone; 0 is a flat line.
    """
    layer = np.zeros((side_px, side_px), np.uint8)
    for points, width in zip(lines, widths, strict=True):
        path = [_to_pixels(points, side_px)]
        width_px = max(1, round(width * side_px))
        cv2.polylines(layer, path, False, 255, width_px, cv2.LINE_AA, SUBPIXEL_BITS)
        if rim > 0 and width_px > 2:
            middle = round(255 * (1 - rim))
            cv2.polylines(layer, path, False, middle, width_px - 2, cv2.LINE_AA, SUBPIXEL_BITS)
    return _to_unit(layer)


def soften(layer: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the layer blurred by a Gaussian of `sigma`, in fractions of the canvas."""
    side_px = layer.shape[0]
    sigma_px = sigma * side_px
    if sigma_px <= WIDEST_DIRECT_BLUR_PX:
        return cv2.GaussianBlur(layer, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    # A wide blur leaves nothing fine: it costs a tenth on a coarse grid and looks the same.
    small_px = round(side_px * WIDEST_DIRECT_BLUR_PX / sigma_px)
    small = cv2.resize(layer, (small_px, small_px), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), WIDEST_DIRECT_BLUR_PX, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


def smooth_noise(rng: np.random.Generator, cells: int, side_px: int) -> NDArray[np.float32]:
    """Return a random landscape of about unit deviation with `cells` hills along a side."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


@cache
def _closed_basis(n: int) -> NDArray[np.float64]:
    """Weights of n control points in the samples of a closed Catmull-Rom curve."""
    t = np.arange(SAMPLES_PER_SEGMENT) / SAMPLES_PER_SEGMENT
    weights = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]
    )
    basis = np.zeros((n, SAMPLES_PER_SEGMENT, n))
    for segment in range(n):
        for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
            basis[segment, :, (segment + offset) % n] += weight
    return basis.reshape(n * SAMPLES_PER_SEGMENT, n)


def _to_pixels(points: Points, side_px: int) -> NDArray[np.int32]:
    return np.round(points * (side_px << SUBPIXEL_BITS)).astype(np.int32)


def _to_unit(layer: NDArray[np.uint8]) -> NDArray[np.float32]:
    return layer.astype(np.float32) * np.float32(1 / 255)
