"""Soft tissue: the trunk, the lungs' air, heart and vessels, as maps in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import (
    Points,
    both_sides,
    curve,
    fill,
    mirrored,
    outline,
    smooth_noise,
    soften,
    stroke,
)

if TYPE_CHECKING:
    from edgefair.phantom.build import Build

__all__ = ["aeration", "airways", "breasts", "heart", "lungs", "stomach", "trunk", "vessels"]

VESSELS_PER_LUNG = 12
VESSEL_WIDTHS = (0.011, 0.0075, 0.004)
TWIGS = ((0,), (0, 1), (0, 1))
FORK = 0.55
"""Angle between twigs, in radians."""
HILUM_Y = 0.42
"""Level of the hila between the lungs' apex and base."""


def trunk(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return how much of the body's depth a ray crosses: neck, shoulders, arms and trunk."""
    wall, top, arm = build.half_width + build.skin, build.shoulder_y, build.arm_x
    half = np.array(
        [
            (0.080, -0.06),
            (0.084, 0.02),
            (0.120, top - 0.055),
            (0.280, top - 0.010),
            (0.420, top + 0.035),
            (0.520, top + 0.13),
            (0.600, 0.62),
            (0.640, 1.06),
            (arm + 0.035, 1.06),
            (arm + 0.005, 0.66),
            (wall + 0.045, top + 0.29),
            (wall + 0.012, top + 0.33),
            (wall, 0.62),
            (wall + 0.012, 0.85),
            (wall + 0.03, 1.06),
            (wall + 0.03, 1.06),
        ]
    )
    area = fill([outline(np.vstack([half, mirrored(half)[::-1]]))], side_px)
    # Thin at the skin and thickest along the spine, as an oval cross-section is.
    thickness = 0.25 * area + 0.75 * soften(area, 0.07) * area
    depth_by_row = np.linspace(0.80, 1.22, side_px, dtype=np.float32)[:, None]
    return thickness * depth_by_row


def lungs(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return where the lungs are and how thick: sharp at the wall, deepest within."""
    right = mirrored(_lung(build, dome_y=build.base_y, inner=0.030))
    left = _lung(build, dome_y=build.base_y + 0.024, inner=0.034)
    area = fill([right, left], side_px)
    return area * (0.45 + 0.55 * soften(area, 0.035))


def _lung(build: Build, *, dome_y: float, inner: float) -> Points:
    """Outline of the left lung; its corners are the angles of the diaphragm."""
    w, top = build.half_width, build.apex_y
    height = dome_y - top
    narrow = 1 - 0.35 * build.taper
    points = [
        (0.34 * w, top),
        (0.58 * w * narrow, top + 0.05 * height),
        (0.80 * w * narrow, top + 0.20 * height),
        (0.93 * w * (0.5 + 0.5 * narrow), top + 0.45 * height),
        (0.99 * w, top + 0.75 * height),
        (w, dome_y + 0.055),
        (w, dome_y + 0.065),
        (0.85 * w, dome_y + 0.018),
        (0.55 * w, dome_y),
        (0.25 * w, dome_y + 0.018),
        (inner, dome_y + 0.045),
        (inner, dome_y + 0.045),
        (inner + 0.010, top + 0.55 * height),
        (inner + 0.028, top + 0.25 * height),
        (inner + 0.018, top + 0.06 * height),
    ]
    return outline(np.array(points))


def heart(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return where heart and great vessels displace the lung."""
    base, left, right = build.base_y, build.heart_left, build.heart_right
    top = build.apex_y + 0.28 * (base - build.apex_y)
    points = [
        (-0.050, build.apex_y - 0.05),
        (0.050, build.apex_y - 0.05),
        (0.046, top - 0.06),
        (0.046 + build.knob * 0.5, top - 0.030),
        (0.044 + build.knob, top + 0.01),
        (0.056, top + 0.06),
        (0.30 * left + 0.028, top + 0.12),
        (0.76 * left, base - 0.16),
        (left, base - 0.045),
        (0.93 * left, base + 0.030),
        (0.30 * left, base + 0.075),
        (-0.70 * right, base + 0.07),
        (-0.98 * right, base - 0.02),
        (-right, base - 0.11),
        (-0.72 * right, top + 0.18),
        (-0.055, top + 0.09),
        (-0.050, top),
    ]
    return soften(fill([outline(np.array(points))], side_px), 0.007)


def airways(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the air in the trachea and the main bronchi."""
    fork = build.apex_y + 0.27 * (build.base_y - build.apex_y)
    trachea = np.array([(-0.002, -0.05), (0.0, 0.5 * fork), (-0.003, fork)])
    bronchi = [
        np.array([(-0.003, fork), (-0.038, fork + 0.06)]),
        np.array([(-0.003, fork), (0.048, fork + 0.065)]),
    ]
    air = np.maximum(stroke([trachea], 0.038, side_px), stroke(bronchi, 0.022, side_px))
    return soften(air, 0.007)


def stomach(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the gas under the left dome of the diaphragm."""
    y, reach = build.base_y + 0.085, build.half_width
    points = [
        (0.34 * reach, y),
        (0.52 * reach, y - 0.020),
        (0.70 * reach, y - 0.004),
        (0.66 * reach, y + 0.6 * build.gas),
        (0.42 * reach, y + 0.6 * build.gas),
    ]
    return soften(fill([outline(np.array(points))], side_px), 0.009)


def breasts(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the shadows of the breasts: fullest at the lower rim."""
    radius = build.breast
    y = build.base_y + 0.01
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    upward = np.where(np.sin(angle) > 0, 0.75, 1.5)
    disc = np.column_stack(
        [
            0.62 * build.half_width + radius * np.cos(angle),
            y + radius * np.sin(angle) * upward,
        ]
    )
    area = soften(fill(both_sides([outline(disc)]), side_px), 0.007)
    rows = np.linspace(0, 1, side_px, dtype=np.float32)[:, None]
    fullness = np.clip((rows - (y - 1.5 * radius)) / (2.0 * radius), 0, 1)
    return np.asarray(area * fullness, np.float32)


def vessels(rng: np.random.Generator, build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the hila and the vessels that branch from them."""
    n = 2 * VESSELS_PER_LUNG
    side = np.repeat([-1.0, 1.0], VESSELS_PER_LUNG)
    hilum_y = build.apex_y + HILUM_Y * (build.base_y - build.apex_y)
    start = np.column_stack([side * 0.060, hilum_y + rng.normal(0, 0.035, n)])
    # More of them run down than up, as the blood does.
    angle = np.tile(np.linspace(-1.15, 1.40, VESSELS_PER_LUNG), 2) + rng.normal(0, 0.14, n)
    bend = rng.normal(0, 0.30, n)
    reach = rng.uniform(0.14, 0.27, n)
    layer = np.zeros((side_px, side_px), np.float32)
    for part, width in enumerate(VESSEL_WIDTHS):
        turned = [angle + bend * part + FORK * twig for twig in TWIGS[part]]
        steps = [_outward(side, direction, reach / 3) for direction in turned]
        lines = [np.stack([start, start + step], axis=1) for step in steps]
        drawn = (0.9 - 0.2 * part) * stroke(np.concatenate(lines), width, side_px)
        np.maximum(layer, drawn, out=layer)
        start = start + steps[0]
    hilum = curve(np.array([(0.058, hilum_y - 0.040), (0.070, hilum_y), (0.062, hilum_y + 0.055)]))
    np.maximum(layer, 0.8 * stroke(both_sides([hilum]), 0.032, side_px), out=layer)
    return soften(layer, 0.0045)


def _outward(
    side: NDArray[np.float64], angle: NDArray[np.float64], length: NDArray[np.float64]
) -> Points:
    """Return steps away from the midline, at angles below the horizontal."""
    return np.column_stack([side * np.cos(angle) * length, np.sin(angle) * length])


def aeration(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Return how much air the lungs' tissue holds from place to place, about 1."""
    coarse, fine = smooth_noise(rng, 9, side_px), smooth_noise(rng, 52, side_px)
    return np.float32(1) + np.float32(0.045) * coarse + np.float32(0.04) * fine
