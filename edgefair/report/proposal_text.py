"""A proposal as text for a terminal: what would change for whom, and what else could be."""

from __future__ import annotations

from math import isfinite, isnan
from typing import TYPE_CHECKING, Final

from edgefair.records import Group
from edgefair.report import words
from edgefair.report.wrapping import cell_width, padded, plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edgefair.audit.thresholds import ThresholdRow
    from edgefair.bundle.site import ProposedEffect, SiteSetting
    from edgefair.records import Interval
    from edgefair.report.proposal import ProposalReport

__all__ = ["render_proposal_text"]

_GAP: Final = "  "
_NARROWEST_NAME: Final = 10
_SHOWN_THRESHOLDS: Final = 9
_TITLES: Final = {
    "sensitivity": "Found, of those who have it",
    "specificity": "Left alone, of those who do not have it",
    "brier": "Squared error of the probability, times 100 (Brier; less is better)",
    "in_the_large": "Observed share less the mean probability, in points (0 is right)",
}


def render_proposal_text(report: ProposalReport, *, width: int) -> str:
    """Return the report as lines for a terminal.

    Parameters
    ----------
    report : ProposalReport
    width : int
        Columns of the terminal, at least 80; wide characters count as two.
    """
    parts = [
        _headline(report, width),
        *_effects(report, width),
        _bands(report, width),
        _looked_at(report, width),
        _thresholds(report, width),
        [part for line in _identity(report) for part in wrapped(line, width, hang="  ")],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _headline(report: ProposalReport, width: int) -> list[str]:
    proposal = report.proposal
    sentences = [
        *(_setting(setting, report) for setting in proposal.rule.settings),
        *_aside(report),
        *_falls_short(report),
        "Nothing has changed. Only a person can put it in force, by `edgefair plan adopt`."
        if proposal.bundle_digest
        else "Made from a table, it cannot be put in force: `edgefair propose --ledger` can.",
    ]
    model = f" of {proposal.model}" if proposal.model else ""
    return [
        *wrapped(
            f"What to do about {proposal.finding}: a proposal on the decisions{model}", width
        ),
        "",
        *(part for line in sentences for part in wrapped(line, width, hang="  ")),
    ]


def _setting(setting: SiteSetting, report: ProposalReport) -> str:
    """Return what is proposed for one group, in a sentence."""
    rule = report.proposal.rule
    alone = len(rule.settings) == 1
    whom = str(setting.group) if setting.group != Group() or alone else "everybody else"
    start = rule.shown(setting.threshold, setting)
    said = f"{words.capitalised(whom)}: a person looks from probability {start:.3f} on"
    if report.now is not None:
        as_now = setting.threshold == report.now
        said += ", as now" if as_now else f" instead of {rule.shown(report.now, setting):.3f}"
    if setting.refer_up_to is not None:
        up_to = rule.shown(setting.refer_up_to, setting)
        said += f"; up to {up_to:.3f} the decision is refer"
    return said + "."


def _aside(report: ProposalReport) -> Iterator[str]:
    rule = report.proposal.rule
    yield f"Aim: {rule.chosen_for}."
    if rule.recalibrates:
        shifts = ", ".join(
            f"{setting.group} {setting.intercept:+.2f}" for setting in rule.settings
        )
        yield (
            f"Probabilities are put right: logit times {rule.slope:.2f}, then {shifts}. The "
            "threshold moves along, so that this alone changes no decision."
        )
    if rule.lawful_because:
        yield f"Groups are treated apart, on the ground that: {rule.lawful_because}"


def _falls_short(report: ProposalReport) -> Iterator[str]:
    """Yield whom the rule serves less well than it should, beyond what chance explains."""
    effects = report.proposal.effects
    metric, at_least = report.aim or ("", 0.0)
    short = [e for e in effects if e.metric == metric and e.after.upper < at_least]
    if short:
        yield f"It falls short of its aim for {_listed((e.group, e.after) for e in short)}."
    worse = [
        effect
        for effect in effects
        if effect.metric == "sensitivity" and effect.difference and effect.difference.upper < 0
    ]
    if worse:
        yield f"It finds fewer than now of {_listed((e.group, e.after) for e in worse)}."
    risk = 1 - (report.coverage or 0)
    for name, wrong in (
        ("cleared", [(band.group, band.missed) for band in report.bands]),
        ("flagged", [(band.group, band.false_alarms) for band in report.bands]),
    ):
        if more := [(group, share) for group, share in wrong if share.lower > risk]:
            yield f"More are {name} wrongly than promised of {_listed(more)}."


def _listed(shares: Iterable[tuple[Group, Interval]]) -> str:
    return "; ".join(
        f"{words.in_sentence(str(group))} ({words.rate(share, 'sensitivity', decimals=0)})"
        for group, share in shares
    )


def _effects(report: ProposalReport, width: int) -> Iterator[list[str]]:
    effects = report.proposal.effects
    for metric in dict.fromkeys(effect.metric for effect in effects):
        rows = [_effect(effect) for effect in effects if effect.metric == metric]
        head = ("Group", "Cases", "Now", "Then", "Change")
        yield [*wrapped(_TITLES[metric], width), *_table(head, rows, width)]


def _effect(effect: ProposedEffect) -> tuple[str, ...]:
    is_share = effect.metric in ("sensitivity", "specificity")

    def said(value: float, *, signed: bool = False) -> str:
        text = f"{100 * value:.{0 if is_share else 1}f}"
        sign = "+" if signed and not text.startswith("-") else ""
        return f"{sign}{text}".replace("-", "\N{MINUS SIGN}")

    def interval(of: str, *, signed: bool = False) -> str:
        found = getattr(effect, of)
        unit = "%" if is_share and not signed else ""
        limits = f"{said(found.lower, signed=signed)}, {said(found.upper, signed=signed)}"
        return f"{said(found.estimate, signed=signed)}{unit} [{limits}]"

    change = interval("difference", signed=True) if effect.difference else ""
    return (
        str(effect.group),
        f"{effect.before.n:,}",
        interval("before"),
        interval("after"),
        change,
    )


def _bands(report: ProposalReport, width: int) -> list[str]:
    if not report.bands or report.coverage is None:
        return []
    rows = [
        (
            str(share.group),
            f"{share.missed.n:,} with, {share.false_alarms.n:,} without",
            *(
                words.rate(one, "sensitivity", decimals=0)
                for one in (share.missed, share.false_alarms, share.referred)
            ),
        )
        for share in report.bands
    ]
    promised = f"at most {100 * (1 - report.coverage):.0f}% cleared, and flagged, wrongly"
    return [
        *wrapped(f"The band on cases that it was not set on (promised: {promised})", width),
        *_table(("Group", "Cases", "Cleared, with", "Flagged, without", "Referred"), rows, width),
    ]


def _looked_at(report: ProposalReport, width: int) -> list[str]:
    rows = [
        (str(one.group), f"{one.images:,}", _of(one.now, one.images), _of(one.then, one.images))
        for one in report.looked_at
    ]
    title = "Images that a person looks at, of all that were read"
    return [*wrapped(title, width), *_table(("Group", "Images", "Now", "Then"), rows, width)]


def _of(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.0f}%)" if whole else "0"


