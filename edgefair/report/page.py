"""What stands on the HTML page, in order: words, positions and tables, before any markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefair.records import Cell, Confusion, Group, VerdictKind
from edgefair.report import words
from edgefair.report.forest import Axis, Marks, axis_over, marks
from edgefair.report.summary import findings, unit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgefair.records import AuditResult

__all__ = ["FindingSection", "Item", "Plot", "PlotRow", "Table", "exclusion_table", "sections"]

_EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A captioned table; the first cell of each row names the row, the title says it shortest."""

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One verdict in the list: of which group, in words, and what is still needed."""

    kind: VerdictKind
    name: str
    sentence: str
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotRow:
    """One row of a forest plot; `marks` is None where there is nothing to draw.

    Attributes
    ----------
    name : str
    kind : VerdictKind or None
        Which shape marks the estimate; None for everybody, who are not judged.
    marks : Marks or None
    text : str
        The figures, or why there are none.
    opens_family : bool
        Whether the groups of another attribute begin here.
    """

    name: str
    kind: VerdictKind | None
    marks: Marks | None
    text: str
    opens_family: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A forest plot and the table of the same figures.

    Attributes
    ----------
    ticks : tuple of (float, str)
        Position in per cent of the width, and label.
    """

    title: str
    meaning: str
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[PlotRow, ...]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSection:
    """All that is shown of one finding.

    Attributes
    ----------
    unit : str
        What a verdict is on: ``group``, or ``check`` where a group is judged more than once.
    verdicts : tuple of (VerdictKind, tuple of Item)
        Harm first, then missing data, then shown ok; a verdict nobody met is left out.
    plots : tuple of Plot
        Two per judged metric: the rates, and the differences the verdicts come from.
    spreads : Table or None
    details : tuple of Table
        The metrics that are shown and not judged, then the counts.
    """

    name: str
    unit: str
    verdicts: tuple[tuple[VerdictKind, tuple[Item, ...]], ...]
    plots: tuple[Plot, ...]
    spreads: Table | None
    details: tuple[Table, ...]


def sections(result: AuditResult) -> tuple[FindingSection, ...]:
    """Return what is shown of each finding, in the findings' order."""
    return tuple(_section(result, finding) for finding in findings(result))


def exclusion_table(result: AuditResult) -> Table | None:
    """Return what was left out and why; None where every row was used."""
    if not result.exclusions:
        return None
    return Table(
        title="What was left out",
        caption=f"Left out of the {result.rows:,} rows that came in",
        head=("Reason", "Rows"),
        rows=tuple((exclusion.reason, f"{exclusion.rows:,}") for exclusion in result.exclusions),
    )


def _section(result: AuditResult, finding: str) -> FindingSection:
    counted = {group: c for name, group, c in result.confusion if name == finding}
    cells = [c for c in (*result.overall, *result.by_group) if c.finding == finding]
    by_metric: dict[str, list[Cell]] = {}
    for cell in cells:
        by_metric.setdefault(cell.metric, []).append(cell)
    judged = {metric for metric, group in by_metric.items() if any(c.verdict for c in group)}
    return FindingSection(
        name=words.capitalised(finding),
        unit=unit_of([cell for cell in cells if cell.verdict]),
        verdicts=_verdicts([cell for cell in cells if cell.verdict]),
        plots=tuple(
            plot
            for metric in by_metric
            if metric in judged
            for plot in (
                _rates(by_metric[metric], counted, level=result.level),
                _differences(by_metric[metric], counted, level=result.level),
            )
        ),
        spreads=_spreads(result, finding),
        details=(
            *(
                _rate_table(group, counted, level=result.level)
                for metric, group in by_metric.items()
                if metric not in judged
            ),
            _confusion_table(counted),
        ),
    )


def _verdicts(cells: Sequence[Cell]) -> tuple[tuple[VerdictKind, tuple[Item, ...]], ...]:
    """Return the verdicts under their three headings, the gravest first."""
    by_kind: dict[VerdictKind, list[Item]] = {
        VerdictKind.HARM_SHOWN: [],
        VerdictKind.NOT_ENOUGH_DATA: [],
        VerdictKind.SHOWN_OK: [],
    }
    for cell in cells:
        verdict = cell.verdict
        if verdict:
            by_kind[verdict.kind].append(
                Item(
                    kind=verdict.kind,
                    name=str(cell.group),
                    sentence=verdict.sentence,
                    needed=words.labels_still_needed(verdict, finding=cell.finding),
                )
            )
    return tuple((kind, tuple(items)) for kind, items in by_kind.items() if items)


def _limit(cell: Cell) -> float | None:
    return cell.verdict.limit if cell.verdict else None


def _tick_labels(axis: Axis, label: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    return tuple((axis.at(tick), label(tick)) for tick in axis.ticks)


def _opens_family(cells: Sequence[Cell], index: int) -> bool:
    """Return whether this row's attributes are others than those of the row before."""

    def names(group: Group) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in group.attributes)

    return index > 0 and names(cells[index].group) != names(cells[index - 1].group)


