"""The datasheet: what it finds in sound data, in faulty data, and in real radiographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgefair.compress.datasheet import (
    Brief,
    Datasheet,
    datasheet_to_json,
    examine,
    without_names,
    write_up,
)
from edgefair.compress.datasheet.findings import headline
from edgefair.compress.datasheet.records import Severity, Shortcut, ShortcutKind
from edgefair.compress.recipe import CatchmentShare, DataSource
from edgefair.errors import BadTable

Row = dict[str, object]
Writer = Callable[..., Brief]


def _told(datasheet: Datasheet, topic: str) -> str:
    return " ".join(f.sentence for f in datasheet.findings if f.topic == topic)


def test_sound_data_have_no_serious_fault(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    datasheet = write_up(examine(write_data(clinic_rows), tmp_path))

    composition = datasheet.composition
    assert not [f for f in datasheet.findings if f.severity is Severity.SERIOUS]
    assert "No serious fault" in headline(datasheet.findings)
    assert (composition.images, composition.patients) == (120, 60)
    assert composition.noise.copy_sets == composition.noise.leaking_patients == 0
    assert composition.noise.faults == composition.noise.unreadable == ()


def test_every_row_is_in_one_group_of_each_way(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    clinic_rows[3]["sex"] = ""
    brief = write_data(clinic_rows, groups=("sex", "age:0,40,60,90", "sex+age:0,40"))

    composition = write_up(examine(brief, tmp_path)).composition

    for parted in composition.subpopulations:
        assert sum(row.images for row in parted.groups) == 120
        assert sum(row.share for row in parted.groups) == pytest.approx(1)
        assert sum(sum(row.by_split) for row in parted.groups) == 120
    by_sex, by_age, _ = composition.subpopulations
    assert [row.group for row in by_sex.groups] == ["F", "M", "Unknown"]
    assert [row.images for row in by_age.groups] == [40, 40, 40, 0]
    assert {m.column: m.rows for m in composition.missing_information}["sex"] == 1


def test_a_patient_in_two_splits_is_a_leak(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    clinic_rows[0]["split"] = "test"

    datasheet = write_up(examine(write_data(clinic_rows), tmp_path))

    (leak,) = datasheet.composition.noise.leaks
    assert (leak.patient, leak.splits, leak.images) == ("P000", ("train", "test"), 2)
    assert "1 patient with images in more than one split, e.g. P000" in _told(datasheet, "leak")


def test_copies_across_splits_patients_and_labels_are_each_said(
    clinic_rows: list[Row],
    write_data: Writer,
    draw: Callable[[int], NDArray[np.uint8]],
    tmp_path: Path,
) -> None:
    brief = write_data(clinic_rows)
    Image.fromarray(draw(0)).resize((200, 200)).save(tmp_path / "images" / "119.png")
    Image.fromarray(draw(1)).save(tmp_path / "images" / "002.png")

    datasheet = write_up(examine(brief, tmp_path))

    first, second = datasheet.composition.noise.copies
    assert (first.images, first.kind) == (("000.png", "119.png"), "near")
    assert first.splits == ("train", "val")
    assert first.conflicting
    assert (second.images, second.kind) == (("001.png", "002.png"), "exact")
    assert "1 picture in more than one split" in _told(datasheet, "duplicates across splits")
    assert "000.png, 119.png" in _told(datasheet, "conflicting labels")
    assert "2 pictures under more than one" in _told(datasheet, "duplicates of several patients")


def test_faulty_rows_and_images_are_findings_and_not_errors(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    clinic_rows[1]["label"] = "maybe"
    clinic_rows[2]["image"] = ""
    clinic_rows[3]["patient_id"] = ""
    clinic_rows[4]["split"] = "training"
    clinic_rows.append(dict(clinic_rows[5]))
    brief = write_data(clinic_rows)
    (tmp_path / "images" / "007.png").unlink()
    (tmp_path / "images" / "008.png").write_bytes(b"no image")

    datasheet = write_up(examine(brief, tmp_path))

    noise = datasheet.composition.noise
    assert len(noise.faults) == 5
    told = _told(datasheet, "rows")
    for words in (
        "names no image, e.g. line 4",
        "names an image that an earlier row names, e.g. line 122",
        "has no patient, e.g. line 5",
        "holds something other than 0, 1 or nothing as label, e.g. line 3",
        "is in none of the splits train, val, test, e.g. line 6",
    ):
        assert words in told
    assert {fault.reason: fault.examples for fault in noise.unreadable} == {
        "missing": ("", "007.png"),
        "not_an_image": ("008.png",),
    }


def test_one_group_and_a_group_of_one_are_said(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    for row in clinic_rows:
        row["sex"] = "F"
    clinic_rows[0]["age"] = 95
    brief = write_data(clinic_rows, groups=("sex", "age:0,40,90"))

    told = _told(write_up(examine(brief, tmp_path)), "groups")

    assert "sex has fewer than two groups" in told
    assert "90+ (1)" in told
    assert "90+ has labels of one class only" in told


def test_a_group_that_looks_different_is_said(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    brief = write_data(clinic_rows)
    for number, row in enumerate(clinic_rows):
        if row["sex"] == "M":
            Image.fromarray(
                np.full((96, 96), number, np.uint8) // 2 + np.eye(96, dtype=np.uint8) * 90
            ).save(tmp_path / "images" / str(row["image"]))

    datasheet = write_up(examine(brief, tmp_path))

    assert "sex M lower by" in _told(datasheet, "image quality")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param({"labels": ("disease",)}, "no column 'disease'", id="label"),
        pytest.param({"groups": ("tribe",)}, "no column 'tribe'", id="group"),
        pytest.param({"patient_column": "who"}, "no column 'who'", id="patient"),
        pytest.param({"split_column": "part"}, "no column 'part'", id="split"),
        pytest.param(
            {"catchment": (CatchmentShare(by="tribe", group="a", share=1.0),)},
            "no column 'tribe'",
            id="catchment",
        ),
        pytest.param({"manifest": "none.csv"}, "cannot be opened", id="file"),
    ],
)
def test_an_unusable_table_is_one_sentence(
    clinic_rows: list[Row],
    write_data: Writer,
    tmp_path: Path,
    data: dict[str, object],
    sentence: str,
) -> None:
    write_data(clinic_rows)
    asked = {"labels": ("label",), **data}

    with pytest.raises(BadTable, match=sentence):
        examine(Brief(name="bad", data=DataSource(**asked)), tmp_path)  # type: ignore[arg-type]


def test_a_manifest_without_rows_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,patient_id,label\n")

    with pytest.raises(BadTable, match="has no rows"):
        examine(Brief(name="empty", data=DataSource(labels=("label",))), tmp_path)


def test_a_single_row_is_described(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("image,patient_id,sex,label\na.png,1,F,1\n")
    brief = Brief(name="one", data=DataSource(labels=("label",), groups=("sex",)))

    datasheet = write_up(examine(brief, tmp_path))

    assert "There are no negatives of label" in _told(datasheet, "labels")


def test_classes_of_one_column_are_counted_each(
    clinic_rows: list[Row], write_data: Writer, tmp_path: Path
) -> None:
    for number, row in enumerate(clinic_rows):
        row["label"] = ("flu", "cold", "", "plague")[number % 4]
    write_data(clinic_rows)
    data = DataSource(labels=("label",), classes=("flu", "cold"), groups=("sex",))

    composition = write_up(examine(Brief(name="classes", data=data), tmp_path)).composition

    assert [(c.finding, c.positives, c.negatives) for c in composition.labels] == [
        ("flu", 30, 30),
        ("cold", 30, 30),
    ]
    assert composition.labels[0].unknown == composition.labels[0].faulty == 30


def test_what_travels_names_no_patient_and_no_image(
    clinic_rows: list[Row],
    write_data: Writer,
    draw: Callable[[int], NDArray[np.uint8]],
    tmp_path: Path,
) -> None:
    clinic_rows[0]["split"] = "test"
    clinic_rows[5]["patient_id"] = ""
    brief = write_data(clinic_rows)
    Image.fromarray(draw(1)).save(tmp_path / "images" / "002.png")
    (tmp_path / "images" / "007.png").unlink()
    datasheet = write_up(examine(brief, tmp_path))

    released = without_names(datasheet)

    text = datasheet_to_json(released).decode()
    assert ".png" in datasheet_to_json(datasheet).decode()
    assert ".png" not in text
    assert "P0" not in text
    assert len(released.findings) == len(datasheet.findings)
    assert "1 patient with images in more than one split." in _told(released, "leak")
    assert released.composition.subpopulations == datasheet.composition.subpopulations


@pytest.fixture(scope="module")
def nih(shared_data: Path) -> Datasheet:
    data = DataSource(
        labels=("pneumonia",), groups=("sex", "age:0,18,40,60,80"), split_column="split"
    )
    return write_up(examine(Brief(name="nih1000", data=data), shared_data / "nih1000"))


def _shortcut(datasheet: Datasheet, attribute: str) -> Shortcut:
    return next(s for s in datasheet.uses.shortcuts if s.attribute == attribute)


def test_the_block_of_patients_of_nih1000_is_found(nih: Datasheet) -> None:
    found = _shortcut(nih, "patient_id")

    assert found.kind is ShortcutKind.STRONG
    # 390 of the 500 positives lie outside the negatives' block: .5 + .78 / 2
    assert found.auroc.estimate == pytest.approx(0.89, abs=0.02)
    assert "All 500 images without pneumonia come from patient_id 1280 to 3970" in found.block
    serious = [f.sentence for f in nih.findings if f.severity is Severity.SERIOUS]
    assert any(sentence.startswith("patient_id alone predicts") for sentence in serious)


def test_the_views_of_nih1000_are_found(nih: Datasheet) -> None:
    found = _shortcut(nih, "view")

    # AP for 342 of 500 negatives and 225 of 500 positives: .5 + (.684 - .45) / 2
    assert found.kind is ShortcutKind.SHOWN
    assert found.auroc.estimate == pytest.approx(0.617)
    (ap,) = (value for value in found.values if value.value == "AP")
    assert (ap.share_of_negatives, ap.share_of_positives) == pytest.approx((0.684, 0.45))
    assert "view alone predicts pneumonia" in _told(nih, "shortcut")


def test_the_other_traps_of_nih1000_are_found(nih: Datasheet) -> None:
    assert _shortcut(nih, "finding_labels").kind is ShortcutKind.RESTATES
    assert _shortcut(nih, "id_matched").auroc.estimate == pytest.approx(0.89)
    assert _shortcut(nih, "sex").kind is ShortcutKind.NOT_SHOWN
    assert nih.composition.noise.leaking_patients == 0
    (copies,) = nih.composition.noise.copies
    assert (copies.kind, copies.images) == ("exact", ("00002658_001.jpg", "00002658_002.jpg"))
    assert "80+ (7)" in _told(nih, "groups")
