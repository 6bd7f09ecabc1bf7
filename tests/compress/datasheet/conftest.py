"""Small data sets, whose pictures differ as radiographs do: in their details."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgefair.compress.datasheet import Brief
from edgefair.compress.recipe import DataSource

Row: TypeAlias = dict[str, object]
PictureDrawer: TypeAlias = Callable[[int], NDArray[np.uint8]]
ClinicWriter: TypeAlias = Callable[..., Brief]


def picture(seed: int, *, side_px: int = 96) -> NDArray[np.uint8]:
    """Return a chest-like picture: the same two dark fields, and details of its own."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side_px, 0:side_px] / side_px
    lungs = sum(
        np.exp(-(((columns - x) / 0.13) ** 2) - ((rows - 0.5) / 0.3) ** 2) for x in (0.3, 0.7)
    )
    pixels = 170 - 90 * lungs
    for sigma, strength in ((2.0, 60.0), (5.0, 120.0)):
        pixels = pixels + strength * cv2.GaussianBlur(
            rng.normal(0, 1, (side_px,) * 2), (0, 0), sigma
        )
    return np.asarray(np.clip(pixels, 0, 255), dtype=np.uint8)


@pytest.fixture(scope="session")
def draw() -> PictureDrawer:
    return picture


@pytest.fixture
def clinic_rows() -> list[Row]:
    """Return the rows of a sound data set: 60 patients with two images each."""
    return [
        {
            "image": f"{number:03}.png",
            "patient_id": f"P{number // 2:03}",
            "sex": "FM"[number // 2 % 2],
            "age": 20 + number // 2,
            "split": ("train", "train", "val", "test")[number // 8 % 4],
            "label": number // 4 % 2,
        }
        for number in range(120)
    ]


@pytest.fixture
def write_data(tmp_path: Path) -> ClinicWriter:
    """Return what writes rows and their pictures into the folder, and returns the brief."""

    def write(rows: Sequence[Row], *, groups: tuple[str, ...] = ("sex", "age:0,40,60")) -> Brief:
        images = tmp_path / "images"
        images.mkdir(exist_ok=True)
        for number, row in enumerate(rows):
            path = images / str(row["image"])
            if row["image"] and not path.exists():
                Image.fromarray(picture(number)).save(path)
        with (tmp_path / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        data = DataSource(folder=".", labels=("label",), groups=groups, split_column="split")
        return Brief(name="clinic", data=data)

    return write
