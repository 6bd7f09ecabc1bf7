"""Markdown for a terminal: what a card uses of it, in aligned tables that fit the width.

Headings, paragraphs, lists, fenced code and tables; anything else is shown as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgefair.report.wrapping import cell_width, padded, plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["render_markdown"]

_GAPS: Final = (2, 1)
_NARROWEST: Final = 20
_HEADING: Final = re.compile(r"(#{1,6}) +(.*)")
_ITEM: Final = re.compile(r"- +(.*)")
_RULE: Final = re.compile(r"\|( *:?-+:? *\|)+")
_CELL_BORDER: Final = re.compile(r"(?<!\\)\|")
_STRONG: Final = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")
_NUMBER: Final = re.compile(r"[-+]?[\d.,]+( (MB|ms))?|-")
_UNDERLINES: Final = {1: "=", 2: "-"}
_INTERVAL: Final = re.compile(r"\[[-+\d.]+, [-+\d.]+\]")
_PERCENT: Final = re.compile(r"(?<=\d) %")
_GLUE: Final = "\u2423"
"""Stands for a space that no line breaks at, until all lines are broken."""


def render_markdown(text: str, *, width: int, bold: bool) -> str:
    """Return a Markdown text as lines for a terminal.

    Parameters
    ----------
    text : str
    width : int
        Columns of the terminal; wide characters count as two. Code alone is not broken to fit.
    bold : bool
        Whether headings are set in bold by ANSI escapes; otherwise the upper two are underlined.

    Returns
    -------
    str
        Lines ending in a newline. Control characters of the text are dropped.

    Examples
    --------
    >>> card = ["# Card", "| group | n |", "|---|---|", "| sex F | 40 |"]
    >>> print(render_markdown(chr(10).join(card), width=40, bold=False), end="")
    Card
    ====
    <BLANKLINE>
    group   n
    -----  --
    sex F  40
    """
    width = max(_NARROWEST, width)
    blocks = [block for chunk in _chunks(text) if (block := _block(chunk, width, bold=bold))]
    return "\n\n".join("\n".join(block) for block in blocks).replace(_GLUE, " ") + "\n"


def _chunks(text: str) -> Iterator[list[str]]:
    """Yield lines that belong together: a heading, a fenced block, or all up to an empty line."""
    chunk: list[str] = []
    is_fenced = False
    for line in text.splitlines():
        is_fence = line.startswith("```")
        if is_fenced:
            chunk.append(line)
            if is_fence:
                yield chunk
                chunk, is_fenced = [], False
        elif is_fence or _HEADING.fullmatch(line) or not line.strip():
            yield chunk
            chunk = [line] if line.strip() else []
            is_fenced = is_fence
        else:
            chunk.append(line)
    yield chunk


def _block(chunk: list[str], width: int, *, bold: bool) -> list[str]:
    if not chunk:
        return []
    if chunk[0].startswith("```"):
        return [f"    {plain(line)}" for line in chunk[1:] if not line.startswith("```")]
    if heading := _HEADING.fullmatch(chunk[0]):
        rest = _block(chunk[1:], width, bold=bold)
        title = _heading(len(heading[1]), heading[2], width, bold=bold)
        return [*title, "", *rest] if rest else title
    if len(chunk) > 1 and _RULE.fullmatch(chunk[1].strip()):
        return _Table.read(chunk).lines(width)
    return _paragraphs(chunk, width)


def _heading(level: int, text: str, width: int, *, bold: bool) -> list[str]:
    lines = wrapped(_inline(text), width)
    if bold:
        return [f"\x1b[1m{line}\x1b[0m" for line in lines]
    underline = _UNDERLINES.get(level)
    return [*lines, underline * max(map(cell_width, lines))] if underline else lines


def _paragraphs(chunk: list[str], width: int) -> list[str]:
    """Return running text and list items, each item with its further lines indented."""
    texts: list[tuple[str, str]] = []
    for line in chunk:
        if item := _ITEM.match(line):
            texts.append(("- ", item[1]))
        elif texts:
            mark, before = texts[-1]
            texts[-1] = (mark, f"{before} {line.strip()}")
        else:
            texts.append(("", line.strip()))
    return [
        line
        for mark, text in texts
        for line in wrapped(_inline(text), width, indent=mark, hang=" " * len(mark))
    ]


def _inline(text: str) -> str:
    """Return text without the marks of strong emphasis; code keeps its backticks."""
    return _PERCENT.sub(f"{_GLUE}%", _STRONG.sub(r"\1", text))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table's head, whose cells may all be empty, and its rows, each as wide as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def read(cls, chunk: Sequence[str]) -> _Table:
        """Return the table of these lines of Markdown, short rows filled up with empty cells."""
        head, rows = _cells(chunk[0]), [_cells(line) for line in chunk[2:]]
        count = max(map(len, [head, *rows]))
        first, *others = ((*row, *[""] * (count - len(row))) for row in (head, *rows))
        return cls(head=first, rows=tuple(others))

    def lines(self, width: int) -> list[str]:
        """Return the table in the first form that fits.

        As it is; without the columns that say the same in every row, which are said once above;
        with its cells broken over several lines, at best not within intervals; or as one
        paragraph a row.
        """
        if _total(self._natural(), _GAPS[0]) <= width:
            return self._aligned(self._natural(), _GAPS[0])
        said, table = self._without_constants()
        above = [line for text in said for line in wrapped(text, width)]
        return [*above, *([""] if said else []), *table._broken(width)]

    def _broken(self, width: int) -> list[str]:
        glued = _Table(head=self.head, rows=tuple(tuple(map(_glued, row)) for row in self.rows))
        for table, gap in ((glued, _GAPS[0]), (glued, _GAPS[1]), (self, _GAPS[0])):
            widths = table._fitted(width, gap)
            if widths is not None:
                return table._aligned(widths, gap)
        return self._stacked(width)

    def _columns(self) -> list[tuple[str, ...]]:
        return list(zip(self.head, *self.rows, strict=True))

    def _natural(self) -> list[int]:
        return [max(map(cell_width, column)) for column in self._columns()]

    def _without_constants(self) -> tuple[list[str], _Table]:
        constant = [
            len(self.rows) > 1
            and len(set(column[1:])) == 1
            and bool(column[0])
            # numbers that happen to be alike stay where numbers are looked for
            and not any(map(str.isdigit, column[0] + column[1]))
            for column in self._columns()
        ]
        if not any(constant) or all(constant):
            return [], self
        said = [
            f"{name}: {value}"
            for name, value, is_constant in zip(self.head, self.rows[0], constant, strict=True)
            if is_constant
        ]
        return said, _Table(
            head=_kept(self.head, constant),
            rows=tuple(_kept(row, constant) for row in self.rows),
        )

    def _fitted(self, width: int, gap: int) -> list[int] | None:
        """Return widths that add up to the terminal's; None where the longest words do not fit."""
        least = [
            max((cell_width(word) for cell in column for word in cell.split()), default=0)
            for column in self._columns()
        ]
        widths = self._natural()
        while _total(widths, gap) > width:
            spare = [found - low for found, low in zip(widths, least, strict=True)]
            if not any(spare):
                return None
            # the widest that can still give: narrow columns stay whole
            giving = max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))
            widths[giving] -= 1
        broken = zip(self._columns(), widths, strict=True)
        return [_widest(column, width) for column, width in broken]

    def _aligned(self, widths: list[int], gap: int) -> list[str]:
        numeric = [all(map(_NUMBER.fullmatch, column[1:])) for column in self._columns()]
        spaces = " " * gap
        body = [line for row in self.rows for line in _row(row, widths, numeric, spaces)]
        if not any(self.head):
            return body
        rule = spaces.join("-" * width for width in widths)
        return [*_row(self.head, widths, numeric, spaces), rule, *body]

    def _stacked(self, width: int) -> list[str]:
        paragraphs = []
        for row in self.rows:
            first, *others = (
                f"{name}: {cell}" if name else cell
                for name, cell in zip(self.head, row, strict=True)
            )
            lines = [*wrapped(first, width, hang="  ")]
            for text in others:
                lines += wrapped(text, width, indent="  ", hang="    ")
            paragraphs.append("\n".join(lines))
        return "\n\n".join(paragraphs).split("\n")


def _kept(row: tuple[str, ...], constant: list[bool]) -> tuple[str, ...]:
    return tuple(cell for cell, drop in zip(row, constant, strict=True) if not drop)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [plain(_inline(cell.strip().replace("\\|", "|"))) for cell in _CELL_BORDER.split(inner)]


def _total(widths: list[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _widest(column: Sequence[str], width: int) -> int:
    """Return what a column needs once its cells are broken to `width`."""
    return max(cell_width(line) for cell in column for line in wrapped(cell, width))


def _glued(cell: str) -> str:
    return _INTERVAL.sub(lambda found: found[0].replace(" ", _GLUE), cell)


def _row(
    cells: Sequence[str], widths: list[int], numeric: list[bool], spaces: str
) -> Iterator[str]:
    """Yield the lines of one row, as many as its tallest cell has."""
    broken = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for i in range(max(map(len, broken))):
        texts = [lines[i] if i < len(lines) else "" for lines in broken]
        yield spaces.join(
            " " * (width - cell_width(text)) + text if is_number else padded(text, width)
            for text, width, is_number in zip(texts, widths, numeric, strict=True)
        ).rstrip()
