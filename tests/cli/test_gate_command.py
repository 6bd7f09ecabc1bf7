"""The gate as a command: any two versions of a model, its exit code, and what it leaves."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.cli.main import main

RECIPE = re.sub(
    r"\n +",
    "\n",
    """
    name = "tiny"
    version = "0.1.0"
    task = "binary"
    seed = 3
    intended_use = "Tests."
    [accepts]
    modalities = []
    body_parts = []
    min_side_px = 8
    [input]
    side_px = 32
    mean = 0.5
    std = 0.25
    [data]
    folder = "."
    labels = ["bright"]
    groups = ["sex"]
    split_column = "split"
    [gate]
    margin = 0.1
    [backbone]
    name = "small-cnn"
    [training]
    epochs = 1
    patience = 1
    batch = 16
    learning_rate = 1e-2
    head_learning_rate = 1e-2
    weight_decay = 0.0
    dropout = 0.0
    augmentation = 0.1
    [quantization]
    images = 32
    [[operating_points]]
    name = "balanced"
    aim = "youden"
    [about]
    title = "Squares"
    source = "Drawn by the test"
    licence = "Apache-2.0"
    citation = "None"
    """,
)
COUNT = 400


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return a recipe with its data: half of the images bright, half of the people women."""
    (tmp_path / "images").mkdir()
    splits = ["train"] * 4 + ["val"] * 4 + ["test"] * COUNT
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "patient_id", "sex", "split", "bright"))
        for number, split in enumerate(splits):
            is_bright = number % 2
            pixels = np.full((8, 8), 60 + 130 * is_bright, dtype=np.uint8)
            pixels[0] = 100
            Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
            sex = "FM"[number // 2 % 2]
            writer.writerow((f"{number}.png", f"P{number}", sex, split, is_bright))
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def scores(folder: Path, name: str, *, misses_women: bool = False, count: int = COUNT) -> str:
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "frame", "finding", "decision", "probability", "model"))
        for number in range(8, 8 + count):
            is_woman = "FM"[number // 2 % 2] == "F"
            is_found = number % 2 == 1 and not (misses_women and is_woman)
            decision = "positive" if is_found else "negative"
            row = (f"images/{number}.png", 0, "bright", decision, 0.9 if is_found else 0.2, name)
            writer.writerow(row)
    return str(path)


def _exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(("compress", "gate", *arguments))
    code = left.value.code
    assert isinstance(code, int)
    return code


def test_a_version_that_misses_women_leaves_with_7_and_says_so(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = scores(recipe.parent, "old")
    new = scores(recipe.parent, "new", misses_women=True)
    told = recipe.parent / "gate.json"

    code = _exit_code(old, new, "--recipe", str(recipe), "--json", str(told))

    said = capsys.readouterr()
    assert code == 7
    assert "In sex F, new misses 100 of 100 cases with bright, old 0" in said.err
    assert said.out.startswith("The gate failed.")
    assert json.loads(told.read_bytes())["passed"] is False
    assert len(json.loads(told.read_bytes())["flips"]) == 100


def test_a_version_that_decides_alike_passes(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = scores(recipe.parent, "old"), scores(recipe.parent, "new")

    code = _exit_code(old, new, "--recipe", str(recipe))

    assert code == 0
    assert "shown for 3 of 3 groups" in capsys.readouterr().out


def test_open_conditions_leave_with_7_until_somebody_answers_for_them(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = scores(recipe.parent, "old"), scores(recipe.parent, "new")
    asked = (old, new, "--recipe", str(recipe), "--margin", "0.02")

    assert _exit_code(*asked) == 7
    assert "NAME: REASON" in capsys.readouterr().err
    assert _exit_code(*asked, "--accept-conditions", "A. Okafor: more labels are coming") == 0
    assert "accepted by A. Okafor: more labels are coming" in capsys.readouterr().out
    assert _exit_code(*asked, "--accept-conditions", "A. Okafor: fine") == 3


def test_bundles_are_run_on_the_images(
    recipe: Path, make_bundle: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(make_bundle())

    code = _exit_code(bundle, bundle, "--recipe", str(recipe))

    said = capsys.readouterr().out
    assert code == 0
    assert "From brightness 1.2.3 (before) to brightness 1.2.3 (after)" in said


def test_scores_that_lack_an_image_are_refused(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = scores(recipe.parent, "old"), scores(recipe.parent, "new", count=COUNT - 2)

    assert _exit_code(old, new, "--recipe", str(recipe)) == 3
    assert "lacks 2 of the 400 test images, e.g. 406.png" in capsys.readouterr().err


def test_a_recipe_without_a_gate_needs_a_margin(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(RECIPE.replace("[gate]\nmargin = 0.1\n", ""), encoding="utf-8")
    old, new = scores(recipe.parent, "old"), scores(recipe.parent, "new")

    assert _exit_code(old, new, "--recipe", str(recipe)) == 3
    assert "--margin 0.1" in capsys.readouterr().err
    assert _exit_code(old, new, "--recipe", str(recipe), "--margin", "0.1") == 0
