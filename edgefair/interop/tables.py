"""CSV tables that people made, read with patience for their program and none for their gaps."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgefair.errors import BadTable

__all__ = ["Table", "read_table"]

_DELIMITERS: Final = ",;\t|"
_MOST_NAMED: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text, column by column.

    Attributes
    ----------
    name : str
        The file as the user called it, for messages.
    sha256 : str
        Of the file's bytes, hexadecimal.
    columns : tuple of str
        Names, in the file's order, without surrounding blanks.
    rows : int
    lines : tuple of int
        Line of the file in which each row ends, the header being line 1.
    """

    name: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    lines: tuple[int, ...]
    _values: tuple[tuple[str, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        return self.rows

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def column(self, name: str) -> tuple[str, ...]:
        """Return the values of one column, without surrounding blanks.

        Raises
        ------
        BadTable
            If there is none of that name; the hint names those there are.
        """
        if name not in self.columns:
            shown = ", ".join(self.columns[:_MOST_NAMED])
            more = len(self.columns) - _MOST_NAMED
            raise BadTable(
                f"{self.name} has no column {name!r}.",
                hint=f"It has: {shown}" + (f" and {more} more." if more > 0 else "."),
            )
        return self._values[self.columns.index(name)]

    def optional_column(self, name: str) -> tuple[str, ...]:
        """Return the values of one column, or as many empty texts if there is none."""
        return self.column(name) if name in self.columns else ("",) * self.rows


def read_table(path: Path) -> Table:
    """Return the table in a CSV file: comma, semicolon, tab or bar, UTF-8 or Windows-1252.

    Rows without any value are passed over. A value that `edgefair.interop.rows.neutralise` made
    safe for spreadsheets comes back as it was.

    Parameters
    ----------
    path : Path

    Raises
    ------
    BadTable
        If the file cannot be opened or is no text, has no header, a column twice, or a row with
        another number of values than the header.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadTable(
            f"{path} cannot be opened: {error.strerror or error}.",
            hint="Check the name, and that you may read it.",
        ) from error
    return _parsed(content, str(path))


def _parsed(content: bytes, name: str) -> Table:
    text = _text(content, name)
    header_line = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(cell.strip() for cell in next(reader, ()))
        _check_header(columns, name)
        rows, lines = [], []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                raise BadTable(
                    f"{name}, line {reader.line_num}: {len(row)} values where the header "
                    f"names {len(columns)} columns.",
                    hint=f"Values that contain {delimiter!r} need quotes around them.",
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise BadTable(
            f"{name}, line {reader.line_num}: {error}.", hint="Save it again as CSV, UTF-8."
        ) from error
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return Table(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        columns=columns,
        rows=len(rows),
        lines=tuple(lines),
        _values=tuple(tuple(_restored(cell.strip()) for cell in column) for column in values),
    )


def _text(content: bytes, name: str) -> str:
    if b"\0" in content:
        raise BadTable(f"{name} is no CSV text.", hint="Save the sheet as CSV, UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # what Excel on Windows writes when it is not asked for UTF-8
        return content.decode("cp1252", errors="replace")


def _check_header(columns: tuple[str, ...], name: str) -> None:
    if not any(columns):
        raise BadTable(f"{name} is empty.", hint="The first line must name the columns.")
    twice = [column for column, count in Counter(columns).items() if count > 1 and column]
    if twice:
        raise BadTable(
            f"{name} has more than one column called {', '.join(twice)}.",
            hint="Rename or remove the surplus ones.",
        )


def _restored(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell
