"""A table of words, and those that stand beside a judged rate without deciding anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefair.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgefair.records import Cell

__all__ = ["Table", "borrowed_table", "if_known_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A captioned table; the first cell of each row names the row, the title says it shortest."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def if_known_table(cells: Sequence[Cell]) -> Table | None:
    """Return what each group's rate could be if the unknown were known; None if all are.

    Parameters
    ----------
    cells : sequence of Cell
        Of one metric.
    """
    rows = tuple(
        (
            str(cell.group),
            f"{cell.if_known.unknown:,}",
            words.share(cell.value.estimate, cell.metric),
            words.from_to(cell.if_known.lowest, cell.if_known.highest, cell.metric),
            words.from_to(
                cell.if_known.difference_lowest,
                cell.if_known.difference_highest,
                cell.metric,
                signed=True,
            ),
        )
        for cell in cells
        if cell.if_known
    )
    if not rows:
        return None
    title = f"{words.metric_words(cells[0].metric).title}, if the unknown were known"
    return Table(
        title=title,
        caption=f"{title}: the least and the most that these cases could show",
        head=("Group", "Unknown", "As it is", "Could be", "Difference to all others"),
        rows=rows,
    )


def borrowed_table(cells: Sequence[Cell]) -> Table | None:
    """Return small cells' rates as they are and as drawn towards each other; None without any.

    Parameters
    ----------
    cells : sequence of Cell
        Of one metric.
    """
    rows = tuple(
        (
            str(cell.group),
            f"{cell.value.n:,}",
            words.share(cell.value.estimate, cell.metric),
            words.rate(cell.shrunken.value, cell.metric),
            words.percent(cell.shrunken.borrowed, decimals=0),
        )
        for cell in cells
        if cell.shrunken
    )
    if not rows:
        return None
    title = f"{words.metric_words(cells[0].metric).title}: small groups drawn together"
    return Table(
        title=title,
        caption=(
            f"{title}. Raw, and borrowing from the other combinations, with how much was "
            "borrowed; no verdict rests on it, and an odd group out looks better than it is."
        ),
        head=("Group", "Cases", "Raw", "Drawn together [interval]", "Borrowed"),
        rows=rows,
    )
