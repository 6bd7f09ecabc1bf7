"""What to do next, in a few sentences and one short table: which labels, and where to get them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from edgefair.records import VerdictKind
from edgefair.report import words
from edgefair.report.summary import judged_cells
from edgefair.report.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgefair.records import AuditResult, Cell, Group

__all__ = ["NextSteps", "next_steps"]

_MOST_ROWS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteps:
    """What to do next.

    Attributes
    ----------
    sentences : tuple of str
        The most pressing first.
    plan : Table or None
        Which labels are missing, the fewest first; None where none would help.
    """

    sentences: tuple[str, ...]
    plan: Table | None


def next_steps(result: AuditResult) -> NextSteps:
    """Return what follows from an audit for those who use the model."""
    cells = judged_cells(result)
    harmed = [c for c in cells if c.verdict and c.verdict.kind is VerdictKind.HARM_SHOWN]
    missing = [c for c in cells if c.verdict and c.verdict.labels_needed is not None]
    unreachable = [
        c
        for c in cells
        if c.verdict
        and c.verdict.kind is VerdictKind.NOT_ENOUGH_DATA
        and c.verdict.labels_needed is None
    ]
    said = []
    if any(c.metric == "false_negative_rate" for c in harmed):
        said.append(
            "Where the model misses too many, let no negative answer stand alone: have a person "
            "look at these images too, and see below what a lower threshold would do."
        )
    if any(c.metric == "false_positive_rate" for c in harmed):
        said.append(
            "Where it raises too many false alarms, expect further tests that find nothing; see "
            "below what a higher threshold would do."
        )
    if harmed:
        said.append("Tell whoever made the model, and send this report along.")
    if missing:
        said.append(
            "Have more cases confirmed, drawn by lot among all images and not among those that "
            "the model flagged: else what it misses stays unseen. Then run the audit again."
        )
    if unreachable:
        said.append(
            "For some groups no number of labels that can be had would tell: there are too few of "
            "them, too few others, or they lie too close to the limit."
        )
    if cells and not said:
        said.append("Go on confirming cases drawn by lot, and run the audit again in some months.")
    return NextSteps(sentences=tuple(said), plan=_plan(missing, _shares(result)))


def _shares(result: AuditResult) -> Mapping[tuple[str, Group], float]:
    """Return how often each finding was there in each group."""
    return {
        (cell.finding, cell.group): cell.value.estimate
        for cell in (*result.overall, *result.by_group)
        if cell.metric == "prevalence"
    }


def _plan(missing: list[Cell], shares: Mapping[tuple[str, Group], float]) -> Table | None:
    if not missing:
        return None
    fewest = sorted(missing, key=_needed)
    several = len({cell.finding for cell in missing}) > 1
    rows = tuple(
        (
            (f"{cell.finding}, " if several else "") + str(cell.group),
            words.metric_words(cell.metric).title,
            _labels(cell),
            _images(cell, shares.get((cell.finding, cell.group), float("nan"))),
        )
        for cell in fewest[:_MOST_ROWS]
    )
    more = len(missing) - len(rows)
    further = f" {more:,} more are in the tables below." if more else ""
    return Table(
        title="Labels still needed",
        caption=f"Labels still needed, the fewest first.{further}",
        head=("Who", "For a verdict on", "Confirmed cases", "Drawn by lot among its images"),
        rows=rows,
    )


def _needed(cell: Cell) -> int:
    assert cell.verdict is not None
    assert cell.verdict.labels_needed is not None
    return cell.verdict.labels_needed


def _labels(cell: Cell) -> str:
    assert cell.verdict is not None
    of = {"positives": " that have it", "negatives": " that do not"}.get(cell.verdict.labels_of)
    return f"{_needed(cell):,}{of or ''}"


def _images(cell: Cell, share: float) -> str:
    """Return how many images that takes, at the present share of those who have it."""
    assert cell.verdict is not None
    if cell.verdict.labels_of not in ("positives", "negatives"):
        return f"{_needed(cell):,}"
    hit = share if cell.verdict.labels_of == "positives" else 1 - share
    return f"about {ceil(_needed(cell) / hit):,}" if hit > 0 else "none of them had it so far"
