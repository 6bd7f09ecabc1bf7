"""Who is on which image, from a table by image name: what tags tell where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final

from edgefair.errors import BadTable
from edgefair.interop.tables import Table, read_table
from edgefair.records import UNKNOWN, Attribute, Subject

__all__ = ["Demographics", "read_demographics"]

_SEXES: Final = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
_RESERVED: Final = ("image", "patient_id", "sex", "age")
_OLDEST_YEARS: Final = 130


@dataclass(frozen=True, slots=True)
class Demographics:
    """Subjects by image name; what a table says goes before what a file says."""

    _subjects: Mapping[str, Subject] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )

    def __len__(self) -> int:
        return len(self._subjects)

    def completed(self, image: str, subject: Subject) -> Subject:
        """Return the subject with everything that the table knows of that image.

        Parameters
        ----------
        image : str
            Path or name; only its last part is looked up.
        subject : Subject
            What the file itself said.
        """
        known = self._subjects.get(PurePath(image).name)
        if known is None:
            return subject
        told = {attribute.name for attribute in known.attributes}
        kept = tuple(a for a in subject.attributes if a.name not in told)
        return replace(
            subject,
            patient_id=known.patient_id or subject.patient_id,
            sex=subject.sex if known.sex == UNKNOWN else known.sex,
            age_years=subject.age_years if known.age_years is None else known.age_years,
            attributes=known.attributes + kept,
        )


def read_demographics(path: Path) -> Demographics:
    """Return what a CSV file says of the subjects of images.

    Parameters
    ----------
    path : Path
        One row an image: ``image``, and any of ``patient_id``, ``sex`` (F, M, O or in words),
        ``age`` in years; every further column is an attribute to group by. Empty is Unknown.

    Raises
    ------
    BadTable
        If it is no table, has no column ``image``, an age that is no number of years, or one
        image twice with different subjects.
    """
    table = read_table(path)
    others = [column for column in table.columns if column and column not in _RESERVED]
    columns = [table.optional_column(name) for name in (*_RESERVED[1:], *others)]
    subjects: dict[str, Subject] = {}
    for line, image, patient, sex, age, *values in zip(
        table.lines, table.column("image"), *columns, strict=True
    ):
        name = PurePath(image).name
        subject = Subject(
            patient_id=patient or None,
            sex=_SEXES.get(sex.lower(), UNKNOWN),
            age_years=_age_years(age, table, line),
            attributes=tuple(
                Attribute(name=other, value=value)
                for other, value in zip(others, values, strict=True)
                if value
            ),
        )
        if subjects.setdefault(name, subject) != subject:
            raise BadTable(
                f"{table.name}, line {line}: {name} stands there twice, with different subjects.",
                hint="One image is of one patient: keep the right row.",
            )
    return Demographics(MappingProxyType(subjects))


def _age_years(text: str, table: Table, line: int) -> float | None:
    if not text:
        return None
    try:
        age = float(text)
    except ValueError:
        age = -1.0
    if not (isfinite(age) and 0 <= age <= _OLDEST_YEARS):
        raise BadTable(
            f"{table.name}, line {line}: {text!r} is no age in years.",
            hint=f"Write a number from 0 to {_OLDEST_YEARS}, or leave it empty.",
        )
    return age
