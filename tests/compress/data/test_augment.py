"""Augmentation: what may change and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.compress.data.augment import (
    augment,
    augment_strongly,
    draw_changes,
    draw_strong_changes,
)


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


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_strongly_changed_copy_has_the_asked_size_and_stays_in_range(
    seed: int, strength: float
) -> None:
    copy = augment_strongly(_marked(), 64, strength, np.random.default_rng(seed))

    assert copy.shape == (64, 64)
    assert copy.dtype == np.float32
    assert 0 <= copy.min() <= copy.max() <= 1


@given(st.integers(0, 10_000))
def test_a_strongly_changed_copy_keeps_seven_tenths_of_the_area_and_is_never_flipped(
    seed: int,
) -> None:
    changes = draw_strong_changes(64, 1.0, np.random.default_rng(seed))
    left_half = np.where(np.arange(72) < 36, 200, 50).astype(np.uint8)[np.newaxis].repeat(72, 0)

    copy = changes.of(left_half)

    _, _, width, height = changes.window
    assert width * height >= 0.7 - 1e-9
    assert sum(w * h for _, _, w, h, _ in changes.covers) < 0.03
    assert copy[:, :16].mean() > copy[:, -16:].mean()


def test_without_strength_a_strong_change_is_only_a_resize() -> None:
    plain, strong = (
        change(_marked(), 64, 0.0, np.random.default_rng(0))
        for change in (augment, augment_strongly)
    )

    assert np.array_equal(plain, strong)


def test_drawing_alone_moves_the_random_numbers_on_as_far_as_changing_does() -> None:
    drawing, changing = np.random.default_rng(3), np.random.default_rng(3)

    draw_changes(64, 1.0, drawing)
    augment(_marked(), 64, 1.0, changing)

    assert drawing.random() == changing.random()


def test_the_changes_are_those_that_earlier_bundles_were_trained_with() -> None:
    copy = augment(_marked(), 64, 1.0, np.random.default_rng(11))

    assert copy.mean(dtype=np.float64) == pytest.approx(0.179117493, abs=1e-6)
    assert copy[20, 20] == pytest.approx(0.1585565, abs=1e-5)
