"""Curation: what the fixed manifest promises, and that nothing is changed in silence."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgefair.compress.data.cases import read_cases
from edgefair.compress.datasheet import Brief, Curation, curate, examine
from edgefair.compress.recipe_reader import read_recipe
from edgefair.errors import NotEnoughData

Row = dict[str, object]
Writer = Callable[..., Brief]
DATA = 'labels = ["label"]\nmanifest = "curated.csv"\ngroups = ["sex", "age:0,40,60"]\n'


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _splits_of_patients(rows: list[dict[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["patient_id"]].add(row["split"])
    return found


@pytest.fixture
def faulty(
    clinic_rows: list[Row],
    write_data: Writer,
    draw: Callable[[int], NDArray[np.uint8]],
    tmp_path: Path,
) -> Brief:
    """Return the brief of data with each fault that a curation can mend."""
    clinic_rows[0]["split"] = "test"
    clinic_rows[9]["label"] = "perhaps"
    clinic_rows[13]["patient_id"] = ""
    brief = write_data(clinic_rows)
    images = tmp_path / "images"
    Image.fromarray(draw(20)).resize((200, 200)).save(images / "021.png")
    Image.fromarray(draw(40)).save(images / "044.png")
    (images / "017.png").unlink()
    (images / "018.png").write_bytes(b"no image")
    return brief


def test_the_curated_manifest_is_fit_to_train_on(
    faulty: Brief, tmp_path: Path, write_recipe: Callable[..., Path]
) -> None:
    curate(examine(faulty, tmp_path)).write(tmp_path / "curated.csv")

    recipe = write_recipe(tmp_path, task="binary", data=DATA + 'split_column = "split"')
    cases = read_cases(read_recipe(recipe), tmp_path)
    assert len(cases) == 120 - 6
    assert all(len(s) == 1 for s in _splits_of_patients(_read(tmp_path / "curated.csv")).values())


def test_each_change_is_listed_with_its_line_and_reason(faulty: Brief, tmp_path: Path) -> None:
    curation = curate(examine(faulty, tmp_path))

    listed = {c.image: (c.line, c.change, c.why) for c in curation.changes}
    conflict = "same picture with conflicting labels: 040.png, 044.png"
    assert listed == {
        "000.png": (2, "split changed", "from test to train"),
        "009.png": (11, "label emptied", "it was none of the labels"),
        "013.png": (15, "left out", "no patient"),
        "017.png": (19, "left out", "image cannot be read: missing"),
        "018.png": (20, "left out", "image cannot be read: not an image"),
        "020.png": (22, "left out", "same picture as another: 021.png"),
        "040.png": (42, "left out", conflict),
        "044.png": (46, "left out", conflict),
    }
    assert "left out: 1, same picture as another." in curation.summary
    assert curation.summary[-1] == "114 rows stay."


def test_a_second_curation_changes_nothing(faulty: Brief, tmp_path: Path) -> None:
    curate(examine(faulty, tmp_path)).write(tmp_path / "curated.csv")

    again = replace(faulty, data=replace(faulty.data, manifest="curated.csv"))
    second = curate(examine(again, tmp_path))

    assert second.changes == ()
    assert [list(row) for row in second.rows] == [
        list(row.values()) for row in _read(tmp_path / "curated.csv")
    ]


def test_sound_splits_stay_as_they_are(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    curation = curate(examine(write_data(clinic_rows), tmp_path))

    assert curation.changes == ()
    assert curation.summary[0] == "Splits: every patient in one split stays in it."


def _shares(curation: Curation, column: str) -> dict[str, float]:
    place, split = curation.columns.index(column), curation.columns.index("split")
    counted = Counter((row[split], row[place]) for row in curation.rows)
    sizes = Counter(row[split] for row in curation.rows)
    value = curation.rows[0][place]
    return {name: counted[name, value] / sizes[name] for name in sizes}


@pytest.mark.parametrize("column", ["sex", "label"])
def test_splits_that_differ_by_group_or_label_are_dealt_anew(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path, column: str
) -> None:
    value = clinic_rows[0][column]
    for number, row in enumerate(clinic_rows):
        in_test = (row[column] == value) == (number // 2 % 15 > 0)
        row["split"] = "test" if in_test else ("train", "val")[number // 8 % 2]

    curation = curate(examine(write_data(clinic_rows), tmp_path))

    shares = _shares(curation, column)
    assert f"the splits differ in {column}" in curation.split_rule
    assert max(shares.values()) - min(shares.values()) < 0.2


def test_patients_are_dealt_by_group_and_label_where_there_is_no_split(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    brief = write_data(clinic_rows)
    brief = replace(brief, data=replace(brief.data, split_column=None))

    curation = curate(examine(brief, tmp_path))

    assert curation.columns[-1] == "curated_split"
    sizes = Counter(row[-1] for row in curation.rows)
    assert set(sizes) == {"train", "val", "test"}
    assert sizes["train"] == pytest.approx(0.7 * 120, abs=12)


def test_patients_who_share_a_picture_come_into_one_split(
    clinic_rows: list[Row],
    write_data: Writer,
    draw: Callable[[int], NDArray[np.uint8]],
    tmp_path: Path,
) -> None:
    # images 0 and 1 are of P000 in train, 24 and 25 of P012 in test, with the same label
    brief = write_data(clinic_rows)
    Image.fromarray(draw(0)).save(tmp_path / "images" / "024.png")

    curate(examine(brief, tmp_path)).write(tmp_path / "curated.csv")

    splits = _splits_of_patients(_read(tmp_path / "curated.csv"))
    assert splits["P000"] == splits["P012"] == {"train"}


def test_formulas_are_written_so_that_no_spreadsheet_runs_them(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    clinic_rows[0]["sex"] = "=HYPERLINK(1)"
    brief = write_data(clinic_rows)

    curate(examine(brief, tmp_path)).write(tmp_path / "curated.csv")

    assert _read(tmp_path / "curated.csv")[0]["sex"] == "'=HYPERLINK(1)"
    again = replace(brief, data=replace(brief.data, manifest="curated.csv"))
    assert examine(again, tmp_path).rows.table.column("sex")[0] == "=HYPERLINK(1)"


def test_nothing_left_is_an_error(
    tmp_path: Path, clinic_rows: list[Row], write_data: Writer
) -> None:
    brief = write_data(clinic_rows[:3])
    for path in (tmp_path / "images").iterdir():
        path.unlink()

    with pytest.raises(NotEnoughData, match="No row of the manifest can stay"):
        curate(examine(brief, tmp_path))
