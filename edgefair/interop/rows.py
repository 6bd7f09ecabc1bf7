"""Rows of results on their way out: a table for eyes, CSV, JSON and JSON lines for programs."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import isfinite
from typing import Final, TextIO, TypeAlias

__all__ = ["Format", "Value", "neutralise", "write_rows"]

_FORMULA_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\n")

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Sequence[Value]


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


def write_rows(stream: TextIO, columns: Sequence[str], rows: Iterable[Row], form: Format) -> None:
    """Write the rows; all forms but the table are written as the rows come.

    Parameters
    ----------
    stream : text file
    columns : sequence of str
        One name for each value of a row.
    rows : iterable of sequences
    form : Format

    Examples
    --------
    >>> import sys
    >>> write_rows(sys.stdout, ["image", "probability"], [("a.png", 0.25)], Format.JSONL)
    {"image": "a.png", "probability": 0.25}
    """
    writer = {
        Format.TABLE: _write_table,
        Format.CSV: _write_csv,
        Format.JSON: _write_json,
        Format.JSONL: _write_jsonl,
    }[form]
    writer(stream, columns, rows)


def neutralise(value: Value) -> Value:
    """Return text that no spreadsheet takes for a formula; other values as they are.

    Source: OWASP, "CSV Injection".

    Examples
    --------
    >>> neutralise("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    >>> neutralise(-1.5)
    -1.5
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", "\n")  # the csv module quotes the one and not the other
    return "'" + text if text[:1] in _FORMULA_BEGINNINGS else text


def _write_csv(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([neutralise(value) for value in row])


def _write_jsonl(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    for row in rows:
        stream.write(_json_object(columns, row) + "\n")


def _write_json(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    separator = "[\n"
    for row in rows:
        stream.write(separator + _json_object(columns, row))
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def _json_object(columns: Sequence[str], row: Row) -> str:
    finite = [None if isinstance(v, float) and not isfinite(v) else v for v in row]
    return json.dumps(dict(zip(columns, finite, strict=True)), ensure_ascii=False)


def _write_table(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    shown = [[_shown(value) for value in row] for row in rows]
    widths = [
        max([_width(name), *(_width(row[i]) for row in shown)]) for i, name in enumerate(columns)
    ]
    for line in [list(columns), ["-" * width for width in widths], *shown]:
        padded = (
            text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)
        )
        stream.write("  ".join(padded).rstrip() + "\n")


def _shown(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def _width(text: str) -> int:
    """Return the columns a terminal gives to the text (Unicode annex 11, wide and combining)."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
