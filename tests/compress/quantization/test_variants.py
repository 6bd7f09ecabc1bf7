"""What a bundle promises to processors with and without VNNI."""

import onnx
import pytest
from onnx import numpy_helper

from edgefair.compress.quantization.forms import PLAIN, Form
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.quantization.variants import largest_weight, variants_of
from edgefair.errors import GateFailed
from edgefair.runtime.saturation import saturates
from tests.compress.quantization.conftest import Floating


def quantized(floating: Floating, form: Form) -> bytes:
    return quantize_onnx(floating.model, floating.contract, [floating.images[:8]], form)


def test_full_range_weights_need_exact_sums_where_they_would_saturate(tiny: Floating) -> None:
    if saturates():
        pytest.skip("this processor saturates itself, and cannot tell what an exact one answers")
    model = quantized(tiny, PLAIN)
    exact, saturating = variants_of(model, tiny.contract, tiny.images, part="model.onnx")

    assert largest_weight(model) == 127
    assert (exact.cpu, exact.x64_quant_precision) == ("exact", False)
    assert (saturating.cpu, saturating.x64_quant_precision) == ("saturating", True)
    assert "same bits on 24 images" in saturating.measured


def test_seven_bit_weights_are_the_same_on_every_processor(tiny: Floating) -> None:
    model = quantized(tiny, Form(reduced_range=True))
    both = variants_of(model, tiny.contract, tiny.images, part="model.onnx")

    assert largest_weight(model) <= 64
    assert not any(variant.x64_quant_precision for variant in both)


def test_a_model_that_cannot_be_summed_exactly_is_not_promised(tiny: Floating) -> None:
    model = onnx.load_from_string(quantized(tiny, PLAIN))
    signed = [
        node
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[2].endswith("weight_zero_point")
    ]
    zero = next(t for t in model.graph.initializer if t.name == signed[0].input[2])
    alike = [n for n in signed if numpy_helper.to_array(zero).shape == shape_of(model, n.input[2])]
    for node in alike:
        node.input[2] = zero.name

    with pytest.raises(GateFailed, match="cannot load it with exact sums"):
        variants_of(model.SerializeToString(), tiny.contract, tiny.images, part="model.onnx")


def shape_of(model: onnx.ModelProto, name: str) -> tuple[int, ...]:
    tensor = next(t for t in model.graph.initializer if t.name == name)
    return tuple(numpy_helper.to_array(tensor).shape)
