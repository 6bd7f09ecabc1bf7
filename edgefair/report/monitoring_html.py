"""A re-check as one HTML file: where it stands in words, what changed, and each cell over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgefair.report import words
from edgefair.report.history import HistoryPlot, history_plot, thinned
from edgefair.report.monitoring_text import (
    alarm_in_words,
    audit_in_words,
    evidence_in_words,
    headline_in_words,
    needed_in_words,
)
from edgefair.report.sheets import environment, style_of
from edgefair.report.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgefair.records import VerdictKind
    from edgefair.report.monitoring import MonitoredCell, MonitoringReport

__all__ = ["render_monitoring_html"]

_STEPS_IN_FIGURES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Multiple:
    """One cell's drawing."""

    name: str
    kind: VerdictKind
    plot: HistoryPlot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """One watched rate of one finding: drawings, the table beneath, and the past in figures."""

    title: str
    meaning: str
    audit: str
    multiples: tuple[_Multiple, ...]
    not_drawn: str
    table: Table
    past: Table | None
    sentences: tuple[str, ...]


def render_monitoring_html(report: MonitoringReport) -> str:
    """Return the re-check as one HTML page that needs nothing but itself.

    Parameters
    ----------
    report : MonitoringReport
        With its history: what was not asked for cannot be drawn.

    Returns
    -------
    str
        UTF-8 text under the same security policy as `render_html`'s.
    """
    style = style_of("edgefair.report")
    kind, (sentence, *further) = headline_in_words(report)
    return (
        environment("edgefair.report")
        .get_template("monitoring.html.j2")
        .render(
            report=report,
            kind=kind,
            sentence=sentence,
            further=further,
            alarms=[
                *(alarm_in_words(one) for one in report.alarms),
                *(f"{alarm_in_words(one)} (an earlier plan)" for one in report.earlier_alarms),
            ],
            news=_news(report),
            rates=tuple(_rates(report)),
            made_at=words.moment(report.made_at),
            style=style.text,
            style_digest=style.digest,
        )
    )


def _news(report: MonitoringReport) -> tuple[str, Table | None]:
    """Return what the last step changed: in a sentence, and for each rate with a new error."""
    changed = [
        (cell, cell.history[-2], cell.history[-1])
        for cell in report.cells
        if len(cell.history) > 1 and cell.history[-1].n != cell.history[-2].n
    ]
    if not changed:
        return "Nothing.", None
    rows = tuple(
        (
            str(cell.group),
            f"{words.capitalised(cell.finding)}: "
            f"{words.uncapitalised(words.metric_words(cell.metric).title)}",
            f"{now.errors - before.errors:+,} of {now.n - before.n:+,}",
            f"{evidence_in_words(before.e_value)}, then {evidence_in_words(now.e_value)}",
        )
        for cell, before, now in changed
        if now.errors != before.errors
    )
    said = f"New cases were counted for {len(changed)} of {len(report.cells)} watched rates"
    if not rows:
        return f"{said}; none of them was an error.", None
    return f"{said}; for {len(rows)} of these, new errors.", Table(
        title="New errors",
        caption="Where the last step counted new errors",
        head=("Group", "Rate", "Errors", "Evidence"),
        rows=rows,
    )


def _rates(report: MonitoringReport) -> Iterator[_Rate]:
    for finding, metric in dict.fromkeys((cell.finding, cell.metric) for cell in report.cells):
        cells = [c for c in report.cells if (c.finding, c.metric) == (finding, metric)]
        spoken = words.metric_words(metric)
        plots = [(cell, history_plot(cell)) for cell in cells]
        yield _Rate(
            title=f"{words.capitalised(finding)}: {words.uncapitalised(spoken.title)}",
            meaning=f"{spoken.meaning} The limit is {words.percent(cells[0].verdict.limit)}.",
            audit=audit_in_words(cells, report) if metric == "false_negative_rate" else "",
            multiples=tuple(
                _Multiple(name=str(cell.group), kind=cell.verdict.kind, plot=plot)
                for cell, plot in plots
                if plot
            ),
            not_drawn=", ".join(str(cell.group) for cell, plot in plots if not plot),
            table=_table(cells),
            past=_past(cells),
            sentences=tuple(cell.verdict.sentence for cell in cells),
        )


def _table(cells: Sequence[MonitoredCell]) -> Table:
    return Table(
        title="Where each group stands",
        caption="Where each group stands. Limits in brackets hold for all groups and at every "
        "look; evidence beside what harm takes; the chart's value beside where it warns.",
        head=("Group", "Errors", "Rate", "Evidence", "Chart", "Verdict", "Still needed"),
        rows=tuple(
            (
                str(cell.group),
                f"{cell.errors:,} of {cell.n:,}",
                words.rate(cell.interval, cell.metric) if cell.n else "none yet",
                f"{evidence_in_words(cell.e_value)} of {cell.alarm_at:,.0f}",
                f"{cell.chart} of {cell.chart_limit}",
                cell.verdict.kind.value,
                needed_in_words(cell, with_months=True),
            )
            for cell in cells
        ),
    )


def _past(cells: Sequence[MonitoredCell]) -> Table | None:
    rows = tuple(
        (
            str(cell.group),
            one.taken_at[:10],
            f"{one.errors:,} of {one.n:,}",
            words.rate(one.interval, cell.metric, decimals=0) if one.n else "none yet",
            evidence_in_words(one.e_value),
        )
        for cell in cells
        for one in thinned(cell.history, _STEPS_IN_FIGURES)
    )
    if not rows:
        return None
    return Table(
        title="The past in figures",
        caption=f"The past in figures, at most {_STEPS_IN_FIGURES} steps of each group",
        head=("Group", "Step", "Errors", "Rate", "Evidence"),
        rows=rows,
    )
