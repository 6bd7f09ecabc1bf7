"""A finding added to a finished bundle: what is new, and that nothing old has moved."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.manifest import FindingName, Task
from edgefair.bundle.shelf import find_bundle
from edgefair.cli.main import main
from edgefair.compress.concepts.add import Plan, check_addable
from edgefair.compress.concepts.graph import append_rows
from edgefair.compress.recipe import Aim
from edgefair.compress.run import run_recipe
from edgefair.errors import ContractMismatch, InputError
from edgefair.runtime.pipeline import load

TEACHER = """
[teacher]
kind = "onnx"
path = "teacher.onnx"
input = { side_px = 32, mean = [0.5], std = [0.25] }
licence = "CC0-1.0"
"""
DATA = 'labels = ["top"]\ngroups = ["sex"]\nsplit_column = "split"'
GRID = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Squares:
    """A bundle for squares at the top, and what adding those at the bottom takes."""

    folder: Path
    recipe: Path
    old: Path
    concepts: Path


@pytest.fixture(scope="module")
def squares(
    tmp_path_factory: pytest.TempPathFactory,
    write_squares: Callable[..., None],
    write_recipe: Callable[..., Path],
) -> Squares:
    folder = tmp_path_factory.mktemp("squares")
    write_squares(folder, count=240)
    recipe = write_recipe(folder, task="binary", data=DATA, epochs=12)
    old = run_recipe(recipe, folder / "old", data=None, weights=folder)
    recipe.write_text(recipe.read_text(encoding="utf-8") + TEACHER, encoding="utf-8")
    mix = np.linalg.qr(np.random.default_rng(4).standard_normal((24, GRID**2)))[0].T
    (folder / "teacher.onnx").write_bytes(_teacher(mix.astype(np.float32)))
    at_bottom = np.array([[-1] * 4, [-1] * 4, [1] * 4, [1] * 4]).clip(0, 1).reshape(-1) - 0.25
    concept = {
        "names": {"en": "Bottom", "fr": "En bas"},
        "vector": (at_bottom @ mix).tolist(),
    }
    concepts = folder / "concepts.json"
    concepts.write_text(json.dumps({"concepts": [concept]}), encoding="utf-8")
    return Squares(folder=folder, recipe=recipe, old=old, concepts=concepts)


def _teacher(mix: NDArray[np.float32]) -> bytes:
    """Return a teacher whose embedding is a mix of the brightness of sixteen places."""
    kernel = [32 // GRID] * 2
    nodes = [
        helper.make_node("AveragePool", ["image"], ["p"], kernel_shape=kernel, strides=kernel),
        helper.make_node("Flatten", ["p"], ["places"]),
        helper.make_node("MatMul", ["places", "mix"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", mix.shape[1]])],
        initializer=[numpy_helper.from_array(mix, "mix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


def _run(squares: Squares, out: Path, *more: str) -> int:
    arguments = ["compress", "concept", str(squares.old), str(squares.concepts)]
    arguments += ["--recipe", str(squares.recipe), "-o", str(out), *more]
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def new(squares: Squares) -> Path:
    out = squares.folder / "tiny-0.2.0.efb"
    assert _run(squares, out) == 0
    return out


def _test_images(squares: Squares) -> tuple[list[Path], NDArray[np.bool_]]:
    with (squares.folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "test" and r["bottom"]]
    images = [squares.folder / "images" / row["image"] for row in rows]
    return images, np.array([row["bottom"] == "1" for row in rows])


def _auroc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    above = scores[truth][:, np.newaxis] - scores[~truth]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def test_a_planted_concept_is_found_without_training(squares: Squares, new: Path) -> None:
    images, truth = _test_images(squares)

    predictions = load(new, threads=1, allow_unsigned=True).predict(images)

    assert [s.finding for s in predictions[0].scores] == ["top", "bottom"]
    probabilities = np.array([p.scores[1].probability for p in predictions])
    assert _auroc(truth, probabilities) > 0.9


def test_old_findings_answer_to_the_bit_as_before(squares: Squares, new: Path) -> None:
    images, _ = _test_images(squares)

    before, after = (
        load(path, threads=1, allow_unsigned=True).predict(images) for path in (squares.old, new)
    )

    assert [p.scores[0] for p in before] == [p.scores[0] for p in after]
    for old, later in zip(before, after, strict=True):
        assert old.embedding is not None
        assert old.heat_map is not None
        assert later.embedding is not None
        assert later.heat_map is not None
        assert np.array_equal(old.embedding, later.embedding)
        assert np.array_equal(old.heat_map[0], later.heat_map[0])
        assert later.heat_map.shape[0] == 2


def test_the_bundle_grows_by_a_few_kilobytes(squares: Squares, new: Path) -> None:
    assert new.stat().st_size - squares.old.stat().st_size < 16_000


def test_everything_a_bundle_promises_is_there_for_the_new_finding(
    squares: Squares, new: Path
) -> None:
    old, later = read_bundle(squares.old).manifest, read_bundle(new).manifest

    assert later.contract.version == "0.2.0"
    assert later.contract.task is Task.MULTI_LABEL
    assert later.calibration[:1] == old.calibration
    assert later.operating_points[:2] == old.operating_points
    assert [p.name for p in later.operating_points_of("bottom")] == ["balanced", "screening"]
    assert "labelled images; no refer band" in later.operating_points[2].chosen_on
    assert later.reference.cells[: len(old.reference.cells)] == old.reference.cells
    added = [cell for cell in later.reference.cells if cell.finding == "bottom"]
    assert len(added) == 3
    assert added[0].auroc is not None
    assert later.finding_names == (
        FindingName(finding="bottom", language="en", name="Bottom"),
        FindingName(finding="bottom", language="fr", name="En bas"),
    )


def test_the_card_says_how_the_finding_came(new: Path) -> None:
    card = read_bundle(new).content("card").decode()

    assert card.startswith("# tiny 0.2.0\n")
    assert "## Added without training: bottom" in card
    assert "tiny 0.2.0 is tiny 0.1.0 with these findings added" in card
    assert "Bottom (en), En bas (fr)" in card


def test_the_same_inputs_give_the_same_bundle(squares: Squares, new: Path) -> None:
    again = squares.folder / "again.efb"

    _run(squares, again, "--embeddings", str(squares.folder / "kept"))

    assert again.read_bytes() == new.read_bytes()
    assert list((squares.folder / "kept").iterdir())


def test_without_labels_no_threshold_is_chosen(
    squares: Squares, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = squares.concepts.read_text(encoding="utf-8")
    unnamed = replace(squares, concepts=tmp_path / "concepts.json")
    unnamed.concepts.write_text(text.replace("Bottom", "Left"), encoding="utf-8")

    code = _run(unnamed, tmp_path / "new.efb")

    assert code == 3
    assert "no column 'left'" in capsys.readouterr().err
    assert not (tmp_path / "new.efb").exists()


def test_a_handful_of_labels_is_not_enough(
    squares: Squares, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (squares.folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if row["split"] == "val" and row["bottom"] == "1"][:3]
    for row in rows:
        row["bottom"] = row["bottom"] if row in kept or row["bottom"] == "0" else ""
    with (tmp_path / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "images").symlink_to(squares.folder / "images")

    code = _run(squares, tmp_path / "new.efb", "--data", str(tmp_path))

    assert code == 6
    assert "3 labelled cases with bottom" in capsys.readouterr().err


def test_a_concept_that_means_the_opposite_is_refused(
    squares: Squares, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = json.loads(squares.concepts.read_text(encoding="utf-8"))
    tree["concepts"][0]["vector"] = [-value for value in tree["concepts"][0]["vector"]]
    opposite = replace(squares, concepts=tmp_path / "concepts.json")
    opposite.concepts.write_text(json.dumps(tree), encoding="utf-8")

    code = _run(opposite, tmp_path / "new.efb")

    assert code == 3
    assert "does not fit its labels" in capsys.readouterr().err


def test_classes_that_exclude_one_another_take_no_finding(squares: Squares) -> None:
    bundle = read_bundle(squares.old)
    contract = replace(bundle.manifest.contract, task=Task.MULTI_CLASS)
    classes = Bundle(
        manifest=replace(bundle.manifest, contract=contract), digest="", parts=bundle.parts
    )
    plan = Plan(version="0.2.0", aims=(), groups=())

    with pytest.raises(InputError, match="exclude one another"):
        check_addable(classes, ("bottom",), plan)


def test_operating_points_of_other_names_are_refused(squares: Squares) -> None:
    plan = Plan(version="0.2.0", aims=(Aim(name="strict", aim="youden"),), groups=())

    with pytest.raises(
        InputError, match="operating points balanced, screening, the recipe strict"
    ):
        check_addable(read_bundle(squares.old), ("bottom",), plan)


def test_a_row_of_1280_weights_costs_less_than_16_kilobytes() -> None:
    bundle = read_bundle(find_bundle("chest-xray"))
    model, contract = bundle.content("model"), bundle.manifest.contract
    longer = replace(contract, task=Task.MULTI_LABEL, findings=(*contract.findings, "effusion"))

    grown = append_rows(model, longer, np.ones((1, 1280), np.float32), np.zeros(1, np.float32))

    assert len(grown) - len(model) < 16_000
    initial = {t.name: t for t in onnx.load_from_string(grown).graph.initializer}
    assert any(tuple(tensor.dims) == (2, 1280, 1, 1) for tensor in initial.values())


def test_a_model_whose_classifier_is_no_convolution_is_refused(graph: onnx.ModelProto) -> None:
    contract = read_bundle(find_bundle("phantom")).manifest.contract
    del graph.graph.node[0]

    with pytest.raises(ContractMismatch, match="no classifier in full precision"):
        append_rows(
            graph.SerializeToString(),
            contract,
            np.ones((1, 1), np.float32),
            np.zeros(1, np.float32),
        )
