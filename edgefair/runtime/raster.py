"""PNG, JPEG, TIFF and BMP files to display intensities, decoded by Pillow and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageChops
from PIL.Image import DecompressionBombError
from PIL.Image import Image as PillowImage
from PIL.ImageFile import ImageFile

from edgefair.errors import UnreadableImage
from edgefair.runtime.faults import blamed_on_the_file, quiet
from edgefair.runtime.frames import DecodedFrame, FileContent
from edgefair.runtime.grayscale import SPARE_RESOLUTION, AutoWindow, Window, area_factor, displayed
from edgefair.runtime.kinds import ImageKind
from edgefair.runtime.limits import Limits, check_size

__all__ = ["EIGHT_BITS", "raster_frames"]

EIGHT_BITS = Window(black=0, white=255)

_EXIF_ORIENTATION = 274
_QUARTER_TURNS = (5, 6, 7, 8)
_TIFF_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")


def raster_frames(
    data: FileContent,
    kind: ImageKind,
    *,
    name: str,
    min_side_px: int,
    limits: Limits,
    frame: int | None,
) -> Iterator[DecodedFrame]:
    """Yield the frames of a raster file: the pages of a TIFF, the one image of all others.

    Raises
    ------
    UnreadableImage
        Or one of its kinds, if a frame is damaged, cut short or larger than the limits.
    TooSmall
        If a frame is smaller than the limits.
    """
    with blamed_on_the_file(name, DecompressionBombError):
        with quiet():
            image = _opened(data, kind)
            pages = getattr(image, "n_frames", 1) if kind is ImageKind.TIFF else 1
        if frame is not None and not 0 <= frame < pages:
            raise UnreadableImage(
                f"{name} has {pages} frame(s); frame {frame} was asked for.",
                hint="Frames are counted from 0.",
            )
        for number in range(pages) if frame is None else (frame,):
            if pages > 1:
                with quiet():
                    image.seek(number)
            check_size(name, image.height, image.width, limits)
            height, width = image.height, image.width
            # Pillow's TIFF reader parses tags, and warns of odd ones, while it decodes.
            with quiet() if kind is ImageKind.TIFF else nullcontext():
                pixels = _intensities(image, min_side_px)
            with quiet():  # only now: a PNG may say it after its pixels, and would decode them
                orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
            if orientation in _QUARTER_TURNS:
                height, width = width, height
            yield DecodedFrame(
                number=number,
                full_height_px=height,
                full_width_px=width,
                pixels=_upright(pixels, orientation),
            )


def _opened(data: FileContent, kind: ImageKind) -> ImageFile:
    """Open by the format's own class: no other format is tried, and only this one imported."""
    stream = BytesIO(data)
    match kind:
        case ImageKind.PNG:
            from PIL.PngImagePlugin import PngImageFile

            return PngImageFile(stream)
        case ImageKind.JPEG:
            from PIL.JpegImagePlugin import JpegImageFile

            return JpegImageFile(stream)
        case ImageKind.TIFF:
            from PIL.TiffImagePlugin import TiffImageFile

            return TiffImageFile(stream)
        case ImageKind.BMP:
            from PIL.BmpImagePlugin import BmpImageFile

            return BmpImageFile(stream)
        case ImageKind.DICOM:
            raise ValueError("DICOM is no raster format")


def _intensities(image: ImageFile, min_side_px: int) -> NDArray[np.float32]:
    """Decode the current frame and reduce it as far as `min_side_px` allows."""
    inverted = _is_white_zero(image)
    if image.format == "JPEG" and image.mode in {"L", "RGB"}:
        image.draft("L", (SPARE_RESOLUTION * min_side_px,) * 2)
    image.load()
    deep = image.mode in _DEEP_MODES
    values: NDArray[Any] = np.asarray(image if deep else _eight_bit_grey(image))
    display = AutoWindow(inverted=inverted) if deep else EIGHT_BITS
    factor = area_factor(values.shape[0], values.shape[1], min_side_px)
    return displayed(values, packing=None, display=display, factor=factor)


def _is_white_zero(image: ImageFile) -> bool:
    """Return whether a deep TIFF counts from white; Pillow inverts the shallow ones itself."""
    tags = getattr(image, "tag_v2", None)
    return (
        tags is not None
        and image.mode in _DEEP_MODES
        and tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO
    )


def _eight_bit_grey(image: PillowImage) -> PillowImage:
    """Return the luminance in mode L, what is transparent on black."""
    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        return ImageChops.multiply(layers.convert("RGB").convert("L"), layers.getchannel("A"))
    if image.mode in {"P", "CMYK", "LAB", "HSV"}:
        image = image.convert("RGB")
    return image.convert("L")


def _upright(pixels: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Turn and mirror by the EXIF orientation, 1 to 8; anything else is taken for 1.

    See CIPA DC-008 (EXIF 2.32), 4.6.4, tag 274: where the stored row 0 and column 0 lie.
    """
    turned = {
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: pixels.T[:, ::-1],
        7: pixels.T[::-1, ::-1],
        8: pixels.T[::-1],
    }.get(orientation, pixels)
    return np.ascontiguousarray(turned)
