"""A re-check as text for a terminal: where it stands first, then one row a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgefair.records import VerdictKind
from edgefair.report import words
from edgefair.report.wrapping import cell_width, padded, plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgefair.report.monitoring import MonitoredCell, MonitoringReport, StandingAlarm

__all__ = [
    "alarm_in_words",
    "audit_in_words",
    "evidence_in_words",
    "headline_in_words",
    "needed_in_words",
    "render_monitoring_text",
]

_GAP: Final = "  "
_NARROWEST_NAME: Final = 12
_HEAD: Final = ("Errors", "Rate", "Evidence", "Verdict", "Needed")
_VERDICT_COLUMN: Final = 3
_NAMED_IN_A_SENTENCE: Final = 3
_LARGE: Final = 999
_MANY_MONTHS: Final = 60
_COLOURS: Final = {
    VerdictKind.HARM_SHOWN: "1;31",
    VerdictKind.SHOWN_OK: "32",
    VerdictKind.NOT_ENOUGH_DATA: "33",
}
_SHAPES: Final = {
    VerdictKind.HARM_SHOWN: "▲",
    VerdictKind.SHOWN_OK: "●",
    VerdictKind.NOT_ENOUGH_DATA: "○",
}


def render_monitoring_text(report: MonitoringReport, *, width: int, colour: bool) -> str:
    """Return the report as lines for a terminal.

    Parameters
    ----------
    report : MonitoringReport
    width : int
        Columns of the terminal, at least 80; wide characters count as two.
    colour : bool
        Whether to colour the verdicts with ANSI escapes; shapes and words tell them apart anyway.

    Returns
    -------
    str
        Lines ending in a newline, none wider than `width`.
    """
    parts = [
        _headline(report, width, colour=colour),
        *_tables(report, width, colour=colour),
        _alarms(report, width),
        _lines(report.notes, width),
        _lines(_identity(report), width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _headline(report: MonitoringReport, width: int, *, colour: bool) -> list[str]:
    kind, sentences = headline_in_words(report)
    return [
        *wrapped(f"Is {report.model} still right? The re-check of {report.ledger}", width),
        "",
        _painted(kind, f"{_SHAPES[kind]} {kind.value}", colour=colour),
        *(line for text in sentences for line in wrapped(text, width)),
    ]


def headline_in_words(report: MonitoringReport) -> tuple[VerdictKind, list[str]]:
    """Return the gravest verdict, and where all stands in a few sentences."""
    kinds = [cell.verdict.kind for cell in report.cells]
    counted = (
        f"Of {len(kinds)} watched rates {kinds.count(VerdictKind.SHOWN_OK)} are shown ok, "
        f"{kinds.count(VerdictKind.HARM_SHOWN)} do harm, and for "
        f"{kinds.count(VerdictKind.NOT_ENOUGH_DATA)} there is not enough data."
    )
    harmed = [cell for cell in report.cells if cell.verdict.kind is VerdictKind.HARM_SHOWN]
    warned = sum(bool(cell.alarms) for cell in report.cells) - len(harmed)
    further = [counted, *_news(report)]
    if warned:
        further.insert(0, f"A chart warns for {warned} of them: see the alarms below.")
    if harmed:
        return VerdictKind.HARM_SHOWN, [*(c.verdict.sentence for c in harmed), *further]
    if VerdictKind.NOT_ENOUGH_DATA in kinds:
        return VerdictKind.NOT_ENOUGH_DATA, [
            "No harm was shown. That is no sign yet that the model works for all.",
            *further,
        ]
    return VerdictKind.SHOWN_OK, ["Every watched rate is shown to be below its limit.", *further]


def _news(report: MonitoringReport) -> Iterator[str]:
    if report.recounted:
        yield f"All evidence was counted anew: {report.recounted}."
    elif report.new_evidence:
        yield f"New since the last step: {_number(report.new_evidence, 'verified case')}."
    else:
        yield "Nothing new since the last step."


def _tables(report: MonitoringReport, width: int, *, colour: bool) -> Iterator[list[str]]:
    """Yield one table for each finding and metric, with what stands between it and an answer."""
    names = dict.fromkeys((cell.finding, cell.metric) for cell in report.cells)
    for finding, metric in names:
        cells = [c for c in report.cells if (c.finding, c.metric) == (finding, metric)]
        spoken = words.uncapitalised(words.metric_words(metric).title)
        limit = words.percent(cells[0].verdict.limit)
        title = f"{words.capitalised(finding)}: {spoken} (limit {limit})"
        yield [*wrapped(title, width), *_rows(cells, width, colour=colour)]
        if metric == "false_negative_rate" and (audit := audit_in_words(cells, report)):
            yield wrapped(audit, width)


def audit_in_words(cells: Sequence[MonitoredCell], report: MonitoringReport) -> str:
    """Return what is asked for before missed cases are judged; empty where all of it is there."""
    short = [cell for cell in cells if cell.audited < report.plan.minimum_audit]
    if not short:
        return ""
    named = [
        f"{words.in_sentence(str(cell.group))} needs {report.plan.minimum_audit - cell.audited}"
        for cell in short[:_NAMED_IN_A_SENTENCE]
    ]
    if more := len(short) - len(named):
        named.append(f"{more} further group{'' if more == 1 else 's'}")
    return (
        f"Missed cases are judged from {report.plan.minimum_audit} verified cases on that the "
        "model called negative: draw cases by lot and verify them, whatever the model said. "
        f"{words.capitalised('; '.join(named))}."
    )


def _rows(cells: Sequence[MonitoredCell], width: int, *, colour: bool) -> Iterator[str]:
    longest = max(cell_width(plain(str(cell.group))) for cell in cells)
    for with_months in (True, False):
        table = [_figures(cell, with_months=with_months) for cell in cells]
        widths = [max(map(len, column)) for column in zip(_HEAD, *table, strict=True)]
        fixed = 2 + sum(w + len(_GAP) for w in widths)
        if fixed + min(longest, _NARROWEST_NAME) <= width:
            break
    name_width = max(_NARROWEST_NAME, min(width - fixed, longest))

    def line(name: str, figures: Sequence[str], kind: VerdictKind | None) -> str:
        columns = [text.ljust(w) for text, w in zip(figures, widths, strict=True)]
        if kind:
            columns[_VERDICT_COLUMN] = _painted(kind, columns[_VERDICT_COLUMN], colour=colour)
        return _GAP.join((padded(name, name_width), *columns)).rstrip()

    yield f"  {line('Group', _HEAD, None)}"
    for cell, figures in zip(cells, table, strict=True):
        kind = cell.verdict.kind
        name = words.shorten(str(cell.group), 3 * name_width)
        first, *more = wrapped(name, name_width)
        yield f"{_painted(kind, _SHAPES[kind], colour=colour)} {line(first, figures, kind)}"
        yield from (f"  {rest}" for rest in more)


def _figures(cell: MonitoredCell, *, with_months: bool) -> tuple[str, ...]:
    """Return the columns right of the name."""
    return (
        f"{cell.errors}/{cell.n}",
        words.rate(cell.interval, cell.metric, decimals=0) if cell.n else "none yet",
        f"{evidence_in_words(cell.e_value)}/{cell.alarm_at:.0f}",
        cell.verdict.kind.value,
        needed_in_words(cell, with_months=with_months),
    )


def evidence_in_words(e_value: float) -> str:
    """Return how much evidence there is, to as many digits as matter."""
    if e_value > _LARGE:
        return f">{_LARGE}"
    return f"{e_value:.1f}" if e_value < 10 else f"{e_value:.0f}"


def needed_in_words(cell: MonitoredCell, *, with_months: bool) -> str:
    """Return how many labels are missing; empty where the cell is decided."""
    if cell.verdict.kind is not VerdictKind.NOT_ENOUGH_DATA:
        return ""
    if cell.verdict.labels_needed is None:
        return "out of reach"
    labels = f"+{cell.verdict.labels_needed:,}"
    if cell.months is None or not with_months:
        return labels
    months = max(1, round(cell.months))
    return f"{labels}, {f'{months} mo' if months <= _MANY_MONTHS else '>5 y'}"


def _alarms(report: MonitoringReport, width: int) -> list[str]:
    lines = [alarm_in_words(alarm) for alarm in report.alarms]
    lines += [f"{alarm_in_words(alarm)} (an earlier plan)" for alarm in report.earlier_alarms]
    if not lines:
        return []
    return ["Alarms:", *(part for line in lines for part in wrapped(line, width, hang="  "))]


def alarm_in_words(alarm: StandingAlarm) -> str:
    """Return when an alarm was raised, of what kind, and over what."""
    what = {
        "e-process": "harm shown",
        "change": "warning of a change (e-detector)",
        "chart": "warning of a change (CUSUM chart)",
    }[alarm.kind]
    spoken = words.uncapitalised(words.metric_words(alarm.metric).title)
    noted = f" {alarm.note}" if alarm.note else ""
    return (
        f"{alarm.raised_at[:10]} {what}: {alarm.finding}, {spoken}, {alarm.group}; "
        f"{alarm.errors} of {alarm.n}.{noted}"
    )


def _identity(report: MonitoringReport) -> tuple[str, ...]:
    plan = report.plan
    last = f"the last on {report.step_taken_at[:10]}" if report.step_taken_at else "none yet"
    return (
        "Rates: limits in brackets hold for all groups and at every look. Evidence: how many to "
        "one the errors speak for a rate above the limit, and what is asked for.",
        f"Plan: {plan.digest[:12]}, no. {plan.number}, by {', '.join(plan.groups_by)}; error rate "
        f"{100 * plan.alpha:g}% over all groups, errors and looks",
        f"Model: {report.model}, bundle {report.bundle_digest[:12]}",
        f"Steps: {report.steps} ({last}), up to outcome {report.outcome_id:,}",
        f"Made: {words.moment(report.made_at)} by edgefair {report.edgefair_version}",
        "Research use only. Not a medical device.",
    )


def _lines(sentences: Sequence[str], width: int) -> list[str]:
    return [part for line in sentences for part in wrapped(line, width, hang="  ")]


def _painted(kind: VerdictKind, text: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if colour else text


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
