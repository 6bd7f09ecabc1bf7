"""Display intensities to the tensor a model wants, by the steps its contract names."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import (
    Contract,
    Normalize,
    PreprocessingStep,
    RepeatChannels,
    ResizeArea,
)

__all__ = ["prepare"]


def prepare(pixels: NDArray[np.float32], contract: Contract) -> NDArray[np.float32]:
    """Return the model's input for one image, shape (channels, height_px, width_px).

    The same function prepares images for training, calibration and the clinic.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w)
        Display intensities in [0, 1].
    contract : Contract
        Names the steps.

    Raises
    ------
    ValueError
        If the steps do not lead to the shape that the contract gives its input.
    """
    tensor: NDArray[np.float32] = pixels[np.newaxis]
    for step in contract.preprocessing:
        tensor = _apply(step, tensor)
    wanted = (contract.input.channels, contract.input.height_px, contract.input.width_px)
    if tensor.shape != wanted:
        raise ValueError(f"preprocessing leads to {tensor.shape}, the input is {wanted}")
    return tensor


def _apply(step: PreprocessingStep, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    match step:
        case ResizeArea(height_px=height, width_px=width):
            return np.stack([_resize_area(plane, height, width) for plane in tensor])
        case Normalize(mean=mean, std=std):
            return (tensor - np.float32(mean)) / np.float32(std)
        case RepeatChannels(channels=channels):
            return np.repeat(tensor, channels, axis=0)


def _resize_area(plane: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    if plane.shape == (height, width):
        return plane
    # averaging an area needs one: an image smaller than the input is interpolated instead
    shrinks = plane.shape[0] >= height and plane.shape[1] >= width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(plane, (width, height), interpolation=method)
    return resized.astype(np.float32, copy=False)
