"""Bones as maps, 1 for a rib's thickness: ribs, spine, clavicles, shoulders."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import Points, both_sides, curve, fill, outline, soften, stroke

if TYPE_CHECKING:
    from edgefair.phantom.build import Build

__all__ = ["clavicles", "ribs", "shoulders", "spine"]

RIBS = 10
VERTEBRAE = 16


def ribs(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return both sides' ribs, the front ones fainter and steeper than those behind."""
    behind = both_sides([_back_rib(build, number) for number in range(RIBS)])
    before = both_sides([_front_rib(build, number) for number in range(1, RIBS - 3)])
    layer = stroke(behind, 0.027, side_px, rim=0.45)
    layer += 0.55 * stroke(before, 0.028, side_px, rim=0.40)
    return soften(layer, 0.0035)


def _rib(build: Build, number: int) -> tuple[float, float, float]:
    """Level at the spine, how far out the rib reaches, and how far it drops on the way."""
    spacing = (build.base_y + 0.06 - build.apex_y) / RIBS
    along = min(1.0, (number + 0.6) / 5.0)
    narrow = 1 - 0.30 * build.taper * (1 - along)
    reach = build.half_width * narrow * (0.52 + 0.50 * along**0.6)
    return build.apex_y + spacing * number, reach, build.rib_drop * (0.60 + 0.06 * number)


def _back_rib(build: Build, number: int) -> Points:
    y, reach, drop = _rib(build, number)
    points = [
        (0.032, y),
        (0.35 * reach, y - 0.012),
        (0.70 * reach, y + 0.22 * drop),
        (0.94 * reach, y + 0.66 * drop),
        (reach, y + drop),
    ]
    return curve(np.array(points))


def _front_rib(build: Build, number: int) -> Points:
    y, reach, drop = _rib(build, number)
    points = [
        (reach, y + drop),
        (0.97 * reach, y + drop + 0.03),
        (0.76 * reach, y + drop + 0.085),
        (0.48 * reach, y + drop + 0.120),
    ]
    return curve(np.array(points))


def spine(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the vertebrae, with the discs between them, and their spinous processes."""
    bodies, processes = [], []
    for top, below in pairwise(np.linspace(0.0, 1.0, VERTEBRAE + 1)):
        half = (0.025 + 0.012 * top) * build.half_width / 0.36
        height, middle = (below - top) * 0.40, (top + below) / 2
        bodies.append(
            np.array(
                [
                    (-half, middle - height),
                    (half, middle - height),
                    (0.88 * half, middle),
                    (half, middle + height),
                    (-half, middle + height),
                    (-0.88 * half, middle),
                ]
            )
        )
        processes.append(np.array([(0.0, middle - 0.5 * height), (0.0, middle + height)]))
    layer = 0.8 * fill(bodies, side_px)
    layer += 0.4 * stroke(processes, 0.009, side_px)
    return soften(layer, 0.005)


def clavicles(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return both clavicles, shallow S curves from the sternum to the shoulders."""
    y = build.clavicle_y
    points = [
        (0.030, y + 0.040),
        (0.100, y + 0.026),
        (0.200, y - 0.012),
        (0.300, y - 0.034),
        (0.390, y - 0.026),
    ]
    return soften(stroke(both_sides([curve(np.array(points))]), 0.033, side_px, rim=0.4), 0.004)


def shoulders(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return scapulae and upper arms; in AP the scapulae lie over the lungs."""
    x, y = build.scapula_x, build.shoulder_y
    corners = [
        (x, y + 0.06),
        (x + 0.10, y + 0.045),
        (x + 0.12, y + 0.09),
        (x + 0.075, y + 0.20),
        (x + 0.030, y + 0.33),
        (x + 0.008, y + 0.31),
    ]
    blade = outline(np.array(corners))
    border = np.vstack([blade, blade[:1]])
    head = np.array([(0.430, y + 0.095), (0.440, y + 0.115)])
    shaft = np.array([(0.460, y + 0.11), (0.535, 0.62), (0.58, 1.02)])
    layer = 0.35 * fill(both_sides([blade]), side_px)
    layer += 0.45 * stroke(both_sides([border]), 0.010, side_px)
    layer += stroke(both_sides([head]), 0.095, side_px, rim=0.3)
    layer += 0.9 * stroke(both_sides([shaft]), 0.048, side_px, rim=0.35)
    return soften(layer, 0.005)
