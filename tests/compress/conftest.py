"""Small data sets and the recipes that go with them."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# before any test module imports torch: see edgefair/compress/__init__.py
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

RECIPE = """
name = "tiny"
version = "0.1.0"
task = "{task}"
seed = 3
intended_use = "Tests."

[accepts]
modalities = []
body_parts = []
min_side_px = 32

[input]
side_px = 32
mean = 0.5
std = 0.25

[data]
folder = "."
{data}

[backbone]
name = "small-cnn"

[training]
epochs = {epochs}
patience = 4
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

[[operating_points]]
name = "screening"
aim = "sensitivity"
at_least = 0.9

[about]
title = "Squares"
source = "Drawn by the test"
licence = "Apache-2.0"
citation = "None"
"""

BINARY = """
labels = ["top"]
groups = ["sex", "age:0,18,60"]
split_column = "split"
"""


@pytest.fixture(scope="session")
def write_recipe() -> Callable[..., Path]:
    """Return what writes a recipe for a tiny network into a folder, and returns its path."""

    def write(folder: Path, *, task: str, data: str, epochs: int = 1) -> Path:
        path = folder / "recipe.toml"
        path.write_text(RECIPE.format(task=task, data=data, epochs=epochs), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def write_squares() -> Callable[..., None]:
    """Return what draws noisy images with a bright square at the top, the bottom, or neither.

    Columns: image, patient_id, sex, age, split, top, bottom (0, 1, some empty), place (top,
    bottom or none of them).
    """

    def write(folder: Path, *, count: int = 96) -> None:
        rng = np.random.default_rng(5)
        (folder / "images").mkdir()
        rows: list[Sequence[object]] = []
        for number in range(count):
            top, bottom = number % 2, number // 2 % 2
            pixels = rng.normal(90, 20, (40, 40))
            pixels[4:16, 8:32] += 90 * top
            pixels[24:36, 8:32] += 90 * bottom
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / "images" / f"{number:03}.png")
            place = {(1, 0): "top", (0, 1): "bottom", (0, 0): "none"}.get((top, bottom), "")
            split = ("train", "train", "val", "test")[number // 4 % 4]
            sex = "FM"[number // 3 % 2]
            known_bottom = "" if number % 12 == 7 else bottom
            cells = (f"{number:03}.png", f"P{number}", sex, 20 + number % 60, split, top)
            rows.append((*cells, known_bottom, place))
        with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            header = ("image", "patient_id", "sex", "age", "split", "top", "bottom", "place")
            csv.writer(file).writerows([header, *rows])

    return write


@pytest.fixture
def squares(
    tmp_path: Path, write_squares: Callable[..., None], write_recipe: Callable[..., Path]
) -> Path:
    """Return the path of a binary recipe with its data beside it."""
    write_squares(tmp_path)
    return write_recipe(tmp_path, task="binary", data=BINARY)
