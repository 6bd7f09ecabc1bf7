"""PNG, JPEG, TIFF and BMP: depths, colours, palettes, transparency, pages, orientation."""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.ImageOps import exif_transpose

from edgefair.errors import DecompressionBomb, TruncatedImage, UnreadableImage
from edgefair.records import Image
from edgefair.runtime.images import Limits, read_frames

SMALL = Limits(min_side_px=1)
RAMP = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8) * 2


def encoded(picture: PillowImage.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def read(data: bytes, *, min_side_px: int = 10_000, frame: int | None = None) -> list[Image]:
    return list(read_frames(data, name="x", min_side_px=min_side_px, limits=SMALL, frame=frame))


def pixels(data: bytes) -> NDArray[np.float32]:
    (image,) = read(data)
    return image.pixels


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_eight_bits_are_shown_as_they_are(kind: str, mode: str) -> None:
    data = encoded(PillowImage.fromarray(RAMP).convert(mode), kind)

    np.testing.assert_allclose(pixels(data), RAMP / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_shown_as_pillow_shows_it(mode: str) -> None:
    data = encoded(PillowImage.fromarray(RAMP).convert(mode), "JPEG", quality=95)
    expected = PillowImage.open(BytesIO(data)).convert("RGB").convert("L")

    np.testing.assert_allclose(pixels(data), np.asarray(expected) / 255, atol=2 / 255)


def test_a_reduced_jpeg_is_the_average_of_the_full_one() -> None:
    noise = np.random.default_rng(3).normal(128, 20, (64, 64))
    picture = PillowImage.fromarray(noise.astype(np.uint8)).resize((1024, 1024))
    data = encoded(picture, "JPEG", quality=95)
    full = pixels(data)

    (reduced,) = read(data, min_side_px=60)

    assert reduced.pixels.shape == (256, 256)
    assert (reduced.full_height_px, reduced.full_width_px) == (1024, 1024)
    average = full.reshape(256, 4, 256, 4).mean((1, 3))
    np.testing.assert_allclose(reduced.pixels, average, atol=0.02)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_shown_between_their_percentiles(kind: str) -> None:
    deep = np.tile(np.arange(1000, 2000, dtype=np.uint16), (200, 1))
    low, high = np.percentile(deep, (0.5, 99.5))

    shown = pixels(encoded(PillowImage.fromarray(deep), kind))

    np.testing.assert_allclose(shown, np.clip((deep - low) / (high - low), 0, 1), atol=0.002)


def test_a_deep_tiff_that_counts_from_white_is_inverted() -> None:
    deep = np.tile(np.arange(0, 40_000, 100, dtype=np.uint16), (200, 1))
    data = encoded(PillowImage.fromarray(deep), "TIFF", tiffinfo={262: 0})

    shown = pixels(data)

    assert shown[0, 0] == 1
    assert shown[0, -1] == 0


def test_a_palette_is_looked_up() -> None:
    picture = PillowImage.fromarray(RAMP % 4, "P")
    picture.putpalette([0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255])

    shown = pixels(encoded(picture, "PNG"))

    np.testing.assert_allclose(shown, np.array([0, 1, 0.299, 0.114])[RAMP % 4], atol=1 / 255)


def test_one_bit_is_black_or_white() -> None:
    shown = pixels(encoded(PillowImage.fromarray(RAMP > 60), "PNG"))

    np.testing.assert_array_equal(shown, RAMP > 60)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_black(mode: str) -> None:
    picture = PillowImage.fromarray(np.full((40, 40), 200, np.uint8)).convert(mode)
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, 20:] = 255
    picture.putalpha(PillowImage.fromarray(alpha))

    shown = pixels(encoded(picture, "PNG"))

    assert np.all(shown[:, :20] == 0)
    np.testing.assert_allclose(shown[:, 20:], 200 / 255, atol=1e-6)


def test_each_page_of_a_tiff_is_a_frame() -> None:
    pages = [PillowImage.fromarray(np.roll(RAMP, shift, axis=1)) for shift in (0, 10, 20)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    images = read(data)

    assert [image.frame for image in images] == [0, 1, 2]
    for image, page in zip(images, pages, strict=True):
        np.testing.assert_allclose(image.pixels, np.asarray(page) / 255, atol=1e-6)
    assert [image.frame for image in read(data, frame=2)] == [2]


def test_a_page_that_is_not_there_is_refused() -> None:
    data = encoded(PillowImage.fromarray(RAMP), "TIFF")

    with pytest.raises(UnreadableImage, match=r"1 frame\(s\); frame 5"):
        read(data, frame=5)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_compressed_tiff_is_read(compression: str) -> None:
    data = encoded(PillowImage.fromarray(RAMP), "TIFF", compression=compression)

    np.testing.assert_allclose(pixels(data), RAMP / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_undone(orientation: int, kind: str) -> None:
    exif = PillowImage.Exif()
    exif[274] = orientation
    data = encoded(PillowImage.fromarray(RAMP), kind, exif=exif)
    upright = exif_transpose(PillowImage.open(BytesIO(data)))

    (image,) = read(data)

    np.testing.assert_allclose(image.pixels, np.asarray(upright) / 255, atol=1e-6)
    assert (image.full_height_px, image.full_width_px) == upright.size[::-1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_a_bomb_is_refused_by_its_declared_size(kind: str) -> None:
    data = encoded(PillowImage.fromarray(RAMP), kind)

    with pytest.raises(DecompressionBomb, match="60 x 40 pixels"):
        list(
            read_frames(
                data, name="b", min_side_px=8, limits=Limits(min_side_px=1, max_pixels=2399)
            )
        )


def test_a_png_that_declares_a_gigapixel_is_never_decoded() -> None:
    bomb = bytearray(encoded(PillowImage.fromarray(RAMP), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")

    with pytest.raises(DecompressionBomb, match="60000 x 60000"):
        read(bytes(bomb))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_half_a_file_is_not_complete(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 90), dtype=np.uint8)
    data = encoded(PillowImage.fromarray(noise), kind)

    with pytest.raises(TruncatedImage, match="x is not complete"):
        read(data[: len(data) // 2])


def test_a_file_named_as_something_else_is_read_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "röntgen bild №1.txt"
    path.write_bytes(encoded(PillowImage.fromarray(RAMP), "PNG"))

    (image,) = read_frames(path, name=str(path), min_side_px=8, limits=SMALL)

    assert image.name == str(path)
    assert image.modality is None
