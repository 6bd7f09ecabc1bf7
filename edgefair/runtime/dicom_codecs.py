"""Compressed DICOM frames to stored values, each by the fastest decoder whose licence permits.

Pillow (libjpeg-turbo, OpenJPEG) for JPEG and JPEG 2000, which it reduces while decoding; CharLS
for JPEG-LS; GDCM for lossless and 12-bit JPEG; Pillow's PackBits for RLE. A decoder is imported
when its transfer syntax is met, and never allocates by what a stream claims: the stream's own
size is checked against the header's first.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from io import BytesIO
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from edgefair.runtime.charls import decode_jpeg_ls
from edgefair.runtime.dicom_layout import PixelLayout, Stored
from edgefair.runtime.frames import ContentStream, FileContent
from edgefair.runtime.grayscale import SPARE_RESOLUTION
from edgefair.runtime.jpeg_stream import parse_jpeg, parse_jpeg2000

__all__ = ["decoder_of"]

_RLE_HEADER_BYTES = 64
_PILLOW_COLOUR_BITS = 8
_CHEAP_PIXELS = 512 * 512
_MODERATE_PIXELS = 1024 * 1024
"""Up to here JPEG 2000 is decoded in full: narrow windows, as of CT, clip before averaging."""


Decoder = Callable[[FileContent, PixelLayout, int], Stored]


def decoder_of(transfer_syntax: str) -> Decoder | None:
    """Return the function that decodes a frame of this transfer syntax, None if there is none.

    Its parameters are the encoded frame, the layout, and the length in pixels below which
    neither side may be reduced.
    """
    return _DECODERS.get(transfer_syntax)


def _jpeg(encoded: FileContent, layout: PixelLayout, min_side_px: int) -> Stored:
    """Decode JPEG Baseline or Extended; 8 bits by Pillow, reduced as DCT coefficients."""
    encoded = bytes(encoded)
    stream = parse_jpeg(encoded)
    _check_claims(layout, stream.rows, stream.columns, len(stream.identifiers))
    if stream.precision != 8:
        return _by_gdcm(encoded, layout, stream.precision, "JPEGCodec")
    from PIL.JpegImagePlugin import JpegImageFile

    image = JpegImageFile(BytesIO(encoded))
    # libjpeg takes three components without markers for YCbCr; reading them as such undoes that.
    raw_rgb = (
        layout.photometric == "RGB" and stream.is_ybr is None and stream.identifiers != b"RGB"
    )
    image.draft("YCbCr" if raw_rgb else "L", _draft_size(layout, min_side_px))
    image.load()
    return Stored(words=np.asarray(image), packing=layout.packing)


def _jpeg_lossless(encoded: FileContent, layout: PixelLayout, min_side_px: int) -> Stored:
    """Decode JPEG Lossless, process 14."""
    encoded = bytes(encoded)
    stream = parse_jpeg(encoded)
    _check_claims(layout, stream.rows, stream.columns, len(stream.identifiers))
    return _by_gdcm(encoded, layout, stream.precision, "JPEGCodec")


def _by_gdcm(encoded: bytes, layout: PixelLayout, precision: int, codec_name: str) -> Stored:
    """Decode by one of GDCM's codecs."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(encoded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    source = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    source.SetValue(fragments.__ref__())
    decoded = gdcm.DataElement(source)

    codec = getattr(gdcm, codec_name)()
    codec.SetNumberOfDimensions(2)
    codec.SetDimensions((layout.columns, layout.rows, 1))
    codec.SetPlanarConfiguration(0)
    kind = gdcm.PhotometricInterpretation.GetPIType(layout.photometric)
    codec.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    # By the bits allocated GDCM chooses its decoder: the stream's own precision spares it a
    # first attempt with the wrong one, which it would report on standard error.
    allocated = precision if precision in {8, 12} else 16
    signed = int(layout.packing is not None and layout.packing.signed)
    codec.SetPixelFormat(
        gdcm.PixelFormat(layout.samples, allocated, precision, precision - 1, signed)
    )
    if not codec.Decode(source, decoded):
        raise ValueError("GDCM refuses its compressed pixels")
    # GetBuffer would go through str; the pointer is read while `decoded` still owns it.
    value = decoded.GetByteValue()
    content = ctypes.string_at(int(value.GetVoidPointer()), int(str(value.GetLength())))
    words = np.frombuffer(content, np.uint8 if precision <= 8 else np.uint16)
    return Stored(words=layout.shaped(words, planar=False), packing=layout.packing)


def _jpeg_ls(encoded: FileContent, layout: PixelLayout, min_side_px: int) -> Stored:
    """Decode JPEG-LS, lossless or near-lossless."""
    from _CharLS import read_header

    encoded = bytes(encoded)
    stream = parse_jpeg(encoded)
    _check_claims(layout, stream.rows, stream.columns, len(stream.identifiers))
    samples = stream.rows * stream.columns * len(stream.identifiers)
    words = decode_jpeg_ls(encoded, samples=samples, precision=stream.precision)
    planar = layout.samples > 1 and read_header(encoded)["interleave_mode"] == 0
    return Stored(words=layout.shaped(words, planar=planar), packing=layout.packing)


