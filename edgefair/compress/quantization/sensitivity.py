"""Which layers' rounding moves the logits most."""

from __future__ import annotations

import copy

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgefair.bundle.manifest import Contract
from edgefair.compress.quantization.forms import classifier_of
from edgefair.compress.quantization.wiring import Wiring
from edgefair.runtime.engine import open_engine

__all__ = ["rank_by_sensitivity"]


def rank_by_sensitivity(
    model: bytes, int8: bytes, contract: Contract, batch: NDArray[np.float32]
) -> tuple[str, ...]:
    """Return the layers' names, the one first whose rounding alone moves the logits most.

    Each layer in turn is given the rounded weights, and its inputs are rounded, as in the INT8
    model, all others staying float; the mean square of the logits' change ranks it.

    Parameters
    ----------
    model : bytes
        From `export_onnx`.
    int8 : bytes
        Of the same model, in the plain form, from `quantize_onnx`.
    contract : Contract
    batch : ndarray of float32, shape (n, channels, height_px, width_px)
        A few images.
    """
    graph = onnx.load_from_string(model)
    scales = Wiring.of(onnx.load_from_string(int8).graph)
    names = [
        node.name
        for node in Wiring.of(graph.graph).layers()
        if node.name not in classifier_of(graph, contract)
    ]
    expected = _logits(graph, contract, batch)
    moved = {
        name: float(
            np.square(_logits(_rounded(graph, name, scales), contract, batch) - expected).mean()
        )
        for name in names
    }
    return tuple(sorted(names, key=lambda name: -moved[name]))


def _logits(
    graph: onnx.ModelProto, contract: Contract, batch: NDArray[np.float32]
) -> NDArray[np.float32]:
    engine = open_engine(graph.SerializeToString(), threads=1, is_limited=False)
    (logits,) = engine.run([contract.outputs.logits], {contract.input.name: batch})
    found: NDArray[np.float32] = logits
    return found


def _rounded(graph: onnx.ModelProto, name: str, scales: Wiring) -> onnx.ModelProto:
    """Return the float model in which one layer sees rounded inputs and has rounded weights."""
    changed = copy.deepcopy(graph)
    nodes = changed.graph.node
    place = next(i for i, node in enumerate(nodes) if node.name == name)
    constants = {tensor.name: tensor for tensor in changed.graph.initializer}
    layer = nodes[place]
    for position, given in enumerate(layer.input[:2]):
        if f"{given}_scale" not in scales.weights:
            continue
        if given in constants:
            constants[given].CopyFrom(_unpacked(given, scales))
            continue
        own = [f"{given}{ending}" for ending in ("_scale", "_zero_point")]
        present = {tensor.name for tensor in changed.graph.initializer}
        changed.graph.initializer.extend(scales.weights[n] for n in own if n not in present)
        steps = [f"{given}/int", f"{given}/real"]
        nodes.insert(place, helper.make_node("DequantizeLinear", [steps[0], *own], steps[1:]))
        nodes.insert(place, helper.make_node("QuantizeLinear", [given, *own], steps[:1]))
        place += 2
        nodes[place].input[position] = steps[1]
    return changed


def _unpacked(name: str, scales: Wiring) -> onnx.TensorProto:
    values = scales.array(f"{name}_quantized").astype(np.float32)
    scale = scales.array(f"{name}_scale")
    # per channel: the scales lie along the first axis of a convolution's weights
    along = scale.reshape(-1, *[1] * (values.ndim - 1)) if scale.size == len(values) else scale
    return numpy_helper.from_array((values * along).astype(np.float32), name)
