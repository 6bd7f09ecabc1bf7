"""Numbers and names in words: what a metric means, how an interval is written.

Every renderer takes its wording from here, so that screen, paper and terminal agree.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgefair.records import Cell, Confusion, Interval, Verdict

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
    "metric_words",
    "moment",
    "more_than_chance",
    "no_estimate",
    "p_value",
    "percent",
    "rate",
    "share",
    "shorten",
    "uncapitalised",
    "unestimable",
    "worth",
]

_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricWords:
    """How one metric is spoken of.

    Attributes
    ----------
    title : str
        Heading for a reader who knows no statistics.
    errors : str
        What is counted, in the plural, to stand after "harm by"; empty where nothing is an error.
    meaning : str
        What it is a share of, to stand after the title.
    happening : str
        What the model does to those counted, to stand after "of 100 who ..., the model".
    among : str
        Whom it counts, to stand after "of 100".
    is_share : bool
        Whether it is a share of cases; AUROC is not.
    """

    title: str
    errors: str = ""
    meaning: str
    happening: str = ""
    among: str = ""
    is_share: bool = True


_METRICS: Mapping[str, MetricWords] = MappingProxyType(
    {
        "false_negative_rate": MetricWords(
            title="Missed by the model",
            errors="missed cases",
            meaning="False negative rate: of those who have it, the share the model misses.",
            happening="misses",
            among="who have it",
        ),
        "false_positive_rate": MetricWords(
            title="False alarms",
            errors="false alarms",
            meaning="False positive rate: of those who do not have it, the share it flags.",
            happening="wrongly flags",
            among="who do not have it",
        ),
        "sensitivity": MetricWords(
            title="Sensitivity", meaning="Of those who have it, the share the model finds."
        ),
        "specificity": MetricWords(
            title="Specificity", meaning="Of those who do not have it, the share it clears."
        ),
        "ppv": MetricWords(
            title="Positive predictive value",
            meaning="Of those the model flags, the share who have it.",
        ),
        "npv": MetricWords(
            title="Negative predictive value",
            meaning="Of those the model clears, the share who do not have it.",
        ),
        "prevalence": MetricWords(
            title="Prevalence", meaning="Of all labelled cases, the share who have it."
        ),
        "auroc": MetricWords(
            title="AUROC",
            meaning=(
                "How often a case with the finding scores higher than one without: "
                "0.5 is a coin toss, 1 is perfect."
            ),
            is_share=False,
        ),
    }
)


def metric_words(metric: str) -> MetricWords:
    """Return how `metric` is spoken of; one we have no words for keeps its own name."""
    plain = metric.replace("_", " ")
    return _METRICS.get(metric, MetricWords(title=capitalised(plain), errors=plain, meaning=""))


def percent(share: float, *, decimals: int = 1) -> str:
    """Return a share in [0, 1] as per cent; ``n/a`` where there is none.

    Examples
    --------
    >>> percent(0.4125), percent(0.4125, decimals=0), percent(float("nan"))
    ('41.2%', '41%', 'n/a')
    """
    return "n/a" if isnan(share) else f"{100 * share:.{decimals}f}%"


def rate(interval: Interval, metric: str, *, decimals: int = 1) -> str:
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
        return f"{interval.estimate:.3f} [{interval.lower:.3f}, {interval.upper:.3f}]"
    lower, upper = (f"{100 * limit:.{decimals}f}" for limit in (interval.lower, interval.upper))
    return f"{percent(interval.estimate, decimals=decimals)} [{lower}, {upper}]"


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
    is_share = metric_words(metric).is_share
    factor, decimals, points = (100, 1, " points" if unit else "") if is_share else (1, 3, "")
    estimate, lower, upper = (
        _signed(factor * value, decimals=decimals)
        for value in (interval.estimate, interval.lower, interval.upper)
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


def counts(confusion: Confusion | None, metric: str) -> str:
    """Return the counts under a metric: ``41 of 100``, or cases with and without for AUROC."""
    if confusion is None:
        return "n/a"
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
    return unestimable(confusion)


def unestimable(confusion: Confusion | None) -> str:
    """Return why a group has no estimate."""
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
    if verdict.labels_of == "ai_negatives":
        return f"{verdict.labels_needed:,} more cleared cases, drawn by lot"
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
    return f"{100 * value:.1f} points" if metric_words(metric).is_share else f"{value:.3f}"


def more_than_chance(p: float, *, alpha: float) -> str:
    """Return what a gap's p-value says; a gap that could be chance is not called none."""
    if isnan(p):
        return "Too few groups to tell."
    if p <= alpha:
        return "More than chance alone would show."
    return "Could be chance alone; that does not show there is no gap."


def share(value: float, metric: str, *, decimals: int = 1) -> str:
    """Return one value without limits: per cent where the metric is a share."""
    if metric_words(metric).is_share:
        return percent(value, decimals=decimals)
    return "n/a" if isnan(value) else f"{value:.3f}"
