"""A recipe from end to end: every kind of task gives a bundle that a clinic can load."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.embedding_reference import embedding_reference_of
from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, contract_to_json
from edgefair.bundle.plan import plan_from_json
from edgefair.clinic.doctor.checks import Result
from edgefair.clinic.doctor.model import check_answers
from edgefair.compress.gate.records import gate_from_json
from edgefair.compress.run import run_recipe
from edgefair.errors import EdgefairError, GateFailed, InputError
from edgefair.records import Status, VerdictKind
from edgefair.runtime.pipeline import Model, load

MULTI_LABEL = """
labels = ["top", "bottom"]
groups = ["sex", "age:0,18,60", "sex+age:0,60"]
split_column = "split"

[evaluation]
shortcuts = ["sex"]
subsets = ["sex=F"]
"""

MULTI_CLASS = """
labels = ["place"]
classes = ["top", "bottom", "none"]
split_column = "split"
"""

PHANTOMS = """
labels = ["opacity"]
groups = ["sex", "view"]
split_column = "split"

[data.phantom]
seed = 1
count = 90
size_px = 64
prevalence = 0.5
"""


@pytest.fixture(scope="module")
def squares_folder(
    tmp_path_factory: pytest.TempPathFactory, write_squares: Callable[..., None]
) -> Path:
    folder = tmp_path_factory.mktemp("squares")
    write_squares(folder, count=144)
    return folder


@pytest.fixture(scope="module")
def multi_label(
    squares_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    write_recipe: Callable[..., Path],
) -> Path:
    """Return the folder of a bundle and its card, made from two findings with gaps."""
    out = tmp_path_factory.mktemp("multi-label")
    recipe = write_recipe(out, task="multi_label", data=MULTI_LABEL, epochs=8)
    run_recipe(recipe, out, data=squares_folder, weights=out)
    return out


def _carries_its_contract(bundle: Bundle) -> bool:
    graph = inspect_graph(bundle.content("model"))
    return graph.metadata_value(CONTRACT_KEY) == contract_to_json(bundle.manifest.contract)


def test_two_findings_with_gaps_become_a_model_that_sees_both(
    multi_label: Path, squares_folder: Path
) -> None:
    model = load(multi_label / "tiny-0.1.0.efb", threads=1, allow_unsigned=True)

    predictions = model.predict(sorted((squares_folder / "images").iterdir()))

    assert {prediction.status for prediction in predictions} == {Status.OK}
    top, bottom = np.array([[s.probability for s in p.scores] for p in predictions]).T
    number = np.arange(len(predictions))
    assert np.corrcoef(top, number % 2)[0, 1] > 0.8
    assert np.corrcoef(bottom, number // 2 % 2)[0, 1] > 0.8


def test_a_bundle_carries_model_card_recipe_and_reference(multi_label: Path) -> None:
    bundle = read_bundle(multi_label / "tiny-0.1.0.efb")

    roles = [part.role for part in bundle.manifest.parts]
    evidence = ["card", "facts", "datasheet", "ml_bom"]
    measured = ["plan", "embedding_reference"]
    assert roles == ["model", *evidence, "recipe", *measured, "golden", *["golden_image"] * 6]
    reference = embedding_reference_of(bundle)
    assert reference is not None
    assert reference.looks[0].n > 30
    assert plan_from_json(bundle.content("plan")).model == bundle.manifest.label
    assert {variant.cpu for variant in bundle.manifest.variants} == {"exact", "saturating"}
    assert bundle.content("recipe") == (multi_label / "recipe.toml").read_bytes()
    assert _carries_its_contract(bundle)
    cells = bundle.manifest.reference.cells
    assert {str(c.group) for c in cells} >= {"everybody", "sex F", "age 60+", "sex F, age 60+"}
    assert {cell.finding for cell in cells} == {"top", "bottom"}
    assert [point.name for point in bundle.manifest.operating_points_of("top")] == [
        "balanced",
        "screening",
    ]


def test_a_bundle_from_a_recipe_answers_its_own_golden_images(multi_label: Path) -> None:
    bundle = read_bundle(multi_label / "tiny-0.1.0.efb")
    model = Model(bundle, threads=1)

    check = check_answers(bundle, model)

    assert check.result is Result.OK, check.sentence
    assert "to the last bit" in check.sentence


def test_the_card_beside_the_bundle_adds_only_the_speed(multi_label: Path) -> None:
    inside = read_bundle(multi_label / "tiny-0.1.0.efb").content("card").decode()

    beside = (multi_label / "card.md").read_text(encoding="utf-8")

    assert beside.startswith(inside)
    assert "ms an image" in beside.removeprefix(inside)
    assert "Not a medical device" in inside
    assert "edgefair compress run recipe.toml" in inside
    assert "| sex=F | top |" in inside


def test_the_card_reports_what_the_reference_counts(multi_label: Path) -> None:
    bundle = read_bundle(multi_label / "tiny-0.1.0.efb")
    card = bundle.content("card").decode()

    everybody = next(c for c in bundle.manifest.reference.cells if str(c.group) == "everybody")

    assert everybody.auroc is not None
    row = next(line for line in card.splitlines() if line.startswith("| top | everybody |"))
    counts = everybody.confusion
    assert f"| {counts.positives} / {counts.negatives} |" in row
    assert f"{everybody.auroc.estimate:.3f} [{everybody.auroc.lower:.3f}" in row
    assert f"| {counts.true_positives / counts.positives:.3f} [" in row


def test_classes_become_probabilities_that_add_up_to_one(
    squares_folder: Path, tmp_path: Path, write_recipe: Callable[..., Path]
) -> None:
    recipe = write_recipe(tmp_path, task="multi_class", data=MULTI_CLASS, epochs=2)

    path = run_recipe(recipe, tmp_path / "out", data=squares_folder, weights=tmp_path)

    predictions = load(path, threads=1, allow_unsigned=True).predict(
        squares_folder / "images" / "001.png"
    )
    scores = predictions[0].scores
    assert [score.finding for score in scores] == ["top", "bottom", "none"]
    assert sum(score.probability for score in scores) == pytest.approx(1)
    calibration = read_bundle(path).manifest.calibration
    assert {fit.method for fit in calibration} == {"temperature"}


def test_the_same_recipe_gives_the_same_bundle_to_the_last_bit(
    tmp_path: Path, write_recipe: Callable[..., Path]
) -> None:
    recipe = write_recipe(tmp_path, task="binary", data=PHANTOMS)
    recipe.write_text(recipe.read_text().replace('folder = "."', ""))

    first, second = (
        run_recipe(recipe, tmp_path / name, data=None, weights=tmp_path) for name in "ab"
    )

    assert first.read_bytes() == second.read_bytes()
    assert _carries_its_contract(read_bundle(first))


def test_one_group_only_and_a_group_of_one_case_are_rows_of_their_own(squares: Path) -> None:
    manifest = squares.parent / "manifest.csv"
    header, *rows = manifest.read_text(encoding="utf-8").splitlines()
    in_test = next(place for place, row in enumerate(rows) if ",test," in row)
    one_sex = [row.replace(",M,", ",F,") for row in rows]
    one_sex[in_test] = one_sex[in_test].replace(",F,", ",O,")
    manifest.write_text("\n".join([header, *one_sex, ""]), encoding="utf-8")
    squares.write_text(squares.read_text() + "\n[gate]\nmargin = 0.9\n")

    with pytest.raises(GateFailed, match="cannot say"):
        run_recipe(squares, squares.parent, data=None, weights=squares.parent)
    path = run_recipe(
        squares,
        squares.parent,
        data=None,
        weights=squares.parent,
        acceptance="The test: nobody relies on squares",
    )

    gate = gate_from_json(read_bundle(path).content("gate"))
    assert {"sex F", "sex O"} <= {str(cell.group) for cell in gate.cells}
    alone = [cell for cell in gate.cells if str(cell.group) == "sex O"]
    assert {cell.verdict for cell in alone} == {VerdictKind.NOT_ENOUGH_DATA}
    assert gate.accepted is not None
    assert gate.accepted.by == "The test"


def test_a_missing_licence_text_is_said_before_anything_is_done(squares: Path) -> None:
    text = squares.read_text()
    squares.write_text(
        text.replace('citation = "None"', 'citation = "None"\nlicences = ["no.txt"]')
    )

    with pytest.raises(InputError, match=r"licence text .*no\.txt cannot be read"):
        run_recipe(squares, squares.parent / "out", data=None, weights=squares.parent)

    assert not (squares.parent / "out").exists()


def test_an_image_that_cannot_be_read_stops_the_run(squares: Path) -> None:
    image = squares.parent / "images" / "005.png"
    image.write_bytes(image.read_bytes()[:200])

    with pytest.raises(InputError, match=r"005\.png"):
        run_recipe(squares, squares.parent / "out", data=None, weights=squares.parent)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_done(squares: Path) -> None:
    with pytest.raises(EdgefairError, match=r"manifest\.csv cannot be written: File exists"):
        run_recipe(squares, squares.parent / "manifest.csv", data=None, weights=squares.parent)


def test_weights_of_another_network_are_refused(squares: Path) -> None:
    content = io.BytesIO()
    torch.save({"layer.weight": torch.ones(1)}, content)
    weights = squares.parent / "other.pth"
    weights.write_bytes(content.getvalue())
    source = {
        "package": "other",
        "version": "1.0",
        "file": "other.pth",
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
        "licence": "Apache-2.0",
    }
    lines = [f'{key} = "{value}"' for key, value in source.items()]
    table = "\n".join(["[backbone.weights]", *lines, "", "[training]"])
    squares.write_text(squares.read_text().replace("[training]", table))

    with pytest.raises(InputError, match=r"weights in other\.pth do not fit small-cnn"):
        run_recipe(squares, squares.parent / "out", data=None, weights=squares.parent)


def test_progress_tells_every_stage(squares: Path) -> None:
    stages: dict[str, tuple[int, int]] = {}

    run_recipe(
        squares,
        squares.parent / "out",
        data=None,
        weights=squares.parent,
        progress=lambda stage, done, total: stages.__setitem__(stage, (done, total)),
    )

    assert list(stages) == [
        "reading train images",
        "reading val images",
        "training",
        "quantising",
        "answering val",
        "answering test",
        "describing images",
    ]
    assert all(done == total for done, total in stages.values())
