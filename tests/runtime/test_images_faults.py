"""Damaged files: whatever is wrong with one, it ends in an image or in one clear refusal."""

import random
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from pydicom.data import get_testdata_file

from edgefair.errors import InputError, NotAnImage, UnreadableImage
from edgefair.runtime.images import Limits, read_frames

LIMITS = Limits(min_side_px=8)
SECONDS = 1.0
Damage = Callable[[bytes, random.Random], bytes]
DICOM_FILES = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "ExplVR_BigEnd.dcm",
    "image_dfl.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_jpeg.dcm",
    "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_jp2klossless.dcm",
    "mlut_18.dcm",
    "examples_palette.dcm",
)
RASTERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PNG", "L", {}),
    ("PNG", "P", {}),
    ("PNG", "RGBA", {}),
    ("JPEG", "L", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("TIFF", "RGB", {}),
    ("TIFF", "L", {"compression": "tiff_lzw"}),
    ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
)


def sound_files() -> Iterator[tuple[str, bytes]]:
    for name in DICOM_FILES:
        yield name, Path(str(get_testdata_file(name, download=False))).read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (120, 90), dtype=np.uint8)
    for kind, mode, options in RASTERS:
        stream = BytesIO()
        PillowImage.fromarray(noise).convert(mode).save(stream, kind, **options)
        yield f"{kind} {mode} {' '.join(map(str, options.values()))}".strip(), stream.getvalue()


SOUND = dict(sound_files())


def read(data: bytes, name: str) -> int:
    return sum(1 for _ in read_frames(data, name=name, min_side_px=32, limits=LIMITS))


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flipped(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 4, 30))):
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def broken_header(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(3):
        damaged[chance.randrange(min(len(data), 1500))] = chance.randrange(256)
    return bytes(damaged)


def shifted(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randrange(64)) + data[at + chance.randrange(64) :]


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_file_is_read(name: str) -> None:
    assert read(SOUND[name], name) >= 1


@pytest.mark.parametrize("damage", [cut, flipped, broken_header, shifted])
@pytest.mark.parametrize("name", SOUND)
def test_a_damaged_file_ends_in_an_image_or_a_refusal(name: str, damage: Damage) -> None:
    chance = random.Random(f"{name} {damage.__name__}")
    for _ in range(6):
        damaged = damage(SOUND[name], chance)
        started = time.perf_counter()

        refusal = None
        try:
            read(damaged, name)
        except InputError as error:
            refusal = error

        assert time.perf_counter() - started < SECONDS
        assert refusal is None or (name in str(refusal) and refusal.hint)


@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize("name", SOUND)
def test_a_file_cut_short_never_passes_for_whole(name: str, share: float) -> None:
    data = SOUND[name][: int(len(SOUND[name]) * share)]

    with pytest.raises((UnreadableImage, NotAnImage)):
        read(data, name)
