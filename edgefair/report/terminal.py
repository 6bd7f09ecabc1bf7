"""A report as text for a terminal: the verdict first, then one row a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgefair.records import VerdictKind
from edgefair.report import words
from edgefair.report.beside_page import calibration_in_words
from edgefair.report.next_steps import next_steps
from edgefair.report.summary import findings, headline, judged_cells
from edgefair.report.tables import (
    borrowed_table,
    if_known_table,
    naive_table,
    powered_table,
    verification_table,
)
from edgefair.report.wrapping import cell_width, padded, plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgefair.records import AuditResult, Cell, Confusion
    from edgefair.report.report import Report
    from edgefair.report.tables import Table

__all__ = ["render_text"]

_GAP = 2
_NARROWEST_NAME = 12


def render_text(report: Report, *, width: int, colour: bool) -> str:
    """Return the report as lines for a terminal, in the order of the HTML page.

    Parameters
    ----------
    report : Report
    width : int
        Columns of the terminal, at least 80; wide characters count as two.
    colour : bool
        Whether to colour the verdicts with ANSI escapes; shapes and words tell them apart anyway.

    Returns
    -------
    str
        Lines ending in a newline, none wider than `width`. Control and format characters in
        names are dropped: a table cannot steer the terminal it is shown on.
    """
    painter = _Painter(colour=colour)
    parts = [
        _verdict(report, width, painter),
        _next(report.result, width),
        *(
            part
            for finding in findings(report.result)
            for part in (
                *_tables(report.result, finding, width, painter),
                *_headline_figures(report.result, finding, width),
                _spreads(report.result, finding, width),
            )
        ),
        _beside(report, width),
        _as_printed(powered_table(report), width),
        _as_printed(verification_table(report), width),
        _excluded(report.result, width),
        _identity(report, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


class _Painter:
    """Marks a verdict with its shape and, where wanted, its colour."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, kind: VerdictKind, text: str) -> str:
        if not self._colour:
            return text
        code = {
            VerdictKind.HARM_SHOWN: "1;31",
            VerdictKind.SHOWN_OK: "32",
            VerdictKind.NOT_ENOUGH_DATA: "33",
        }[kind]
        return f"\x1b[{code}m{text}\x1b[0m"


def _shape(kind: VerdictKind) -> str:
    return {
        VerdictKind.HARM_SHOWN: "▲",
        VerdictKind.SHOWN_OK: "●",
        VerdictKind.NOT_ENOUGH_DATA: "○",
    }[kind]


def _verdict(report: Report, width: int, painter: _Painter) -> list[str]:
    said = headline(report.result)
    return [
        *wrapped(report.title, width),
        "",
        painter(said.kind, f"{_shape(said.kind)} {said.kind.value}"),
        *(line for text in (said.sentence, *said.further) for line in wrapped(text, width)),
    ]


def _next(result: AuditResult, width: int) -> list[str]:
    said = next_steps(result).sentences
    return [line for text in said for line in wrapped(text, width, indent="> ", hang="  ")]


def _beside(report: Report, width: int) -> list[str]:
    """Return what is said of calibration and of other thresholds: a line or two each."""
    said = [
        f"{words.capitalised(one.finding)}, probabilities: "
        + words.uncapitalised(calibration_in_words(one, alpha=report.result.alpha))
        for one in report.calibration
    ]
    if report.thresholds:
        said.append("What other thresholds would find, miss and refer is in the HTML report (-o).")
    return [line for text in said for line in wrapped(text, width, hang="  ")]


def _tables(
    result: AuditResult, finding: str, width: int, painter: _Painter
) -> Iterator[list[str]]:
    """Yield one table for each judged metric of the finding."""
    counted = {group: c for name, group, c in result.confusion if name == finding}
    cells = [cell for cell in judged_cells(result) if cell.finding == finding]
    for metric in dict.fromkeys(cell.metric for cell in cells):
        spoken = words.metric_words(metric)
        counted_in = f" in {spoken.unit}" if spoken.unit else ""
        title = f"{words.capitalised(finding)}: {words.uncapitalised(spoken.title)}{counted_in}"
        rows = [
            (cell, _figures(cell, counted.get(cell.group)))
            for cell in cells
            if cell.metric == metric
        ]
        yield [*wrapped(title, width), *_table(rows, width, painter)]
        of_metric = [cell for cell, _ in rows]
        for table in (naive_table, if_known_table, borrowed_table):
            aside = table(of_metric)
            if aside:
                yield [*wrapped(aside.caption, width), *_plain_table(aside, width)]


def _figures(cell: Cell, confusion: Confusion | None) -> tuple[str, ...]:
    """Return the columns right of the name: counts, rate, others' rate, labels still needed."""
    needed = cell.verdict.labels_needed if cell.verdict else None
    return (
        words.counts(confusion, cell.metric, n=cell.value.n),
        "refused" if cell.refused else words.rate(cell.value, cell.metric, decimals=0, unit=False),
        words.share(cell.rest.estimate, cell.metric, decimals=0, unit=False),
        "" if needed is None else f"+{needed}",
    )


