"""Preprocessing: named steps, in order, to the shape the contract promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.manifest import (
    Contract,
    Input,
    Normalize,
    Outputs,
    RepeatChannels,
    ResizeArea,
    Task,
)
from edgefair.runtime.preprocess import prepare


def test_an_image_of_any_shape_becomes_the_models_input(contract: Contract) -> None:
    wide = np.full((31, 77), 0.75, np.float32)
    tensor = prepare(wide, contract)

    assert tensor.shape == (1, 8, 8)
    assert tensor.dtype == np.float32
    assert tensor == pytest.approx(1.0)


def test_shrinking_averages_every_pixel_once(contract: Contract) -> None:
    pixels = np.random.default_rng(1).random((64, 64), np.float32)
    plain = replace(contract, preprocessing=(ResizeArea(height_px=8, width_px=8),))
    by_hand = pixels.reshape(8, 8, 8, 8).mean(axis=(1, 3))

    assert prepare(pixels, plain)[0] == pytest.approx(by_hand, abs=1e-6)


def test_a_grey_channel_is_repeated_for_a_colour_backbone(contract: Contract) -> None:
    colour = replace(
        contract,
        input=Input(name="image", channels=3, height_px=8, width_px=8),
        preprocessing=(ResizeArea(height_px=8, width_px=8), RepeatChannels(channels=3)),
    )
    tensor = prepare(np.eye(8, dtype=np.float32), colour)

    assert np.array_equal(tensor[0], tensor[2])


def test_steps_that_miss_the_promised_shape_are_a_programmers_mistake(contract: Contract) -> None:
    wrong = replace(contract, preprocessing=(Normalize(mean=0, std=1),))

    with pytest.raises(ValueError, match="preprocessing leads to"):
        prepare(np.zeros((9, 9), np.float32), wrong)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1, width=32))
def test_a_flat_image_stays_flat(height: int, width: int, grey: float) -> None:
    contract = Contract(
        name="flat",
        version="1",
        task=Task.BINARY,
        findings=("x",),
        input=Input(name="image", channels=1, height_px=8, width_px=8),
        preprocessing=(ResizeArea(height_px=8, width_px=8),),
        outputs=Outputs(
            logits="l",
            embedding="e",
            embedding_size=1,
            heat_map="h",
            heat_map_height=1,
            heat_map_width=1,
        ),
    )

    assert prepare(np.full((height, width), grey, np.float32), contract) == pytest.approx(
        grey, abs=1e-6
    )
