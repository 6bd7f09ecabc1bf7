"""Single elements of a DICOM data set as plain values: what is malformed counts as missing."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

__all__ = ["PYDICOM_FAULTS", "items_of", "number_of", "text_of"]

PYDICOM_FAULTS = (BytesLengthException, InvalidDicomError)
"""What pydicom raises beside Python's own exceptions."""

_MALFORMED = (ArithmeticError, LookupError, TypeError, ValueError, *PYDICOM_FAULTS)


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an element's text, the first of several values; empty if there is none."""
    value = _first_value(dataset, keyword)
    return "" if value is None else str(value).strip(" \0\t\r\n")


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """Return an element's finite number, the first of several values; None if there is none."""
    try:
        number = float(text_of(dataset, keyword))
    except ValueError:
        return None
    return number if isfinite(number) else None


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none if it is missing."""
    try:
        return list(dataset.get(keyword) or ())
    except _MALFORMED:
        return []


def _first_value(dataset: Dataset, keyword: str) -> Any:
    try:
        value = dataset.get(keyword)
    except _MALFORMED:
        return None
    if isinstance(value, MultiValue):
        return value[0] if value else None
    return value
