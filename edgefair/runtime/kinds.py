"""What kind of image some bytes are, told by their content and never by a file's name."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["HEAD_BYTES", "ImageKind", "looks_like_a_program", "sniff"]

HEAD_BYTES = 256
"""How many leading bytes `sniff` needs."""

_PREAMBLE_BYTES = 128
_PROGRAMS = (
    b"MZ",  # DOS, Windows
    b"\x7fELF",  # Linux
    b"#!",  # script
    b"\xfe\xed\xfa\xce",  # Mach-O, and the next four
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)
_BITMAP_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
_FIRST_GROUPS = (0x0002, 0x0008)
_MAX_FIRST_LENGTH = 1024


class ImageKind(StrEnum):
    """A family of image files that edgefair reads."""

    PNG = "PNG"
    JPEG = "JPEG"
    TIFF = "TIFF"
    BMP = "BMP"
    DICOM = "DICOM"


def sniff(head: bytes) -> ImageKind | None:
    r"""Return the kind of image that begins with `head`, or None if it is none.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` of the file, or all of a shorter one.

    Examples
    --------
    >>> print(sniff(b"\x89PNG\r\n\x1a\n" + bytes(8)))
    PNG
    >>> sniff(b"Dear colleague, ...") is None
    True
    """
    if head[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return ImageKind.DICOM
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageKind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return ImageKind.JPEG
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return ImageKind.TIFF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADER_BYTES:
        return ImageKind.BMP
    return ImageKind.DICOM if _begins_with_a_data_element(head) else None


def looks_like_a_program(head: bytes) -> bool:
    """Return whether an operating system could run the file: a DICOM preamble may hide one.

    See DICOM PS3.10, 7.5: the 128 bytes of the preamble are free to use, and have been misused.
    """
    return head.startswith(_PROGRAMS)


def _begins_with_a_data_element(head: bytes) -> bool:
    """Return whether `head` starts as a DICOM data set without preamble does.

    Such files begin with the group 0002 or 0008 and a small element (PS3.5, 7.1).
    """
    if len(head) < 12:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[0:2], order)
        element = int.from_bytes(head[2:4], order)
        if group not in _FIRST_GROUPS or element > 0x0020:
            continue
        if head[4:6].isalpha() and head[4:6].isupper():
            return True
        implicit_length = int.from_bytes(head[4:8], "little")
        return order == "little" and implicit_length <= _MAX_FIRST_LENGTH
    return False
