"""Bias correction: layers whose outputs keep their means through the rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from edgefair.compress.quantization.wiring import Wiring
from edgefair.runtime.engine import open_engine

__all__ = ["correct_biases", "correctable_layers"]


def correctable_layers(model: ModelProto) -> list[str]:
    """Return the names of the layers with a bias that is theirs alone, in the graph's order.

    A transformer's matrix products have theirs added by another node, and stay as they are.
    """
    wiring = Wiring.of(model.graph)
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm") and _bias_of(node, wiring) is not None
    ]


def correct_biases(
    int8: ModelProto, full_precision: ModelProto, images: NDArray[np.float32]
) -> None:
    """Shift the INT8 model's biases, in place, so that layers keep full precision's means.

    Rounded weights move the mean of a channel by as much on every image, and ranges that cut off
    do too. From the input on, layer by layer, so that each sees inputs already put right: the mean
    over images and places of full precision's output less the rounded one, for each channel, is
    added to the bias, in steps of the bias's own scale. The classifier is shifted like the others,
    though it is not rounded. What is run stays the same, so that it costs no time.

    Parameters
    ----------
    int8 : ModelProto
        As onnxruntime's quantiser makes it from `full_precision`.
    full_precision : ModelProto
    images : ndarray of float32, shape (n, channels, height_px, width_px)
        A few dozen; every layer's output for all of them is held at once.

    References
    ----------
    .. [1] M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-free quantization through
       weight equalization and bias correction", ICCV 2019, section 4.2 (its empirical variant).
    """
    exact, rounded = _Walk.of(full_precision, images), _Walk.of(int8, images)
    for name in correctable_layers(int8):
        expected, found = exact.output_of(name), rounded.output_of(name)
        shift = _means(expected) - _means(found)
        added = _shift_bias(rounded, name, shift)
        found += added.reshape(1, -1, *[1] * (found.ndim - 2))


def _means(output: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each channel's mean over images and places."""
    others = tuple(axis for axis in range(output.ndim) if axis != 1)
    return np.asarray(output.mean(axis=others, dtype=np.float64))


def _bias_of(node: NodeProto, wiring: Wiring) -> tuple[str, str] | None:
    """Return the names of a layer's bias and of its scale, which is empty where it is float."""
    if len(node.input) < 3 or len(wiring.takers[node.input[2]]) > 1:
        return None
    maker = wiring.makers.get(node.input[2])
    if maker is None:
        return (node.input[2], "") if node.input[2] in wiring.weights else None
    if maker.op_type != "DequantizeLinear" or len(wiring.takers[maker.input[0]]) > 1:
        return None
    return maker.input[0], maker.input[1]


def _shift_bias(walk: _Walk, name: str, shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Add to a layer's bias what its steps allow of a shift, and return that."""
    bias_and_scale = _bias_of(walk.nodes[name], walk.wiring)
    if bias_and_scale is None:
        raise ValueError(f"{name} has no bias of its own")
    bias, scale = bias_and_scale
    before = walk.wiring.array(bias).astype(np.float64)
    if scale:
        step = walk.wiring.array(scale).astype(np.float64)
        limits = np.iinfo(np.int32)
        after = np.clip(before + np.rint(shift / step), limits.min, limits.max).astype(np.int32)
        added = (after - before) * step
    else:
        after = (before + shift).astype(np.float32)
        added = after - before
    walk.wiring.weights[bias].CopyFrom(numpy_helper.from_array(after, bias))
    return np.asarray(added, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """A graph that is run piece by piece, so that it can be changed between its layers.

    Attributes
    ----------
    model : ModelProto
    wiring : Wiring
    nodes : dict of str to NodeProto
        By name.
    pending : dict of int to NodeProto
        Nodes yet to run, by place.
    alive : dict of str to ndarray
        The tensors that these will take.
    """

    model: ModelProto = field(repr=False)
    wiring: Wiring = field(repr=False)
    nodes: dict[str, NodeProto] = field(repr=False)
    pending: dict[int, NodeProto] = field(repr=False)
    alive: dict[str, NDArray[np.float32]] = field(repr=False)

    @classmethod
    def of(cls, model: ModelProto, images: NDArray[np.float32]) -> _Walk:
        return cls(
            model=model,
            wiring=Wiring.of(model.graph),
            nodes={node.name: node for node in model.graph.node},
            pending=dict(enumerate(model.graph.node)),
            alive={model.graph.input[0].name: images},
        )

    def output_of(self, name: str) -> NDArray[np.float32]:
        """Run up to a layer and return its output; changed in place, it goes on so."""
        output = self.nodes[name].output[0]
        piece = self._leading_to(output)
        for place in piece:
            self.pending.pop(place)
        nodes = [self.model.graph.node[place] for place in piece]
        asked = {name for node in self.pending.values() for name in node.input}
        kept = [n for node in nodes for n in node.output if n in asked or n == output]
        self.alive.update(zip(kept, self._run(nodes, kept), strict=True))
        for tensor in self.alive.keys() - asked - {output}:
            del self.alive[tensor]
        return self.alive[output] if output in asked else self.alive.pop(output)

    def _leading_to(self, tensor: str) -> list[int]:
        """Return the places of the nodes that must run, in the graph's order."""
        makers = {name: place for place, node in self.pending.items() for name in node.output}
        found: set[int] = set()
        open_ends = [tensor]
        while open_ends:
            place = makers.get(open_ends.pop())
            if place is not None and place not in found:
                found.add(place)
                open_ends.extend(self.pending[place].input)
        return sorted(found)

    def _run(self, nodes: Sequence[NodeProto], kept: list[str]) -> list[NDArray[np.float32]]:
        taken = dict.fromkeys(name for node in nodes for name in node.input)
        given = {name: self.alive[name] for name in taken if name in self.alive}
        piece = helper.make_graph(
            nodes,
            "piece",
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(value.dtype), None
                )
                for name, value in given.items()
            ],
            [onnx.ValueInfoProto(name=name) for name in kept],
            initializer=[
                self.wiring.weights[name] for name in taken if name in self.wiring.weights
            ],
        )
        model = helper.make_model(
            piece, opset_imports=self.model.opset_import, ir_version=self.model.ir_version
        )
        engine = open_engine(model.SerializeToString(), threads=1, is_limited=False)
        found: list[NDArray[np.float32]] = engine.run(kept, given)
        return found
