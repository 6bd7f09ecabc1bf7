"""The image encoders of the SAM family as teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.checkpoints import read_checkpoint, take_over
from edgefair.compress.teachers.inputs import normalized, resized
from edgefair.compress.teachers.network import NetworkTeacher
from edgefair.compress.teachers.teacher import facts_of, refusal
from edgefair.compress.teachers.tiny_vit import TinyVit
from edgefair.errors import InputError

__all__ = ["NAMES", "load_sam"]

NAMES: Final = ("lite-medsam", "mobile-sam")

_PREFIX: Final = "image_encoder."
# MobileSAM's encoder still has the classifier that it was first trained with
_UNUSED: Final = ("norm_head.", "head.")


def load_sam(choice: TeacherChoice, *, beside: Path, weights: Path) -> NetworkTeacher:
    """Return the image encoder of a SAM-family checkpoint.

    Raises
    ------
    InputError
        If the family has no such member, or the file is not there.
    ModelError, UnsafeModel
        If the checkpoint is not this encoder's, is damaged or holds code.
    """
    if choice.name not in NAMES:
        raise InputError(
            f"The SAM family here has no {choice.name!r}, only {' and '.join(NAMES)}.",
            hint="Correct teacher.name in the recipe.",
        )
    if choice.pooling != "mean":
        raise refusal(
            f"The teacher {choice.name} has no class token to take as its embedding.",
            'Write pooling = "mean" in the recipe.',
        )
    checkpoint = read_checkpoint(choice, beside=beside, weights=weights)
    is_medical = choice.name == "lite-medsam"
    encoder = TinyVit(kernel=1 if is_medical else 3)
    take_over(encoder, checkpoint.under(_PREFIX), source=checkpoint.name, unused=_UNUSED)
    return NetworkTeacher(
        _Pooled(encoder),
        facts_of(choice, choice.name, [checkpoint.sha256]),
        prepare=_scaled_by_contrast if is_medical else _scaled,
    )


class _Pooled(nn.Module):
    """An encoder whose features before the neck become their mean and deviation over places.

    Chosen by a linear probe for pneumonia on LiteMedSAM's features of 360 of the NIH radiographs
    (212 train, 35 val, 113 test; at 128 pixels, for speed). AUROC on val, then on test: before the
    neck mean .949, .929, mean and deviation .969, .938; after it .939, .929 and .935, .924.
    """

    def __init__(self, encoder: TinyVit) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        features, _ = self.encoder(images)
        mean = features.mean(dim=(2, 3))
        deviation = features.std(dim=(2, 3), correction=0)
        return torch.cat([mean, deviation], dim=1)


def _scaled(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return an image whose longer side is the input's, in its own shape.

    SAM pads it to a square and later leaves out the padding's places; the network takes any
    shape, so here there is nothing to leave out.
    """
    longer = max(pixels.shape)
    height, width = (max(1, round(side * given.side_px / longer)) for side in pixels.shape)
    return normalized(resized(pixels, height, width), given)


def _scaled_by_contrast(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return the same with the darkest pixel 0 and the brightest 1, as MedSAM was trained."""
    darkest, brightest = pixels.min(), pixels.max()
    span = brightest - darkest
    return _scaled((pixels - darkest) / span if span > 0 else pixels - darkest, given)
