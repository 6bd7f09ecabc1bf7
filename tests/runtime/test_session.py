"""The session: loads what its manifest promises and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, contract_to_json
from edgefair.errors import ContractMismatch, UnsafeModel
from edgefair.runtime.session import Session

BundleMaker = Callable[..., Path]


def opened(path: Path) -> Session:
    return Session(read_bundle(path), threads=1)


def test_the_session_gives_the_three_outputs(make_bundle: BundleMaker) -> None:
    batch = np.full((3, 1, 8, 8), 0.25, np.float32)
    outputs = opened(make_bundle()).run(batch)

    assert outputs.logits == pytest.approx(0.25)
    assert outputs.embedding.shape == (3, 1)
    assert outputs.heat_map.shape == (3, 1, 8, 8)


def test_a_graph_without_its_contract_is_refused(
    make_bundle: BundleMaker, graph: onnx.ModelProto
) -> None:
    del graph.metadata_props[:]

    with pytest.raises(ContractMismatch, match="another contract"):
        opened(make_bundle(model=graph.SerializeToString()))


def test_a_graph_of_another_model_is_refused(make_bundle: BundleMaker, contract: Contract) -> None:
    path = make_bundle(contract=replace(contract, version="1.2.4"))

    with pytest.raises(ContractMismatch, match="another contract"):
        opened(path)


def test_every_way_in_which_graph_and_manifest_differ_is_told(
    make_bundle: BundleMaker, graph: onnx.ModelProto, contract: Contract
) -> None:
    outputs = replace(contract.outputs, embedding_size=2, heat_map="map")
    promised = replace(contract, outputs=outputs)
    onnx.helper.set_model_props(graph, {CONTRACT_KEY: contract_to_json(promised)})
    path = make_bundle(contract=promised, model=graph.SerializeToString())

    with pytest.raises(ContractMismatch) as refused:
        opened(path)
    assert "'embedding' has the shape (None, 1), not (None, 2)" in refused.value.message
    assert "no 'map'" in refused.value.message


def test_a_fixed_batch_is_refused(make_bundle: BundleMaker, graph: onnx.ModelProto) -> None:
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    with pytest.raises(ContractMismatch, match="'image' has the shape"):
        opened(make_bundle(model=graph.SerializeToString()))


def test_a_graph_that_onnxruntime_cannot_load_is_refused(
    make_bundle: BundleMaker, graph: onnx.ModelProto
) -> None:
    graph.graph.node[0].input[1] = "nowhere"

    with pytest.raises(UnsafeModel, match="cannot load brightness"):
        opened(make_bundle(model=graph.SerializeToString()))


@pytest.mark.parametrize(
    "need",
    [
        lambda session: session.run(np.zeros((1, 1, 8, 8), np.float32)),
        lambda session: session.engine,
        lambda session: session.note,
        lambda session: session.wait(),
    ],
    ids=["run", "engine", "note", "wait"],
)
def test_who_did_not_wait_for_it_is_told_of_the_refusal_at_first_need_and_again(
    make_bundle: BundleMaker, graph: onnx.ModelProto, need: Callable[[Session], object]
) -> None:
    graph.graph.node[0].input[1] = "nowhere"
    bundle = read_bundle(make_bundle(model=graph.SerializeToString()))
    session = Session(bundle, threads=1, wait=False)

    for _ in range(2):
        with pytest.raises(UnsafeModel, match="cannot load brightness"):
            need(session)


def test_what_edgefair_itself_refuses_is_told_without_waiting(
    make_bundle: BundleMaker, graph: onnx.ModelProto
) -> None:
    del graph.metadata_props[:]
    bundle = read_bundle(make_bundle(model=graph.SerializeToString()))

    with pytest.raises(ContractMismatch, match="another contract"):
        Session(bundle, threads=1, wait=False)


def test_waiting_or_not_the_answers_are_the_same(make_bundle: BundleMaker) -> None:
    bundle = read_bundle(make_bundle())
    batch = np.full((3, 1, 8, 8), 0.25, np.float32)
    ready, loading = (Session(bundle, threads=1, wait=wait) for wait in (True, False))

    np.testing.assert_array_equal(loading.run(batch).logits, ready.run(batch).logits)
    assert (loading.engine, loading.note) == (ready.engine, ready.note)
