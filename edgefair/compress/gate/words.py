"""The gate for readers: in words first, then every cell, for a terminal and for the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Final

from edgefair.compress.gate.encoding import WITH_FINDING
from edgefair.compress.gate.records import (
    Comparison,
    EncodingRow,
    GateCell,
    GateResult,
    ScoreChange,
)
from edgefair.compress.gate.sentences import cell_sentence
from edgefair.records import Interval, VerdictKind

__all__ = ["headline", "render_gate_markdown", "render_gate_text"]

_MOST_FLIPS: Final = 20
_CELL_HEADER: Final = (
    "finding",
    "group",
    "rate",
    "cases",
    "before",
    "after",
    "lost, points",
    "newly wrong / right",
    "McNemar p",
    "verdict",
)
_SCORE_HEADER: Final = (
    "finding",
    "group",
    "with / without",
    "AUROC before",
    "AUROC after",
    "lost",
    "p",
    "logit change, 95th percentile",
)
_ENCODING_HEADER: Final = ("embedding", "what", "value", "share", "AUROC of a linear probe")
_FLIP_HEADER: Final = ("image", "finding", "who", "before", "after")


def headline(result: GateResult) -> str:
    """Return the gate's outcome in a few sentences for a reader who knows no statistics."""
    points = f"{100 * result.margin:g} points"
    lines = [_outcome(result)]
    several = len({cell.finding for cell in result.cells}) > 1
    among = " Each group is counted for each finding." if several else ""
    for comparison in _comparisons(result):
        if not comparison.is_binding:
            continue
        for metric in _metrics(result):
            kinds = Counter(
                cell.verdict
                for cell in result.cells
                if cell.comparison == comparison and cell.metric == metric
            )
            lines.append(_told(comparison, metric, kinds, points) + among)
    if result.accepted is not None:
        by, reason = result.accepted.by, result.accepted.reason
        lines.append(f"The open conditions were accepted by {by}: {reason}.")
    return "\n".join(lines)


def render_gate_text(result: GateResult) -> str:
    """Return the gate for a terminal: headline, every cell, newly missed cases."""
    parts = [headline(result)]
    for comparison in _comparisons(result):
        cells = [cell for cell in result.cells if cell.comparison == comparison]
        kind = "binding" if comparison.is_binding else "to inform"
        parts.append(f"{comparison} ({kind})\n{_aligned(_cell_rows(cells))}")
    missed = [flip for flip in result.flips if flip.is_newly_missed and flip.comparison.is_binding]
    if missed:
        listed = ", ".join(sorted({flip.image for flip in missed})[:_MOST_FLIPS])
        parts.append(f"Newly missed, {len(missed)} in all comparisons: {listed}")
    return "\n\n".join(parts) + "\n"


def render_gate_markdown(result: GateResult) -> str:
    """Return the gate's section of the card."""
    parts = [
        "## What compression cost, group by group",
        "\n".join(f"- {line}" for line in headline(result).splitlines()),
        _method(result),
    ]
    if result.conditions:
        parts += [
            "### Conditions",
            "Not shown, and no pass. Where this model is used on these people, collect labels "
            "and look again with `edgefair audit`:",
            "\n".join(f"- {condition.sentence}" for condition in result.conditions),
        ]
    for comparison in _comparisons(result):
        parts += _of_comparison(result, comparison)
    parts += _encodings(result.encodings)
    return "\n\n".join(parts) + "\n"


def _method(result: GateResult) -> str:
    said = (
        f"Measured on the same {result.cases} test images{_of_patients(result)}. A loss may be "
        f"{100 * result.margin:g} points at most. Verdicts by one-sided exact tests of Tango's "
        "statistic, corrected by Holm over groups and findings, so that the chance of any false "
        f"alarm, and of any false all-clear, is at most {100 * result.alpha:g} % in each "
        "comparison and rate; losses with simultaneous "
        f"{100 * (1 - result.alpha):g} % limits, rates with 95 % Wilson intervals, AUROCs with "
    )
    if all(cell.independent is None for cell in result.cells):
        return f"{said}DeLong's."
    return (
        f"{said}Obuchowski's. Images of one patient are alike: they count as the fewer "
        "independent cases that they are worth, by how patients differ, in brackets beside the "
        "number of cases; the chances of error are approximate then."
    )


def _of_patients(result: GateResult) -> str:
    if result.patients in (None, result.cases):
        return ""
    return f" of {result.patients} patients"


def _outcome(result: GateResult) -> str:
    if result.failures:
        worst = max(result.failures, key=lambda cell: cell.loss.estimate)
        return f"The gate failed. {cell_sentence(worst, margin=result.margin)}"
    if not result.conditions:
        return "The gate passed: no group lost more than it may, shown for every group."
    count = len(result.conditions)
    if result.accepted is not None:
        return f"The gate passed with {count} conditions, which a named person answers for."
    return f"The gate is not passed: {count} conditions are open and nobody answers for them."


