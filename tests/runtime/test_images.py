"""The face: arrays, kinds, refusals, each with its sentence and a hint."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PillowImage

from edgefair.errors import BlankImage, NotAnImage, TooSmall, UnreadableImage
from edgefair.records import Image
from edgefair.runtime.images import ImageKind, Limits, is_image_file, read_frames, sniff

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


def read(array: NDArray[Any]) -> Image:
    (image,) = read_frames(array, name="array", min_side_px=64, limits=Limits(min_side_px=1))
    return image


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(RAMP, RAMP, id="float64"),
        pytest.param(RAMP.astype(np.float32), RAMP, id="float32"),
        pytest.param((RAMP * 255).astype(np.uint8), np.floor(RAMP * 255) / 255, id="uint8"),
        pytest.param(np.repeat(RAMP[..., None], 3, axis=2), RAMP, id="rgb"),
        pytest.param(np.dstack([RAMP] * 3 + [np.full_like(RAMP, 0.5)]), RAMP / 2, id="rgba"),
    ],
)
def test_an_array_is_shown_as_it_is(array: NDArray[Any], expected: NDArray[Any]) -> None:
    np.testing.assert_allclose(read(array).pixels, expected, atol=1e-4)


def test_a_deep_array_is_shown_between_its_percentiles() -> None:
    image = read((RAMP * 3000 + 500).astype(np.uint16))

    assert image.pixels.min() == 0
    assert image.pixels.max() == 1


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.int32), np.zeros((2, 4, 4, 3)), np.zeros((4, 4, 2))]
)
def test_another_array_is_a_programmers_mistake(array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="arrays"):
        read(array)


def test_the_digest_tells_images_apart_and_knows_them_again() -> None:
    same, other = read(RAMP.copy()), read(RAMP[::-1])

    assert read(RAMP).digest == same.digest
    assert same.digest != other.digest
    assert same.digest != read(RAMP.astype(np.float32)).digest


@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_one_shade_throughout_is_blank(shade: float) -> None:
    with pytest.raises(BlankImage, match="array is one shade"):
        read(np.full((64, 64), shade))


def test_values_that_are_no_numbers_are_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="no numbers"):
        read(np.where(RAMP > 0.5, np.nan, RAMP))


def test_a_thumbnail_is_too_small() -> None:
    with pytest.raises(TooSmall, match="64 x 64 pixels; the model needs at least 100") as caught:
        list(read_frames(RAMP, name="a", min_side_px=8, limits=Limits(min_side_px=100)))

    assert caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"Dear colleague,", b"%PDF-1.7\n", b"PK\x03\x04" + bytes(300), bytes(400)]
)
def test_what_is_no_image_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(content)

    assert not is_image_file(path)
    with pytest.raises(NotAnImage, match="is no PNG, JPEG, TIFF, BMP or DICOM image"):
        next(read_frames(path, name="scan.png", min_side_px=8, limits=Limits()))


def test_a_missing_file_is_unreadable_and_counts_as_an_image(tmp_path: Path) -> None:
    path = tmp_path / "gone.png"

    assert is_image_file(path)
    with pytest.raises(UnreadableImage, match=r"gone\.png cannot be opened: No such file"):
        next(read_frames(path, name="gone.png", min_side_px=8, limits=Limits()))


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    assert not is_image_file(tmp_path)
    with pytest.raises(NotAnImage, match="is not a file"):
        next(read_frames(tmp_path, name="folder", min_side_px=8, limits=Limits()))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_a_kind_is_told_by_its_content(kind: str) -> None:
    stream = BytesIO()
    PillowImage.fromarray((RAMP * 255).astype(np.uint8)).save(stream, kind)

    assert sniff(stream.getvalue()[:256]) is ImageKind(kind)


@given(st.binary(max_size=256))
def test_any_bytes_can_be_sniffed(head: bytes) -> None:
    assert sniff(head) in {None, *ImageKind}


def test_no_length_is_no_request() -> None:
    with pytest.raises(ValueError, match="min_side_px"):
        next(read_frames(RAMP, name="a", min_side_px=0, limits=Limits()))
