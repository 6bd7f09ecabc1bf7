"""Verdicts in words: exact, with their counts, for a reader who knows no statistics."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edgefair.records import Cell, Interval, Refusal, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refused_sentence", "sentence", "sentence_of_corrected"]

_ERRORS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "false_negative_rate": ("misses", "with"),
        "false_positive_rate": ("wrongly flags", "without"),
    }
)


def sentence(cell: Cell, kind: VerdictKind, *, margin: float) -> str:
    """Return the verdict on one group's error rate with the counts it rests on.

    Parameters
    ----------
    cell : Cell
        Of false_negative_rate or false_positive_rate.
    kind : VerdictKind
    margin : float
        Largest acceptable difference.

    Examples
    --------
    >>> from edgefair.records import Group, Interval
    >>> cell = Cell(
    ...     finding="pneumonia",
    ...     group=Group(),
    ...     metric="false_negative_rate",
    ...     value=Interval(0.12, 0.07, 0.20, 0.95, 100),
    ...     rest=Interval(0.15, 0.13, 0.17, 0.95, 1000),
    ...     difference=Interval(-0.03, -0.08, 0.05, 0.95, 100),
    ...     p_value=0.4,
    ...     verdict=None,
    ... )
    >>> said = sentence(cell, VerdictKind.SHOWN_OK, margin=0.1)
    >>> for part in said.replace("; ", ". ").split(". "):
    ...     print(part)
    In everybody the model misses 12 of 100 cases with pneumonia (12%, 95% interval 7% to 20%)
    in all others 150 of 1000 (15%)
    The difference is at most 5.0 points, within the limit of 10: shown ok.
    """
    does, with_or_without = _ERRORS[cell.metric]
    value, rest = cell.value, cell.rest
    which = f"{with_or_without} {cell.finding}"
    if not value.is_estimable:
        return (
            f"In {cell.group} there is no labelled case {which}: nothing can be said of what the "
            f"model {does}."
        )
    seen = (
        f"In {cell.group} the model {does} {_of(value)} cases {which} "
        f"({100 * value.estimate:.0f}%, {100 * value.level:g}% interval "
        f"{100 * value.lower:.0f}% to {100 * value.upper:.0f}%)"
    )
    if not rest.is_estimable:
        return f"{seen}. Outside of this group there is no labelled case {which} to compare with."
    compared = f"{seen}; in all others {_of(rest)} ({100 * rest.estimate:.0f}%)."
    return f"{compared} {_concluded(kind, cell.difference, margin)}"


def sentence_of_corrected(cell: Cell, kind: VerdictKind, *, margin: float) -> str:
    """Return the verdict on a rate that is corrected for who was verified; no plain counts."""
    does, with_or_without = _ERRORS[cell.metric]
    value, rest = cell.value, cell.rest
    which = f"{with_or_without} {cell.finding}"
    if not value.is_estimable:
        return f"In {cell.group} too little is verified {which} to say what the model {does}."
    seen = (
        f"In {cell.group} the model {does} {100 * value.estimate:.0f}% of cases {which} "
        f"({100 * value.level:g}% interval {100 * value.lower:.0f}% to {100 * value.upper:.0f}%, "
        f"corrected for who was verified, from {value.n} verified {which})"
    )
    if not rest.is_estimable:
        return f"{seen}. Outside of this group too little is verified {which} to compare with."
    compared = f"{seen}; in all others {100 * rest.estimate:.0f}%."
    return f"{compared} {_concluded(kind, cell.difference, margin)}"


def refused_sentence(cell: Cell, refusal: Refusal) -> str:
    """Return why there is no verdict on a group, and what to do for there to be one."""
    does, with_or_without = _ERRORS[cell.metric]
    what = f"how often the model {does} cases {with_or_without} {cell.finding}"
    if cell.value.is_estimable:
        return (
            f"{cell.group}: for want of others to compare with, no verdict on {what}. Of all "
            f"others: {refusal.why} {refusal.instead}"
        )
    return f"{cell.group}: refused to say {what}. {refusal.why} {refusal.instead}"


def _concluded(kind: VerdictKind, difference: Interval, margin: float) -> str:
    lower, upper = 100 * difference.lower, 100 * difference.upper
    limit = f"the limit of {100 * margin:g}"
    if kind is VerdictKind.HARM_SHOWN:
        return f"The difference is at least {lower:.1f} points, beyond {limit}: harm is shown."
    if kind is VerdictKind.SHOWN_OK:
        return f"The difference is at most {upper:.1f} points, within {limit}: shown ok."
    return (
        f"The difference may be anything from {lower:+.1f} to {upper:+.1f} points, on either "
        f"side of {limit}: not enough data to tell."
    )


def _of(rate: Interval) -> str:
    return f"{round(rate.estimate * rate.n)} of {rate.n}"
