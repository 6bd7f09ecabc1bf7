"""What a DICOM file says before its pixels: read by pydicom, handed on as plain values.

No more elements are read than needed; reading stops at the pixels and notes where they lie, so
that they are never copied. Beyond this module and dicom_display, nothing meets pydicom's types.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pydicom.filereader
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from edgefair.errors import DecompressionBomb, NotAnImage, UnreadableImage
from edgefair.records import Subject
from edgefair.runtime.dicom_display import DISPLAY_KEYWORDS, display_of
from edgefair.runtime.dicom_elements import PYDICOM_FAULTS, text_of
from edgefair.runtime.dicom_layout import PixelLayout, refuse_incomplete
from edgefair.runtime.faults import blamed_on_the_file, quiet, truncated
from edgefair.runtime.frames import FileContent
from edgefair.runtime.grayscale import Display, Packing
from edgefair.runtime.limits import MAX_FILE_BYTES, Limits, check_origin, check_size
from edgefair.runtime.subject import SUBJECT_KEYWORDS, subject_from_tags

__all__ = ["DicomHeader", "read_header"]

_PREAMBLE_BYTES = 128
_UNDEFINED_LENGTH = 0xFFFFFFFF
_DICOMDIR = "1.2.840.10008.1.3.10"
_PIXEL_TAGS = {0x7FE00008: "float32", 0x7FE00009: "float64", 0x7FE00010: "integer"}
_LAYOUT_KEYWORDS = (
    "SOPClassUID",
    "Modality",
    "BodyPartExamined",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
_MAX_INFLATED_BYTES = MAX_FILE_BYTES // 4
_WANTED = tuple(
    Tag(keyword) for keyword in (*_LAYOUT_KEYWORDS, *DISPLAY_KEYWORDS, *SUBJECT_KEYWORDS)
)
_COLOURS = {
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
}
_HEADER_BYTES = 1 << 16
_CUT_SHORT = (LookupError, OSError, EOFError, ValueError, struct.error, *PYDICOM_FAULTS)
_ALLOCATED = (1, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(slots=True, kw_only=True)
class _PixelElement:
    """The pixel data element that reading stopped at."""

    tag: int = 0
    vr: str | None = None
    length: int = 0

    def stops_reading(self, tag: int, vr: str | None, length: int) -> bool:
        if tag not in _PIXEL_TAGS:
            return False
        self.tag, self.vr, self.length = int(tag), vr, length
        return True


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
    with blamed_on_the_file(name, *PYDICOM_FAULTS), quiet():
        dataset, buffer, pixels, start = _read_until_pixels(data, name)
        _refuse_without_pixels(dataset, pixels, name)
        modality, body_part = (
            text_of(dataset, keyword).upper() or None
            for keyword in ("Modality", "BodyPartExamined")
        )
        rows, columns = _whole(dataset, "Rows", name), _whole(dataset, "Columns", name)
        check_size(name, rows, columns, limits)
        check_origin(name, modality=modality, body_part=body_part, limits=limits)
        layout = _layout(dataset, buffer, pixels, start, name)
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
                (number, display_of(dataset, number, layout.photometric, layout.packing))
                for number in wanted
            ),
            modality=modality,
            body_part=body_part,
            subject=subject_from_tags(lambda keyword: text_of(dataset, keyword)),
        )


def _read_until_pixels(
    data: FileContent, name: str
) -> tuple[Dataset, FileContent, _PixelElement, int]:
    """Return the data set before the pixels, its bytes, the pixel element, its value's start."""
    deflated = _inflated(data, name)
    if deflated is None:
        dataset, pixels, tag_start = _file_header(data)
    else:
        pixels = _PixelElement()
        meta, data = deflated
        stream = BytesIO(data)
        dataset = pydicom.filereader.read_dataset(
            stream, False, True, stop_when=pixels.stops_reading, specific_tags=list(_WANTED)
        )
        dataset.file_meta = meta
        tag_start = stream.tell()
    # Reading rewound to the element's tag; a value of a long VR begins 12 bytes on (PS3.5, 7.1.2).
    value_offset = 12 if pixels.vr in EXPLICIT_VR_LENGTH_32 else 8
    return dataset, data, pixels, tag_start + value_offset


def _file_header(data: FileContent) -> tuple[Dataset, _PixelElement, int]:
    """Return what stands before the pixels, the pixel element, and where its tag stands.

    A stream copies what it is made of: of a large file only the beginning, where nearly all
    have their pixels' tag.
    """
    if len(data) > _HEADER_BYTES:
        with suppress(*_CUT_SHORT):
            found = _stream_header(BytesIO(data[:_HEADER_BYTES]))
            if found[1].tag:
                return found
    return _stream_header(BytesIO(data))


def _stream_header(stream: BytesIO) -> tuple[Dataset, _PixelElement, int]:
    pixels = _PixelElement()
    dataset = pydicom.filereader.read_partial(
        stream, stop_when=pixels.stops_reading, force=True, specific_tags=list(_WANTED)
    )
    return dataset, pixels, stream.tell()


