"""Whatever people hold columns in, made into arrays: lists, arrays, series, dicts, data frames.

Data frames are known by what they do, so that none of their libraries is needed or imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import BadTable
from edgefair.records import Decision

__all__ = ["UNKNOWN_YET", "columns_of", "decisions", "outcomes", "scores"]

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
    names = getattr(values, "column_names", None) or getattr(values, "columns", None)
    if isinstance(values, Mapping):
        names = list(values)
    if names is None:
        own = getattr(values, "name", None)
        named = {str(own) if own is not None else unnamed: values}
    else:
        named = {str(name): values[name] for name in names}
    columns = {name: _array(column, name) for name, column in named.items()}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise BadTable(f"The columns differ in length: {lengths}.", hint="One value per case.")
    return columns


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


def scores(column: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return the scores as numbers, nan where the model gave none.

    Raises
    ------
    BadTable
        If a value is no number, or is infinite.
    """
    if column.dtype.kind in "OUS":
        column = np.array(["nan" if _is_missing(v) else v for v in column.tolist()], dtype=object)
    try:
        numbers = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadTable(
            f"{name} holds something that is no number: {error}.",
            hint="Give the column with the model's scores.",
        ) from error
    if np.isinf(numbers).any():
        row = int(np.argmax(np.isinf(numbers)))
        raise BadTable(f"{name} is infinite in row {row + 1}.", hint="Scores must be finite.")
    return numbers


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
