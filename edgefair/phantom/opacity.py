"""The finding: a soft, irregular opacity where tissue or fluid replaces the lung's air."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edgefair.phantom.drawing import smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["opacity"]

LENGTHS, WIDTHS = (0.055, 0.110), (0.040, 0.075)
"""Half axes of the opacity, shortest and longest, in fractions of the frame."""

RAGGED_CELLS, PATCH_CELLS = 14, 28
CENTRE_GRID = 32
WELL_AERATED = 0.6
"""Least share of the air in the lungs' deepest parts where an opacity may have its centre."""


def opacity(rng: np.random.Generator, air: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of the air replaced, relative to the opacity's contrast, about in [0, 1].

    Parameters
    ----------
    rng : Generator
        Decides place, size, direction and texture.
    air : ndarray of float32, shape (n, n)
        How much air a ray crosses. The centre lies where there is much of it, so that an
        opacity hides behind the heart as seldom in an infant, whose heart is large.

    Returns
    -------
    ndarray of float32, shape (n, n)
    """
    side_px = air.shape[0]
    step_px = side_px // CENTRE_GRID
    grid = air[step_px // 2 :: step_px, step_px // 2 :: step_px]
    places = np.argwhere(grid >= WELL_AERATED * grid.max())
    row, column = (places[rng.integers(len(places))] + rng.random(2)) / CENTRE_GRID
    length, width, turn = rng.uniform(*LENGTHS), rng.uniform(*WIDTHS), rng.uniform(0, math.pi)
    axis = np.linspace(0, 1, side_px, dtype=np.float32)
    dx, dy = (axis - float(column))[None, :], (axis - float(row))[:, None]
    cos, sin = math.cos(turn), math.sin(turn)
    along, across = (cos * dx + sin * dy) / length, (cos * dy - sin * dx) / width
    distance = np.sqrt(along**2 + across**2)
    # A ragged rim and patches within, as filled alveoli beside spared ones.
    ragged = 1.45 - distance - 0.28 * smooth_noise(rng, RAGGED_CELLS, side_px)
    inside = np.clip(ragged, 0, 1)
    patches = 1 + 0.18 * smooth_noise(rng, PATCH_CELLS, side_px)
    return np.asarray(inside**2 * (3 - 2 * inside) * patches)
