"""Bias correction: means put right, nothing else changed."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgefair.compress.quantization.bias_correction import correct_biases, correctable_layers
from edgefair.compress.quantization.forms import PLAIN, Form
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.runtime.engine import open_engine
from tests.compress.quantization.conftest import Floating

CORRECTED = Form(bias_corrected=True)


def quantized(floating: Floating, form: Form) -> ModelProto:
    images = np.array_split(floating.images, 3)
    return onnx.load_from_string(quantize_onnx(floating.model, floating.contract, images, form))


def channel_means(model: ModelProto, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the means of each layer's output, the whole model run at once."""
    shown = ModelProto()
    shown.CopyFrom(model)
    names = {n.name: n.output[0] for n in shown.graph.node if n.name in correctable_layers(model)}
    given = {output.name for output in shown.graph.output}
    shown.graph.output.extend(
        onnx.ValueInfoProto(name=output) for output in names.values() if output not in given
    )
    found = open_engine(shown.SerializeToString(), threads=1).run(
        list(names.values()), {"image": images}
    )
    return {name: each.mean(axis=(0, 2, 3)) for name, each in zip(names, found, strict=True)}


def largest_drift(model: ModelProto, floating: Floating) -> float:
    """Return the largest difference of two means, of all channels of all layers."""
    exact = channel_means(onnx.load_from_string(floating.model), floating.images)
    found = channel_means(model, floating.images)
    return max(float(np.abs(found[name] - exact[name]).max()) for name in exact)


def one_layer(weights: list[float], biases: list[float]) -> ModelProto:
    """Return a 1 x 1 convolution of one channel."""
    constants = [
        numpy_helper.from_array(np.array(weights, np.float32).reshape(-1, 1, 1, 1), "weight"),
        numpy_helper.from_array(np.array(biases, np.float32), "bias"),
    ]
    free: list[str | int | None] = ["n", 1, 2, 2]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], ["made"], name="only")],
        "one layer",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, free)],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, None)],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_layer_whose_weights_were_shifted_has_its_means_restored() -> None:
    # images of mean 3: weights .5 too large and .25 too small add 1.5 and take .75 off
    images = np.array([2.0, 4.0], np.float32).reshape(2, 1, 1, 1) * np.ones(
        (1, 1, 2, 2), np.float32
    )
    exact, shifted = one_layer([1.0, 2.0], [0.0, 10.0]), one_layer([1.5, 1.75], [0.0, 10.0])
    correct_biases(shifted, exact, images)

    corrected = numpy_helper.to_array(shifted.graph.initializer[1])
    assert corrected == pytest.approx([-1.5, 10.75])


@pytest.mark.parametrize("activation", ["tiny", "tiny_relu6"])
def test_corrected_layers_have_full_precisions_means(
    activation: str, request: pytest.FixtureRequest
) -> None:
    floating: Floating = request.getfixturevalue(activation)

    plain, corrected = (
        largest_drift(quantized(floating, form), floating) for form in (PLAIN, CORRECTED)
    )

    assert plain > 5e-3
    assert corrected < 2e-3
    assert corrected < plain / 5


def test_mean_logits_come_out_as_in_full_precision(tiny: Floating) -> None:
    exact, plain, corrected = (
        open_engine(model, threads=1).run(["logits"], {"image": tiny.images})[0].mean(axis=0)
        for model in (
            tiny.model,
            quantized(tiny, PLAIN).SerializeToString(),
            quantized(tiny, CORRECTED).SerializeToString(),
        )
    )

    assert np.abs(corrected - exact).max() < np.abs(plain - exact).max() / 4


def test_a_corrected_model_runs_the_same_operators_and_weights(tiny: Floating) -> None:
    plain, corrected = quantized(tiny, PLAIN), quantized(tiny, CORRECTED)
    before, after = (
        {t.name: t.SerializeToString() for t in model.graph.initializer}
        for model in (plain, corrected)
    )
    changed = {name for name in before if before[name] != after[name]}
    kinds = Counter(t.data_type for t in corrected.graph.initializer if t.name in changed)

    assert corrected.graph.node == plain.graph.node
    assert before.keys() == after.keys()
    assert kinds == {TensorProto.INT32: 5, TensorProto.FLOAT: 1}  # the classifier's stays float


def test_a_bias_that_two_layers_share_is_left_alone() -> None:
    model = one_layer([1.0], [0.0])
    model.graph.node.append(
        helper.make_node("Conv", ["made", "weight", "bias"], ["again"], name="second")
    )

    assert correctable_layers(model) == []
