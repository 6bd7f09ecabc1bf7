"""Whatever people hold columns in, made into arrays: lists, arrays, series, dicts, data frames.

Data frames are known by what they do, so that none of their libraries is needed or imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import BadTable
from edgefair.records import Decision

__all__ = [
    "UNKNOWN_YET",
    "columns_of",
    "decisions",
    "names_of",
    "outcomes",
    "patient_numbers",
    "scores",
    "several_of_one",
]

UNKNOWN_YET: Final = -1
"""Code of an outcome or a decision that is missing."""

_OUTCOMES: Final[Mapping[object, int]] = MappingProxyType(
    {0: 0, 1: 1, "0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
)
_DECISIONS: Final[Mapping[object, int]] = MappingProxyType(
    {**_OUTCOMES, Decision.NEGATIVE: 0, Decision.POSITIVE: 1, Decision.REFER: 1}
)


def columns_of(values: Any, *, unnamed: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a dict, a data frame, a series, or one plain column, by name.

    Parameters
    ----------
    values : mapping, data frame (pandas, polars, pyarrow), series or array_like
    unnamed : str
        Name for a column that brings none.

    Raises
    ------
    BadTable
        If a column is not one-dimensional, or columns differ in length.
    """
    columns = {n: _array(column, n) for n, column in _by_name(values, unnamed).items()}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise BadTable(f"The columns differ in length: {lengths}.", hint="One value per case.")
    return columns


def names_of(values: Any) -> list[str]:
    """Return the names that columns bring along, empty for one that brings none."""
    return [] if values is None else list(_by_name(values, unnamed=""))


def _by_name(values: Any, unnamed: str) -> dict[str, Any]:
    names = getattr(values, "column_names", None) or getattr(values, "columns", None)
    if isinstance(values, Mapping):
        names = list(values)
    if names is None:
        own = getattr(values, "name", None)
        return {str(own) if own is not None else unnamed: values}
    return {str(name): values[name] for name in names}


def outcomes(column: NDArray[Any], name: str) -> NDArray[np.int8]:
    """Return 1 where the finding was there, 0 where not, -1 where nobody knows yet.

    Raises
    ------
    BadTable
        If a value is neither 0 nor 1, true nor false, nor missing.
    """
    return _coded(column, name, _OUTCOMES, "0 or 1, or empty where the outcome is not known yet")


def decisions(column: NDArray[Any], name: str) -> NDArray[np.int8]:
    """Return 1 where the model wanted somebody to look, 0 where not, -1 where it said nothing.

    ``positive`` and ``refer`` both count as flagged: in either case a person looks, and a patient
    who is looked at is not missed.

    Raises
    ------
    BadTable
        If a value is no decision.
    """
    return _coded(column, name, _DECISIONS, "positive, negative or refer, or 0 or 1")


def scores(column: NDArray[Any], name: str, *, said_to_be: str = "") -> NDArray[np.float64]:
    """Return the scores as numbers, nan where the model gave none.

    Parameters
    ----------
    column : ndarray, shape (n,)
    name : str
        For messages.
    said_to_be : str
        What the column is called; one that is called a probability must be one.

    Raises
    ------
    BadTable
        If a value is no number, or is infinite, or no probability where that is claimed.
    """
    try:
        numbers = _numbers(column)
    except (TypeError, ValueError) as error:
        row, value = next(
            (i, v) for i, v in enumerate(column.tolist()) if not (_is_missing(v) or _is_number(v))
        )
        raise BadTable(
            f"{name} is {str(value)!r} in row {row + 1}, which is no number.",
            hint="Give the column with the model's scores.",
        ) from error
    if np.isinf(numbers).any():
        row = int(np.argmax(np.isinf(numbers)))
        raise BadTable(f"{name} is infinite in row {row + 1}.", hint="Scores must be finite.")
    if "prob" in said_to_be.casefold():
        _check_probabilities(numbers, name, said_to_be)
    return numbers


def _numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values as numbers, nan for what is missing; most columns miss nothing."""
    if column.dtype.kind not in "OUS":
        return column.astype(np.float64)
    rows = column.tolist()
    try:
        return np.fromiter(map(float, rows), np.float64, len(rows))
    except (TypeError, ValueError):
        known = (nan if _is_missing(v) else float(v) for v in rows)
        return np.fromiter(known, np.float64, len(rows))


def _check_probabilities(numbers: NDArray[np.float64], name: str, said_to_be: str) -> None:
    outside = (numbers < 0) | (numbers > 1)  # False for nan
    if outside.any():
        row = int(np.argmax(outside))
        raise BadTable(
            f"{name} is {numbers[row]:g} in row {row + 1}, which is no probability.",
            hint=f"A score may have any scale; name the column {said_to_be!r} for what it is.",
        )


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # whatever is no number ends below
    except (TypeError, ValueError):
        return False
    return True


def patient_numbers(column: Sequence[object] | NDArray[Any]) -> NDArray[np.int64] | None:
    """Return a number from 0 for each row's patient; None if no patient has several rows.

    A row of which no patient is known is a patient of its own.

    Examples
    --------
    >>> patient_numbers(["A", "B", "", "A", ""]).tolist()
    [0, 1, 2, 0, 3]
    >>> patient_numbers(["A", "B", ""]) is None
    True
    """
    rows = column.tolist() if isinstance(column, np.ndarray) else list(column)
    known = dict.fromkeys(value for value in dict.fromkeys(rows) if not _is_missing(value))
    number = {value: i for i, value in enumerate(known)}
    numbers = np.fromiter((number.get(value, -1) for value in rows), np.int64, len(rows))
    alone = numbers < 0
    numbers[alone] = len(number) + np.arange(np.count_nonzero(alone))
    return several_of_one(numbers)


def several_of_one(numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the patients' numbers, or None if no number occurs twice."""
    return numbers if len(numbers) and np.bincount(numbers).max() > 1 else None


def _array(column: Any, name: str) -> NDArray[Any]:
    array = np.asarray(column)
    if array.ndim != 1:
        raise BadTable(
            f"{name} has {array.ndim} dimensions instead of one.",
            hint="Give one value per case, or a dict or data frame of such columns.",
        )
    return array


def _coded(
    column: NDArray[Any], name: str, meaning: Mapping[object, int], allowed: str
) -> NDArray[np.int8]:
    if column.dtype.kind in "biuf":
        missing = np.isnan(column) if column.dtype.kind == "f" else np.zeros(column.shape, bool)
        known = missing | (column == 0) | (column == 1)
        coded = np.where(missing, UNKNOWN_YET, column == 1).astype(np.int8)
    else:
        coded, known = _looked_up(column.tolist(), meaning)
    if not known.all():
        row = int(np.argmin(known))
        raise BadTable(
            f"{name} is {str(column[row])!r} in row {row + 1}.", hint=f"It must be {allowed}."
        )
    return coded


def _looked_up(
    rows: list[Any], meaning: Mapping[object, int]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the codes of values of any kind, and which of the values have one."""
    unknown = 2
    codes = {}
    for value in dict.fromkeys(rows):
        key = value.strip().lower() if isinstance(value, str) else value
        codes[value] = UNKNOWN_YET if _is_missing(value) else meaning.get(key, unknown)
    coded = np.fromiter(map(codes.__getitem__, rows), np.int8, len(rows))
    return coded, coded != unknown


def _is_missing(value: object) -> bool:
    return str(value).strip().casefold() in ("", "none", "nan", "<na>")
