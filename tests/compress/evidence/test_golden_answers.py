"""Golden answers: drawn small, answered in every way, and added to bundles made without."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image as Pillow

from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.golden import GOLDEN_ROLE, IMAGE_ROLE, golden_of
from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, contract_to_json
from edgefair.bundle.shelf import find_bundle
from edgefair.compress.evidence.golden import golden_parts
from edgefair.compress.evidence.reissue import with_golden_answers
from edgefair.errors import EdgefairError
from edgefair.runtime.pipeline import Model
from edgefair.runtime.variants import every_way

BundleMaker = Callable[..., Path]


@pytest.fixture
def int8(make_bundle: BundleMaker, graph: onnx.ModelProto) -> Bundle:
    """Return the brightness model with an INT8 weight."""
    parts = graph.graph
    parts.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((1, 1, 1, 1), 100, np.int8), "weight")
    )
    scale = numpy_helper.from_array(np.array(0.01, np.float32), "scale")
    zero = numpy_helper.from_array(np.array(0, np.int8), "zero")
    parts.initializer.extend([scale, zero])
    parts.node[0].input[1] = "real_weight"
    node = helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], ["real_weight"])
    parts.node.insert(0, node)
    return read_bundle(make_bundle(model=graph.SerializeToString()))


def with_golden(bundle: Bundle) -> Bundle:
    parts = (*bundle.parts, *golden_parts(bundle.manifest, bundle.parts))
    return replace(bundle, parts=parts)


def test_the_images_are_small_grey_and_larger_than_the_input(int8: Bundle) -> None:
    bundle = with_golden(int8)
    images = [part.content for part in bundle.parts if part.role == IMAGE_ROLE]
    opened = [Pillow.open(io.BytesIO(png)) for png in images]
    sizes = {(image.size, image.mode) for image in opened}

    assert len(images) == 6
    assert sizes == {((64, 64), "L")}
    assert sum(map(len, images)) < 100_000


def test_the_same_bundle_gets_the_same_answers_to_the_byte(int8: Bundle) -> None:
    assert golden_parts(int8.manifest, int8.parts) == golden_parts(int8.manifest, int8.parts)


def test_every_way_to_run_the_model_has_its_answers_with_a_tolerance(int8: Bundle) -> None:
    bundle = with_golden(int8)
    golden = golden_of(bundle)
    assert golden is not None
    engines = [answers.engine for answers in golden.answers]

    assert engines == [way.engine for way in every_way(bundle)]
    assert engines == ["int8", "int8 x64quantprecision", "int8 in float"]
    assert all(answers.tolerance > 0 for answers in golden.answers)


def test_the_logits_are_those_of_a_prediction(int8: Bundle) -> None:
    bundle = with_golden(int8)
    golden = golden_of(bundle)
    assert golden is not None
    read = Model(bundle, threads=2).predict([bundle.at(path) for path in golden.images])
    told = tuple(tuple(score.logit for score in prediction.scores) for prediction in read)

    assert golden.answers[0].logits == told


def test_a_reissued_bundle_is_the_same_model_under_a_new_version(
    int8: Bundle, tmp_path: Path
) -> None:
    card = b"# brightness 1.2.3\n\nedgefair predict -m brightness-1.2.3.efb; SHA-256 %s.\n"
    recipe = b'name = "brightness"\nversion = "1.2.3"\n'
    digest = hashlib.sha256(recipe).hexdigest().encode()
    others = (
        PartContent(path="card.md", role="card", content=card % digest),
        PartContent(path="recipe.toml", role="recipe", content=recipe),
    )
    model = next(part for part in int8.parts if part.role == "model")
    old = write_bundle(tmp_path / "old.efb", int8.manifest, (model, *others))

    new = with_golden_answers(old, version="1.2.4", out=tmp_path / "new.efb")

    contract = new.manifest.contract
    told = new.content("card").decode()
    renewed = hashlib.sha256(new.content("recipe")).hexdigest()
    assert contract.version == "1.2.4"
    metadata = inspect_graph(new.content("model")).metadata_value(CONTRACT_KEY)
    assert metadata == contract_to_json(contract)
    assert new.content("recipe") == recipe.replace(b"1.2.3", b"1.2.4")
    assert told.startswith("# brightness 1.2.4\n\nedgefair predict -m brightness-1.2.4.efb")
    assert renewed in told
    assert "brightness 1.2.4 is brightness 1.2.3 with golden answers added" in told
    assert golden_of(new) is not None
    image = np.full((20, 20), 90, np.uint8)
    image[3] = 200
    before, after = (Model(b, threads=1).predict(image)[0].scores for b in (old, new))
    assert before == after


def test_a_reissued_bundle_needs_another_version(int8: Bundle, tmp_path: Path) -> None:
    with pytest.raises(EdgefairError, match="needs another version"):
        with_golden_answers(int8, version="1.2.3", out=tmp_path / "new.efb")


def test_the_bill_of_materials_of_a_carried_bundle_lists_every_part() -> None:
    bundle = read_bundle(find_bundle("chest-xray"))
    bom = json.loads(bundle.content("ml_bom"))
    listed = {
        each["name"]: each["hashes"][0]["content"]
        for each in bom["components"]
        if each["bom-ref"].startswith("part:")
    }

    assert listed == {
        part.path: part.sha256 for part in bundle.manifest.parts if part.role != "ml_bom"
    }
    assert bom["metadata"]["component"]["version"] == bundle.manifest.contract.version
    assert GOLDEN_ROLE in {part.role for part in bundle.parts}
