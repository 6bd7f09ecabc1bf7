"""Large files read in strips: the same image, identity and refusals as from their bytes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from edgefair.errors import InputError
from edgefair.records import Image
from edgefair.runtime import images
from edgefair.runtime.images import Limits, read_frames

LIMITS = Limits(modalities=("CR",))


def pixels(rows: int, columns: int, highest: int = 4095) -> NDArray[np.uint16]:
    chance = np.random.default_rng(3)
    return chance.integers(0, highest, (rows, columns), dtype=np.uint16, endpoint=True)


def made(stored: NDArray[np.uint16], /, **elements: Any) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.Modality = "CR"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = 2000, 3000
    dataset.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def from_file(data: bytes, folder: Path) -> Image:
    path = folder / "x.dcm"
    path.write_bytes(data)
    (image,) = read_frames(path, name="x", min_side_px=128, limits=LIMITS)
    return image


def from_bytes(data: bytes) -> Image:
    (image,) = read_frames(data, name="x", min_side_px=128, limits=LIMITS)
    return image


@pytest.fixture
def strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make what reads whole files unreachable."""
    monkeypatch.delattr(images, "_content")


FILES = {
    "square": made(pixels(1024, 1024)),
    "rows and columns left over": made(pixels(1101, 1037)),
    "signed": made(pixels(1024, 1024), PixelRepresentation=1, WindowCenter=0),
    "16 bits": made(pixels(1024, 1024, 65535), BitsStored=16, HighBit=15, WindowWidth=60000),
    "foreign bits": made(pixels(1024, 1024, 65535)),
    "high bits": made(pixels(1024, 1024, 65535), HighBit=15),
    "inverted": made(pixels(1024, 1024), PhotometricInterpretation="MONOCHROME1"),
    "more after the pixels": made(pixels(1024, 1024), DataSetTrailingPadding=bytes(3_000_000)),
}


@pytest.mark.usefixtures("strips")
@pytest.mark.parametrize("name", FILES)
def test_strips_show_what_the_whole_file_shows(name: str, tmp_path: Path) -> None:
    data = FILES[name]
    image, whole = from_file(data, tmp_path), from_bytes(data)

    np.testing.assert_array_equal(image.pixels, whole.pixels)
    assert image == whole
    assert image.digest == xxhash.xxh3_128_hexdigest(data)


def test_a_file_without_a_window_is_read_as_a_whole(tmp_path: Path) -> None:
    data = made(pixels(1024, 1024), WindowWidth=None)
    image = from_file(data, tmp_path)

    np.testing.assert_array_equal(image.pixels, from_bytes(data).pixels)
    assert image.digest == xxhash.xxh3_128_hexdigest(data)


@pytest.mark.parametrize(
    "data",
    [
        made(pixels(1024, 1024))[:-2],
        made(pixels(1024, 1024), Rows=20_000, Columns=20_000),
        made(pixels(1024, 1024), Modality="MR"),
        made(pixels(20_000, 50)),
        made(np.full((1024, 1024), 7, np.uint16)),
        b"MZ" + made(pixels(1024, 1024))[2:],
    ],
    ids=["cut short", "too many pixels", "other modality", "too narrow", "blank", "program"],
)
def test_a_refusal_is_worded_as_for_the_bytes(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError) as by_strips:
        from_file(data, tmp_path)
    with pytest.raises(InputError) as whole:
        from_bytes(data)

    assert type(by_strips.value) is type(whole.value)
    assert by_strips.value.args == whole.value.args
    assert by_strips.value.hint == whole.value.hint