def _rates(cells: Sequence[Cell], counted: Mapping[Group, Confusion], *, level: float) -> Plot:
    """Return the plot of the rates themselves, with the others' rate and the limit marked."""
    metric = cells[0].metric
    spoken = words.metric_words(metric)
    limits = {
        cell.group: None if (limit := _limit(cell)) is None else cell.rest.estimate + limit
        for cell in cells
    }
    drawn = [x for c in cells if c.value.is_estimable for x in (c.value.upper, c.rest.estimate)]
    axis = axis_over([*drawn, *(x for x in limits.values() if x is not None)], include=0.0)
    rows = tuple(
        PlotRow(
            name=str(cell.group),
            kind=cell.verdict.kind if cell.verdict else None,
            marks=marks(
                cell.value,
                axis,
                others=cell.rest.estimate if cell.verdict else None,
                limit=limits[cell.group],
            ),
            text=_rate_text(cell, counted),
            opens_family=_opens_family(cells, index),
        )
        for index, cell in enumerate(cells)
    )
    return Plot(
        title=words.uncapitalised(spoken.title),
        meaning=spoken.meaning,
        ticks=_tick_labels(axis, lambda tick: words.percent(tick, decimals=0)),
        rows=rows,
        table=_rate_table(cells, counted, level=level),
    )


def _differences(
    cells: Sequence[Cell], counted: Mapping[Group, Confusion], *, level: float
) -> Plot:
    """Return the plot of each group against all others: what the verdicts are read from."""
    judged = [cell for cell in cells if cell.verdict]
    metric = judged[0].metric
    limits = [limit for cell in judged if (limit := _limit(cell)) is not None]
    drawn = [
        x
        for c in judged
        if c.difference.is_estimable
        for x in (c.difference.lower, c.difference.upper)
    ]
    axis = axis_over([*drawn, *limits], include=0.0)
    title = f"{words.metric_words(metric).title}: difference to all others"
    return Plot(
        title=words.uncapitalised(title),
        meaning=(
            "The verdict is read from here. A line wholly beyond the limit is harm shown; one "
            "wholly below it is shown ok; one that crosses it is not enough data."
        ),
        ticks=_tick_labels(axis, lambda tick: words.points(tick, metric)),
        rows=tuple(
            PlotRow(
                name=str(cell.group),
                kind=cell.verdict.kind if cell.verdict else None,
                marks=marks(cell.difference, axis, others=0.0, limit=_limit(cell)),
                text=words.difference(cell.difference, metric)
                if cell.difference.is_estimable
                else words.unestimable(counted.get(cell.group)),
                opens_family=_opens_family(judged, index),
            )
            for index, cell in enumerate(judged)
        ),
        table=_difference_table(judged, title=title, level=level),
    )


def _rate_text(cell: Cell, counted: Mapping[Group, Confusion]) -> str:
    if cell.value.is_estimable:
        return words.rate(cell.value, cell.metric)
    return words.unestimable(counted.get(cell.group))


def _interval_head(title: str, level: float) -> str:
    return f"{title} [{100 * level:g}% interval]"


def _rate_table(
    cells: Sequence[Cell], counted: Mapping[Group, Confusion], *, level: float
) -> Table:
    """Return one metric by group: counts, value with limits, and the same in all others."""
    spoken = words.metric_words(cells[0].metric)
    return Table(
        title=spoken.title,
        caption=f"{spoken.title}. {spoken.meaning}",
        head=("Group", "Cases", _interval_head("In the group", level), "In all others"),
        rows=tuple(
            (
                str(cell.group),
                words.counts(counted.get(cell.group), cell.metric),
                _rate_text(cell, counted),
                words.rate(cell.rest, cell.metric) if cell.group.attributes else "",
            )
            for cell in cells
        ),
    )


def _difference_table(cells: Sequence[Cell], *, title: str, level: float) -> Table:
    return Table(
        title=title,
        caption=f"{title}, intervals valid for all groups together, p-values corrected",
        head=("Group", _interval_head("Difference", level), "Limit", "p-value", "Verdict"),
        rows=tuple(
            (
                str(cell.group),
                words.difference(cell.difference, cell.metric),
                words.points(cell.verdict.limit, cell.metric),
                words.p_value(cell.p_value),
                cell.verdict.kind,
            )
            for cell in cells
            if cell.verdict
        ),
    )


def _confusion_table(counted: Mapping[Group, Confusion]) -> Table:
    return Table(
        title="Counts",
        caption="The counts under every rate",
        head=("Group", "Found", "Missed", "Cleared", "False alarms", "All"),
        rows=tuple(
            (
                str(group),
                *(
                    f"{count:,}"
                    for count in (
                        c.true_positives,
                        c.false_negatives,
                        c.true_negatives,
                        c.false_positives,
                        c.n,
                    )
                ),
            )
            for group, c in counted.items()
        ),
    )


def _spreads(result: AuditResult, finding: str) -> Table | None:
    """Return how far apart the groups lie beside what chance alone would show."""
    rows = tuple(
        (
            f"{words.metric_words(spread.metric).title} by {spread.attribute}",
            words.gap(spread.observed, spread.metric),
            words.gap(spread.by_chance, spread.metric),
            words.p_value(spread.p_value),
            words.more_than_chance(spread.p_value, alpha=result.alpha),
        )
        for spread in result.spreads
        if spread.finding == finding
    )
    if not rows:
        return None
    return Table(
        title="How far the groups lie apart",
        caption="Largest gap between groups, beside the gap that chance alone would show",
        head=("What, by what", "Gap", "By chance", "p-value", "In words"),
        rows=rows,
    )
