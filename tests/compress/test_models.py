"""The models that edgefair carries: each one's promise against what is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, contract_to_json
from edgefair.bundle.shelf import find_bundle
from edgefair.compress.recipe_reader import parse_recipe
from edgefair.interop.tables import read_table
from edgefair.records import Decision
from edgefair.runtime.pipeline import load
from edgefair.runtime.session import Session

MODELS = Path(__file__).resolve().parents[2] / "models"
BUNDLES = sorted(MODELS.glob("*/*.efb"))
LARGEST_BYTES = {"chest-xray": 15_000_000, "phantom": 1_000_000}


@pytest.fixture(params=BUNDLES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def bundle(path: Path) -> Bundle:
    return read_bundle(path)


def test_the_graph_is_what_the_manifest_says(bundle: Bundle) -> None:
    graph = inspect_graph(bundle.content("model"))

    assert graph.metadata_value(CONTRACT_KEY) == contract_to_json(bundle.manifest.contract)
    assert {"QuantizeLinear", "DequantizeLinear"} < graph.operators
    Session(bundle, threads=1)


def test_a_bundle_is_named_for_its_contract_and_small_enough(path: Path, bundle: Bundle) -> None:
    contract = bundle.manifest.contract

    assert path.name == f"{contract.name}-{contract.version}.efb"
    assert path.stat().st_size < LARGEST_BYTES[contract.name]


def test_the_recipe_inside_is_the_one_beside_it(path: Path, bundle: Bundle) -> None:
    inside = bundle.content("recipe")

    recipe = parse_recipe(inside.decode())

    assert inside == (path.parent / "recipe.toml").read_bytes()
    assert recipe.findings == bundle.manifest.contract.findings
    assert recipe.accepts == bundle.manifest.accepts


def test_licences_travel_with_the_model(bundle: Bundle) -> None:
    texts = [part.content for part in bundle.parts if part.role == "licence"]

    assert any(b"Apache License" in text for text in texts)


def test_the_card_beside_the_bundle_is_the_one_inside_and_its_speed(
    path: Path, bundle: Bundle
) -> None:
    beside = (path.parent / "card.md").read_text(encoding="utf-8")

    assert beside.startswith(bundle.content("card").decode())


def test_groups_add_up_to_everybody(bundle: Bundle) -> None:
    cells = bundle.manifest.reference.cells

    everybody = next(cell for cell in cells if not cell.group.attributes)
    by_sex = [cell for cell in cells if [a.name for a in cell.group.attributes] == ["sex"]]

    assert sum(cell.confusion.n for cell in by_sex) == everybody.confusion.n
    assert everybody.auroc is not None


def test_the_changelog_tells_each_models_accuracy_and_size(path: Path, bundle: Bundle) -> None:
    changelog = (MODELS / "CHANGELOG.md").read_text(encoding="utf-8")

    everybody = next(c for c in bundle.manifest.reference.cells if not c.group.attributes)

    section = changelog.partition(f"## {bundle.manifest.label}\n")[2].partition("\n## ")[0]
    assert everybody.auroc is not None
    assert f"{everybody.auroc.estimate:.3f} [{everybody.auroc.lower:.3f}" in section
    assert f"{path.stat().st_size / 1e6:.2f} MB" in section


def test_the_model_does_on_the_test_split_what_its_card_says(shared_data: Path) -> None:
    path = find_bundle("chest-xray")
    table = read_table(shared_data / "nih1000" / "manifest.csv")
    columns = (table.column(name) for name in ("image", "pneumonia", "split"))
    test = [
        (image, label) for image, label, split in zip(*columns, strict=True) if split == "test"
    ]
    images = [shared_data / "nih1000" / "images" / image for image, _ in test]

    predictions = load(path).predict(images)

    truth = np.array([label == "1" for _, label in test])
    is_flagged = np.array([p.scores[0].decision is not Decision.NEGATIVE for p in predictions])
    cells = read_bundle(path).manifest.reference.cells
    everybody = next(cell.confusion for cell in cells if not cell.group.attributes)
    assert int((is_flagged & truth).sum()) == everybody.true_positives
    assert int((is_flagged & ~truth).sum()) == everybody.false_positives
