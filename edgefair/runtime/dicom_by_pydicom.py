"""DICOM files whose headers need pydicom: any encoding, deflated or not, in any alphabet.

No more elements are read than needed; reading stops at the pixels and notes where they lie, so
that they are never copied. Imported when a file is not plain, see `edgefair.runtime.dicom_plain`.
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
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from edgefair.errors import DecompressionBomb, NotAnImage
from edgefair.runtime.dicom_display import DISPLAY_KEYWORDS
from edgefair.runtime.dicom_elements import text_of
from edgefair.runtime.dicom_opening import LAYOUT_KEYWORDS, PIXEL_TAGS, UNDEFINED_LENGTH, Opening
from edgefair.runtime.faults import truncated
from edgefair.runtime.frames import FileContent
from edgefair.runtime.limits import MAX_FILE_BYTES
from edgefair.runtime.subject import SUBJECT_KEYWORDS

__all__ = ["PYDICOM_FAULTS", "open_by_pydicom"]

PYDICOM_FAULTS = (BytesLengthException, InvalidDicomError)
"""What pydicom raises beside Python's own exceptions."""

_PREAMBLE_BYTES = 128
_DICOMDIR = "1.2.840.10008.1.3.10"
_MAX_INFLATED_BYTES = MAX_FILE_BYTES // 4
_WANTED = tuple(
    Tag(keyword) for keyword in (*LAYOUT_KEYWORDS, *DISPLAY_KEYWORDS, *SUBJECT_KEYWORDS)
)
_HEADER_BYTES = 1 << 16
_CUT_SHORT = (LookupError, OSError, EOFError, ValueError, struct.error, *PYDICOM_FAULTS)


@dataclass(slots=True, kw_only=True)
class _PixelElement:
    """The pixel data element that reading stopped at."""

    tag: int = 0
    vr: str | None = None
    length: int = 0

    def stops_reading(self, tag: int, vr: str | None, length: int) -> bool:
        if tag not in PIXEL_TAGS:
            return False
        self.tag, self.vr, self.length = int(tag), vr, length
        return True


def open_by_pydicom(data: FileContent, name: str) -> Opening:
    """Return what stands before the pixels, and where these lie.

    Raises
    ------
    NotAnImage
        A DICOM file without pixels: a directory, a report, a plan.
    TruncatedImage, DecompressionBomb
        The file ends before its pixels, or inflates beyond the limit.
    """
    dataset, buffer, pixels, start = _read_until_pixels(data, name)
    _refuse_without_pixels(dataset, pixels, name)
    syntax, little_endian = _transfer_syntax(dataset)
    offsets = tuple(
        bytes(dataset[keyword].value)
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
        if keyword in dataset
    )
    return Opening(
        elements=dataset,
        buffer=buffer,
        size_bytes=len(buffer),
        pixel_tag=pixels.tag,
        vr=pixels.vr,
        start=start,
        length=None if pixels.length == UNDEFINED_LENGTH else pixels.length,
        transfer_syntax=syntax,
        little_endian=little_endian,
        extended_offsets=(offsets[0], offsets[1]) if len(offsets) == 2 else None,
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
