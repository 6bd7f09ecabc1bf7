"""Three ways from a file to logits: the plain one, the floor, and edgefair's own.

The plain way is what a careful engineer writes first: pydicom's own pixel values, VOI LUT,
resize, run. The floor is the fastest decoder's bare call and `session.run`, nothing else: no
identity, no demographics, no window, no refusals, no scores.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeAlias, cast

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from edgefair.bundle.manifest import Contract
from edgefair.runtime.charls import decode_jpeg_ls
from edgefair.runtime.frames import ContentStream
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.session import RawOutputs, Session

__all__ = ["Way", "floor_way", "over_threads", "plain_pixels", "plain_way"]

Way: TypeAlias = Callable[[Path], RawOutputs]
Intensities: TypeAlias = NDArray[np.float32]

_HEADER_ROOM = 1 << 16
_CODESTREAM = b"\xff\x4f\xff\x51"


def plain_way(session: Session, contract: Contract) -> Way:
    """Return the plain way for files of any form."""

    def read(path: Path) -> RawOutputs:
        return session.run(prepare(plain_pixels(path), contract)[np.newaxis])

    return read


def plain_pixels(path: Path) -> Intensities:
    """Return display intensities in [0, 1] at full resolution, shape (h, w)."""
    if path.suffix != ".dcm":
        with Image.open(path) as opened:
            return np.asarray(opened.convert("L"), np.float32) / np.float32(255)
    dataset = pydicom.dcmread(path)
    values = apply_modality_lut(dataset.pixel_array, dataset)
    shown = apply_voi_lut(values, dataset)
    if "WindowWidth" in dataset or "VOILUTSequence" in dataset:
        low, high = _window_range(dataset)
    else:
        low, high = np.percentile(values, [0.5, 99.5])
    scaled = np.clip((shown - low) / (high - low), 0, 1).astype(np.float32)
    return 1 - scaled if dataset.PhotometricInterpretation == "MONOCHROME1" else scaled


def _window_range(dataset: pydicom.Dataset) -> tuple[float, float]:
    """Return what pydicom's windowing maps to: the range of the stored bits, rescaled."""
    largest = 2**dataset.BitsStored - 1
    lowest = 0
    if dataset.PixelRepresentation:
        lowest, largest = -(2 ** (dataset.BitsStored - 1)), 2 ** (dataset.BitsStored - 1) - 1
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    return lowest * slope + intercept, largest * slope + intercept


def floor_way(form: str, sample: Path, session: Session, contract: Contract) -> Way:
    """Return the floor for files like `sample`: where its pixels lie is found beforehand."""
    given = contract.input
    tensor = np.zeros((1, given.channels, given.height_px, given.width_px), np.float32)
    decode = _decoder(form, sample)

    def read(path: Path) -> RawOutputs:
        decode(path)
        return session.run(tensor)

    return read


def over_threads(way: Callable[[Path], object], paths: list[Path], threads: int) -> None:
    """Run a way over the files with that many threads."""
    if threads == 1:
        for path in paths:
            way(path)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(way, paths):
            pass


def _decoder(form: str, sample: Path) -> Callable[[Path], object]:
    content_of = _keeping_memory()
    if form in ("jpeg_256", "png_2048"):
        return lambda path: np.asarray(Image.open(path))
    if form == "dicom_2048":
        dataset = pydicom.dcmread(sample)
        rows, columns = dataset.Rows, dataset.Columns
        size = rows * columns * 2
        kept = threading.local()

        def raw(path: Path) -> object:
            # sums of rows are the fastest known: 12 bits leave room for eight of them.
            # Uncompressed pixels are the last element of these files
            if not hasattr(kept, "sums"):
                kept.sums = np.empty((256, columns), np.uint16)
            pixels = np.frombuffer(content_of(path)[-size:], np.uint16)
            eights = pixels.reshape(256, rows // 256, columns)
            np.add.reduce(eights, axis=1, dtype=np.uint16, out=kept.sums)
            return cv2.resize(kept.sums, (256, 256), interpolation=cv2.INTER_AREA)

        return raw
    if form == "jpeg2000_2048":
        return lambda path: _jpeg2000(content_of(path))
    pixels = pydicom.dcmread(sample)
    samples, precision = pixels.Rows * pixels.Columns, pixels.BitsStored
    return lambda path: decode_jpeg_ls(_encapsulated(path), samples=samples, precision=precision)


def _keeping_memory() -> Callable[[Path], memoryview]:
    """Return what reads a file into memory that its thread keeps: the fastest known way."""
    kept = threading.local()

    def read(path: Path) -> memoryview:
        size = path.stat().st_size
        if size > len(getattr(kept, "content", b"")):
            kept.content = memoryview(bytearray(size + _HEADER_ROOM))
        with path.open("rb", buffering=0) as file:
            content: memoryview = kept.content[: file.readinto(kept.content)]
        return content

    return read


def _encapsulated(path: Path) -> bytes:
    content = path.read_bytes()
    # the pixel data element (7FE0,0010) OB of undefined length, then its items
    start = content.index(b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff") + 12
    return get_frame(content[start:], 0, number_of_frames=1)


def _jpeg2000(content: memoryview) -> object:
    start = bytes(content[:_HEADER_ROOM]).index(_CODESTREAM)
    opened = Jpeg2KImageFile(cast("IO[bytes]", ContentStream(content[start:])))
    opened.reduce = 3
    return np.asarray(opened)
