"""What a DICOM file says before its pixels, checked and handed on as plain values.

A plain header is read here, any other by pydicom. Beyond dicom_by_pydicom and dicom_display,
nothing meets pydicom's types.
"""

from __future__ import annotations

from edgefair.errors import UnreadableImage
from edgefair.records import Subject
from edgefair.records.record import record
from edgefair.runtime.dicom_display import display_of
from edgefair.runtime.dicom_elements import Elements, text_of
from edgefair.runtime.dicom_layout import PixelLayout, refuse_incomplete
from edgefair.runtime.dicom_opening import PIXEL_TAGS, Opening
from edgefair.runtime.dicom_plain import open_plainly
from edgefair.runtime.faults import blamed_on_the_file, quiet
from edgefair.runtime.frames import FileContent
from edgefair.runtime.grayscale import Display, Packing
from edgefair.runtime.limits import Limits, check_origin, check_size
from edgefair.runtime.subject import subject_from_tags

__all__ = ["HEADER_BYTES", "DicomHeader", "read_header", "read_opening"]

HEADER_BYTES = 1 << 16
"""Nearly all files have their pixels' tag within this beginning."""

_COLOURS = {
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
}
_ALLOCATED = (1, 8, 16, 32, 64)


@record(frozen=True, slots=True, kw_only=True)
class DicomHeader:
    """Everything of a DICOM file but its pixels.

    Attributes
    ----------
    displays : tuple of (int, Display)
        Per frame asked for: its number, and how it is displayed.
    """

    layout: PixelLayout
    displays: tuple[tuple[int, Display], ...]
    modality: str | None
    body_part: str | None
    subject: Subject


def read_header(data: FileContent, *, name: str, limits: Limits, frame: int | None) -> DicomHeader:
    """Return what a DICOM file says before its pixels, checked against the limits.

    Parameters
    ----------
    data : bytes or memoryview
        The file's content, with or without preamble.
    frame : int or None
        The frame asked for; None for each.

    Raises
    ------
    NotAnImage
        A DICOM file without pixels: a directory, a report, a plan.
    UnreadableImage, TruncatedImage, DecompressionBomb
        The header is damaged, cut short, or declares more pixels than the limit.
    WrongModality, WrongBodyPart, TooSmall
        The model does not read such images.
    """
    opening = open_plainly(data[:HEADER_BYTES], data, len(data))
    if opening is not None:
        return read_opening(opening, name=name, limits=limits, frame=frame)
    from edgefair.runtime.dicom_by_pydicom import PYDICOM_FAULTS, open_by_pydicom

    with blamed_on_the_file(name, *PYDICOM_FAULTS), quiet():
        opening = open_by_pydicom(data, name)
        return read_opening(opening, name=name, limits=limits, frame=frame)


def read_opening(opening: Opening, *, name: str, limits: Limits, frame: int | None) -> DicomHeader:
    """Return what an open file says before its pixels, checked as `read_header` does."""
    elements = opening.elements
    with blamed_on_the_file(name):
        modality, body_part = (
            text_of(elements, keyword).upper() or None
            for keyword in ("Modality", "BodyPartExamined")
        )
        rows, columns = _whole(elements, "Rows", name), _whole(elements, "Columns", name)
        check_size(name, rows, columns, limits)
        check_origin(name, modality=modality, body_part=body_part, limits=limits)
        layout = _layout(opening, name)
        refuse_incomplete(layout, name)  # before a number of frames is believed
        wanted = range(layout.frames) if frame is None else (frame,)
        if frame is not None and not 0 <= frame < layout.frames:
            raise UnreadableImage(
                f"{name} has {layout.frames} frame(s); frame {frame} was asked for.",
                hint="Frames are counted from 0.",
            )
        return DicomHeader(
            layout=layout,
            displays=tuple(
                (number, display_of(elements, number, layout.photometric, layout.packing))
                for number in wanted
            ),
            modality=modality,
            body_part=body_part,
            subject=subject_from_tags(lambda keyword: text_of(elements, keyword)),
        )


def _layout(opening: Opening, name: str) -> PixelLayout:
    """Return where and how the pixels lie."""
    elements = opening.elements
    samples = _whole(elements, "SamplesPerPixel", name, default=1)
    photometric = text_of(elements, "PhotometricInterpretation").upper() or "MONOCHROME2"
    if photometric not in _COLOURS.get(samples, ()):
        raise UnreadableImage(
            f"{name} has {samples} sample(s) per pixel of colour space {photometric}, "
            "which is not read.",
            hint="Export the image as MONOCHROME2 or RGB.",
        )
    dtype, packing = _words(elements, opening, name)
    swapped = not opening.little_endian and opening.vr == "OW" and dtype.endswith("u1")
    return PixelLayout(
        buffer=opening.buffer,
        size_bytes=opening.size_bytes,
        start=opening.start,
        length=opening.length,
        transfer_syntax=opening.transfer_syntax,
        rows=_whole(elements, "Rows", name),
        columns=_whole(elements, "Columns", name),
        samples=samples,
        photometric=photometric,
        planar=samples > 1 and _whole(elements, "PlanarConfiguration", name, default=0) == 1,
        frames=max(1, _whole(elements, "NumberOfFrames", name, default=1)),
        dtype=dtype,
        swapped=swapped,
        packing=packing,
        extended_offsets=opening.extended_offsets,
    )


def _words(elements: Elements, opening: Opening, name: str) -> tuple[str, Packing | None]:
    """Return numpy's name of one sample's word, and how it holds the value."""
    order = "<" if opening.little_endian else ">"
    if PIXEL_TAGS[opening.pixel_tag] != "integer":
        return f"{order}f{4 if PIXEL_TAGS[opening.pixel_tag] == 'float32' else 8}", None
    allocated = _whole(elements, "BitsAllocated", name)
    stored = _whole(elements, "BitsStored", name, default=allocated)
    high = _whole(elements, "HighBit", name, default=stored - 1)
    if allocated not in _ALLOCATED or not 1 <= stored <= high + 1 <= allocated:
        raise UnreadableImage(
            f"{name} declares {allocated} bits allocated, {stored} stored, high bit {high}, "
            "which cannot be.",
            hint="Have the file checked where it came from.",
        )
    signed = _whole(elements, "PixelRepresentation", name, default=0) == 1
    packing = Packing(bits_stored=stored, high_bit=high, signed=signed)
    return ("bit" if allocated == 1 else f"{order}u{allocated // 8}"), packing


def _whole(elements: Elements, keyword: str, name: str, *, default: int | None = None) -> int:
    """Return an element's whole number, not negative."""
    text = text_of(elements, keyword)
    if not text and default is not None:
        return default
    if not text.isascii() or not text.isdigit():
        raise UnreadableImage(
            f"{name} does not say its {keyword}."
            if not text
            else f"{name} says {keyword} is {text[:20]!r}, which is no number.",
            hint="Have the file checked where it came from.",
        )
    return int(text)
