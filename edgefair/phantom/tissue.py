"""Soft tissue: the trunk, the lungs' air, heart and vessels, as maps of optical depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import (
    Points,
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

__all__ = ["air", "airways", "breasts", "heart", "lung_outlines", "lungs", "trunk", "vessels"]

VESSELS_PER_LUNG = 13
HILUM_Y = 0.44


def trunk(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the optical depth of neck, shoulders, arms and trunk, as if all were soft tissue."""
    wall, top = build.half_width + build.skin, build.shoulder_y
    half = np.array(
        [
            (0.075, -0.06),
            (0.080, 0.02),
            (0.110, top - 0.05),
            (0.300, top),
            (0.430, top + 0.04),
            (0.500, top + 0.16),
            (0.540, 0.62),
            (0.560, 1.06),
            (0.475, 1.06),
            (0.470, 0.66),
            (wall + 0.055, top + 0.27),
            (wall + 0.012, top + 0.31),
            (wall, 0.62),
            (wall + 0.012, 0.85),
            (wall + 0.03, 1.06),
            (wall + 0.03, 1.06),
        ]
    )
    right = half + (0.5, 0.0)
    area = fill([outline(np.vstack([right, mirrored(right)[::-1]]))], side_px)
    # Thin at the skin and thickest along the spine, as an oval cross-section is.
    thickness = 0.22 * area + 0.78 * soften(area, 0.07) * area
    depth_by_row = np.linspace(0.80, 1.18, side_px, dtype=np.float32)[:, None]
    return thickness * depth_by_row * np.float32(build.body_depth)


def lung_outlines(build: Build) -> tuple[Points, Points]:
    """Return the closed outlines of the lungs: the patient's right, on the left of the image, first."""
    right = _lung(build, dome_y=build.base_y, inner=0.030)
    left = _lung(build, dome_y=build.base_y + 0.022, inner=0.034)
    return mirrored(right + (0.5, 0.0)), left + (0.5, 0.0)


def _lung(build: Build, *, dome_y: float, inner: float) -> Points:
    """Outline with x from the midline; the corner is the costophrenic angle."""
    w, top = build.half_width, build.apex_y
    height = dome_y - top
    narrow = 1 - 0.35 * build.taper
    return outline(
        np.array(
            [
                (0.30 * w, top),
                (0.56 * w * narrow, top + 0.06 * height),
                (0.78 * w * narrow, top + 0.20 * height),
                (0.92 * w * (0.5 + 0.5 * narrow), top + 0.45 * height),
                (0.99 * w, top + 0.75 * height),
                (w, dome_y + 0.055),
                (w, dome_y + 0.065),
                (0.85 * w, dome_y + 0.018),
                (0.55 * w, dome_y),
                (0.25 * w, dome_y + 0.018),
                (inner, dome_y + 0.045),
                (inner, dome_y + 0.045),
                (inner + 0.01, top + 0.55 * height),
                (inner + 0.03, top + 0.25 * height),
                (inner + 0.015, top + 0.05 * height),
            ]
        )
    )


def lungs(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return where the lungs are and how thick, in [0, 1]: sharp at the wall, deepest within."""
    area = fill(lung_outlines(build), side_px)
    return area * (0.45 + 0.55 * soften(area, 0.035))


def heart(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return where heart and great vessels displace the lung, in [0, 1]."""
    base, left, right = build.base_y, build.heart_left, build.heart_right
    top = build.apex_y + 0.30 * (base - build.apex_y)
    contour = np.array(
        [
            (-0.050, build.apex_y - 0.05),
            (0.050, build.apex_y - 0.05),
            (0.048, top - 0.06),
            (0.046 + build.knob * 0.9, top - 0.01),
            (0.056, top + 0.06),
            (0.30 * left + 0.02, top + 0.12),
            (0.74 * left, base - 0.15),
            (left, base - 0.035),
            (0.92 * left, base + 0.035),
            (0.30 * left, base + 0.075),
            (-0.70 * right, base + 0.07),
            (-0.98 * right, base - 0.01),
            (-right, base - 0.10),
            (-0.72 * right, top + 0.17),
            (-0.055, top + 0.08),
            (-0.052, top),
        ]
    )
    return soften(fill([outline(contour + (0.5, 0.0))], side_px), 0.008)


def airways(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the air in the trachea and the main bronchi, in [0, 1]."""
    fork = build.apex_y + 0.27 * (build.base_y - build.apex_y)
    trachea = np.array([(0.498, -0.05), (0.5, 0.5 * fork), (0.497, fork)])
    right = np.array([(0.497, fork), (0.462, fork + 0.06)])
    left = np.array([(0.497, fork), (0.548, fork + 0.065)])
    return soften(stroke([trachea, right, left], [0.036, 0.022, 0.020], side_px), 0.007)


def breasts(build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the shadows of the breasts, in [0, 1]: fullest at the lower rim."""
    radius = build.breast
    y = build.base_y - 0.045
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    disc = np.column_stack(
        [radius * np.cos(angles), radius * np.sin(angles) * np.where(np.sin(angles) > 0, 0.8, 1.3)]
    )
    left = outline(disc + (0.5 + 0.60 * build.half_width, y))
    area = soften(fill([left, mirrored(left)], side_px), 0.008)
    rows = np.linspace(0, 1, side_px, dtype=np.float32)[:, None]
    fullness = np.clip((rows - (y - 1.3 * radius)) / np.float32(2.1 * radius + 1e-6), 0, 1)
    return area * fullness


def vessels(rng: np.random.Generator, build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the branching vessels that leave the hila, about in [0, 1]."""
    n = 2 * VESSELS_PER_LUNG
    side = np.repeat([-1.0, 1.0], VESSELS_PER_LUNG)
    hilum_y = build.apex_y + HILUM_Y * (build.base_y - build.apex_y)
    start = np.column_stack([0.5 + side * 0.068, hilum_y + rng.normal(0, 0.03, n)])
    # More of them run down than up, as the blood does.
    angle = np.tile(np.linspace(-1.15, 1.35, VESSELS_PER_LUNG), 2) + rng.normal(0, 0.12, n)
    bend = rng.normal(0, 0.25, n)
    reach = rng.uniform(0.16, 0.27, n)
    lines, widths = [], []
    for part in range(3):
        turned = angle + bend * part
        step = np.column_stack([side * np.cos(turned), np.sin(turned)]) * (reach / 3)[:, None]
        end = start + step
        lines += [np.stack([a, b]) for a, b in zip(start, end, strict=True)]
        widths += [0.0125 - 0.0035 * part] * n
        start = end
    hila = curve(np.array([(0.0, -0.045), (0.012, 0.0), (0.004, 0.055)]))
    for sign in (-1.0, 1.0):
        lines.append(hila * (sign, 1.0) + (0.5 + sign * 0.062, hilum_y))
        widths.append(0.030)
    return soften(stroke(lines, widths, side_px), 0.004)


def air(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Return how much air the lungs' tissue holds from place to place, about 1."""
    coarse, fine = smooth_noise(rng, 9, side_px), smooth_noise(rng, 48, side_px)
    return 1 + np.float32(0.05) * coarse + np.float32(0.035) * fine