def _table(
    rows: Sequence[tuple[Cell, tuple[str, ...]]], width: int, painter: _Painter
) -> Iterator[str]:
    """Yield the header and the rows; a long name goes on over further lines."""
    head = ("Cases", "Rate", "Others", "Needed")
    widths = [max(map(len, column)) for column in zip(head, *(f for _, f in rows), strict=True)]
    verdict_width = max(map(len, VerdictKind))
    fixed = 2 + sum(w + _GAP for w in widths) + verdict_width + _GAP
    longest = max(cell_width(plain(str(cell.group))) for cell, _ in rows)
    name_width = max(_NARROWEST_NAME, min(width - fixed, longest))
    gap = " " * _GAP

    def line(name: str, figures: Sequence[str], verdict: str) -> str:
        *first, needed = (text.ljust(w) for text, w in zip(figures, widths, strict=True))
        return f"{padded(name, name_width)}{gap}{gap.join(first)}{gap}{verdict}{gap}{needed}"

    yield f"  {line('Group', head, 'Verdict'.ljust(verdict_width))}".rstrip()
    for cell, figures in rows:
        if cell.verdict is None:
            continue
        kind = cell.verdict.kind
        first, *more = wrapped(words.shorten(str(cell.group), 3 * name_width), name_width)
        verdict = painter(kind, kind.value) + " " * (verdict_width - len(kind))
        yield f"{painter(kind, _shape(kind))} {line(first, figures, verdict)}".rstrip()
        yield from (f"  {rest}" for rest in more)


def _plain_table(table: Table, width: int) -> Iterator[str]:
    """Yield a table of words; its first column is cut to what room the others leave."""
    head, *more = zip(table.head, *table.rows, strict=True)
    widths = [max(map(cell_width, column)) for column in more]
    room = max(_NARROWEST_NAME, width - 2 - sum(w + _GAP for w in widths))
    names = [wrapped(words.shorten(name, room), room)[0] for name in head]
    name_width = max(map(cell_width, names))
    for name, *figures in zip(names, *more, strict=True):
        texts = (padded(text, w) for text, w in zip(figures, widths, strict=True))
        yield f"  {padded(name, name_width)}{' ' * _GAP}{(' ' * _GAP).join(texts)}".rstrip()


def _headline_figures(result: AuditResult, finding: str, width: int) -> Iterator[list[str]]:
    """Yield one table for each metric that is shown here and not judged, e.g. the AUROC."""
    cells = [cell for cell in (*result.overall, *result.by_group) if cell.finding == finding]
    for metric in dict.fromkeys(cell.metric for cell in cells):
        if words.metric_words(metric).is_headline:
            yield _figures_of([cell for cell in cells if cell.metric == metric], width)


def _figures_of(cells: Sequence[Cell], width: int) -> list[str]:
    """Return one metric of everybody, then of each group."""
    if not any(cell.value.is_estimable or cell.refused for cell in cells):
        return []
    figures = [
        "refused" if cell.refused else words.rate(cell.value, cell.metric, decimals=3)
        for cell in cells
    ]
    name_width = width - 2 - _GAP - max(map(cell_width, figures))
    names = [wrapped(words.shorten(str(cell.group), name_width), name_width)[0] for cell in cells]
    widest = max(map(cell_width, names))
    title = (
        f"{words.capitalised(cells[0].finding)}: "
        f"{words.uncapitalised(words.metric_words(cells[0].metric).title)}"
    )
    rows = zip(names, figures, strict=True)
    return [
        *wrapped(title, width),
        *(f"  {padded(name, widest)}{' ' * _GAP}{figure}" for name, figure in rows),
    ]


def _spreads(result: AuditResult, finding: str, width: int) -> list[str]:
    return [
        line
        for spread in result.spreads
        if spread.finding == finding
        for line in wrapped(
            f"{words.metric_words(spread.metric).title} by {spread.attribute}: largest gap "
            f"{words.gap(spread.observed, spread.metric)}, by chance alone "
            f"{words.gap(spread.by_chance, spread.metric)}, p {words.p_value(spread.p_value)}. "
            f"{words.more_than_chance(spread.p_value, alpha=result.alpha)}",
            width,
            hang="  ",
        )
    ]


def _as_printed(table: Table | None, width: int) -> list[str]:
    return [*wrapped(table.caption, width), *_plain_table(table, width)] if table else []


def _excluded(result: AuditResult, width: int) -> list[str]:
    if not result.exclusions:
        return [f"Left out: nothing; all {result.rows:,} rows were used."]
    return [
        f"Left out of {result.rows:,} rows:",
        *(
            line
            for exclusion in result.exclusions
            for line in wrapped(
                f"{exclusion.rows:,} {exclusion.reason}", width, indent="  ", hang="    "
            )
        ),
    ]


def _identity(report: Report, width: int) -> list[str]:
    data = report.data
    lines = (
        f"Model: {report.model or 'not stated'}"
        + (f", bundle {report.bundle_digest[:12]}" if report.bundle_digest else ""),
        *([f"Operating point: {report.operating_point}"] if report.operating_point else []),
        f"Data: {data.name}, {data.rows:,} rows, SHA-256 {data.sha256[:12]}",
        f"Limit: {words.margin(report.result).replace('percentage ', '')} above all others; "
        f"intervals {100 * report.result.level:g}%, error rate {100 * report.result.alpha:g}%",
        f"Made: {words.moment(report.made_at)} by edgefair {report.edgefair_version}",
        *report.notes,
        "Research use only. Not a medical device.",
    )
    return [part for line in lines for part in wrapped(line, width, hang="  ")]
