"""Forms: what may be tried, in which order, and what each leaves in float."""

from collections import Counter

import numpy as np
import onnx
import pytest

from edgefair.bundle.manifest import Contract
from edgefair.compress.quantization.forms import (
    PLAIN,
    Form,
    candidate_forms,
    float_multiplications,
)
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.quantization.sensitivity import rank_by_sensitivity
from edgefair.compress.quantization.wiring import Wiring
from edgefair.runtime.engine import open_engine
from tests.compress.quantization.conftest import Floating


def quantized(floating: Floating, form: Form) -> bytes:
    return quantize_onnx(floating.model, floating.contract, [floating.images[:8]], form)


def logits(model: bytes, floating: Floating) -> np.ndarray:
    found: np.ndarray = open_engine(model, threads=1).run(["logits"], {"image": floating.images})[
        0
    ]
    return found


def layer_names(floating: Floating) -> list[str]:
    return [n.name for n in Wiring.of(onnx.load_from_string(floating.model).graph).layers()]


def test_multiplications_are_those_counted_by_hand(tiny: Floating) -> None:
    counts = Wiring.of(onnx.load_from_string(tiny.model).graph).multiply_accumulates()

    assert list(counts.values()) == [
        8 * 8 * 8 * 9,
        8 * 8 * 8 * 9,
        8 * 8 * 16 * 8,
        4 * 4 * 16 * 16 * 9,
        4 * 4 * 16 * 16 * 9,
        4 * 4 * 2 * 16,
    ]


def test_forms_come_by_what_they_leave_in_float_and_the_plain_one_first(tiny: Floating) -> None:
    forms = candidate_forms(tiny.model, tiny.contract, sensitive=layer_names(tiny)[3:4])
    costs = [float_multiplications(tiny.model, tiny.contract, f.float_nodes) for f in forms]

    assert forms[:2] == (PLAIN, Form(bias_corrected=True))
    assert costs == sorted(costs)
    assert len(set(forms)) == len(forms)
    assert {"minmax", "percentile", "entropy"} == {form.calibration for form in forms}


def test_no_form_equalises_what_cannot_be_equalised(tiny_relu6: Floating) -> None:
    forms = candidate_forms(tiny_relu6.model, tiny_relu6.contract)

    assert not any(form.equalised for form in forms)


def test_no_form_corrects_biases_where_there_are_none(
    graph: onnx.ModelProto, contract: Contract
) -> None:
    forms = candidate_forms(graph.SerializeToString(), contract)

    assert not any(form.bias_corrected for form in forms)
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize(
    "form",
    [
        PLAIN,
        Form(bias_corrected=True),
        Form(calibration="percentile"),
        Form(calibration="entropy"),
        Form(equalised=True),
        Form(reduced_range=True),
    ],
    ids=str,
)
def test_each_form_stays_near_full_precision_and_comes_out_the_same_again(
    tiny: Floating, form: Form
) -> None:
    model = quantized(tiny, form)
    expected = logits(tiny.model, tiny)

    assert quantized(tiny, form) == model
    assert np.corrcoef(logits(model, tiny).ravel(), expected.ravel())[0, 1] > 0.95


def test_named_layers_and_the_classifier_stay_float(tiny: Floating) -> None:
    names = layer_names(tiny)
    graph = onnx.load_from_string(quantized(tiny, Form(float_nodes=(names[0],)))).graph
    wiring = Wiring.of(graph)
    is_float = {node.name for node in graph.node if node.op_type == "Conv"} & {
        node.name for node in wiring.layers()
    }

    assert is_float == {names[0], names[-1]}


def test_no_two_nodes_share_signed_integers(tiny: Floating) -> None:
    graph = onnx.load_from_string(quantized(tiny, Form(per_channel=False))).graph
    signed = {t.name for t in graph.initializer if t.data_type == onnx.TensorProto.INT8}
    uses = Counter(name for node in graph.node for name in node.input if name in signed)

    assert max(uses.values()) == 1


def test_the_layer_that_rounding_hurts_comes_first(tiny: Floating) -> None:
    int8 = quantized(tiny, PLAIN)
    ranked = rank_by_sensitivity(tiny.model, int8, tiny.contract, tiny.images[:4])

    assert sorted(ranked) == sorted(layer_names(tiny)[:-1])

    def error(form: Form) -> float:
        return float(
            np.square(logits(quantized(tiny, form), tiny) - logits(tiny.model, tiny)).mean()
        )

    assert error(Form(float_nodes=ranked[:2])) < error(Form(float_nodes=ranked[-2:]))
