"""What a compressed frame says of itself, read from its markers before any decoder sees it."""

from __future__ import annotations

import struct

from edgefair.records.record import record
from edgefair.runtime.frames import FileContent

__all__ = ["Jpeg2000Stream", "JpegStream", "parse_jpeg", "parse_jpeg2000"]

_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN_MARKER = 0xDA
_JFIF_MARKER, _ADOBE_MARKER = 0xE0, 0xEE
_CODESTREAM = b"\xff\x4f\xff\x51"
_CODING_STYLE_MARKER, _FIRST_TILE_MARKER = 0xFF52, 0xFF90


@record(frozen=True, slots=True, kw_only=True)
class JpegStream:
    """The frame header of a JPEG or JPEG-LS stream (ISO 10918-1 B.2.2, ISO 14495-1 C.2.2).

    Attributes
    ----------
    precision : int
        Bits per sample.
    identifiers : bytes
        One per component.
    is_ybr : bool or None
        What an APP0 JFIF or APP14 Adobe segment says of the colours; None without either.
    """

    precision: int
    rows: int
    columns: int
    identifiers: bytes
    is_ybr: bool | None


@record(frozen=True, slots=True, kw_only=True)
class Jpeg2000Stream:
    """The main header of a JPEG 2000 codestream (ISO 15444-1 A.5.1, A.6.1).

    Attributes
    ----------
    start : int
        Where the codestream begins; before it may stand the boxes of a JP2 file.
    levels : int
        Wavelet decompositions: how many times the decoder can halve the image.
    """

    start: int
    precision: int
    signed: bool
    rows: int
    columns: int
    components: int
    levels: int


def parse_jpeg(stream: bytes) -> JpegStream:
    """Return the frame header of a JPEG or JPEG-LS stream.

    Raises
    ------
    ValueError
        If there is none.
    """
    position, is_ybr = 2, None
    while position + 4 <= len(stream) and stream[:2] == b"\xff\xd8":
        marker = stream[position + 1]
        if stream[position] != 0xFF or marker == _SCAN_MARKER:
            break
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE_MARKERS:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", stream, position + 2)
        body = stream[position + 4 : position + 2 + length]
        if marker in _FRAME_MARKERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", body)
            identifiers = body[6 : 6 + 3 * components : 3]
            return JpegStream(
                precision=precision,
                rows=rows,
                columns=columns,
                identifiers=identifiers,
                is_ybr=is_ybr,
            )
        if marker == _JFIF_MARKER and body.startswith(b"JFIF"):
            is_ybr = True
        if marker == _ADOBE_MARKER and body.startswith(b"Adobe") and len(body) >= 12:
            is_ybr = body[11] != 0
        position += 2 + length
    raise ValueError("a frame holds no JPEG frame header")


def parse_jpeg2000(stream: FileContent) -> Jpeg2000Stream:
    """Return the main header of a JPEG 2000 codestream, bare or within a JP2 file.

    Raises
    ------
    ValueError
        If there is none.
    """
    start = 0 if stream[: len(_CODESTREAM)] == _CODESTREAM else bytes(stream).find(_CODESTREAM)
    if start < 0:
        raise ValueError("a frame holds no JPEG 2000 codestream")
    (length,) = struct.unpack_from(">H", stream, start + 4)
    right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
    components, depth = struct.unpack_from(">HB", stream, start + 40)
    position, levels = start + 4 + length, 0
    while position + 10 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker >= _FIRST_TILE_MARKER:
            break
        if marker == _CODING_STYLE_MARKER:
            levels = stream[position + 9]
        position += 2 + length
    return Jpeg2000Stream(
        start=start,
        precision=(depth & 0x7F) + 1,
        signed=depth >= 0x80,
        rows=bottom - top,
        columns=right - left,
        components=components,
        levels=levels,
    )
