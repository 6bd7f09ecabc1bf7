"""Numbers and names in words: what a metric means, how an interval is written.

Every renderer takes its wording from here, so that screen, paper and terminal agree.
"""

from __future__ import annotations

import unicodedata
from math import floor, isnan, log10
from typing import TYPE_CHECKING

from edgefair.report.metrics import MetricWords, metric_words

if TYPE_CHECKING:
    from edgefair.records import AuditResult, Cell, Confusion, Interval, Verdict

__all__ = [
    "MetricWords",
    "capitalised",
    "count_of",
    "counts",
    "difference",
    "from_to",
    "gap",
    "in_sentence",
    "labels_still_needed",
    "margin",
    "metric_words",
    "moment",
    "more_than_chance",
    "no_estimate",
    "p_value",
    "percent",
    "rate",
    "share",
    "shorten",
    "tick",
    "uncapitalised",
    "unestimable",
    "worth",
]

_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def percent(share: float, *, decimals: int = 1) -> str:
    """Return a share in [0, 1] as per cent; ``n/a`` where there is none.

    Examples
    --------
    >>> percent(0.4125), percent(0.4125, decimals=0), percent(float("nan"))
    ('41.2%', '41%', 'n/a')
    """
    return "n/a" if isnan(share) else f"{100 * share:.{decimals}f}%"


def rate(interval: Interval, metric: str, *, decimals: int = 1, unit: bool = True) -> str:
    """Return an estimate with its limits, in per cent where the metric is a share.

    Examples
    --------
    >>> from edgefair.records import Interval
    >>> rate(Interval(0.41, 0.319, 0.508, 0.95, 100), "false_negative_rate")
    '41.0% [31.9, 50.8]'
    >>> rate(Interval(0.86, 0.8, 0.91, 0.95, 300), "auroc")
    '0.860 [0.800, 0.910]'
    """
    if not interval.is_estimable:
        return "not estimable"
    if not metric_words(metric).is_share:
        places = _places(metric, *_sizes(interval))
        estimate, *limits = (_plain(x, places) for x in _figures(interval))
        counted_in = metric_words(metric).after_figure if unit else ""
        return f"{estimate} [{limits[0]}, {limits[1]}]{counted_in}"
    lower, upper = (f"{100 * limit:.{decimals}f}" for limit in (interval.lower, interval.upper))
    return f"{percent(interval.estimate, decimals=decimals)} [{lower}, {upper}]"


def _places(metric: str, *figures: float) -> int:
    """Return to how many places a figure that is no share is written.

    Figures with a unit may be of any size, and get three digits; all others lie near 1, and get
    three places.
    """
    largest = max((abs(figure) for figure in figures if not isnan(figure)), default=0.0)
    if not metric_words(metric).unit or not largest:
        return 3
    return min(4, max(0, 2 - floor(log10(largest))))