def _jpeg_2000(encoded: FileContent, layout: PixelLayout, min_side_px: int) -> Stored:
    """Decode JPEG 2000, as many of its resolution levels as are needed."""
    from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

    stream = parse_jpeg2000(encoded)
    _check_claims(layout, stream.rows, stream.columns, stream.components)
    # Pillow holds all other threads up while it decodes JPEG 2000: every copy counts twice
    image = Jpeg2KImageFile(cast("IO[bytes]", ContentStream(encoded[stream.start :])))
    halvings = _halvings(layout, stream.levels, min_side_px)
    if halvings:
        # Pillow rounds the reduced size to the nearest, OpenJPEG up, and one pixel apart they
        # fail: from a multiple of the scale both come to the same.
        image._size = (
            -(-layout.columns >> halvings) << halvings,
            -(-layout.rows >> halvings) << halvings,
        )
        image.reduce = halvings
    try:
        image.load()
    except OSError:
        # Pillow knows fewer of the orders in which parts of tiles may come than GDCM does.
        codestream = bytes(encoded[stream.start :])
        return _by_gdcm(codestream, layout, stream.precision, "JPEG2000Codec")
    words = np.asarray(image)
    if layout.samples > 1:
        return _colour(words, layout, stream.precision)
    # Pillow shifts the values up to fill their words, and signed ones to be positive.
    shift = 8 * words.dtype.itemsize - stream.precision
    words = words >> shift
    if stream.signed:
        words = words.astype(np.int32) - (1 << (stream.precision - 1))
    return Stored(words=words, packing=layout.packing)


def _halvings(layout: PixelLayout, levels: int, min_side_px: int) -> int:
    """Return how many of the wavelet's levels need not be decoded."""
    if layout.rows * layout.columns <= _CHEAP_PIXELS:
        return 0
    if layout.rows * layout.columns <= _MODERATE_PIXELS:
        min_side_px *= 2  # a wavelet's average is not that of an area: the last halving is ours
    side, halvings = min(layout.rows, layout.columns), 0
    while halvings < levels and side >> (halvings + 1) >= min_side_px:
        halvings += 1
    return halvings


def _colour(words: NDArray[np.uint8], layout: PixelLayout, precision: int) -> Stored:
    """Undo that Pillow brings colours of any precision to 8 bits."""
    if precision == _PILLOW_COLOUR_BITS:
        return Stored(words=words, packing=layout.packing)
    full = (1 << precision) - 1
    return Stored(words=words * np.float32(full / 255), packing=None)


def _rle(encoded: FileContent, layout: PixelLayout, min_side_px: int) -> Stored:
    """Decode RLE (PS3.5, Annex G): one PackBits segment per byte of a sample, highest first."""
    from PIL import Image as PillowImage

    encoded = bytes(encoded)
    header = np.frombuffer(encoded[:_RLE_HEADER_BYTES], "<u4")
    word = np.dtype(layout.dtype)
    count = layout.samples * word.itemsize
    if header[0] != count:
        raise ValueError(f"RLE frame of {header[0]} segments where {count} are due")
    bounds = [*header[1 : count + 1].tolist(), len(encoded)]
    pixels = layout.rows * layout.columns
    planes = np.empty((layout.samples, pixels, word.itemsize), np.uint8)
    for index in range(count):
        segment = encoded[bounds[index] : bounds[index + 1]]
        # One line of all pixels: unlike TIFF's, DICOM's runs may cross the end of a row.
        line = PillowImage.frombytes("L", (pixels, 1), segment, "packbits", "L")
        sample, byte = divmod(index, word.itemsize)
        planes[sample, :, word.itemsize - 1 - byte] = np.asarray(line)[0]
    words = planes.view(f"<u{word.itemsize}")
    return Stored(words=layout.shaped(words.ravel(), planar=True), packing=layout.packing)


def _check_claims(layout: PixelLayout, rows: int, columns: int, components: int) -> None:
    """Refuse a stream of another size than the header's, which the limits were checked with."""
    if (rows, columns, components) != (layout.rows, layout.columns, layout.samples):
        raise ValueError(
            f"a frame of {columns} x {rows} pixels, {components} component(s), where "
            f"{layout.columns} x {layout.rows}, {layout.samples} are due"
        )


def _draft_size(layout: PixelLayout, min_side_px: int) -> tuple[int, int]:
    if layout.photometric == "PALETTE COLOR":
        return layout.columns, layout.rows
    return SPARE_RESOLUTION * min_side_px, SPARE_RESOLUTION * min_side_px


_DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.4.50": _jpeg,
    "1.2.840.10008.1.2.4.51": _jpeg,
    "1.2.840.10008.1.2.4.57": _jpeg_lossless,
    "1.2.840.10008.1.2.4.70": _jpeg_lossless,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.91": _jpeg_2000,
}
