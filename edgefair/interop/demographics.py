"""Who is on which image, from a table by image name: what DICOM tags tell where there are none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Final

from edgefair.errors import BadTable
from edgefair.interop.tables import Table, read_table
from edgefair.records import UNKNOWN, Attribute, Subject

__all__ = ["Demographics", "read_demographics"]

_SEXES: Final = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
_RESERVED: Final = ("image", "patient_id", "sex", "age")


@dataclass(frozen=True, slots=True)
class Demographics:
    """Subjects by image name; what a table says goes before what a file says."""

    _subjects: dict[str, Subject] = field(default_factory=dict, repr=False)

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
