"""Files, bytes and arrays to images: what can be read becomes records, the rest says why not.

What a file is, its content decides. Images from outside are decoded by Pillow or by a DICOM
codec, under limits, and only as finely as the model needs.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from edgefair.errors import BlankImage, NotAnImage, UnreadableImage
from edgefair.records import Image
from edgefair.runtime.frames import Asked, DecodedFrame, FileContent
from edgefair.runtime.grayscale import AutoWindow, Display, Window, area_factor, displayed
from edgefair.runtime.kinds import HEAD_BYTES, ImageKind, looks_like_a_program, sniff
from edgefair.runtime.limits import MAX_FILE_BYTES, Limits, check_size
from edgefair.runtime.scratch import Scratch

__all__ = ["ImageKind", "Limits", "Scratch", "is_image_file", "read_frames", "sniff"]

_LARGE_BYTES = 1 << 20
"""A smaller file is in the processor's cache as a whole."""

_LEAST_CONTRAST = 1 / 255
"""Less than one grey level of a display between the darkest and the brightest pixel is blank."""


def is_image_file(path: Path) -> bool:
    """Return whether the file's content begins like an image of a kind edgefair reads.

    A file that cannot be opened counts as one, so that reading it tells the user why.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) is not None
    except OSError:
        return True


def read_frames(
    source: Path | bytes | NDArray[Any],
    *,
    name: str,
    min_side_px: int,
    limits: Limits,
    frame: int | None = None,
    scratch: Scratch | None = None,
) -> Iterator[Image]:
    """Yield the frames of an image, ready to be looked at.

    Parameters
    ----------
    source : Path, bytes or ndarray
        A file, a file's content, or an array of shape (h, w) or (h, w, 3 or 4), uint8, uint16
        or floating in [0, 1].
    name : str
        What to call the image in records and errors.
    min_side_px : int
        The image may be reduced as long as both of its sides keep at least this length; where
        it costs little, it is reduced less.
    limits : Limits
        What the model accepts.
    frame : int, optional
        Only this frame, counted from 0; by default each.
    scratch : Scratch, optional
        Memory to read the file into; until the last frame has come, it is in use.

    Yields
    ------
    Image
        One per frame: pages of a TIFF, frames of a multi-frame DICOM image.

    Raises
    ------
    NotAnImage
        The source is no image at all.
    UnreadableImage, TruncatedImage, DecompressionBomb
        The source is damaged, cut short, or declares more pixels than the limit.
    WrongModality, WrongBodyPart, TooSmall, BlankImage
        The image opens, but the model must not read it.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 256 * 256, dtype=np.float32).reshape(256, 256)
    >>> image, = read_frames(ramp, name="ramp", min_side_px=64, limits=Limits())
    >>> image.pixels.shape, image.full_height_px
    ((64, 64), 256)
    """
    if min_side_px < 1:
        raise ValueError(f"min_side_px must be at least 1, got {min_side_px}")
    asked = Asked(name=name, min_side_px=min_side_px, limits=limits, frame=frame)
    if isinstance(source, np.ndarray):
        images = _array_frames(source, name=name, min_side_px=min_side_px, limits=limits)
    elif isinstance(source, bytes):
        images = _file_frames(source, asked)
    else:
        images = _path_frames(source, asked, scratch or Scratch())
    for image in images:
        _refuse_blank(image)
        yield image


def _path_frames(path: Path, asked: Asked, scratch: Scratch) -> Iterator[Image]:
    """Yield the frames of a file, of which no more is held in memory than needed."""
    try:
        size_bytes = _checked_size(path, asked.name)
        with path.open("rb", buffering=0) as file:
            image = _by_strips(file, size_bytes, asked, scratch)
            data = _content(file, size_bytes, scratch) if image is None else b""
    except OSError as fault:
        raise UnreadableImage(
            f"{asked.name} cannot be opened: {fault.strerror or fault}.",
            hint="Check that the file is there and that you may read it.",
        ) from fault
    if image is None:
        yield from _file_frames(data, asked)
    else:
        yield image


def _checked_size(path: Path, name: str) -> int:
    """Return the size of a file in bytes, if it is one, and not too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise NotAnImage(f"{name} is not a file.", hint="Name image files or folders of them.")
    if status.st_size > MAX_FILE_BYTES:
        raise UnreadableImage(
            f"{name} is {status.st_size / 1e6:.0f} MB large, more than the limit of "
            f"{MAX_FILE_BYTES / 1e6:.0f} MB.",
            hint="Split the series, or export single frames.",
        )
    return status.st_size


