"""Augmentation: what may change and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.compress.data.augment import augment


def _marked() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = np.full((72, 72), 60, dtype=np.uint8)
    picture[20:32, 8:20] = 250
    return picture


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_copy_has_the_asked_size_and_stays_in_range(seed: int, strength: float) -> None:
    copy = augment(_marked(), 64, strength, np.random.default_rng(seed))

    assert copy.shape == (64, 64)
    assert copy.dtype == np.float32
    assert 0 <= copy.min() <= copy.max() <= 1


@given(st.integers(0, 10_000))
def test_nothing_is_ever_flipped(seed: int) -> None:
    copy = augment(_marked(), 64, 1.0, np.random.default_rng(seed))

    row, column = np.unravel_index(int(np.argmax(copy)), copy.shape)
    assert row < 36
    assert column < 28


def test_without_strength_the_picture_is_only_resized() -> None:
    ramp = np.tile(np.linspace(0, 255, 72).astype(np.uint8), (72, 1))

    copy = augment(ramp, 64, 0.0, np.random.default_rng(0))

    assert copy[:, 1:-1] == pytest.approx(
        np.tile(np.linspace(0, 1, 64), (64, 1))[:, 1:-1], abs=0.02
    )


def test_the_same_seed_gives_the_same_copy() -> None:
    first, second = (augment(_marked(), 64, 1.0, np.random.default_rng(7)) for _ in range(2))

    assert np.array_equal(first, second)
