"""DICOM files to display intensities: header, stored frames, then the greyscale pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from edgefair.errors import UnreadableImage
from edgefair.runtime.dicom_codecs import decoder_of
from edgefair.runtime.dicom_header import read_header
from edgefair.runtime.dicom_layout import PixelLayout, Stored, encoded_frame, native_frame
from edgefair.runtime.faults import blamed_on_the_file
from edgefair.runtime.frames import DecodedFrame, FileContent
from edgefair.runtime.grayscale import Lookup, area_factor, displayed
from edgefair.runtime.limits import Limits

__all__ = ["dicom_frames"]

_YBR = ("YBR_FULL", "YBR_FULL_422")


def dicom_frames(
    data: FileContent, *, name: str, min_side_px: int, limits: Limits, frame: int | None
) -> Iterator[DecodedFrame]:
    """Yield the frames of a DICOM file, decoding only those asked for.

    Raises
    ------
    InputError
        One of the leaves that `edgefair.runtime.images.read_frames` names.
    """
    header = read_header(data, name=name, limits=limits, frame=frame)
    layout = header.layout
    for number, display in header.displays:
        # A palette's indices mean nothing between two entries: they are never averaged.
        finest = isinstance(display, Lookup) and layout.photometric == "PALETTE COLOR"
        with blamed_on_the_file(name):
            stored = _stored_frame(layout, number, name, 1 << 31 if finest else min_side_px)
            height, width = stored.words.shape[:2]
            pixels = displayed(
                stored.words,
                packing=stored.packing,
                display=display,
                factor=area_factor(height, width, min_side_px),
            )
        yield DecodedFrame(
            number=number,
            full_height_px=layout.rows,
            full_width_px=layout.columns,
            pixels=pixels,
            subject=header.subject,
            modality=header.modality,
            body_part=header.body_part,
        )


def _stored_frame(layout: PixelLayout, number: int, name: str, min_side_px: int) -> Stored:
    """Return the stored samples of one frame, as grey or as red, green and blue."""
    if layout.length is not None:
        stored = native_frame(layout, number)
    else:
        decode = decoder_of(layout.transfer_syntax)
        if decode is None:
            from pydicom import config
            from pydicom.uid import UID

            raise UnreadableImage(
                f"{name} is compressed as {UID(layout.transfer_syntax, config.IGNORE).name}, "
                "for which edgefair has no decoder.",
                hint="Export it uncompressed, or as JPEG 2000, JPEG-LS, JPEG or RLE.",
            )
        stored = decode(encoded_frame(layout, number), layout, min_side_px)
    if layout.photometric in _YBR and stored.words.ndim == 3:
        return Stored(words=stored.words[..., 0], packing=stored.packing)
    return stored
