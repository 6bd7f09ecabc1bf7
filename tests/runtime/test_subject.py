"""Who is on the image: ages as files write them, dates, and what is missing."""

import pytest

from edgefair.records import Attribute, Subject
from edgefair.runtime.subject import age_between, parse_age, subject_from_tags


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("024Y", 24.0),
        ("22Y", 22.0),
        ("62", 62.0),
        ("000Y", 0.0),
        ("010D", 10 / 365.25),
        ("026W", 26 * 7 / 365.25),
        ("018M", 1.5),
        (" 045y ", 45.0),
        ("130Y", 130.0),
        ("131Y", None),
        ("999Y", None),
        ("", None),
        ("-01Y", None),
        ("24.5", None),
        ("Y", None),
        ("adult", None),
    ],
)
def test_an_age_is_read_as_files_write_it(text: str, years: float | None) -> None:
    assert parse_age(text) == (years if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("birth", "made", "years"),
    [
        ("19600229", "20200229", 60.0),
        ("1960.02.29", "20200229", 60.0),
        ("20200301", "20200229", None),
        ("18000101", "20200101", None),
        ("19601345", "20200101", None),
        ("1960", "20200101", None),
        ("", "20200101", None),
        ("19600101", "", None),
    ],
)
def test_an_age_follows_from_two_dates(birth: str, made: str, years: float | None) -> None:
    assert age_between(birth, made) == (years if years is None else pytest.approx(years, abs=0.01))


def test_the_birth_date_serves_where_the_age_is_missing_or_implausible() -> None:
    tags = {"PatientAge": "999Y", "PatientBirthDate": "19500101", "SeriesDate": "20000101"}

    subject = subject_from_tags(lambda keyword: tags.get(keyword, ""))

    assert subject.age_years == pytest.approx(50, abs=0.01)


def test_everything_that_is_said_comes_along() -> None:
    tags = {
        "PatientID": "p-7",
        "PatientSex": "f",
        "PatientAge": "031Y",
        "ViewPosition": "PA",
        "ManufacturerModelName": "X-1",
    }

    subject = subject_from_tags(lambda keyword: tags.get(keyword, ""))

    assert subject == Subject(
        patient_id="p-7",
        sex="F",
        age_years=31.0,
        attributes=(Attribute(name="view", value="PA"), Attribute(name="device", value="X-1")),
    )


@pytest.mark.parametrize("sex", ["", "U", "female", "?"])
def test_a_sex_outside_the_standard_is_unknown(sex: str) -> None:
    subject = subject_from_tags(lambda keyword: sex if keyword == "PatientSex" else "")

    assert subject == Subject()
