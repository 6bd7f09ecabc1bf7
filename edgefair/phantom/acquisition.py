"""From optical depth to pixels: exposure, scatter, quantum noise, blur, collimation, marker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.phantom.drawing import resize, soften

if TYPE_CHECKING:
    from edgefair.phantom.patients import Study

__all__ = ["DEVICES", "FULL_SCALE", "Device", "device_of", "expose"]

FULL_SCALE = 4095
"""Largest value of 12 bits."""

DARKEST, BRIGHTEST = -0.6, 4.4
"""Range of optical depth that the detector's 12 bits span."""

LEAST_ENERGY = 1e-3
MARKER_RATE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One X-ray device.

    Attributes
    ----------
    name : str
        ``A`` or ``B``; in DICOM files the Manufacturer's Model Name.
    quanta : float
        Detected in a pixel without a patient before it; the noise follows from it.
    blur : float
        Standard deviation of the detector's blur, in fractions of the side.
    scatter : float
        Share of the detected energy that is scattered, where the trunk is.
    gain : float
        Slope of the detector's logarithmic response.
    largest_border : float
        Up to how much of each side the collimator hides.
    is_digital : bool
        Digital X-Ray rather than computed radiography from cassettes.
    is_inverted : bool
        Whether it stores dense tissue as small values (MONOCHROME1).
    window_center, window_width : float
        The display window that it recommends.
    """

    name: str
    quanta: float
    blur: float
    scatter: float
    gain: float
    largest_border: float
    is_digital: bool
    is_inverted: bool
    window_center: float
    window_width: float


DEVICES = (
    Device(
        name="A",
        quanta=12_000,
        blur=0.0016,
        scatter=0.035,
        gain=1.0,
        largest_border=0.015,
        is_digital=True,
        is_inverted=False,
        window_center=1600.0,
        window_width=2400.0,
    ),
    Device(
        name="B",
        quanta=4_500,
        blur=0.0034,
        scatter=0.055,
        gain=0.9,
        largest_border=0.05,
        is_digital=False,
        is_inverted=True,
        window_center=1500.0,
        window_width=2300.0,
    ),
)


def device_of(study: Study) -> Device:
    """Return the device that made a study's image."""
    return next(device for device in DEVICES if device.name == study.device)


def expose(
    rng: np.random.Generator, depth: NDArray[np.float32], device: Device, *, size_px: int
) -> NDArray[np.uint16]:
    """Return the image that a device makes of a patient.

    Parameters
    ----------
    rng : Generator
        Decides exposure, noise, collimation and marker.
    depth : ndarray of float32, shape (n, n)
        Optical depth of the patient.
    device : Device
    size_px : int
        Side of the image.

    Returns
    -------
    ndarray of uint16, shape (size_px, size_px)
        12 bits, larger for denser tissue.
    """
    exposure = math.exp(rng.normal(0.0, 0.12))
    transmitted = np.exp(-depth)
    energy = transmitted + device.scatter * soften(1 - transmitted, 0.09)
    energy = np.maximum(resize(soften(energy, device.blur), size_px), LEAST_ENERGY)
    # A child stream, so that marker and collimation do not depend on the number of pixels.
    noise = _noise(rng.spawn(1)[0], size_px) * np.sqrt(energy / (device.quanta * exposure))
    signal = -device.gain * np.log(np.maximum(energy + noise, LEAST_ENERGY))
    # Automatic exposure control corrects half of what the exposure was off.
    signal -= 0.5 * math.log(exposure) + DARKEST
    signal *= FULL_SCALE / (BRIGHTEST - DARKEST)
    pixels = np.clip(np.rint(signal), 0, FULL_SCALE).astype(np.uint16)
    _stamp_marker(rng, pixels)
    _collimate(rng, pixels, device.largest_border)
    return pixels


def _noise(rng: np.random.Generator, size_px: int) -> NDArray[np.float32]:
    """Return noise of unit deviation, shape (size_px, size_px).

    Heads among 64 coins a pixel: as good as normal here, at a quarter of the cost.
    """
    coins = rng.integers(0, 1 << 64, (size_px, size_px), dtype=np.uint64)
    heads = np.bitwise_count(coins).astype(np.float32)
    return (heads - 32) * np.float32(0.25)


def _stamp_marker(rng: np.random.Generator, pixels: NDArray[np.uint16]) -> None:
    """Lay a lead L on the patient's left, on the right of the image."""
    size_px = pixels.shape[0]
    shown, high = rng.random() < MARKER_RATE, rng.random() < 0.75
    left = round(rng.uniform(0.86, 0.92) * size_px)
    top = round((rng.uniform(0.05, 0.09) if high else rng.uniform(0.50, 0.75)) * size_px)
    height, width, line = round(0.050 * size_px), round(0.032 * size_px), -(-size_px // 110)
    if shown:
        pixels[top : top + height, left : left + line] = FULL_SCALE
        pixels[top + height - line : top + height, left : left + width] = FULL_SCALE


def _collimate(
    rng: np.random.Generator, pixels: NDArray[np.uint16], largest_border: float
) -> None:
    """Black out what the collimator hides on each side, none of it on about half of them."""
    borders = np.maximum(0, rng.uniform(-largest_border, largest_border, 4)) * pixels.shape[0]
    top, bottom, left, right = (int(border) for border in borders)
    pixels[:top] = 0
    pixels[pixels.shape[0] - bottom :] = 0
    pixels[:, :left] = 0
    pixels[:, pixels.shape[0] - right :] = 0
