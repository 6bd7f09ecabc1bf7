"""A table of words, and those that stand beside a judged rate without deciding anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefair.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgefair.records import Cell
    from edgefair.report.report import Report

__all__ = [
    "Table",
    "borrowed_table",
    "if_known_table",
    "naive_table",
    "powered_table",
    "verification_table",
]


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


def naive_table(cells: Sequence[Cell]) -> Table | None:
    """Return rates beside those of the verified cases alone; None where these are the same.

    Parameters
    ----------
    cells : sequence of Cell
        Of one metric.
    """
    rows = tuple(
        (
            str(cell.group),
            "refused" if cell.refused else words.rate(cell.value, cell.metric),
            words.rate(cell.naive, cell.metric),
        )
        for cell in cells
        if cell.naive
    )
    if not rows:
        return None
    title = f"{words.metric_words(cells[0].metric).title}: corrected for who was verified"
    return Table(
        title=title,
        caption=f"{title}. The verified alone mislead: who was verified was no matter of chance.",
        head=("Group", "Corrected [interval]", "Verified alone"),
        rows=rows,
    )


def verification_table(report: Report) -> Table | None:
    """Return why cases were verified, for each finding and decision; None if it is not known."""
    if not report.verification:
        return None
    reasons = tuple(dict.fromkeys(name for one in report.verification for name in one.because))
    title = "Why cases were verified"
    return Table(
        title=title,
        caption=f"{title}, by what the model had said",
        head=("Finding, decision", *(name.replace("_", " ") for name in reasons), "not verified"),
        rows=tuple(
            (
                f"{one.finding}, {'flagged' if one.flagged else 'cleared'}",
                *(f"{one.because.get(name, 0):,}" for name in reasons),
                f"{one.unverified:,}",
            )
            for one in report.verification
        ),
    )


def powered_table(report: Report) -> Table | None:
    """Return how many have each finding, with and without the scores' help; None without any."""
    if not report.powered:
        return None
    title = "How many have it, with the help of the model's own scores"
    return Table(
        title=title,
        caption=f"{title}: their mean over everybody, put right by how far they were off on the "
        "labels that were drawn by lot. Approximate, like any interval from few labels",
        head=("Finding, group", "By the labels", "With the scores", "Labels", "Worth"),
        rows=tuple(
            (
                f"{one.finding}, {found.group}",
                words.rate(found.by_labels, "prevalence"),
                words.rate(found.with_scores, "prevalence"),
                f"{found.with_scores.n:,}",
                f"{found.gain:.1f} times as many",
            )
            for one in report.powered
            for found in one.groups
        ),
    )
