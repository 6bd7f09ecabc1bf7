"""Graphs of a few operators that ask for more memory than any PC has: refused, not granted."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgefair.bundle.archive import read_bundle
from edgefair.errors import UnsafeModel
from edgefair.runtime.engine import LOAD_ERRORS, MAX_MEMORY_BYTES, open_engine
from edgefair.runtime.session import Session

BundleMaker = Callable[..., Path]

GIGABYTES = {"four": 2**30, "a thousand": 2**38, "a million": 2**48}


def number(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def filled(elements: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return a constant of so many numbers, which is made while the graph is loaded."""
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["large"])]
    return nodes, [number("size", elements // 1024, 1024)]


def expanded(elements: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return an image repeated so often, which is made while the graph runs."""
    nodes = [helper.make_node("Expand", ["heat_map", "size"], ["large"])]
    return nodes, [number("size", elements // 64, 1, 8, 8)]


def doubled(elements: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return an image joined to itself again and again, as in a billion laughs."""
    names = ["heat_map", *(f"doubled{n}" for n in range(elements.bit_length() - 8)), "large"]
    nodes = [helper.make_node("Concat", [one, one], [two], axis=1) for one, two in pairwise(names)]
    return nodes, []


@pytest.mark.parametrize("elements", GIGABYTES.values(), ids=list(GIGABYTES))
@pytest.mark.parametrize("way", [filled, expanded, doubled])
def test_a_graph_that_asks_for_gigabytes_is_refused_before_it_has_them(
    make_bundle: BundleMaker,
    graph: onnx.ModelProto,
    way: Callable[[int], tuple[list[onnx.NodeProto], list[onnx.TensorProto]]],
    elements: int,
) -> None:
    nodes, constants = way(elements)
    graph.graph.node.pop()
    nodes += [
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
        helper.make_node("Add", ["logits", "sum"], ["embedding"]),
    ]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend(constants)
    bundle = read_bundle(make_bundle(model=graph.SerializeToString()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(UnsafeModel) as caught:
        Session(bundle, threads=1).run(np.zeros((1, 1, 8, 8), np.float32))

    assert caught.value.exit_code == 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000
    assert time.monotonic() - began < 10


def test_a_builders_own_graph_may_take_more_than_one_from_outside() -> None:
    elements = MAX_MEMORY_BYTES // 4 + 1024
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["large"]),
        helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "large",
        [helper.make_tensor_value_info("size", onnx.TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, [])],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    given = {"size": np.array([elements // 1024, 1024])}

    with pytest.raises(LOAD_ERRORS):
        open_engine(model, threads=1).run(None, given)
    (found,) = open_engine(model, threads=1, is_limited=False).run(None, given)

    assert found == 0


def test_a_weight_that_claims_a_terabyte_is_refused(
    make_bundle: BundleMaker, graph: onnx.ModelProto
) -> None:
    weight: onnx.TensorProto = graph.graph.initializer[0]
    weight.dims[:] = [2**20, 2**20, 1, 1]
    bundle = read_bundle(make_bundle(model=graph.SerializeToString()))

    with pytest.raises(UnsafeModel):
        Session(bundle, threads=1)


def test_a_size_that_overflows_is_refused(
    make_bundle: BundleMaker, graph: onnx.ModelProto
) -> None:
    padding: NDArray[np.int64] = np.array([0, 0, 2**40, 0, 0, 0, 0, 0])
    graph.graph.node.pop()
    graph.graph.node.extend(
        [
            helper.make_node("Pad", ["heat_map", "pads"], ["large"]),
            helper.make_node("ReduceMean", ["large", "axes"], ["embedding"], keepdims=0),
        ]
    )
    graph.graph.initializer.append(numpy_helper.from_array(padding, "pads"))
    bundle = read_bundle(make_bundle(model=graph.SerializeToString()))

    with pytest.raises(UnsafeModel):
        Session(bundle, threads=1).run(np.zeros((1, 1, 8, 8), np.float32))