def _by_strips(file: FileIO, size_bytes: int, asked: Asked, scratch: Scratch) -> Image | None:
    """Return the image of a large uncompressed DICOM file, None of any other file."""
    if size_bytes < _LARGE_BYTES:
        return None
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if sniff(head) is not ImageKind.DICOM or looks_like_a_program(head):
        return None
    from edgefair.runtime.dicom_strips import read_strips

    found = read_strips(file, size_bytes, asked, scratch)
    return None if found is None else _image(found[0], asked.name, found[1])


def _content(file: FileIO, size_bytes: int, scratch: Scratch) -> memoryview:
    """Return the file's bytes."""
    content = scratch.room(size_bytes)
    file.seek(0)
    filled = 0
    while filled < len(content) and (more := file.readinto(content[filled:])):
        filled += more
    return content[:filled]


def _file_frames(data: FileContent, asked: Asked) -> Iterator[Image]:
    kind = sniff(bytes(data[:HEAD_BYTES]))
    if kind is None:
        raise NotAnImage(
            f"{asked.name} is no PNG, JPEG, TIFF, BMP or DICOM image.",
            hint="Export the image in one of these formats.",
        )
    digest = xxhash.xxh3_128_hexdigest(data)
    for decoded in _decoded(data, kind, asked):
        yield _image(decoded, asked.name, digest)


def _image(decoded: DecodedFrame, name: str, digest: str) -> Image:
    return Image(
        name=name,
        frame=decoded.number,
        digest=digest,
        pixels=decoded.pixels,
        full_height_px=decoded.full_height_px,
        full_width_px=decoded.full_width_px,
        subject=decoded.subject,
        modality=decoded.modality,
        body_part=decoded.body_part,
    )


def _decoded(data: FileContent, kind: ImageKind, asked: Asked) -> Iterator[DecodedFrame]:
    """Call the reader of this kind, imported only now: most runs need one of the two."""
    name, side_px, limits = asked.name, asked.min_side_px, asked.limits
    if kind is not ImageKind.DICOM:
        from edgefair.runtime.raster import raster_frames

        return raster_frames(
            data, kind, name=name, min_side_px=side_px, limits=limits, frame=asked.frame
        )
    if looks_like_a_program(bytes(data[:HEAD_BYTES])):
        raise UnreadableImage(
            f"{name} is a DICOM file that begins like a program.",
            hint="Do not open it; have it examined for malware.",
        )
    from edgefair.runtime.dicom import dicom_frames

    return dicom_frames(data, name=name, min_side_px=side_px, limits=limits, frame=asked.frame)


def _array_frames(
    array: NDArray[Any], *, name: str, min_side_px: int, limits: Limits
) -> Iterator[Image]:
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise ValueError(f"arrays are uint8, uint16 or floating in [0, 1], got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(f"arrays have shape (h, w) or (h, w, 3 or 4), got {array.shape}")
    height, width = array.shape[:2]
    check_size(name, height, width, limits)
    form = f"{array.dtype.str} {array.shape} ".encode()
    digest = xxhash.xxh3_128_hexdigest(form + np.ascontiguousarray(array).tobytes())
    yield Image(
        name=name,
        frame=0,
        digest=digest,
        pixels=_array_intensities(array, area_factor(height, width, min_side_px)),
        full_height_px=height,
        full_width_px=width,
    )


def _array_intensities(array: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Return the display intensities of an array, what is transparent on black."""
    display: Display
    match array.dtype.kind, array.dtype.itemsize:
        case "f", _:
            display = Window(black=0, white=1)
        case "u", 1:
            display = Window(black=0, white=255)
        case _:
            display = AutoWindow()
    if array.ndim == 3 and array.shape[2] == 4:
        opaque = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
        array = array[..., :3] * (array[..., 3:].astype(np.float32) / np.float32(opaque))
    return displayed(array, packing=None, display=display, factor=factor)


def _refuse_blank(image: Image) -> None:
    """Refuse an image on which there is nothing to see, or which holds values that are none."""
    darkest, brightest = float(image.pixels.min()), float(image.pixels.max())
    if not darkest <= brightest:
        raise UnreadableImage(
            f"{image.name} holds values that are no numbers.",
            hint="Have the program that wrote the image checked.",
        )
    if brightest - darkest < _LEAST_CONTRAST:
        raise BlankImage(
            f"{image.name} is one shade throughout"
            + (f" (frame {image.frame})." if image.frame else "."),
            hint="Check the exposure, and that the right file was exported.",
        )
