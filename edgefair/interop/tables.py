"""CSV tables that people made, read with patience for their program and none for their gaps."""

from __future__ import annotations

import csv
import hashlib
import io
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgefair.errors import BadTable

if TYPE_CHECKING:
    from _csv import Reader

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Table", "read_table"]

_DELIMITERS: Final = ",;\t|"
_MOST_NAMED: Final = 12
_ROWS_AT_ONCE: Final = 10_000
_MOST_SHARED: Final = 5_000
"""Different values up to which a column is one of groups or labels, not of names or scores."""


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
    lines : sequence of int
        Line of the file in which each row ends, the header being line 1.
    """

    name: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    lines: Sequence[int]
    _cells: tuple[Sequence[str], ...] = field(repr=False)
    _decimal_comma: bool = field(repr=False)

    def __len__(self) -> int:
        return self.rows

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def column(self, name: str) -> tuple[str, ...]:
        """Return the values of one column, without surrounding blanks.

        Where semicolons part the values, ``0,85`` is the number 0.85.

        Raises
        ------
        BadTable
            If there is none of that name; the hint names those there are.
        """
        return tuple(self._values(name))

    def array(self, name: str) -> NDArray[np.object_]:
        """Return the same as an array of text, which takes no copy of any of it.

        Raises
        ------
        BadTable
            As `column`.
        """
        import numpy as np  # not at the top: most tables are read without it

        return np.fromiter(self._values(name), np.object_, self.rows)

    def _values(self, name: str) -> Iterator[str]:
        """Return what yields a column's values; only here, as nobody asks for most columns."""
        if name not in self.columns:
            shown = ", ".join(self.columns[:_MOST_NAMED])
            more = len(self.columns) - _MOST_NAMED
            raise BadTable(
                f"{self.name} has no column {name!r}.",
                hint=f"It has: {shown}" + (f" and {more} more." if more > 0 else "."),
            )
        raw = self._cells[self.columns.index(name)]
        joined = "".join(raw)  # looked through at once, far quicker than cell by cell
        is_plain = "'" not in joined and "," not in joined and joined[-1:].strip()
        if is_plain and joined[:1].strip() and len(joined.split(maxsplit=1)) < 2:
            return iter(raw)
        cells: Iterator[str] = map(str.strip, raw)
        if self._decimal_comma:
            cells = (_with_point(cell) if "," in cell else cell for cell in cells)
        return (_restored(cell) if cell[:1] == "'" else cell for cell in cells)

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
    stream = _decoded(content, name)
    header_line = stream.readline()
    stream.seek(0)
    delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        columns = tuple(cell.strip() for cell in next(reader, ()))
        _check_header(columns, name)
        cells, lines = _cells(reader, len(columns), name)
    except csv.Error as error:
        raise BadTable(
            f"{name}, line {reader.line_num}: {error}.", hint="Save it again as CSV, UTF-8."
        ) from error
    return Table(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        columns=columns,
        rows=len(lines),
        lines=lines,
        _cells=cells,
        _decimal_comma=delimiter == ";",
    )


def _cells(reader: Reader, width: int, name: str) -> tuple[tuple[list[str], ...], array[int]]:
    """Return the cells of each column as they stand there, and the line of each row."""
    columns = tuple(_Column() for _ in range(width))
    lines = array("q")
    rows: list[list[str]] = []
    for row in reader:
        if len(row) != width or not row[0].strip():  # seldom, so that the check below costs little
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != width:
                raise BadTable(
                    f"{name}, line {reader.line_num}: {len(row)} values where the header "
                    f"names {width} columns.",
                    hint=f"Values that contain {reader.dialect.delimiter!r} need quotes around "
                    "them.",
                )
        rows.append(row)
        lines.append(reader.line_num)
        if len(rows) == _ROWS_AT_ONCE:
            _append(columns, rows)
    _append(columns, rows)
    return tuple(column.cells for column in columns), lines


def _append(columns: Sequence[_Column], rows: list[list[str]]) -> None:
    """Move the rows to the ends of the columns: a million lists at once would fill the memory."""
    for column, cells in zip(columns, zip(*rows, strict=True), strict=False):
        column.extend(cells)
    rows.clear()


class _Column:
    """Cells on their way into a column; those of few values share one text for each."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self._shared: dict[str, str] | None = {}

    def extend(self, cells: tuple[str, ...]) -> None:
        """Append cells: a text takes 50 bytes, a reference to one that is there takes 8."""
        shared = self._shared
        if shared is None:
            self.cells.extend(cells)
            return
        self.cells.extend(map(shared.setdefault, cells, cells))
        if len(shared) > _MOST_SHARED:
            self._shared = None


def _decoded(content: bytes, name: str) -> io.TextIOWrapper:
    if b"\0" in content:
        raise BadTable(f"{name} is no CSV text.", hint="Save the sheet as CSV, UTF-8.")
    try:
        content.decode("utf-8")
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1252"  # what Excel on Windows writes when it is not asked for UTF-8
    return io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="")


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


def _with_point(cell: str) -> str:
    whole, _, fraction = cell.partition(",")
    is_number = whole.lstrip("+-").isdecimal() and fraction.isdecimal()
    return f"{whole}.{fraction}" if is_number else cell
