"""Smooth shapes on a square canvas, in fractions of its side.

x runs from the midline, -0.5 to 0.5, larger on the patient's left; y runs down from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Points",
    "both_sides",
    "curve",
    "fill",
    "mirrored",
    "outline",
    "resize",
    "smooth_noise",
    "soften",
    "stroke",
]

Points = NDArray[np.float64]
"""Shape (n, 2): x from the midline and y from the top, in fractions of the canvas."""

SUBPIXEL_BITS = 4
SAMPLES_PER_SEGMENT = 4
WIDEST_DIRECT_BLUR_PX = 3.0


def mirrored(points: Points) -> Points:
    """Return the points on the other side of the midline."""
    return np.asarray(points * (-1.0, 1.0))


def both_sides(shapes: Sequence[Points]) -> list[Points]:
    """Return the shapes and their mirror images."""
    return [*shapes, *(mirrored(points) for points in shapes)]


def outline(points: Points) -> Points:
    """Return a closed Catmull-Rom curve through the points; a point given twice is a corner.

    Examples
    --------
    >>> outline(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])).shape
    (12, 2)
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
    lines: Sequence[Points] | NDArray[np.float64], width: float, side_px: int, *, rim: float = 0.0
) -> NDArray[np.float32]:
    """Return a canvas of shape (side_px, side_px) with lines drawn on it, 1 on the lines.

    Parameters
    ----------
    lines : sequence of ndarray, shape (n, 2)
    width : float
        In fractions of the canvas.
    side_px : int
    rim : float, default=0
        How much fainter the middle is than the rim, as in a tube of bone; 0 is a flat line.
    """
    layer = np.zeros((side_px, side_px), np.uint8)
    pixels = _to_pixels(np.concatenate(lines), side_px)
    ends = list(accumulate(len(points) for points in lines))
    paths = [pixels[start:end] for start, end in pairwise([0, *ends])]
    width_px = max(1, round(width * side_px))
    # Edges are not smoothed here, at a third of the cost: every caller blurs its lines.
    cv2.polylines(layer, paths, False, 255, width_px, cv2.LINE_8, SUBPIXEL_BITS)
    if rim > 0 and width_px > 2:
        middle = round(255 * (1 - rim))
        cv2.polylines(layer, paths, False, middle, width_px - 2, cv2.LINE_8, SUBPIXEL_BITS)
    return _to_unit(layer)


def soften(layer: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the layer blurred by a Gaussian of `sigma`, in fractions of the canvas."""
    side_px = coarse_px = layer.shape[0]
    # A wide blur leaves nothing fine: it costs a tenth on a coarse grid and looks the same.
    while sigma * coarse_px > WIDEST_DIRECT_BLUR_PX:
        coarse_px //= 2
    coarse = resize(layer, coarse_px)
    blurred = cv2.GaussianBlur(coarse, (0, 0), sigma * coarse_px, borderType=cv2.BORDER_REPLICATE)
    return resize(np.asarray(blurred, np.float32), side_px)


def resize(layer: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Return the layer at another size, averaged when it shrinks and smooth when it grows."""
    if side_px == layer.shape[0]:
        return layer
    how = cv2.INTER_AREA if side_px < layer.shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(layer, (side_px, side_px), interpolation=how)
    return np.asarray(resized, np.float32)


def smooth_noise(rng: np.random.Generator, cells: int, side_px: int) -> NDArray[np.float32]:
    """Return a random landscape of about unit deviation with `cells` hills along a side."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    landscape = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(landscape, np.float32)


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
    scale = side_px << SUBPIXEL_BITS
    return np.asarray(np.rint(points * scale + (0.5 * scale, 0.0)), np.int32)


def _to_unit(layer: NDArray[np.uint8]) -> NDArray[np.float32]:
    return layer.astype(np.float32) * np.float32(1 / 255)
