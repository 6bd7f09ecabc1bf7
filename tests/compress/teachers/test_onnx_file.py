"""ONNX files as teachers: three forms of output, and what is not run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.teachers.inputs import stretched
from edgefair.compress.teachers.load import load_teacher
from edgefair.compress.teachers.teacher import Teacher
from edgefair.errors import InputError, ModelError, UnsafeModel

GIVEN = TeacherInput(side_px=8, mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.125))
CHOICE = TeacherChoice(kind="onnx", path="model/teacher.onnx", input=GIVEN)

Nodes = Sequence[onnx.NodeProto]


def _model(nodes: Nodes, outputs: dict[str, Sequence[str | int | None]]) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in outputs.items()
    ]
    sizes = numpy_helper.from_array(np.array([0, 3, 64], np.int64), "sizes")
    axes = numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    graph = helper.make_graph(nodes, "teacher", [image], given, initializer=[sizes, axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture
def three() -> onnx.ModelProto:
    """Return a graph with a vector, tokens (each channel is one) and a map of the same image."""
    return _model(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["vector"], keepdims=0),
            helper.make_node("Reshape", ["image", "sizes"], ["tokens"]),
            helper.make_node("Identity", ["image"], ["map"]),
        ],
        {"vector": ["n", 3], "tokens": ["n", 3, 64], "map": ["n", 3, 8, 8]},
    )


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Teacher]:
    """Return what writes a model's bytes to a file and loads the teacher in it."""

    def load(model: onnx.ModelProto | bytes, choice: TeacherChoice = CHOICE) -> Teacher:
        path = tmp_path / choice.path
        path.parent.mkdir(exist_ok=True)
        content = model if isinstance(model, bytes) else model.SerializeToString()
        path.write_bytes(content)
        return load_teacher(choice, beside=tmp_path, weights=tmp_path)

    return load


def test_vectors_tokens_and_maps_become_one_vector(
    load: Callable[..., Teacher], three: onnx.ModelProto
) -> None:
    images = np.random.default_rng(0).random((2, 20, 12), dtype=np.float32)
    seen = np.stack([stretched(image, GIVEN) for image in images])

    vector = load(three).embed(images)
    tokens = load(three, replace(CHOICE, output="tokens")).embed(images)
    first = load(three, replace(CHOICE, output="tokens", pooling="cls")).embed(images)
    places = load(three, replace(CHOICE, output="map")).embed(images)

    assert vector == pytest.approx(seen.mean(axis=(2, 3)), abs=1e-6)
    assert places == pytest.approx(vector, abs=1e-6)
    assert tokens == pytest.approx(seen.mean(axis=1).reshape(2, 64), abs=1e-6)
    assert first == pytest.approx(seen[:, 0].reshape(2, 64), abs=1e-6)


def test_the_digest_tells_outputs_and_pooling_apart(
    load: Callable[..., Teacher], three: onnx.ModelProto
) -> None:
    choices = [CHOICE, replace(CHOICE, output="tokens"), replace(CHOICE, pooling="cls")]

    digests = [load(three, choice).digest for choice in choices]

    assert len(set(digests)) == 3
    assert load(three).digest == digests[0]


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/hostname"])
def test_data_outside_the_file_is_refused_wherever_it_is(
    load: Callable[..., Teacher], three: onnx.ModelProto, tmp_path: Path, place: str
) -> None:
    tensor = three.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(np.array([2, 3], np.int64).tobytes())

    with pytest.raises(UnsafeModel, match="keeps data outside its own file") as caught:
        load(three)

    assert caught.value.exit_code == 4


def test_data_outside_the_file_is_found_inside_a_constant(load: Callable[..., Teacher]) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    model = _model([helper.make_node("Constant", [], ["vector"], value=tensor)], {"vector": [1]})

    with pytest.raises(UnsafeModel, match="keeps data outside its own file"):
        load(model)


def test_loops_are_refused_inside_branches_too(load: Callable[..., Teacher]) -> None:
    body = helper.make_graph([helper.make_node("Loop", ["", ""], ["x"])], "body", [], [])
    branch = helper.make_node("If", ["image"], ["vector"], then_branch=body, else_branch=body)

    with pytest.raises(UnsafeModel, match="operator Loop, which may never end"):
        load(_model([branch], {"vector": ["n", 3]}))


def test_operators_of_ones_own_are_refused(
    load: Callable[..., Teacher], three: onnx.ModelProto
) -> None:
    three.opset_import.append(helper.make_opsetid("com.somebody", 1))

    with pytest.raises(UnsafeModel, match=r"custom operator set 'com\.somebody'"):
        load(three)


def test_what_is_no_whole_onnx_file_is_refused(
    load: Callable[..., Teacher], three: onnx.ModelProto
) -> None:
    whole = three.SerializeToString()

    for content in (b"", b"PK\x03\x04", b"\x80\x02c__builtin__\nopen\n", whole[:-20]):
        with pytest.raises(UnsafeModel, match=r"teacher\.onnx is cut short, damaged"):
            load(content)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"output": "logits"}, "has no output 'logits', only vector", id="output"),
        pytest.param(
            {"input": replace(GIVEN, side_px=16)}, r"does not take .*\(1, 3, 16, 16\)", id="side"
        ),
        pytest.param(
            {"input": TeacherInput(side_px=8, mean=(0.5,), std=(0.5,))}, "does not", id="grey"
        ),
    ],
)
def test_what_the_recipe_says_otherwise_is_refused(
    load: Callable[..., Teacher], three: onnx.ModelProto, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        load(three, replace(CHOICE, **changes))  # type: ignore[arg-type]


def test_an_output_that_is_no_vector_is_refused(load: Callable[..., Teacher]) -> None:
    sum_of_all = helper.make_node("ReduceMean", ["image"], ["vector"], keepdims=0)

    with pytest.raises(ModelError, match="neither a vector, tokens nor a map"):
        load(_model([sum_of_all], {"vector": []}))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teacher\.onnx cannot be read: No such file"):
        load_teacher(CHOICE, beside=tmp_path, weights=tmp_path)