def _thresholds(report: ProposalReport, width: int) -> list[str]:
    """Return what else could be chosen, for everybody; groups' figures are in the JSON."""
    rows = [row for row in report.thresholds if row.group == Group()]
    if not rows:
        return []
    proposed = report.proposal.rule.settings[0].threshold
    marks: dict[float | None, str] = {report.now: "now", proposed: "new"}
    if proposed == report.now:
        marks[proposed] = "now, new"
    with_cost = not isnan(rows[0].cost)
    head = (
        "Threshold", "", "Looked at", "Found", "Missed", "Right",
        "Tests/case", *(("Cost/case",) if with_cost else ()),
    )  # fmt: skip
    shown = [
        (
            f"{row.threshold:.3f}",
            marks.get(row.threshold, ""),
            f"{row.flagged:,.0f}",
            f"{row.found:,.0f} ({words.percent(row.sensitivity.estimate, decimals=0)})",
            f"{row.missed:,.0f}",
            words.percent(row.ppv.estimate, decimals=0),
            _per_case(row.tests_per_case),
            *((_per_case(row.cost_per_case),) if with_cost else ()),
        )
        for row in _spread(rows, marks)
    ]
    people = f"{rows[0].screened:,.0f}"
    title = (
        f"What each threshold would do, of {people} people (those verified, and whom they "
        "stand for). Right: how many of those looked at have it"
    )
    if report.proposal.rule.recalibrates:
        title += ". The thresholds are the model's own, before probabilities are put right"
    return [*wrapped(title, width), *_table(head, shown, width)]


def _spread(
    rows: Sequence[ThresholdRow], marked: dict[float | None, str]
) -> Iterator[ThresholdRow]:
    """Yield those at which about as many more people are looked at each time, and the marked."""
    step = rows[0].screened / _SHOWN_THRESHOLDS
    last = float("inf")
    for row in rows:
        if row.threshold in marked or last - row.flagged >= step:
            last = row.flagged
            yield row


def _per_case(value: float) -> str:
    return f"{value:,.1f}" if isfinite(value) else "no case found"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Yield header and rows; a long name goes on over further lines."""
    others = [max(map(cell_width, column)) for column in zip(head, *rows, strict=True)][1:]
    room = max(_NARROWEST_NAME, width - 2 - sum(w + len(_GAP) for w in others))
    longest = max(cell_width(plain(name)) for name, *_ in (head, *rows))
    name_width = min(room, longest)
    for name, *figures in (head, *rows):
        first, *more = wrapped(words.shorten(name, 3 * room), name_width)
        columns = [padded(text, w) for text, w in zip(figures, others, strict=True)]
        yield f"  {_GAP.join((padded(first, name_width), *columns))}".rstrip()
        yield from (f"  {rest}" for rest in more)


def _identity(report: ProposalReport) -> tuple[str, ...]:
    proposal = report.proposal
    bundle = f", bundle {proposal.bundle_digest[:12]}" if proposal.bundle_digest else ""
    return (
        *proposal.notes,
        f"Brackets: {100 * report.level:g}% intervals, each on its own. Now and then are judged "
        "on the same cases, each by a rule made without it and without others of its patient.",
        *([f"Model: {proposal.model}{bundle}"] if proposal.model else []),
        f"Decides now: {proposal.instead_of}",
        f"Data: {proposal.made_from}",
        f"Made: {words.moment(proposal.made_at)} by edgefair {report.edgefair_version}",
        "Research use only. Not a medical device.",
    )
