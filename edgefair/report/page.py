"""What stands on the HTML page, in order: words, positions and tables, before any markup."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING

from edgefair.records import Cell, Confusion, Group, VerdictKind
from edgefair.report import words
from edgefair.report.forest import Marks, axis_over, difference_marks
from edgefair.report.summary import findings
from edgefair.report.tables import Table, borrowed_table, if_known_table, naive_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgefair.records import AuditResult

__all__ = [
    "Check",
    "FindingSection",
    "Glance",
    "Plot",
    "PlotRow",
    "Stamp",
    "Table",
    "exclusion_table",
    "sections",
]

_PAIRED = ("sensitivity", "specificity", "ppv", "npv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One verdict in the shortest form: its kind, and which labels are still needed."""

    kind: VerdictKind
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The verdict of every group on every judged metric, as one table.

    Attributes
    ----------
    head : tuple of str
        Titles of the judged metrics.
    rows : tuple of (str, tuple of (Stamp or None))
        Group, and one stamp for each metric; None where the group was not judged on it.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Stamp | None, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotRow:
    """One row of a forest plot; `marks` is None where there is nothing to draw.

    Attributes
    ----------
    name : str
    kind : VerdictKind
        Which shape marks the estimate.
    marks : Marks or None
    text : str
        The figures, or why there are none.
    opens_family : bool
        Whether the groups of another attribute begin here.
    """

    name: str
    kind: VerdictKind
    marks: Marks | None
    text: str
    opens_family: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A forest plot.

    Attributes
    ----------
    ticks : tuple of (float, str)
        Position in per cent of the width, and label.
    rows : tuple of PlotRow
    """

    ticks: tuple[tuple[float, str], ...]
    rows: tuple[PlotRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One judged metric of one finding: the plot, its tables, and each verdict as a sentence.

    Attributes
    ----------
    sentences : tuple of (VerdictKind, tuple of str)
        Harm first, then missing data, then shown ok; a verdict nobody met is left out.
    """

    title: str
    meaning: str
    plot: Plot
    tables: tuple[Table, ...]
    sentences: tuple[tuple[VerdictKind, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSection:
    """All that is shown of one finding.

    Attributes
    ----------
    glance : Glance or None
        None where nothing was judged.
    checks : tuple of Check
    spreads : Table or None
    details : tuple of Table
        The metrics that are shown and not judged, then the counts.
    """

    name: str
    glance: Glance | None
    checks: tuple[Check, ...]
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
    by_metric: dict[str, list[Cell]] = {}
    for cell in (*result.overall, *result.by_group):
        if cell.finding == finding:
            by_metric.setdefault(cell.metric, []).append(cell)
    judged = [cells for cells in by_metric.values() if any(cell.verdict for cell in cells)]
    shown = [cells for cells in by_metric.values() if not any(cell.verdict for cell in cells)]
    return FindingSection(
        name=words.capitalised(finding),
        glance=_glance(judged) if judged else None,
        checks=tuple(_check(cells, counted, level=result.level) for cells in judged),
        spreads=_spreads(result, finding),
        details=(
            *(_pair_table(*pair, counted) for pair in _pairs(by_metric)),
            *(
                _rate_table(cells, counted, level=result.level)
                for cells in shown
                if cells[0].metric not in _PAIRED
            ),
            *([_confusion_table(counted)] if counted else []),
        ),
    )


def _glance(judged: Sequence[Sequence[Cell]]) -> Glance:
    stamps = {
        (cell.group, cell.metric): Stamp(
            kind=cell.verdict.kind, needed=words.labels_still_needed(cell.verdict)
        )
        for cells in judged
        for cell in cells
        if cell.verdict
    }
    metrics = [cells[0].metric for cells in judged]
    return Glance(
        head=tuple(words.metric_words(metric).title for metric in metrics),
        rows=tuple(
            (str(group), tuple(stamps.get((group, metric)) for metric in metrics))
            for group in dict.fromkeys(group for group, _ in stamps)
        ),
    )


def _check(cells: Sequence[Cell], counted: Mapping[Group, Confusion], *, level: float) -> Check:
    spoken = words.metric_words(cells[0].metric)
    return Check(
        title=words.uncapitalised(spoken.title),
        meaning=spoken.meaning,
        plot=_plot(cells, counted),
        tables=(
            _rate_table(cells, counted, level=level),
            _difference_table(cells),
            *(
                table
                for make in (naive_table, if_known_table, borrowed_table)
                for table in (make(cells),)
                if table
            ),
        ),
        sentences=_sentences(cells),
    )


def _sentences(cells: Sequence[Cell]) -> tuple[tuple[VerdictKind, tuple[str, ...]], ...]:
    by_kind: dict[VerdictKind, list[str]] = {
        VerdictKind.HARM_SHOWN: [],
        VerdictKind.NOT_ENOUGH_DATA: [],
        VerdictKind.SHOWN_OK: [],
    }
    for cell in cells:
        if cell.verdict:
            by_kind[cell.verdict.kind].append(cell.verdict.sentence)
    return tuple((kind, tuple(sentences)) for kind, sentences in by_kind.items() if sentences)


def _plot(cells: Sequence[Cell], counted: Mapping[Group, Confusion]) -> Plot:
    """Return the plot that the verdicts can be read off.

    Each group stands at its own rate, with the interval of its difference to all others drawn
    around it: laid from the others' rate on, so that the line lies wholly beyond the limit where
    harm is shown, and wholly below it where the group is shown ok.
    """
    judged = [(cell, cell.verdict) for cell in cells if cell.verdict]
    drawn = [
        cell.rest.estimate + offset
        for cell, verdict in judged
        if cell.difference.is_estimable
        for offset in (cell.difference.upper, verdict.limit)
    ]
    metric = cells[0].metric
    largest = 1.0 if words.metric_words(metric).is_share else inf
    axis = axis_over([min(largest, value) for value in drawn], include=0.0)
    families = [tuple(a.name for a in cell.group.attributes) for cell, _ in judged]
    return Plot(
        ticks=tuple((axis.at(tick), words.tick(tick, metric)) for tick in axis.ticks),
        rows=tuple(
            PlotRow(
                name=str(cell.group),
                kind=verdict.kind,
                marks=difference_marks(cell, axis, limit=verdict.limit),
                text=_plot_text(cell, counted),
                opens_family=index > 0 and families[index] != families[index - 1],
            )
            for index, (cell, verdict) in enumerate(judged)
        ),
    )


def _plot_text(cell: Cell, counted: Mapping[Group, Confusion]) -> str:
    if not cell.value.is_estimable:
        return words.no_estimate(cell, counted.get(cell.group))
    rate = words.share(cell.value.estimate, cell.metric)
    if cell.naive and not cell.difference.is_estimable:
        return f"{rate}, that of all others refused"
    return f"{rate}, {words.difference(cell.difference, cell.metric, unit=False)}"


def _rate_table(
    cells: Sequence[Cell], counted: Mapping[Group, Confusion], *, level: float
) -> Table:
    """Return one metric by group: counts, value with limits, and the same in all others."""
    spoken = words.metric_words(cells[0].metric)
    return Table(
        title=spoken.title,
        caption=f"{spoken.title}. {spoken.meaning}",
        head=("Group", "Cases", f"In the group [{100 * level:g}% interval]", "In all others"),
        rows=tuple(
            (
                str(cell.group),
                words.counts(counted.get(cell.group), cell.metric, n=cell.value.n)
                + words.worth(cell),
                words.rate(cell.value, cell.metric)
                if cell.value.is_estimable
                else words.no_estimate(cell, counted.get(cell.group)),
                words.rate(cell.rest, cell.metric) if cell.group.attributes else "",
            )
            for cell in cells
        ),
    )


def _difference_table(cells: Sequence[Cell]) -> Table:
    title = f"{words.metric_words(cells[0].metric).title}: difference to all others"
    said = f"{title}. Intervals hold for all groups at once; p-values are corrected"
    judged = [cell for cell in cells if cell.verdict]
    has_exact = any(cell.exact_p_value is not None for cell in judged)
    if has_exact:
        said += "; the exact one is Boschloo's between few cases, else Fisher's"
    head = ("Group", "Difference [interval]", "p-value", "Exact p-value")
    return Table(
        title=title,
        caption=f"{said}.",
        head=head if has_exact else head[:-1],
        rows=tuple(
            (
                str(cell.group),
                words.difference(cell.difference, cell.metric),
                words.p_value(cell.p_value),
                *((words.p_value(_or_nan(cell.exact_p_value)),) if has_exact else ()),
            )
            for cell in judged
        ),
    )


def _or_nan(p: float | None) -> float:
    return nan if p is None else p


def _confusion_table(counted: Mapping[Group, Confusion]) -> Table:
    return Table(
        title="Counts",
        caption="The counts under every rate",
        head=("Group", "Found", "Missed", "Cleared", "False alarms", "All"),
        rows=tuple(
            (
                str(group),
                f"{c.true_positives:,}",
                f"{c.false_negatives:,}",
                f"{c.true_negatives:,}",
                f"{c.false_positives:,}",
                f"{c.n:,}",
            )
            for group, c in counted.items()
        ),
    )


def _pairs(by_metric: Mapping[str, Sequence[Cell]]) -> list[tuple[Sequence[Cell], Sequence[Cell]]]:
    """Return the metrics that are read side by side."""
    return [
        (by_metric[one], by_metric[other])
        for one, other in zip(_PAIRED[::2], _PAIRED[1::2], strict=True)
        if one in by_metric and other in by_metric
    ]


def _pair_table(
    one: Sequence[Cell], other: Sequence[Cell], counted: Mapping[Group, Confusion]
) -> Table:
    """Return two metrics of the same groups side by side, each with the counts under it."""
    spoken = [words.metric_words(cells[0].metric) for cells in (one, other)]
    title = f"{spoken[0].title} and {words.uncapitalised(spoken[1].title)}"
    return Table(
        title=title,
        caption=f"{title}. {' '.join(each.meaning for each in spoken)}",
        head=("Group", *(each.title for each in spoken)),
        rows=tuple(
            (
                str(pair[0].group),
                *(
                    f"{words.counts(counted.get(cell.group), cell.metric)}: "
                    f"{'refused' if cell.refused else words.rate(cell.value, cell.metric)}"
                    for cell in pair
                ),
            )
            for pair in zip(one, other, strict=True)
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
