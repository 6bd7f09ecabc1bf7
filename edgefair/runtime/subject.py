"""Who is on a DICOM image, from the tags that say so; what is missing stays unknown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from edgefair.records import UNKNOWN, Attribute, Subject

__all__ = ["SUBJECT_KEYWORDS", "age_between", "parse_age", "subject_from_tags"]

_STUDY_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
_ATTRIBUTE_KEYWORDS = {"view": "ViewPosition", "device": "ManufacturerModelName"}

SUBJECT_KEYWORDS = (
    "PatientID",
    "PatientSex",
    "PatientAge",
    "PatientBirthDate",
    *_STUDY_DATES,
    *_ATTRIBUTE_KEYWORDS.values(),
)
"""DICOM keywords that `subject_from_tags` asks for."""

_OLDEST_YEARS = 130
_DAYS_PER_YEAR = 365.25
_UNITS_PER_YEAR = {"D": _DAYS_PER_YEAR, "W": _DAYS_PER_YEAR / 7, "M": 12.0, "Y": 1.0, "": 1.0}
_AGE = re.compile(r"(\d{1,4})\s*([DWMY]?)", re.IGNORECASE)


def parse_age(text: str) -> float | None:
    """Return the age in years that a DICOM Age String tells, or None if it tells none.

    Parameters
    ----------
    text : str
        ``nnnD``, ``nnnW``, ``nnnM`` or ``nnnY`` (PS3.5, 6.2, VR AS), or, as met in the wild,
        fewer digits or no unit, which then counts as years.

    Examples
    --------
    >>> parse_age("024Y"), parse_age("62"), parse_age("018M"), parse_age("unknown")
    (24.0, 62.0, 1.5, None)
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    return _plausible(int(match[1]) / _UNITS_PER_YEAR[match[2].upper()])


def age_between(birth: str, made: str) -> float | None:
    """Return the years between two DICOM dates, ``YYYYMMDD``, or None if either is none.

    Examples
    --------
    >>> age_between("19600229", "20200229")
    60.0
    >>> age_between("", "20200229") is None
    True
    """
    born, taken = _parse_date(birth), _parse_date(made)
    if born is None or taken is None:
        return None
    return _plausible((taken - born).days / _DAYS_PER_YEAR)


def subject_from_tags(text_of: Callable[[str], str]) -> Subject:
    """Return the subject that a DICOM header describes.

    Parameters
    ----------
    text_of : callable
        Gives the text of the element of a keyword, empty if it is missing.
    """
    sex = text_of("PatientSex").upper()
    age = parse_age(text_of("PatientAge"))
    if age is None:
        made = next((text_of(keyword) for keyword in _STUDY_DATES if text_of(keyword)), "")
        age = age_between(text_of("PatientBirthDate"), made)
    return Subject(
        patient_id=text_of("PatientID") or None,
        sex=sex if sex in {"F", "M", "O"} else UNKNOWN,
        age_years=age,
        attributes=tuple(
            Attribute(name=name, value=text_of(keyword))
            for name, keyword in _ATTRIBUTE_KEYWORDS.items()
            if text_of(keyword)
        ),
    )


def _plausible(years: float) -> float | None:
    return years if 0 <= years <= _OLDEST_YEARS else None


def _parse_date(text: str) -> date | None:
    """Return a DICOM date (PS3.5, 6.2, VR DA), also in the older form with dots."""
    digits = text.strip().replace(".", "")
    if len(digits) != 8 or not digits.isascii() or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
