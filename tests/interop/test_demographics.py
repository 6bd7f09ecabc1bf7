"""Demographics from a table: filled in by image name, missing kept as missing."""

from pathlib import Path

import pytest

from edgefair.errors import BadTable
from edgefair.interop.demographics import Demographics, read_demographics
from edgefair.records import UNKNOWN, Attribute, Subject


def read(tmp_path: Path, text: str) -> Demographics:
    path = tmp_path / "who.csv"
    path.write_text(text)
    return read_demographics(path)


def test_a_table_completes_what_a_file_does_not_say(tmp_path: Path) -> None:
    who = read(tmp_path, "image,patient_id,sex,age,view\nscans/a.png,P1,Female,61.5,PA\n")
    found = who.completed("/elsewhere/a.png", Subject())

    assert found == Subject(
        patient_id="P1",
        sex="F",
        age_years=61.5,
        attributes=(Attribute(name="view", value="PA"),),
    )


def test_what_the_table_leaves_empty_stays_as_the_file_says(tmp_path: Path) -> None:
    who = read(tmp_path, "image,sex,age,view\na.png,,,\n")
    from_file = Subject(sex="M", age_years=4.0, attributes=(Attribute(name="view", value="AP"),))

    assert who.completed("a.png", from_file) == from_file


def test_the_table_goes_before_the_file(tmp_path: Path) -> None:
    who = read(tmp_path, "image,view\na.png,PA\n")
    from_file = Subject(attributes=(Attribute(name="view", value="AP"),))

    assert who.completed("a.png", from_file).attributes == (Attribute(name="view", value="PA"),)


@pytest.mark.parametrize("sex", ["", "?", "unknown", "7"])
def test_a_sex_that_nobody_knows_is_unknown(tmp_path: Path, sex: str) -> None:
    who = read(tmp_path, f"image,sex,age\na.png,{sex},30\n")

    assert who.completed("a.png", Subject()).sex == UNKNOWN


@pytest.mark.parametrize("age", ["old", "-1", "131", "nan", "inf"])
def test_an_age_that_is_none_is_told_with_its_row(tmp_path: Path, age: str) -> None:
    with pytest.raises(BadTable, match=r"line 3: .* no age"):
        read(tmp_path, f"image,age\na.png,1\nb.png,{age}\n")


def test_an_image_of_two_patients_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"a\.png stands there twice"):
        read(tmp_path, "image,sex\na.png,F\na.png,M\n")


def test_the_same_row_twice_is_once(tmp_path: Path) -> None:
    assert len(read(tmp_path, "image,sex\na.png,F\na.png,F\n")) == 1


def test_a_table_without_image_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="no column 'image'"):
        read(tmp_path, "file,sex\na.png,F\n")
