"""JPEG-LS streams to samples, by CharLS's own C function.

The package `pyjpegls` carries CharLS, and its Python functions hold up all other threads while
they decode, 75 ms for a radiograph. The library in it exports CharLS's C interface, and a foreign
call lets the others run: two cores then decode two images in the time of one.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_jpeg_ls"]

_MESSAGE_BYTES = 256
"""CharLS writes up to this much about an error (its ERROR_MESSAGE_SIZE)."""


class _Decode(Protocol):
    def __call__(
        self,
        destination: int,
        destination_bytes: int,
        source: bytes,
        source_bytes: int,
        parameters: None,
        message: ctypes.Array[ctypes.c_char],
        /,
    ) -> int: ...


def decode_jpeg_ls(stream: bytes, *, samples: int, precision: int) -> NDArray[np.generic]:
    """Return the samples of a JPEG-LS stream in the order of the stream, flat.

    Other threads run meanwhile.

    Parameters
    ----------
    stream : bytes
        SOI to EOI.
    samples : int
        Rows x columns x components, as the stream's frame header has them.
    precision : int
        Bits per sample, 2 to 16: up to 8 come as uint8, more as uint16.

    Raises
    ------
    ValueError
        If the stream is damaged, or makes more samples than these.

    References
    ----------
    .. [1] ISO/IEC 14495-1, lossless and near-lossless compression of continuous-tone images.
    .. [2] CharLS, `charls_jpegls_decoder.h`, JpegLsDecode; without parameters rows are packed.

    Examples
    --------
    >>> from jpeg_ls import encode_array
    >>> ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> stream = bytes(encode_array(ramp))
    >>> decode_jpeg_ls(stream, samples=64, precision=8)[:4]
    array([0, 1, 2, 3], dtype=uint8)
    """
    decoded = np.empty(samples, np.uint8 if precision <= np.iinfo(np.uint8).bits else np.uint16)
    message = ctypes.create_string_buffer(_MESSAGE_BYTES)
    if _charls()(decoded.ctypes.data, decoded.nbytes, stream, len(stream), None, message):
        raise ValueError(f"CharLS refuses the stream: {message.value.decode('ascii', 'replace')}")
    return decoded


@cache
def _charls() -> _Decode:
    """Return CharLS's function out of the library that the package's extension module is."""
    import _CharLS

    decode = ctypes.CDLL(_CharLS.__file__).JpegLsDecode
    decode.restype = ctypes.c_int
    decode.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_char_p,
    )
    return cast("_Decode", decode)
