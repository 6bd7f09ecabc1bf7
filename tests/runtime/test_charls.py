"""JPEG-LS by CharLS's C function: the package's own answers, its refusals, and other threads."""

from __future__ import annotations

import threading
import time

import jpeg_ls
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.runtime.charls import decode_jpeg_ls


def noise(rows: int, columns: int, *, bits: int, seed: int = 0) -> NDArray[np.generic]:
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, (rows, columns)).astype(kind)


def encoded(pixels: NDArray[np.generic]) -> bytes:
    return bytes(jpeg_ls.encode_array(pixels))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(16, 60),
    columns=st.integers(16, 60),
    bits=st.sampled_from([8, 16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_was_encoded_comes_back(rows: int, columns: int, bits: int, seed: int) -> None:
    pixels = noise(rows, columns, bits=bits, seed=seed)

    decoded = decode_jpeg_ls(encoded(pixels), samples=pixels.size, precision=bits)

    np.testing.assert_array_equal(decoded.reshape(rows, columns), pixels)


def test_a_cut_stream_is_refused() -> None:
    stream = encoded(noise(64, 64, bits=16))

    with pytest.raises(ValueError, match="CharLS refuses the stream"):
        decode_jpeg_ls(stream[: len(stream) // 2], samples=64 * 64, precision=16)


def test_a_stream_of_more_samples_than_were_told_writes_none_beyond_them() -> None:
    stream = encoded(noise(64, 64, bits=16))

    with pytest.raises(ValueError, match="CharLS refuses the stream"):
        decode_jpeg_ls(stream, samples=64 * 32, precision=16)


def test_other_threads_run_while_one_decodes() -> None:
    stream = encoded(noise(1024, 1024, bits=16))
    decode_jpeg_ls(stream, samples=1024 * 1024, precision=16)
    moments: list[float] = []

    def decode() -> None:
        moments.append(time.monotonic())
        decode_jpeg_ls(stream, samples=1024 * 1024, precision=16)
        moments.append(time.monotonic())

    decoding = threading.Thread(target=decode)
    decoding.start()
    seen: list[float] = []
    while decoding.is_alive():
        seen.append(time.monotonic())
        time.sleep(0)
    began, ended = moments
    # held up, this thread would have seen neither the middle of the decoding nor its quarters
    middle = [at for at in seen if began + (ended - began) / 4 < at < ended - (ended - began) / 4]
    assert middle
