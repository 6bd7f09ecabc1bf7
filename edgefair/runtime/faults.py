"""How a decoder's own exceptions and warnings become edgefair's errors, and nothing else.

A decoder fed with a damaged file raises whatever its code stumbles over. What can be blamed on
the file is listed here once; a fault of ours in between still carries its own traceback along.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from edgefair.errors import TruncatedImage, UnreadableImage

__all__ = ["blamed_on_the_file", "quiet", "truncated"]

_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,  # Pillow's word for a broken header
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_CUT_SHORT = re.compile(
    r"truncat|premature|incomplete|not enough|too short|end of file|\bEOF\b", re.I
)
_WARNINGS_LOCK = Lock()


@contextmanager
def blamed_on_the_file(name: str, *also: type[Exception]) -> Iterator[None]:
    """Turn what a decoder raises inside the block into an error that names the file.

    Parameters
    ----------
    name : str
        What the user called the file.
    *also : type of Exception
        A library's own exceptions.

    Raises
    ------
    TruncatedImage
        The decoder found that the file ends too early.
    UnreadableImage
        The decoder failed in any other way.
    """
    faults: tuple[type[Exception], ...] = (*_FAULTS, *also)
    try:
        yield
    except faults as fault:
        if isinstance(fault, EOFError) or _CUT_SHORT.search(str(fault)):
            raise truncated(name, str(fault) or "the file ends too early") from fault
        detail = str(fault) or type(fault).__name__
        raise UnreadableImage(
            f"{name} cannot be decoded: {detail.strip().rstrip('.')}.",
            hint="Copy the file again from where it came; if that does not help, it is damaged.",
        ) from fault


def truncated(name: str, detail: str) -> TruncatedImage:
    """Return the error for a file that ends before its pixels do."""
    return TruncatedImage(
        f"{name} is not complete: {detail.strip().rstrip('.')}.",
        hint="Copy the file again; the transfer was probably interrupted.",
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep a library's warnings on odd headers from the user, who can do nothing about them.

    The interpreter's list of warning filters belongs to the whole process, therefore one thread
    at a time: hold this for parsing, which the GIL serialises anyway, and not for decoding.
    """
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
