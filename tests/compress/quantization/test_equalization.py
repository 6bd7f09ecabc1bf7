"""Equalisation: another network by its weights, the same by its answers."""

import numpy as np
import onnx
import pytest

from edgefair.compress.quantization.equalization import equalizable_pairs, equalize
from edgefair.compress.quantization.wiring import Wiring
from edgefair.runtime.engine import open_engine
from tests.compress.quantization.conftest import Floating


def reaches(model: onnx.ModelProto, layer: int) -> np.ndarray:
    wiring = Wiring.of(model.graph)
    weights = wiring.array(wiring.layers()[layer].input[1])
    return np.asarray(np.abs(weights).max(axis=(1, 2, 3)))


def test_an_equalised_network_answers_the_same(tiny: Floating) -> None:
    model = onnx.load_from_string(tiny.model)
    equalize(model)
    before, after = (
        open_engine(one, threads=1).run(None, {"image": tiny.images})
        for one in (tiny.model, model.SerializeToString())
    )

    for was, found in zip(before, after, strict=True):
        assert found == pytest.approx(was, abs=1e-4)
    assert model.SerializeToString() != tiny.model


def test_channels_of_neighbours_come_to_reach_equally_far(tiny: Floating) -> None:
    model = onnx.load_from_string(tiny.model)
    uneven = reaches(model, 0)
    equalize(model)
    even = reaches(model, 0)

    assert uneven.max() / uneven.min() > 20
    assert even.max() / even.min() < uneven.max() / uneven.min() / 2


def test_a_residual_ends_a_chain(tiny: Floating) -> None:
    # stem, depthwise, pointwise and last follow each other; what `last` makes goes two ways
    assert equalizable_pairs(onnx.load_from_string(tiny.model)) == 3


def test_relu6_is_left_alone(tiny_relu6: Floating) -> None:
    assert equalizable_pairs(onnx.load_from_string(tiny_relu6.model)) == 0
