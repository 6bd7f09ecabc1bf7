"""How long one 2048 x 2048 image takes from file to pixels, beside pydicom's plain way.

Run it from the root of the checkout::

    python -m tests.benchmarks.bench_decode
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_voi_lut
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from edgefair.runtime.images import Limits, read_frames

SIDE_PX = 2048
MODEL_SIDE_PX = 224
REPEATS = 7
SYNTAXES: tuple[tuple[str, UID, dict[str, Any]], ...] = (
    ("uncompressed", ExplicitVRLittleEndian, {}),
    ("deflated", DeflatedExplicitVRLittleEndian, {}),
    ("RLE", RLELossless, {}),
    ("JPEG-LS", JPEGLSLossless, {}),
    ("JPEG 2000 lossless", JPEG2000Lossless, {}),
    ("JPEG 2000 1:12", JPEG2000, {"j2k_cr": [12]}),
)


def radiograph(seed: int) -> NDArray[np.uint16]:
    """Return 12-bit pixels with the spectrum of a radiograph: smooth shapes under fine noise."""
    chance = np.random.default_rng(seed)
    shapes = cv2.resize(chance.random((16, 16)), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    noisy = 600 + 2800 * shapes + chance.normal(0, 12, shapes.shape)
    return np.asarray(noisy.clip(0, 4095), np.uint16)


def dicom_file(pixels: NDArray[np.uint16], syntax: UID, options: dict[str, Any]) -> bytes:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.WindowCenter, made.WindowWidth = 2048, 3600
    made.PixelData = pixels.tobytes()
    if syntax == DeflatedExplicitVRLittleEndian:
        made.file_meta.TransferSyntaxUID = syntax
    elif syntax != ExplicitVRLittleEndian:
        made.compress(syntax, **options)
    stream = BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def raster_file(pixels: NDArray[Any], kind: str) -> bytes:
    stream = BytesIO()
    PillowImage.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def plain_way(path: Path) -> NDArray[Any]:
    """Decode in full, apply the window in float64, then shrink."""
    if path.suffix != ".dcm":
        array = np.asarray(PillowImage.open(path), dtype=np.float64)
    else:
        dataset = pydicom.dcmread(path)
        array = apply_voi_lut(dataset.pixel_array, dataset)
    shown: NDArray[Any] = ((array - array.min()) / (array.max() - array.min())).astype(np.float32)
    return shrunk(shown)


def shrunk(pixels: NDArray[Any]) -> NDArray[Any]:
    side = MODEL_SIDE_PX
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA))


def edgefair_way(path: Path) -> NDArray[Any]:
    """Read by edgefair, then shrink the rest of the way."""
    (image,) = read_frames(path, name=path.name, min_side_px=MODEL_SIDE_PX, limits=Limits())
    return shrunk(image.pixels)


def fastest_ms(work: Callable[[Path], object], path: Path) -> float:
    """Return the least of several times: what else the machine does only ever adds."""
    work(path)
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work(path)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def main() -> None:
    """Print one row per kind of file."""
    pixels = radiograph(seed=0)
    shallow = (pixels >> 4).astype(np.uint8)
    files = {f"{name}.dcm": dicom_file(pixels, uid, how) for name, uid, how in SYNTAXES}
    files |= {
        "PNG 8 bit.png": raster_file(shallow, "PNG"),
        "PNG 16 bit.png": raster_file(pixels, "PNG"),
        "JPEG.jpg": raster_file(shallow, "JPEG"),
    }
    click.echo(f"{'file':24}{'MB':>8}{'plain ms':>12}{'edgefair ms':>14}{'times':>8}")
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in files.items():
            path = Path(folder, name)
            path.write_bytes(content)
            plain, ours = fastest_ms(plain_way, path), fastest_ms(edgefair_way, path)
            click.echo(
                f"{name:24}{len(content) / 1e6:8.1f}{plain:12.1f}{ours:14.1f}{plain / ours:8.1f}"
            )


if __name__ == "__main__":
    main()
