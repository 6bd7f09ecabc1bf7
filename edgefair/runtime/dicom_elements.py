"""Single elements of a DICOM data set as plain values: what is malformed counts as missing."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Protocol

__all__ = ["Elements", "items_of", "number_of", "text_of"]


class Elements(Protocol):
    """What can be asked for elements by their keywords: texts, or a data set of pydicom's."""

    def get(self, keyword: str, /) -> Any:
        """Return an element's value, None if there is none."""

    def __contains__(self, keyword: str, /) -> bool:
        """Return whether there is such an element."""


def text_of(elements: Elements, keyword: str) -> str:
    """Return an element's text, the first of several values; empty if there is none.

    Examples
    --------
    >>> text_of({"WindowWidth": "400 "}, "WindowWidth"), text_of({}, "WindowWidth")
    ('400', '')
    """
    value = _value(elements, keyword)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = value[0] if value else None
    return "" if value is None else str(value).strip(" \0\t\r\n")


def number_of(elements: Elements, keyword: str) -> float | None:
    """Return an element's finite number, the first of several values; None if there is none."""
    try:
        number = float(text_of(elements, keyword))
    except ValueError:
        return None
    return number if isfinite(number) else None


def items_of(elements: Elements, keyword: str) -> list[Any]:
    """Return the items of a sequence, each a data set of pydicom's; none if it is missing."""
    return list(_value(elements, keyword) or ())


def _value(elements: Elements, keyword: str) -> Any:
    try:
        return elements.get(keyword)
    except _malformed():
        return None


def _malformed() -> tuple[type[Exception], ...]:
    """Return what a malformed element raises: only pydicom's do, so that it is imported by now."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    faults = ArithmeticError, LookupError, TypeError, ValueError
    return *faults, BytesLengthException, InvalidDicomError
