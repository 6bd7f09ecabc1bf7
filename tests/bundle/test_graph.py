"""What is inside an ONNX file: read as the onnx package reads it, refused where unsafe."""

import time

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, contract_to_json
from edgefair.errors import UnsafeModel


def test_the_summary_is_what_the_onnx_package_says(
    graph: onnx.ModelProto, contract: Contract
) -> None:
    summary = inspect_graph(graph.SerializeToString())

    assert summary.opset == graph.opset_import[0].version
    assert summary.operators == {node.op_type for node in graph.graph.node}
    assert [shape.name for shape in summary.inputs] == ["image"]
    assert summary.inputs[0].sizes == (None, 1, 8, 8)
    assert {shape.name for shape in summary.outputs} == {"logits", "embedding", "heat_map"}
    assert summary.metadata_value(CONTRACT_KEY) == contract_to_json(contract)


def refused(model: onnx.ModelProto) -> str:
    with pytest.raises(UnsafeModel) as refusal:
        inspect_graph(model.SerializeToString())
    return refusal.value.message


def test_external_data_is_refused(graph: onnx.ModelProto) -> None:
    weight = graph.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")

    assert "outside its own file" in refused(graph)


def test_external_data_that_denies_being_external_is_refused(graph: onnx.ModelProto) -> None:
    graph.graph.initializer[0].external_data.add(key="location", value="weights.bin")

    assert "outside its own file" in refused(graph)


def test_external_data_inside_a_constant_node_is_refused(graph: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "c")
    tensor.external_data.add(key="location", value="weights.bin")
    graph.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))

    assert "outside its own file" in refused(graph)


def test_external_data_inside_a_sparse_initializer_is_refused(graph: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    values.external_data.add(key="location", value="weights.bin")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    graph.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))

    assert "outside its own file" in refused(graph)


def test_a_custom_operator_set_is_refused(graph: onnx.ModelProto) -> None:
    graph.opset_import.append(helper.make_opsetid("com.evil", 1))

    assert "custom operator set 'com.evil'" in refused(graph)


def test_a_custom_operator_is_refused(graph: onnx.ModelProto) -> None:
    graph.graph.node[2].op_type = "ReadFile"

    assert "operator 'ReadFile'" in refused(graph)


@pytest.mark.parametrize("version", [1, 12, 24, 10_000])
def test_an_unknown_opset_is_refused(graph: onnx.ModelProto, version: int) -> None:
    graph.opset_import[0].version = version

    assert f"operator set {version}" in refused(graph)


def test_a_loop_is_refused(graph: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    graph.graph.node.append(helper.make_node("Loop", ["", ""], ["x"], body=body))

    assert "operator 'Loop'" in refused(graph)


def test_a_subgraph_under_an_innocent_name_is_refused(graph: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    graph.graph.node.append(helper.make_node("Add", ["image"], ["x"], body=body))

    assert "subgraph in 'Add'" in refused(graph)


def test_a_function_is_refused(graph: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function("local", "f", ["x"], ["y"], [], opsets)
    graph.functions.append(function)

    assert "functions" in refused(graph)


@pytest.mark.parametrize(
    "field",
    [b"\x10\x01", b"\x0a\x00", b"\x2a\x02\x10\x01", b"\x0a\x06\x2a\x04\x10\x01\x10\x01"],
    ids=["a number", "an empty node", "an empty tensor", "a node with an attribute"],
)
def test_a_graph_of_millions_of_tiny_fields_is_refused_at_once(field: bytes) -> None:
    graph = field * (20_000_000 // len(field))
    size, left = b"", len(graph)
    while left:
        size, left = size + bytes([left & 0x7F | (0x80 if left >> 7 else 0)]), left >> 7
    began = time.process_time()
    with pytest.raises(UnsafeModel):
        inspect_graph(b"\x3a" + size + graph)

    assert time.process_time() - began < 2


def with_node(model: onnx.ModelProto, node: bytes) -> bytes:
    """Return the serialised model with one node more, whose bytes are made by hand."""
    graph = model.graph.SerializeToString() + b"\x0a" + bytes([len(node)]) + node
    model.ClearField("graph")
    size = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7])
    whole: bytes = model.SerializeToString() + b"\x3a" + size + graph
    return whole


ADD = helper.make_node("Add", ["logits", "logits"], ["sum"]).SerializeToString()


def test_a_node_made_by_hand_is_read_like_any_other(graph: onnx.ModelProto) -> None:
    assert "Add" in inspect_graph(with_node(graph, ADD)).operators


@pytest.mark.parametrize(
    ("hidden", "seen_by_onnx"),
    [
        (b"\x22\x04Loop", "Loop"),  # a second operator type: protobuf takes the last
        (b"\x3a\x03com", "Add"),  # a domain ...
        (b"\x3a\x00\x3a\x03com", "Add"),  # ... and a second one
        (b"\xa2\x80\x80\x80\x80\x01\x04Loop", None),  # a field number of more than 32 bits
        (b"\x02\x04Loop", None),  # field 0
    ],
)
def test_an_operator_that_another_reader_would_see_is_refused(
    graph: onnx.ModelProto, hidden: bytes, seen_by_onnx: str | None
) -> None:
    model = with_node(graph, ADD + hidden)
    if seen_by_onnx is not None:
        assert onnx.ModelProto.FromString(model).graph.node[-1].op_type == seen_by_onnx

    with pytest.raises(UnsafeModel):
        inspect_graph(model)


@pytest.mark.parametrize("location", [2, 2**32 + 1, 2**63])
def test_a_data_location_that_is_none_is_refused(graph: onnx.ModelProto, location: int) -> None:
    number = b""
    while location:
        more = 0x80 if location >> 7 else 0
        number, location = number + bytes([location & 0x7F | more]), location >> 7
    tensor = graph.graph.initializer[0].SerializeToString() + b"\x70" + number
    del graph.graph.initializer[0]
    attribute = b"\x0a\x05value\x2a" + bytes([len(tensor)]) + tensor + b"\xa0\x01\x04"
    node = b"\x12\x06weight\x22\x08Constant\x2a" + bytes([len(attribute)]) + attribute

    with pytest.raises(UnsafeModel, match="outside its own file"):
        inspect_graph(with_node(graph, node))


def test_external_data_among_several_sparse_tensors_is_refused(graph: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    values.external_data.add(key="location", value="weights.bin")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    node = helper.make_node("Constant", [], ["c"])
    attribute = node.attribute.add(name="x", type=onnx.AttributeProto.SPARSE_TENSORS)
    attribute.sparse_tensors.append(helper.make_sparse_tensor(values, indices, [4]))
    graph.graph.node.append(node)

    assert "outside its own file" in refused(graph)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_summary_or_refused(noise: bytes) -> None:
    with pytest.raises(UnsafeModel):
        inspect_graph(noise)