def _figures(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.lower, interval.upper


def _sizes(interval: Interval) -> tuple[float, float]:
    """Return what the places of an interval are chosen by: the estimate, or its own half width."""
    return interval.estimate, (interval.upper - interval.lower) / 2


def _plain(value: float, places: int) -> str:
    return f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float, *, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def difference(interval: Interval, metric: str, *, unit: bool = True) -> str:
    """Return a difference with its limits, in percentage points where the metric is a share.

    Examples
    --------
    >>> from edgefair.records import Interval
    >>> difference(Interval(0.29, 0.17, 0.4, 0.95, 100), "false_negative_rate")
    '+29.0 points [+17.0, +40.0]'
    """
    if not interval.is_estimable:
        return "no others to compare"
    spoken = metric_words(metric)
    counted_in = " points" if spoken.is_share else spoken.after_figure
    factor, decimals = (100, 1) if spoken.is_share else (1, _places(metric, *_sizes(interval)))
    points = counted_in if unit else ""
    estimate, lower, upper = (
        _signed(factor * value, decimals=decimals) for value in _figures(interval)
    )
    return f"{estimate}{points} [{lower}, {upper}]"


def p_value(p: float) -> str:
    """Return a p-value to three places.

    Examples
    --------
    >>> p_value(0.0304), p_value(0.00002), p_value(float("nan"))
    ('0.030', '< 0.001', 'n/a')
    """
    if isnan(p):
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count_of(confusion: Confusion, metric: str) -> tuple[int, int] | None:
    """Return hits and denominator of a share; None for a metric that is not a plain share."""
    c = confusion
    flagged, cleared = c.true_positives + c.false_positives, c.true_negatives + c.false_negatives
    return {
        "false_negative_rate": (c.false_negatives, c.positives),
        "sensitivity": (c.true_positives, c.positives),
        "false_positive_rate": (c.false_positives, c.negatives),
        "specificity": (c.true_negatives, c.negatives),
        "ppv": (c.true_positives, flagged),
        "npv": (c.true_negatives, cleared),
        "prevalence": (c.positives, c.n),
    }.get(metric)


def counts(confusion: Confusion | None, metric: str, *, n: int | None = None) -> str:
    """Return the counts under a metric: ``41 of 100``, or cases with and without for AUROC.

    Where no yes and no were counted, the `n` cases that the metric rests on.
    """
    if confusion is None:
        return "n/a" if n is None else f"{n:,}"
    hits_and_n = count_of(confusion, metric)
    if hits_and_n is None:
        return f"{confusion.positives} with, {confusion.negatives} without"
    return "{} of {}".format(*hits_and_n)


def worth(cell: Cell) -> str:
    """Return how many independent cases a cell's are worth, to stand after its counts."""
    if cell.independent is None or not cell.value.n:
        return ""
    return f", worth {cell.independent:,.0f}"


def from_to(lowest: float, highest: float, metric: str, *, signed: bool = False) -> str:
    """Return a range without an estimate; `signed` for differences, in percentage points.

    Examples
    --------
    >>> from_to(0.1, 0.25, "sensitivity"), from_to(0.01, 0.25, "sensitivity", signed=True)
    ('10.0% to 25.0%', '+1.0 to +25.0 points')
    """
    if isnan(lowest) or isnan(highest):
        return "n/a"
    if not signed:
        return f"{share(lowest, metric)} to {share(highest, metric)}"
    factor, decimals, unit = (100, 1, " points") if metric_words(metric).is_share else (1, 3, "")
    low, high = (_signed(factor * value, decimals=decimals) for value in (lowest, highest))
    return f"{low} to {high}{unit}"


def no_estimate(cell: Cell, confusion: Confusion | None) -> str:
    """Return why a cell has no number: refused, with what to do instead, or no case for it."""
    if cell.refused:
        return f"Refused. {cell.refused.instead}"
    return unestimable(confusion, n=cell.value.n)


def unestimable(confusion: Confusion | None, *, n: int = 0) -> str:
    """Return why a group has no estimate; `n` cases were there if no yes and no were counted."""
    if confusion is None and n:
        return f"Not estimable from {n} {'case' if n == 1 else 'cases'}."
    if confusion is None or confusion.n == 0:
        return "No labelled case in this group."
    if confusion.positives == 0:
        return f"None of its {confusion.n} labelled cases has the finding."
    if confusion.negatives == 0:
        return f"All of its {confusion.n} labelled cases have the finding."
    return "Not estimable from its cases."


def labels_still_needed(verdict: Verdict) -> str:
    """Return how many labels are still to come, in words; empty where no number is known."""
    if verdict.labels_needed is None:
        return ""
    if verdict.labels_of == "cases":
        return f"about {verdict.labels_needed:,} more cases"
    if verdict.labels_of == "ai_negatives":
        return f"{verdict.labels_needed:,} more cleared cases, drawn by lot"
    if verdict.labels_of == "ai_negatives_of_others":
        return f"{verdict.labels_needed:,} more cleared cases of all others, drawn by lot"
    with_or_without = "with" if verdict.labels_of == "positives" else "without"
    return f"about {verdict.labels_needed:,} more {with_or_without} it"


def shorten(name: str, length: int) -> str:
    """Return `name`, cut to `length` characters with an ellipsis.

    Examples
    --------
    >>> shorten("a very long name", 8)
    'a very …'
    """
    return name if len(name) <= length else f"{name[: length - 1]}…"


def capitalised(text: str) -> str:
    """Return `text` with its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]


def uncapitalised(text: str) -> str:
    """Return `text` fit to follow a colon; a heading of capitals such as AUROC stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def moment(iso: str) -> str:
    """Return a UTC time stamp as people write it.

    Examples
    --------
    >>> moment("2025-11-23T09:30:00Z")
    '2025-11-23 09:30:00 UTC'
    """
    return iso.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")


def in_sentence(name: str) -> str:
    """Return a user's name fit for the middle of our sentence: short, and isolated if Arabic.

    A name written from right to left would otherwise pull the figures beside it along
    (Unicode Standard Annex 9, section 2.7).
    """
    short = shorten(name, 60)
    if any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in short):
        return f"{_FIRST_STRONG_ISOLATE}{short}{_POP_ISOLATE}"
    return short


def gap(value: float, metric: str) -> str:
    """Return an unsigned gap, in percentage points where the metric is a share."""
    if isnan(value):
        return "n/a"
    spoken = metric_words(metric)
    if spoken.is_share:
        return f"{100 * value:.1f} points"
    return f"{_plain(value, _places(metric, value))}{spoken.after_figure}"


def more_than_chance(p: float, *, alpha: float) -> str:
    """Return what a gap's p-value says; a gap that could be chance is not called none."""
    if isnan(p):
        return "Too few groups to tell."
    if p <= alpha:
        return "More than chance alone would show."
    return "Could be chance alone; that does not show there is no gap."


def share(value: float, metric: str, *, decimals: int = 1, unit: bool = True) -> str:
    """Return one value without limits: per cent where the metric is a share."""
    if metric_words(metric).is_share:
        return percent(value, decimals=decimals)
    if isnan(value):
        return "n/a"
    counted_in = metric_words(metric).after_figure if unit else ""
    return f"{_plain(value, _places(metric, value))}{counted_in}"


def tick(value: float, metric: str) -> str:
    """Return what stands at a tick of an axis: whole per cent, or the figure itself."""
    return percent(value, decimals=0) if metric_words(metric).is_share else f"{value:g}"


def margin(result: AuditResult) -> str:
    """Return the largest acceptable difference in words, as the judged metric counts it.

    Examples
    --------
    >>> from edgefair.records import AuditResult
    >>> nothing = AuditResult(
    ...     overall=(), by_group=(), confusion=(), spreads=(), exclusions=(), rows=0,
    ...     level=0.95, margin=0.1, alpha=0.05,
    ... )
    >>> margin(nothing)
    '10 percentage points'
    """
    judged = [metric_words(cell.metric) for cell in result.by_group if cell.verdict]
    if all(spoken.is_share for spoken in judged):
        return f"{100 * result.margin:g} percentage points"
    spoken = next(each for each in judged if not each.is_share)
    return f"{result.margin:g}{spoken.after_figure}"
