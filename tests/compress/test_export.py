"""ONNX: what torch computes, onnxruntime computes, in float and in INT8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle, PartContent
from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, contract_to_json
from edgefair.compress.backbones import Network, build_backbone
from edgefair.compress.export import OPSET, contract_of, draft_manifest, export_onnx
from edgefair.compress.quantize import quantize_onnx
from edgefair.compress.recipe import InputSize, Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantoms
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.session import RawOutputs, Session

DATA = 'labels = ["a", "b"]\nsplit_column = "split"'


@pytest.fixture
def recipe(tmp_path: Path, write_recipe: Callable[..., Path]) -> Recipe:
    small = read_recipe(write_recipe(tmp_path, task="multi_label", data=DATA))
    return replace(small, input=InputSize(side_px=96, mean=0.5, std=0.25))


def _network(name: str) -> Network:
    torch.manual_seed(1)
    network = Network(build_backbone(name), 2, dropout=0.5)
    # batch norms as after some training, so that folding them in has something to do
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(8, 1, 96, 96))
        network.classifier.weight.normal_(std=0.3)
    return network.eval()


def _answers(
    model: bytes, recipe: Recipe, contract: Contract, batch: NDArray[np.float32]
) -> RawOutputs:
    part = PartContent(path="model.onnx", role="model", content=model)
    bundle = Bundle(manifest=draft_manifest(recipe, contract), digest="", parts=(part,))
    return Session(bundle, threads=1).run(batch)


def _images(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 1, 96, 96), dtype=np.float32)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "small-cnn"])
def test_the_exported_graph_computes_what_the_network_does(recipe: Recipe, name: str) -> None:
    network, batch = _network(name), _images(3)
    contract = contract_of(recipe, network)

    model = export_onnx(network, contract)

    found = _answers(model, recipe, contract, batch)
    with torch.inference_mode():
        logits, embedding, heat_map = network(torch.from_numpy(batch))
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    np.testing.assert_allclose(found.embedding, embedding, atol=1e-4)
    np.testing.assert_allclose(found.heat_map, heat_map, atol=1e-4)


def test_a_graph_carries_its_contract_and_only_standard_operators(recipe: Recipe) -> None:
    network = _network("efficientnet-lite0")
    contract = contract_of(recipe, network)
    model = export_onnx(network, contract)

    floats, int8 = (
        inspect_graph(model),
        inspect_graph(quantize_onnx(model, contract, [_images(2)])),
    )

    assert floats.opset == int8.opset == OPSET
    assert floats.operators == {"Add", "Clip", "Conv", "Flatten", "GlobalAveragePool"}
    assert int8.operators >= {"QuantizeLinear", "DequantizeLinear", "Conv"}
    assert floats.metadata == int8.metadata == ((CONTRACT_KEY, contract_to_json(contract)),)


def test_int8_is_a_quarter_of_the_size_and_says_nearly_the_same(recipe: Recipe) -> None:
    network, batch = _network("efficientnet-lite0"), _images(8)
    contract = contract_of(recipe, network)
    model = export_onnx(network, contract)

    int8 = quantize_onnx(model, contract, [batch])

    full, small = (_answers(m, recipe, contract, batch) for m in (model, int8))
    spread = np.abs(full.embedding).mean()
    assert len(int8) < 0.3 * len(model)
    assert np.abs(full.embedding - small.embedding).mean() < 0.1 * spread


def test_int8_agrees_with_full_precision_on_phantoms(recipe: Recipe) -> None:
    network = _network("small-cnn")
    contract = contract_of(recipe, network)
    clinic = Clinic(seed=3, count=60, size_px=96)
    shown = [to_grey8(phantom).astype(np.float32) / 255 for phantom in phantoms(clinic)]
    images = np.stack([prepare(pixels, contract) for pixels in shown])
    model = export_onnx(network, contract)

    int8 = quantize_onnx(model, contract, [images[:40]])

    full, small = (_answers(m, recipe, contract, images[40:]) for m in (model, int8))
    for column in range(2):
        assert np.corrcoef(full.logits[:, column], small.logits[:, column])[0, 1] > 0.98


def test_the_same_network_gives_the_same_file(recipe: Recipe) -> None:
    network = _network("small-cnn")
    contract = contract_of(recipe, network)

    first, second = (
        quantize_onnx(export_onnx(network, contract), contract, [_images(4)]) for _ in range(2)
    )

    assert first == second
