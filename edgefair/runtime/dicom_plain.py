"""Headers of the plain kind, read without pydicom: explicit little-endian, all in order.

That is how nearly every compressed file is written, and most others. The elements come out as
pydicom gives them. Whatever is out of the ordinary (another encoding, a foreign alphabet, a
table, a number that is none, elements out of order) is left to pydicom, whose import takes
longer than a whole prediction.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

from edgefair.runtime.dicom_opening import UNDEFINED_LENGTH, Opening
from edgefair.runtime.frames import FileContent

__all__ = ["open_plainly"]

_PREAMBLE_BYTES: Final = 128
_PIXEL_DATA: Final = 0x7FE00010
_SYNTAX: Final = "TransferSyntaxUID"
_SYNTAXES: Final = re.compile(r"1\.2\.840\.10008\.1\.2\.(1|5|4\.\d+)")
"""Explicit VR little-endian, RLE, and the JPEG family (PS3.5, A.2 and A.4)."""

_SHORT: Final = Struct("<HH2sH")
_LENGTH: Final = Struct("<I")
_NUMBER: Final = Struct("<H")
_LONG_VRS: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT_VRS: Final = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)

_WANTED: Final = {
    0x00020002: ("MediaStorageSOPClassUID", b"UI"),
    0x00020010: ("TransferSyntaxUID", b"UI"),
    0x00080016: ("SOPClassUID", b"UI"),
    0x00080020: ("StudyDate", b"DA"),
    0x00080021: ("SeriesDate", b"DA"),
    0x00080022: ("AcquisitionDate", b"DA"),
    0x00080023: ("ContentDate", b"DA"),
    0x00080060: ("Modality", b"CS"),
    0x00081090: ("ManufacturerModelName", b"LO"),
    0x00100020: ("PatientID", b"LO"),
    0x00100030: ("PatientBirthDate", b"DA"),
    0x00100040: ("PatientSex", b"CS"),
    0x00101010: ("PatientAge", b"AS"),
    0x00180015: ("BodyPartExamined", b"CS"),
    0x00185101: ("ViewPosition", b"CS"),
    0x00280002: ("SamplesPerPixel", b"US"),
    0x00280004: ("PhotometricInterpretation", b"CS"),
    0x00280006: ("PlanarConfiguration", b"US"),
    0x00280008: ("NumberOfFrames", b"IS"),
    0x00280010: ("Rows", b"US"),
    0x00280011: ("Columns", b"US"),
    0x00280100: ("BitsAllocated", b"US"),
    0x00280101: ("BitsStored", b"US"),
    0x00280102: ("HighBit", b"US"),
    0x00280103: ("PixelRepresentation", b"US"),
    0x00281050: ("WindowCenter", b"DS"),
    0x00281051: ("WindowWidth", b"DS"),
    0x00281052: ("RescaleIntercept", b"DS"),
    0x00281053: ("RescaleSlope", b"DS"),
    0x00281056: ("VOILUTFunction", b"CS"),
    0x20500020: ("PresentationLUTShape", b"CS"),
}
_ELSEWHERE: Final = frozenset(
    (
        0x00283000,  # Modality LUT Sequence
        0x00283010,  # VOI LUT Sequence
        0x52009229,  # Shared Functional Groups Sequence
        0x52009230,  # Per-Frame Functional Groups Sequence
        0x7FE00001,  # Extended Offset Table, and its Lengths
        0x7FE00002,
        0x7FE00008,  # Float Pixel Data, and Double Float
        0x7FE00009,
    )
)
"""Elements whose content, if they have any, is pydicom's to read."""

_DICOMDIR: Final = "1.2.840.10008.1.3.10"
_PALETTE: Final = "PALETTE COLOR"

_TEXT: Final = re.compile(rb"[ -}]*\0*")
_NUMBERS: Final = {
    b"IS": re.compile(r" *\d{1,9} *"),
    b"DS": re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})? *"),
}


def open_plainly(head: FileContent, buffer: FileContent, size_bytes: int) -> Opening | None:
    """Return what stands before the pixels as texts, or None if it is for pydicom to read.

    Parameters
    ----------
    head : bytes or memoryview
        The beginning of the file, or all of it; the header must end in it.
    buffer : bytes or memoryview
        As much of the file as there is.
    size_bytes : int
        How long the file is.
    """
    if head[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] != b"DICM":
        return None
    texts: dict[str, str] = {}
    last, position = -1, _PREAMBLE_BYTES + 4
    while (found := _element(head, position)) is not None:
        tag, vr, start, length = found
        if tag == _PIXEL_DATA:
            break
        if tag <= last or not _took(texts, head, found):
            return None
        last, position = tag, start + length
    if found is None or not _is_plain(texts, vr):
        return None
    return Opening(
        elements=texts,
        buffer=buffer,
        size_bytes=size_bytes,
        pixel_tag=_PIXEL_DATA,
        vr=vr.decode(),
        start=start,
        length=None if length == UNDEFINED_LENGTH else length,
        transfer_syntax=texts[_SYNTAX].rstrip(" "),
        little_endian=True,
        extended_offsets=None,
    )


def _took(texts: dict[str, str], head: FileContent, found: tuple[int, bytes, int, int]) -> bool:
    """Keep the element's text if it is wanted; return False if it is one for pydicom."""
    tag, vr, start, length = found
    if tag not in _WANTED:
        return tag not in _ELSEWHERE or not length
    keyword, due = _WANTED[tag]
    text = _text(head, vr, start, length) if vr == due else None
    if text is not None:
        texts[keyword] = text
    return text is not None


def _element(head: FileContent, position: int) -> tuple[int, bytes, int, int] | None:
    """Return tag, VR, and where the value begins and how long it is (PS3.5, 7.1.2)."""
    if position + 12 > len(head):
        return None
    group, element, vr, length = _SHORT.unpack_from(head, position)
    if vr in _SHORT_VRS:
        start = position + 8
    elif vr in _LONG_VRS:
        (length,) = _LENGTH.unpack_from(head, position + 8)
        start = position + 12
    else:
        return None
    tag = group << 16 | element
    return None if length > len(head) - start and tag != _PIXEL_DATA else (tag, vr, start, length)


def _text(head: FileContent, vr: bytes, start: int, length: int) -> str | None:
    """Return the first value of an element as text, None if it is not what its VR says."""
    value = bytes(head[start : start + length])
    if vr == b"US":
        return str(_NUMBER.unpack(value)[0]) if length == _NUMBER.size else None
    if not _TEXT.fullmatch(value):
        return None
    first, *others = value.decode("ascii").rstrip("\0").split("\\")
    number = _NUMBERS.get(vr)
    if number and not all(
        not text.strip(" ") or number.fullmatch(text) for text in (first, *others)
    ):
        return None
    return first


def _is_plain(texts: dict[str, str], vr: bytes) -> bool:
    """Return whether the texts and the pixels' VR leave nothing for pydicom to do."""
    return (
        vr in (b"OB", b"OW")
        and _SYNTAXES.fullmatch(texts.get(_SYNTAX, "").rstrip(" ")) is not None
        and texts.get("MediaStorageSOPClassUID", "").rstrip(" ") != _DICOMDIR
        and texts.get("PhotometricInterpretation", "").strip().upper() != _PALETTE
    )
