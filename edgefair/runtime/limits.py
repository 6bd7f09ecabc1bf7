"""What an image must satisfy before anybody spends time or memory on decoding it."""

from __future__ import annotations

from edgefair.errors import DecompressionBomb, TooSmall, WrongBodyPart, WrongModality
from edgefair.records.record import record

__all__ = ["MAX_FILE_BYTES", "Limits", "check_origin", "check_size"]

MAX_FILE_BYTES = 1 << 30
"""Largest file that is read at all, and largest data set that is inflated, in bytes."""


@record(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a model accepts.

    Attributes
    ----------
    max_pixels : int
        Most pixels a frame may declare. Eighty million is four times a mammogram, and stays
        below the size at which Pillow itself begins to warn.
    min_side_px : int
        Fewest pixels of the shorter side.
    modalities : tuple of str
        DICOM Modality (0008,0060) values accepted, e.g. ``("CR", "DX")``; empty accepts any.
    body_parts : tuple of str
        DICOM Body Part Examined (0018,0015) values accepted; empty accepts any.
    """

    max_pixels: int = 80_000_000
    min_side_px: int = 64
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()


def check_size(name: str, height_px: int, width_px: int, limits: Limits) -> None:
    """Refuse a frame by its declared size, before it is decoded.

    Raises
    ------
    DecompressionBomb
        More than ``limits.max_pixels`` pixels.
    TooSmall
        A side shorter than ``limits.min_side_px``.
    """
    if height_px * width_px > limits.max_pixels:
        raise DecompressionBomb(
            f"{name} declares {width_px} x {height_px} pixels, more than the limit of "
            f"{limits.max_pixels / 1e6:g} million.",
            hint="No radiograph is that large: have the file checked where it came from.",
        )
    if min(height_px, width_px) < limits.min_side_px:
        raise TooSmall(
            f"{name} is {width_px} x {height_px} pixels; the model needs at least "
            f"{limits.min_side_px} on each side.",
            hint="Export the image at full size, not as a thumbnail.",
        )


def check_origin(
    name: str, *, modality: str | None, body_part: str | None, limits: Limits
) -> None:
    """Refuse an image of another kind than the model was made for; what is not said passes.

    Raises
    ------
    WrongModality, WrongBodyPart
        The file names a modality or a body part, and the model does not accept it.
    """
    if modality and limits.modalities and modality not in limits.modalities:
        raise WrongModality(
            f"{name} is a {modality} image; the model reads {_either(limits.modalities)}.",
            hint="Choose the images of the modality that the model was made for.",
        )
    if body_part and limits.body_parts and body_part not in limits.body_parts:
        raise WrongBodyPart(
            f"{name} shows {body_part}; the model reads {_either(limits.body_parts)}.",
            hint="If the tag is wrong, correct Body Part Examined at the modality.",
        )


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(values)
