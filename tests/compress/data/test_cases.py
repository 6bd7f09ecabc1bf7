"""Manifests: what is read from them, and every fault in one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgefair.compress.data.cases import read_cases
from edgefair.compress.recipe_reader import read_recipe
from edgefair.errors import BadTable


def _edit(manifest: Path, old: str, new: str, *, times: int = 1) -> None:
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new, times), encoding="utf-8")


def test_cases_are_read_with_labels_splits_and_groups(squares: Path) -> None:
    cases = read_cases(read_recipe(squares), squares.parent)
    by_sex, by_age = cases.grouped(("sex", "age:0,18,60"))

    assert len(cases) == 96
    assert cases.labels[:4, 0].tolist() == [0, 1, 0, 1]
    assert {split: len(cases.of(split)) for split in ("train", "val", "test")} == {
        "train": 48,
        "val": 24,
        "test": 24,
    }
    assert [str(group) for group in by_sex.groups] == ["sex F", "sex M"]
    assert [str(group) for group in by_age.groups][-1] == "age 60+"
    assert cases.where("sex=F").sum() == (by_sex.codes == 0).sum()


def test_an_empty_label_is_unknown(tmp_path: Path, squares: Path) -> None:
    text = squares.read_text().replace('labels = ["top"]', 'labels = ["top", "bottom"]')
    squares.write_text(text.replace('"binary"', '"multi_label"'))

    cases = read_cases(read_recipe(squares), tmp_path)

    assert np.isnan(cases.labels[7, 1])
    assert np.isnan(cases.labels).sum() == 8


@pytest.mark.parametrize("labels", ['["place"]', '["p", "q", "r"]'])
def test_classes_come_from_one_column_of_names_or_from_several_of_numbers(
    squares: Path, labels: str
) -> None:
    columns = {"top": "1,0,0", "bottom": "0,1,0", "none": "0,0,1", "": ",,"}
    manifest = squares.parent / "manifest.csv"
    lines = manifest.read_text().splitlines()
    widened = [lines[0] + ",p,q,r"]
    widened += [f"{line},{columns[line.rpartition(',')[2]]}" for line in lines[1:]]
    manifest.write_text("\n".join(widened) + "\n")
    classes = 'classes = ["top", "bottom", "none"]' if "place" in labels else ""
    text = squares.read_text().replace('["top"]', f"{labels}\n{classes}")
    squares.write_text(text.replace('"binary"', '"multi_class"'))

    cases = read_cases(read_recipe(squares), squares.parent)

    assert cases.labels[:3].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert np.isnan(cases.labels[3]).all()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        pytest.param("000.png,", "999.png,", "1 of the manifest's 96 images", id="no file"),
        pytest.param("001.png,", "000.png,", "lists 000.png 2 times", id="twice"),
        pytest.param("patient_id", "patient", "no column 'patient_id'", id="no column"),
        pytest.param("top,bottom", "up,bottom", "no column 'top'", id="no label column"),
        pytest.param("sex,", "gender,", "no column 'sex'", id="no group column"),
        pytest.param("train,0", "train,2", "label column top holds '2'", id="label"),
        pytest.param("train,", "training,", "split column split holds 'training'", id="split"),
        pytest.param("P4,", "P8,", "Patient P8 is in both", id="patient"),
        pytest.param("P4,", ",", "Row 5 of the manifest has no patient_id", id="no patient"),
    ],
)
def test_a_fault_in_the_manifest_is_one_sentence(
    squares: Path, old: str, new: str, sentence: str
) -> None:
    _edit(squares.parent / "manifest.csv", old, new)

    with pytest.raises(BadTable, match=sentence):
        read_cases(read_recipe(squares), squares.parent)


def test_a_split_without_positives_is_refused(squares: Path) -> None:
    _edit(squares.parent / "manifest.csv", "val,1", "val,0", times=96)

    with pytest.raises(BadTable, match="The val split has no positives of top"):
        read_cases(read_recipe(squares), squares.parent)


def test_a_manifest_without_rows_is_refused(squares: Path) -> None:
    manifest = squares.parent / "manifest.csv"
    manifest.write_text(manifest.read_text().splitlines()[0] + "\n")

    with pytest.raises(BadTable, match="has no rows"):
        read_cases(read_recipe(squares), squares.parent)


def test_a_missing_manifest_is_said(squares: Path) -> None:
    with pytest.raises(BadTable, match=r"nowhere.*cannot be opened"):
        read_cases(read_recipe(squares), squares.parent / "nowhere")


def test_a_row_with_two_classes_is_refused(
    tmp_path: Path, write_squares: Callable[..., None], write_recipe: Callable[..., Path]
) -> None:
    write_squares(tmp_path)
    data = 'labels = ["top", "bottom"]\nsplit_column = "split"'
    recipe = read_recipe(write_recipe(tmp_path, task="multi_class", data=data))

    with pytest.raises(BadTable, match="does not have exactly one class"):
        read_cases(recipe, tmp_path)


def test_a_split_is_dealt_where_the_manifest_has_none(squares: Path) -> None:
    text = squares.read_text().replace('split_column = "split"', "")
    squares.write_text(
        text.replace("[backbone]", "[data.split_fractions]\nval = 0.25\ntest = 0.25\n[backbone]")
    )

    cases = read_cases(read_recipe(squares), squares.parent)

    assert {split: len(cases.of(split)) for split in ("train", "val", "test")} == {
        "train": 48,
        "val": 24,
        "test": 24,
    }
