"""The same picture twice: found however it was stored anew, and no two pictures taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from edgefair.compress.datasheet.copies import MOST_BITS, SAME_DETAIL, find_copies, joined
from edgefair.compress.datasheet.looks import look_at

Drawer = Callable[[int], NDArray[np.uint8]]


def _brighter(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.clip(pixels.astype(int) + 20, 0, 255).astype(np.uint8))


ANEW = {
    "jpeg.jpg": lambda pixels, path: Image.fromarray(pixels).save(path, quality=60),
    "small.png": lambda pixels, path: Image.fromarray(pixels).resize((64, 64)).save(path),
    "large.png": lambda pixels, path: Image.fromarray(pixels).resize((300, 300)).save(path),
    "bright.png": lambda pixels, path: _brighter(pixels).save(path),
}


@pytest.mark.parametrize("name", ANEW)
def test_a_picture_stored_anew_is_found(tmp_path: Path, draw: Drawer, name: str) -> None:
    paths = []
    for seed in range(8):
        paths += [tmp_path / f"{seed}.png", tmp_path / f"{seed}-{name}"]
        Image.fromarray(draw(seed)).save(paths[-2])
        ANEW[name](draw(seed), paths[-1])

    copies = find_copies(look_at(paths))

    assert copies.same.tolist() == [row - row % 2 for row in range(16)]
    assert copies.exact.tolist() == list(range(16))
    assert copies.hamming.max() <= MOST_BITS
    assert copies.correlation.min() >= SAME_DETAIL


def test_different_pictures_are_not_taken_for_one(tmp_path: Path, draw: Drawer) -> None:
    paths = [tmp_path / f"{seed}.png" for seed in range(100)]
    for seed, path in enumerate(paths):
        Image.fromarray(draw(seed)).save(path)

    copies = find_copies(look_at(paths))

    assert copies.same.tolist() == list(range(100))


def test_the_same_bytes_are_an_exact_copy(tmp_path: Path, draw: Drawer) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.fromarray(draw(1)).save(path)

    copies = find_copies(look_at(paths))

    assert copies.exact.tolist() == [0, 0]
    assert len(copies.first) == 0


def test_images_that_cannot_be_read_are_copies_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "text.png").write_text("no image")

    looks = look_at([tmp_path / "broken.png", tmp_path / "text.png", tmp_path / "none.png"])

    assert looks.reasons[1:] == ("not_an_image", "missing")
    assert looks.reasons[0] in ("unreadable", "truncated")
    assert find_copies(looks).same.tolist() == [0, 1, 2]


def test_no_two_radiographs_of_different_patients_are_taken_for_one(shared_data: Path) -> None:
    paths = sorted((shared_data / "nih1000" / "images").iterdir())[::4]

    copies = find_copies(look_at(paths))

    patients = np.array([path.name[:8] for path in paths])
    assert (patients[copies.same] == patients).all()


links = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(links)
def test_linked_images_share_the_smallest_index_of_their_chain(
    pairs: list[tuple[int, int]],
) -> None:
    first, second = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))

    roots = joined(np.arange(20), first, second)

    assert (roots <= np.arange(20)).all()
    assert (roots[roots] == roots).all()
    assert (roots[first] == roots[second]).all()


def test_each_image_is_announced_once(tmp_path: Path, draw: Drawer) -> None:
    paths = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        Image.fromarray(draw(seed)).save(path)
    told: list[tuple[int, int]] = []

    look_at(paths, on_image=lambda done, total: told.append((done, total)))

    assert told == [(1, 3), (2, 3), (3, 3)]