def _inflated(data: FileContent, name: str) -> tuple[Any, bytes] | None:
    """Return file meta information and inflated data set of a deflated file, else None."""
    if data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] != b"DICM":
        return None
    stream = BytesIO(data[:_HEADER_BYTES])
    stream.seek(_PREAMBLE_BYTES + 4)
    meta = pydicom.filereader.read_dataset(
        stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2
    )
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(memoryview(data)[stream.tell() :], _MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise DecompressionBomb(
            f"{name} inflates to more than {_MAX_INFLATED_BYTES / 1e6:.0f} MB.",
            hint="No radiograph is that large: have the file checked where it came from.",
        )
    if not inflater.eof:
        raise truncated(name, "the compressed data set has no end")
    return FileMetaDataset(meta), content


def _refuse_without_pixels(dataset: Dataset, pixels: _PixelElement, name: str) -> None:
    """Refuse what holds no pixels, and tell apart what never did from what was cut short."""
    if getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID") == _DICOMDIR:
        raise NotAnImage(
            f"{name} is a DICOMDIR, a list of files.", hint="Name the images or their folder."
        )
    if pixels.tag:
        return
    kind = UID(text_of(dataset, "SOPClassUID")).name
    if "Image Storage" in kind or "Rows" in dataset:
        raise truncated(name, "the file ends before its pixels")
    raise NotAnImage(
        f"{name} is a DICOM file without an image ({kind or 'of unknown class'}).",
        hint="Reports, plans and the like are not read.",
    )


def _layout(
    dataset: Dataset, buffer: FileContent, pixels: _PixelElement, start: int, name: str
) -> PixelLayout:
    """Return where and how the pixels lie."""
    samples = _whole(dataset, "SamplesPerPixel", name, default=1)
    photometric = text_of(dataset, "PhotometricInterpretation").upper() or "MONOCHROME2"
    if photometric not in _COLOURS.get(samples, ()):
        raise UnreadableImage(
            f"{name} has {samples} sample(s) per pixel of colour space {photometric}, "
            "which is not read.",
            hint="Export the image as MONOCHROME2 or RGB.",
        )
    syntax, little_endian = _transfer_syntax(dataset)
    dtype, packing = _words(dataset, pixels.tag, little_endian, name)
    swapped = not little_endian and pixels.vr == "OW" and dtype.endswith("u1")
    offsets = tuple(
        bytes(dataset[keyword].value)
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
        if keyword in dataset
    )
    return PixelLayout(
        buffer=buffer,
        start=start,
        length=None if pixels.length == _UNDEFINED_LENGTH else pixels.length,
        transfer_syntax=syntax,
        rows=_whole(dataset, "Rows", name),
        columns=_whole(dataset, "Columns", name),
        samples=samples,
        photometric=photometric,
        planar=samples > 1 and _whole(dataset, "PlanarConfiguration", name, default=0) == 1,
        frames=max(1, _whole(dataset, "NumberOfFrames", name, default=1)),
        dtype=dtype,
        swapped=swapped,
        packing=packing,
        extended_offsets=(offsets[0], offsets[1]) if len(offsets) == 2 else None,
    )


def _transfer_syntax(dataset: Dataset) -> tuple[str, bool]:
    """Return the transfer syntax, guessed from the encoding where it is missing."""
    implicit, little_endian = dataset.original_encoding
    said = dataset.file_meta.get("TransferSyntaxUID")
    if said:
        return str(said), bool(little_endian)
    if implicit:
        return str(ImplicitVRLittleEndian), True
    return str(ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian), bool(
        little_endian
    )


def _words(
    dataset: Dataset, tag: int, little_endian: bool, name: str
) -> tuple[str, Packing | None]:
    """Return numpy's name of one sample's word, and how it holds the value."""
    order = "<" if little_endian else ">"
    if _PIXEL_TAGS[tag] != "integer":
        return f"{order}f{4 if _PIXEL_TAGS[tag] == 'float32' else 8}", None
    allocated = _whole(dataset, "BitsAllocated", name)
    stored = _whole(dataset, "BitsStored", name, default=allocated)
    high = _whole(dataset, "HighBit", name, default=stored - 1)
    if allocated not in _ALLOCATED or not 1 <= stored <= high + 1 <= allocated:
        raise UnreadableImage(
            f"{name} declares {allocated} bits allocated, {stored} stored, high bit {high}, "
            "which cannot be.",
            hint="Have the file checked where it came from.",
        )
    signed = _whole(dataset, "PixelRepresentation", name, default=0) == 1
    packing = Packing(bits_stored=stored, high_bit=high, signed=signed)
    return ("bit" if allocated == 1 else f"{order}u{allocated // 8}"), packing


def _whole(dataset: Dataset, keyword: str, name: str, *, default: int | None = None) -> int:
    """Return an element's whole number, not negative."""
    text = text_of(dataset, keyword)
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
