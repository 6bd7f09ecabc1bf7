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
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, Task, contract_to_json
from edgefair.compress.export import OPSET, contract_of, draft_manifest, export_onnx
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.recipe import InputSize, Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.loop import LabelledPictures, Material, train
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantoms
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.session import RawOutputs, Session

DATA = 'labels = ["a", "b"]\nsplit_column = "split"'


@pytest.fixture
def recipe(tmp_path: Path, write_recipe: Callable[..., Path]) -> Recipe:
    small = read_recipe(write_recipe(tmp_path, task="multi_label", data=DATA))
    return replace(small, input=InputSize(side_px=64, mean=0.5, std=0.25))


def _network(name: str) -> Network:
    torch.manual_seed(1)
    network = Network(build_backbone(name), 2, dropout=0.5)
    # batch norms as after some training, so that folding them in has something to do
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(4, 1, 64, 64))
        network.classifier.weight.normal_(std=0.3)
    return network.eval()


def _answers(
    model: bytes, recipe: Recipe, contract: Contract, batch: NDArray[np.float32]
) -> RawOutputs:
    part = PartContent(path="model.onnx", role="model", content=model)
    bundle = Bundle(manifest=draft_manifest(recipe, contract), digest="", parts=(part,))
    return Session(bundle, threads=1).run(batch)


def _images(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 1, 64, 64), dtype=np.float32)


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
    recipe = replace(recipe, task=Task.BINARY, data=replace(recipe.data, labels=("opacity",)))
    network = Network(build_backbone("small-cnn"), 1, dropout=0.0)
    contract = contract_of(recipe, network)
    shown = list(phantoms(Clinic(seed=3, count=96, size_px=64, prevalence=0.5)))
    learn = LabelledPictures(
        pictures=np.stack([to_grey8(phantom) for phantom in shown]),
        labels=np.array([[phantom.finding] for phantom in shown], dtype=np.float32),
    )
    plan = replace(recipe.training, epochs=3)
    train(network, Material(learn=learn, val=learn), plan, contract=contract, seed=0)
    pixels = learn.pictures.astype(np.float32) / np.float32(255)
    images = np.stack([prepare(picture, contract) for picture in pixels])
    model = export_onnx(network, contract)

    int8 = quantize_onnx(model, contract, [images[:64]])

    full, small = (_answers(m, recipe, contract, images) for m in (model, int8))
    assert np.corrcoef(full.logits[:, 0], small.logits[:, 0])[0, 1] > 0.98
    assert np.abs(_probability(full.logits) - _probability(small.logits)).mean() < 0.05


def _probability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def test_the_same_network_gives_the_same_file(recipe: Recipe) -> None:
    network = _network("small-cnn")
    contract = contract_of(recipe, network)

    first, second = (
        quantize_onnx(export_onnx(network, contract), contract, [_images(4)]) for _ in range(2)
    )

    assert first == second
