"""A heat map laid over its image, as a PNG that a person can look at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["overlay_png"]

_SIDE_PX = 512
_STRONGEST = 0.55
"""Share of colour where the evidence is largest: the anatomy below stays readable."""


def overlay_png(pixels: NDArray[np.float32], heat: NDArray[np.float32], *, caption: str) -> bytes:
    """Return a PNG of the image with warmer colour where the model saw more evidence.

    A white line rings the places above half of the largest evidence, so that the map can be
    read without colour. Evidence is shown relative to this image's own largest: a map of a
    negative image has colour too, and says nothing about how sure the model is.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w)
        Display intensities in [0, 1].
    heat : ndarray of float32, shape (map_h, map_w)
        Evidence per place, larger for more.
    caption : str
        One line of ASCII written below the image.

    Examples
    --------
    >>> png = overlay_png(np.zeros((8, 8), np.float32), np.eye(2, dtype=np.float32), caption="x")
    >>> png[1:4]
    b'PNG'
    """
    height, width = _fitted(pixels.shape)
    grey = cv2.resize(np.clip(pixels, 0, 1), (width, height), interpolation=cv2.INTER_AREA)
    evidence = cv2.resize(_relative(heat), (width, height), interpolation=cv2.INTER_CUBIC)
    evidence = np.clip(evidence, 0, 1).astype(np.float32)
    colours = cv2.applyColorMap((evidence * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = (evidence * _STRONGEST)[..., np.newaxis]
    base = np.repeat((grey * 255)[..., np.newaxis], 3, axis=2)
    canvas = (base * (1 - share) + colours * share).astype(np.uint8)
    rings, _ = cv2.findContours(
        (evidence >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    cv2.drawContours(canvas, rings, -1, (255, 255, 255), 1, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", _with_caption(canvas, caption))[1])


def _fitted(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = _SIDE_PX / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _relative(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return evidence in [0, 1]: none where there is evidence against, 1 at the largest."""
    positive = np.maximum(heat, 0)
    largest = float(positive.max())
    return np.asarray(positive / max(largest, np.finfo(np.float32).tiny), np.float32)


def _with_caption(canvas: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    strip = np.zeros((28, canvas.shape[1], 3), np.uint8)
    cv2.putText(
        strip, caption, (8, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.vstack([canvas, strip])
