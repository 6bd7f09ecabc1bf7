"""The finding: a soft, irregular opacity where tissue or fluid replaces the lung's air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import smooth_noise

if TYPE_CHECKING:
    from edgefair.phantom.build import Build

__all__ = ["opacity"]

CELLS = 14


def opacity(rng: np.random.Generator, build: Build, side_px: int) -> NDArray[np.float32]:
    """Return the share of the air replaced, relative to the opacity's contrast, about in [0, 1].

    Parameters
    ----------
    rng : Generator
        Decides side, place, size, direction and texture.
    build : Build
        Where the lungs are.
    side_px : int

    Returns
    -------
    ndarray of float32, shape (side_px, side_px)
    """
    side = -1.0 if rng.random() < 0.55 else 1.0
    height = build.base_y - build.apex_y
    centre_y = build.apex_y + height * rng.uniform(0.22, 0.92)
    reach = build.half_width * (0.62 + 0.30 * (centre_y - build.apex_y) / height)
    centre_x = 0.5 + side * rng.uniform(0.12 + 0.02 * (side > 0), max(0.15, reach - 0.02))
    long, short = rng.uniform(0.055, 0.110), rng.uniform(0.040, 0.075)
    turn = rng.uniform(0, np.pi)
    axis = np.linspace(0, 1, side_px, dtype=np.float32)
    dx, dy = (axis - np.float32(centre_x))[None, :], (axis - np.float32(centre_y))[:, None]
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = (
        (cos * dx + sin * dy) / np.float32(long),
        (cos * dy - sin * dx) / np.float32(short),
    )
    distance = np.sqrt(along**2 + across**2)
    # A ragged rim and patches within, as filled alveoli beside spared ones.
    ragged = distance + np.float32(0.28) * smooth_noise(rng, CELLS, side_px)
    patchy = 1 + np.float32(0.18) * smooth_noise(rng, 2 * CELLS, side_px)
    return np.clip(1.45 - ragged, 0, 1) ** 2 * (3 - 2 * np.clip(1.45 - ragged, 0, 1)) * patchy
