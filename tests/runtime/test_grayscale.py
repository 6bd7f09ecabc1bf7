"""Windows, tables and averages, against the same done slowly in float64."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.runtime.grayscale import (
    AutoWindow,
    Lookup,
    Packing,
    Window,
    area_factor,
    displayed,
    percentile_window,
)

TWELVE_BITS = Packing(bits_stored=12, high_bit=11, signed=False)
RNG = np.random.default_rng(7)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 600))
def test_a_factor_leaves_the_sides_as_long_as_asked(height: int, width: int, side: int) -> None:
    factor = area_factor(height, width, side)

    assert factor == 1 or min(height, width) // factor >= side


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 64))
def test_where_everything_divides_averages_of_averages_are_those_of_the_whole(
    down: int, across: int, side: int
) -> None:
    full = np.random.default_rng(down).random((side * down, side * across), np.float32)
    factor = area_factor(side * down, side * across, side)
    first = full.reshape(side * down // factor, factor, side * across // factor, factor).mean(
        axis=(1, 3)
    )
    twice = cv2.resize(first, (side, side), interpolation=cv2.INTER_AREA)
    once = full.reshape(side, down, side, across).mean(axis=(1, 3))

    np.testing.assert_allclose(twice, once, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "window",
    [
        pytest.param(Window(black=0, white=4095), id="full"),
        pytest.param(Window(black=1000.5, white=1100.5), id="narrow"),
        pytest.param(Window(black=900, white=3100), id="wide"),
        pytest.param(Window(black=3100, white=900), id="inverted"),
    ],
)
def test_clipping_comes_before_averaging(window: Window, factor: int) -> None:
    stored = RNG.integers(0, 4096, (210, 168), dtype=np.uint16)
    full = np.clip((stored.astype(float) - window.black) / (window.white - window.black), 0, 1)
    size = 168 // factor, 210 // factor

    shown = displayed(stored, packing=TWELVE_BITS, display=window, factor=factor)

    np.testing.assert_allclose(
        shown, cv2.resize(full, size, interpolation=cv2.INTER_AREA), atol=0.001
    )


def test_a_table_shows_each_value_as_it_says_and_ends_at_its_ends() -> None:
    table = Lookup(first=-2, intensity=np.array([0, 0.25, 0.5, 1], np.float32))
    stored = np.array([[-9, -2, -1], [0, 1, 9]], np.int16)

    shown = displayed(stored, packing=None, display=table, factor=1)

    np.testing.assert_array_equal(shown, [[0, 0, 0.25], [0.5, 1, 1]])


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_bits_that_are_not_the_pixels_are_ignored(dtype: str) -> None:
    words = np.array([[0x0FFF, 0xF001]], dtype)

    assert TWELVE_BITS.unpack(words).tolist() == [[0x0FFF, 0x0001]]


@pytest.mark.parametrize(
    ("packing", "word", "value"),
    [
        (Packing(bits_stored=12, high_bit=11, signed=True), 0x0800, -2048),
        (Packing(bits_stored=12, high_bit=11, signed=True), 0xF800, -2048),
        (Packing(bits_stored=12, high_bit=11, signed=True), 0x07FF, 2047),
        (Packing(bits_stored=12, high_bit=15, signed=False), 0xFFF0, 4095),
        (Packing(bits_stored=16, high_bit=15, signed=True), 0x8000, -32768),
        (Packing(bits_stored=10, high_bit=11, signed=True), 0x0800, -512),
    ],
)
def test_a_stored_value_is_found_in_its_word(packing: Packing, word: int, value: int) -> None:
    assert packing.unpack(np.array([[word]], np.uint16)).tolist() == [[value]]


def test_the_window_of_an_image_that_names_none_leaves_out_the_tails() -> None:
    values = np.arange(1001)

    assert percentile_window(values) == Window(black=5, white=995)
    assert percentile_window(values, inverted=True) == Window(black=995, white=5)


def test_a_small_bright_spot_still_sets_a_window() -> None:
    values = np.zeros((100, 100))
    values[50, 50] = 7

    assert percentile_window(values) == Window(black=0, white=7)


def test_colours_are_shown_as_their_luminance() -> None:
    rgb = np.zeros((1, 3, 3), np.uint8)
    rgb[0, 0, 0] = rgb[0, 1, 1] = rgb[0, 2, 2] = 255

    shown = displayed(rgb, packing=None, display=Window(black=0, white=255), factor=1)

    np.testing.assert_allclose(shown, [[0.299, 0.587, 0.114]], atol=1 / 255)


def test_rows_that_fill_no_square_are_cut_from_both_ends() -> None:
    stored = np.repeat(np.arange(8, dtype=np.float64)[:, None], 3, axis=1)

    shown = displayed(stored, packing=None, display=Window(black=0, white=8), factor=3)

    np.testing.assert_allclose(shown, [[2 / 8], [5 / 8]])


def test_an_automatic_window_looks_at_unpacked_values() -> None:
    stored = RNG.integers(100, 200, (64, 64), dtype=np.uint16) | np.uint16(0xF000)

    shown = displayed(stored, packing=TWELVE_BITS, display=AutoWindow(), factor=1)

    assert shown.min() == 0
    assert shown.max() == pytest.approx(1)
    assert 0.4 < shown.mean() < 0.6


@pytest.mark.parametrize("bits", [12, 14, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_sums_never_overflow_their_words(bits: int, signed: bool) -> None:
    packing = Packing(bits_stored=bits, high_bit=bits - 1, signed=signed)
    ends = np.array([packing.lowest, packing.highest])
    values = RNG.choice(ends, (160, 96), p=(0.1, 0.9))
    window = Window(black=packing.lowest, white=packing.highest)
    expected = (values - window.black) / (window.white - window.black)

    shown = displayed(
        (values & 0xFFFF).astype(np.uint16), packing=packing, display=window, factor=8
    )

    np.testing.assert_allclose(shown, expected.reshape(20, 8, 12, 8).mean(axis=(1, 3)), atol=0.001)


def test_a_window_beside_all_values_shows_black_or_white() -> None:
    stored = RNG.integers(0, 4096, (64, 64), dtype=np.uint16)

    for window, shade in ((Window(black=5000, white=9000), 0), (Window(black=-900, white=-9), 1)):
        shown = displayed(stored, packing=TWELVE_BITS, display=window, factor=4)

        np.testing.assert_array_equal(shown, np.full((16, 16), shade, np.float32))
