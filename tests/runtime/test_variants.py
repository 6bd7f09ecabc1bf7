"""Variants: which processor runs what, and what is said where it cannot."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.manifest import Manifest, Variant, manifest_to_json
from edgefair.errors import ContractMismatch
from edgefair.runtime.session import Session
from edgefair.runtime.variants import every_way

BundleMaker = Callable[..., Path]


def yes() -> bool:
    return True


def no() -> bool:
    return False


def nobody_asks() -> bool:
    raise AssertionError("the processor was asked where the answer does not matter")


def variant(cpu: str, part: str = "m.onnx", *, precise: bool = False) -> Variant:
    return Variant(cpu=cpu, part=part, x64_quant_precision=precise, measured="in a test")  # type: ignore[arg-type]


@pytest.fixture
def int8_graph(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return the brightness model with its weight as INT8, 100 x 0.01."""
    parts = graph.graph
    parts.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((1, 1, 1, 1), 100, np.int8), "weight")
    )
    parts.initializer.extend(
        [
            numpy_helper.from_array(np.array(0.01, np.float32), "scale"),
            numpy_helper.from_array(np.array(0, np.int8), "zero"),
        ]
    )
    parts.node[0].input[1] = "real_weight"
    node = helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], ["real_weight"])
    parts.node.insert(0, node)
    return graph


@pytest.fixture
def shared_zero_graph(int8_graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return it once more, with the quantisation of two operators tied to one zero point."""
    parts = int8_graph.graph
    names = ("image", "between", "heat_map")
    parts.initializer.append(numpy_helper.from_array(np.array(128, np.uint8), "middle"))
    convolution = next(node for node in parts.node if node.op_type == "Conv")
    parts.node.remove(convolution)
    nodes = []
    for step, (given, made) in enumerate(pairwise(names)):
        real = [f"{given}_real", f"real_weight_{step}"]
        nodes += [
            helper.make_node("QuantizeLinear", [given, "scale", "middle"], [f"{given}_int"]),
            helper.make_node("DequantizeLinear", [f"{given}_int", "scale", "middle"], real[:1]),
            helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], real[1:]),
            helper.make_node("Conv", real, [f"{made}_float"]),
            helper.make_node(
                "QuantizeLinear", [f"{made}_float", "scale", "middle"], [f"{made}_q"]
            ),
            helper.make_node("DequantizeLinear", [f"{made}_q", "scale", "middle"], [made]),
        ]
    others = list(parts.node)[1:]
    del parts.node[:]
    parts.node.extend([*nodes, *others])
    return int8_graph


def opened(path: Path, saturating: Callable[[], bool]) -> Session:
    return Session(read_bundle(path), threads=1, saturating=saturating)


def test_a_float_bundle_never_asks_the_processor(make_bundle: BundleMaker) -> None:
    session = opened(make_bundle(), nobody_asks)

    assert (session.engine, session.note) == ("fp32", "")


def test_an_int8_bundle_without_variants_is_exact_everywhere(
    make_bundle: BundleMaker, int8_graph: onnx.ModelProto
) -> None:
    path = make_bundle(model=int8_graph.SerializeToString())

    assert opened(path, no).engine == "int8"
    assert opened(path, yes).engine == "int8 x64quantprecision"
    assert opened(path, yes).note == ""


def test_a_bundle_that_is_the_same_on_any_processor_never_asks(
    make_bundle: BundleMaker, int8_graph: onnx.ModelProto
) -> None:
    both = (variant("exact"), variant("saturating"))
    path = make_bundle(model=int8_graph.SerializeToString(), variants=both)

    assert opened(path, nobody_asks).engine == "int8"


def test_a_saturating_processor_runs_the_part_meant_for_it(
    tmp_path: Path, manifest: Manifest, graph: onnx.ModelProto
) -> None:
    plain = graph.SerializeToString()
    graph.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((1, 1, 1, 1), 3, np.float32), "weight")
    )
    both = (variant("exact"), variant("saturating", "other.onnx"))
    written = write_bundle(
        tmp_path / "b.efb",
        replace(manifest, variants=both),
        [
            PartContent(path="m.onnx", role="model", content=plain),
            PartContent(path="other.onnx", role="variant", content=graph.SerializeToString()),
        ],
    )
    batch = np.full((1, 1, 8, 8), 0.5, np.float32)
    here, there = (Session(written, threads=1, saturating=cpu) for cpu in (no, yes))

    assert (here.engine, there.engine) == ("fp32", "fp32 other.onnx")
    assert here.run(batch).logits == pytest.approx(0.5)
    assert there.run(batch).logits == pytest.approx(1.5)


def test_where_exact_sums_cannot_be_had_the_session_computes_in_float_and_says_so(
    make_bundle: BundleMaker, shared_zero_graph: onnx.ModelProto
) -> None:
    path = make_bundle(model=shared_zero_graph.SerializeToString())
    session = opened(path, yes)
    logits = session.run(np.full((1, 1, 8, 8), 0.25, np.float32)).logits

    assert session.engine == "int8 in float"
    assert "could not load brightness 1.2.3 as int8 x64quantprecision" in session.note
    assert logits == pytest.approx(0.25)
    assert opened(path, no).note == ""


def test_float_arithmetic_answers_an_int8_model_the_same_but_for_rounding(
    make_bundle: BundleMaker, int8_graph: onnx.ModelProto
) -> None:
    bundle = read_bundle(make_bundle(model=int8_graph.SerializeToString()))
    batch = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    by_engine = {
        way.engine: Session(bundle, threads=1, way=way).run(batch).logits
        for way in every_way(bundle)
    }

    assert list(by_engine) == ["int8", "int8 x64quantprecision", "int8 in float"]
    assert all(logits == pytest.approx(by_engine["int8"]) for logits in by_engine.values())


def test_a_way_can_be_chosen_whatever_the_processor(make_bundle: BundleMaker) -> None:
    bundle = read_bundle(make_bundle())
    (only,) = every_way(bundle)

    assert Session(bundle, threads=1, saturating=nobody_asks, way=only).engine == "fp32"


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        pytest.param((variant("exact"),), "each kind", id="one kind only"),
        pytest.param((variant("exact"), variant("exact")), "each kind", id="one kind twice"),
        pytest.param((variant("exact"), variant("saturating", "x")), "'x'", id="no such part"),
        pytest.param((variant("exact"), variant("saturating", "card.md")), "'card", id="a card"),
    ],
)
def test_variants_that_contradict_the_bundle_are_refused(
    make_bundle: BundleMaker, variants: tuple[Variant, ...], told: str
) -> None:
    with pytest.raises(ContractMismatch, match=told):
        make_bundle(variants=variants)


def test_a_bundle_without_variants_is_written_as_before(make_bundle: BundleMaker) -> None:
    bundle: Bundle = read_bundle(make_bundle())

    assert bundle.manifest.variants == ()
    assert b"variants" not in manifest_to_json(bundle.manifest)
