"""What is known of a DICOM file once it is open: its elements, and where its pixels lie."""

from __future__ import annotations

from dataclasses import field

from edgefair.records.record import record
from edgefair.runtime.dicom_elements import Elements
from edgefair.runtime.frames import FileContent

__all__ = ["LAYOUT_KEYWORDS", "PIXEL_TAGS", "UNDEFINED_LENGTH", "Opening"]

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_TAGS = {0x7FE00008: "float32", 0x7FE00009: "float64", 0x7FE00010: "integer"}
LAYOUT_KEYWORDS = (
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
"""DICOM keywords that tell what the pixels are."""


@record(frozen=True, slots=True, kw_only=True)
class Opening:
    """The elements before the pixels, and the pixel data element.

    Attributes
    ----------
    elements : Elements
        A data set of pydicom's, or texts by keyword.
    buffer : bytes or memoryview
        What `start` counts in: the file, or the inflated data set, or the beginning of either.
    size_bytes : int
        How long the whole of it is.
    pixel_tag : int
        One of `PIXEL_TAGS`.
    vr : str or None
        Of the pixel data element.
    start, length : int
        Where its value lies; `length` is None if the frames are encapsulated.
    extended_offsets : tuple of (bytes, bytes) or None
        Offsets and lengths of the encapsulated frames (PS3.3, C.7.6.3.1.8).
    """

    elements: Elements
    buffer: FileContent = field(repr=False)
    size_bytes: int
    pixel_tag: int
    vr: str | None
    start: int
    length: int | None
    transfer_syntax: str
    little_endian: bool
    extended_offsets: tuple[bytes, bytes] | None
