"""What is joined to what in an ONNX graph, and what each layer costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import prod
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, numpy_helper

__all__ = ["LAYERS", "Wiring", "attribute"]

LAYERS: Final = ("Conv", "Gemm", "MatMul")
"""Operators that multiply by weights: where the time goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Look-ups into one graph; made anew after the graph is changed.

    Attributes
    ----------
    graph : GraphProto
    weights : dict of str to TensorProto
        The graph's constants by name.
    makers : dict of str to NodeProto
        The node that makes a tensor, by the tensor's name.
    takers : dict of str to list of NodeProto
        The nodes that take it.
    """

    graph: GraphProto = field(repr=False)
    weights: dict[str, TensorProto] = field(repr=False)
    makers: dict[str, NodeProto] = field(repr=False)
    takers: dict[str, list[NodeProto]] = field(repr=False)

    @classmethod
    def of(cls, graph: GraphProto) -> Self:
        """Return the look-ups of a graph."""
        takers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                takers[name].append(node)
        return cls(
            graph=graph,
            weights={tensor.name: tensor for tensor in graph.initializer},
            makers={name: node for node in graph.node for name in node.output},
            takers=dict(takers),
        )

    def layers(self) -> list[NodeProto]:
        """Return the nodes that multiply by weights, in the graph's order."""
        return [
            node
            for node in self.graph.node
            if node.op_type in LAYERS and any(name in self.weights for name in node.input[:2])
        ]

    def only_taker(self, tensor: str) -> NodeProto | None:
        """Return the one node that takes a tensor; None if several do, or the graph gives it."""
        takers = self.takers.get(tensor, [])
        is_given = any(output.name == tensor for output in self.graph.output)
        return takers[0] if len(takers) == 1 and not is_given else None

    def array(self, name: str) -> NDArray[np.float32]:
        """Return a constant's values."""
        return np.array(numpy_helper.to_array(self.weights[name]))

    def multiply_accumulates(self) -> dict[str, int]:
        """Return by each layer's name its multiplications for one image.

        Every size but the batch's must be known, as after `export_onnx`.
        """
        shapes = {
            value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in (*self.graph.value_info, *self.graph.output)
        }
        return {
            node.name: prod(shapes[node.output[0]][1:]) * self._terms(node)
            for node in self.layers()
        }

    def _terms(self, node: NodeProto) -> int:
        """Return how many products are added up for one number of the output."""
        weight = next(self.weights[name] for name in node.input[:2] if name in self.weights)
        if node.op_type == "Conv":
            return prod(weight.dims[1:])
        is_turned = node.op_type == "Gemm" and bool(attribute(node, "transB", 0))
        return int(weight.dims[-1] if is_turned else weight.dims[-2])


def attribute(node: NodeProto, name: str, default: int) -> int:
    """Return a node's whole-number attribute."""
    return next((int(a.i) for a in node.attribute if a.name == name), default)
