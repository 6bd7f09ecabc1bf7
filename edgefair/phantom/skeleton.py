"""Bones as maps in [0, 1]: ribs, spine, clavicles, scapulae, upper arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import Points, curve, fill, mirrored, outline, soften, stroke

if TYPE_CHECKING:
    from edgefair.phantom.build import Build

__all__ = ["clavicles", "ribs", "shoulders", "spine"]

RIBS = 11
VERTEBRAE = 16


def ribs(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return both sides' ribs, the front ones fainter and steeper than those behind."""
    back = [_back_rib(build, number) for number in range(RIBS)]
    front = [_front_rib(build, number) for number in range(1, RIBS - 3)]
    behind = [side for rib in back for side in (rib + (0.5, 0.0), mirrored(rib + (0.5, 0.0)))]
    before = [side for rib in front for side in (rib + (0.5, 0.0), mirrored(rib + (0.5, 0.0)))]
    layer = stroke(behind, [0.024] * len(behind), side_px, rim=0.4)
    layer += np.float32(0.6) * stroke(before, [0.026] * len(before), side_px, rim=0.35)
    return soften(layer, 0.0035)


def _rib_height(build: Build, number: int) -> tuple[float, float]:
    """Level at the spine, and how far out the rib reaches there."""
    spacing = (build.base_y + 0.08 - build.apex_y) / RIBS
    y = build.apex_y + 0.01 + spacing * number
    along = min(1.0, (number + 0.6) / 5.5)
    narrow = 1 - 0.30 * build.taper * (1 - along)
    return y, build.half_width * narrow * (0.50 + 0.52 * along**0.6)


def _back_rib(build: Build, number: int) -> Points:
    y, reach = _rib_height(build, number)
    drop = build.rib_drop * (0.55 + 0.06 * number)
    return curve(
        np.array(
            [
                (0.032, y),
                (0.35 * reach, y - 0.012),
                (0.70 * reach, y + 0.22 * drop),
                (0.94 * reach, y + 0.66 * drop),
                (reach, y + drop),
            ]
        )
    )


def _front_rib(build: Build, number: int) -> Points:
    y, reach = _rib_height(build, number)
    drop = build.rib_drop * (0.55 + 0.06 * number)
    return curve(
        np.array(
            [
                (reach, y + drop),
                (0.97 * reach, y + drop + 0.03),
                (0.75 * reach, y + drop + 0.085),
                (0.45 * reach, y + drop + 0.125),
            ]
        )
    )


def spine(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the vertebrae, with the discs between them."""
    levels = np.linspace(0.0, 1.0, VERTEBRAE + 1)
    bodies, widths = [], []
    for top, below in zip(levels, levels[1:], strict=False):
        half = 0.026 + 0.010 * top
        height = (below - top) * 0.40
        middle = (top + below) / 2
        corners = [(-half, -height), (half, -height), (0.9 * half, 0), (half, height)]
        corners += [(-half, height), (-0.9 * half, 0)]
        bodies.append(np.array(corners) + (0.5, middle))
        widths.append(np.array([(0.5, middle - height), (0.5, middle + 0.5 * height)]))
    layer = np.float32(0.75) * fill(bodies, side_px)
    layer += np.float32(0.35) * stroke(widths, [0.008] * len(widths), side_px)
    return soften(layer, 0.005)


def clavicles(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return both clavicles, shallow S curves from the sternum to the shoulders."""
    y = build.clavicle_y
    left = curve(
        np.array(
            [
                (0.530, y + 0.035),
                (0.600, y + 0.022),
                (0.700, y - 0.012),
                (0.800, y - 0.028),
                (0.870, y - 0.020),
            ]
        )
    )
    return soften(stroke([left, mirrored(left)], [0.030, 0.030], side_px, rim=0.35), 0.004)


def shoulders(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return scapulae and upper arms; in AP the scapulae lie over the lungs."""
    x, y = 0.5 + build.scapula_x, build.shoulder_y
    blade = outline(
        np.array(
            [
                (x, y + 0.05),
                (x + 0.10, y + 0.045),
                (x + 0.12, y + 0.09),
                (x + 0.075, y + 0.20),
                (x + 0.035, y + 0.32),
                (x + 0.010, y + 0.30),
            ]
        )
    )
    edge = np.vstack([blade, blade[:1]])
    head = np.array([(0.915, y + 0.085), (0.925, y + 0.105)])
    shaft = np.array([(0.945, y + 0.10), (0.985, 0.60), (1.01, 1.02)])
    layer = np.float32(0.30) * fill([blade, mirrored(blade)], side_px)
    layer += np.float32(0.40) * stroke([edge, mirrored(edge)], [0.010] * 2, side_px)
    arms = [head, mirrored(head), shaft, mirrored(shaft)]
    layer += np.float32(0.9) * stroke(arms, [0.085, 0.085, 0.042, 0.042], side_px, rim=0.3)
    return soften(layer, 0.005)