def _told(comparison: Comparison, metric: str, kinds: Counter[VerdictKind], points: str) -> str:
    total = kinds.total()
    shown, harmed, open_ = (
        kinds[kind]
        for kind in (VerdictKind.SHOWN_OK, VerdictKind.HARM_SHOWN, VerdictKind.NOT_ENOUGH_DATA)
    )
    said = (
        f"From {comparison.before} to {comparison.after} no more than {points} of {metric} are "
        f"lost: shown for {shown} of {total} {'group' if total == 1 else 'groups'}"
    )
    if open_:
        said += f"; too few cases to say for {open_}"
    if harmed:
        said += f"; more is lost in {harmed}"
    return f"{said}."


def _of_comparison(result: GateResult, comparison: Comparison) -> Iterator[str]:
    cells = [cell for cell in result.cells if cell.comparison == comparison]
    scores = [change for change in result.scores if change.comparison == comparison]
    flips = [flip for flip in result.flips if flip.comparison == comparison]
    missed = [flip for flip in flips if flip.is_newly_missed]
    yield f"### {comparison}{'' if comparison.is_binding else ' (to inform, not binding)'}"
    yield _table(_cell_rows(cells))
    yield _table([_SCORE_HEADER, *map(_score_row, scores)])
    yield (
        f"{len(flips)} decisions flipped, {len(missed)} of them toward missed"
        + (":" if missed else ".")
        + (f" the first {_MOST_FLIPS}, all are in gate.json:" if len(missed) > _MOST_FLIPS else "")
    )
    if missed:
        yield _table(
            [
                _FLIP_HEADER,
                *(
                    (
                        flip.image,
                        flip.finding,
                        str(flip.group),
                        f"{flip.probability_before:.3f}",
                        f"{flip.probability_after:.3f}",
                    )
                    for flip in missed[:_MOST_FLIPS]
                ),
            ]
        )


def _encodings(rows: Sequence[EncodingRow]) -> Iterator[str]:
    if not rows:
        return
    yield "### What the embedding tells of people"
    yield (
        "How well a linear probe reads an attribute off the embedding, on patients it was not "
        "fitted on (.5 is a coin); the findings stand beside it for comparison. That something "
        "can be read off does not show that it is used."
    )
    yield _table(
        [
            _ENCODING_HEADER,
            *(
                (
                    row.embedding,
                    row.attribute,
                    "with" if row.value == WITH_FINDING else row.value,
                    "-" if isnan(row.share) else f"{100 * row.share:.0f} % of {row.n}",
                    _interval(row.auroc),
                )
                for row in rows
            ),
        ]
    )


def _cell_rows(cells: Sequence[GateCell]) -> list[tuple[str, ...]]:
    if all(cell.independent is None for cell in cells):
        return [_CELL_HEADER, *map(_cell_row, cells)]
    header = tuple("cases (worth)" if name == "cases" else name for name in _CELL_HEADER)
    return [header, *map(_cell_row, cells)]


def _cell_row(cell: GateCell) -> tuple[str, ...]:
    loss = cell.loss
    lost = f"{100 * loss.estimate:+.1f}" if loss.is_estimable else "?"
    needed = f", {cell.labels_needed} more" if cell.labels_needed is not None else ""
    return (
        cell.finding,
        str(cell.group),
        cell.metric,
        str(cell.n) if cell.independent is None else f"{cell.n} ({cell.independent:.0f})",
        _interval(cell.before),
        _interval(cell.after),
        f"{lost} [{100 * loss.lower:+.1f}, {100 * loss.upper:+.1f}]",
        f"{cell.flips_to_wrong} / {cell.flips_to_right}",
        _p(cell.mcnemar_p),
        f"{cell.verdict.value}{needed}",
    )


def _score_row(change: ScoreChange) -> tuple[str, ...]:
    far = change.logit_change_p95
    return (
        change.finding,
        str(change.group),
        f"{change.positives} / {change.negatives}",
        _interval(change.before),
        _interval(change.after),
        _interval(change.loss),
        _p(change.p_value),
        "-" if isnan(far) else f"{far:.2f}",
    )


def _interval(interval: Interval) -> str:
    if not interval.is_estimable:
        return "not estimable"
    return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"


def _p(value: float) -> str:
    if isnan(value):
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _comparisons(result: GateResult) -> tuple[Comparison, ...]:
    return tuple(dict.fromkeys(cell.comparison for cell in result.cells))


def _metrics(result: GateResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.metric for cell in result.cells))


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose first row is the header; a bar in a name parts no cells."""
    escaped = [[value.replace("|", "\\|") for value in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
