"""Verdicts in words on errors that are no shares of yes and no."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from edgefair.records import Cell, Interval, VerdictKind

__all__ = ["Spoken", "figure", "sentence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """How an error is spoken of.

    Attributes
    ----------
    what : str
        To stand after "In sex F": ``the mean absolute error``.
    is_share : bool
        Whether it is said in per cent, and differences in points.
    unit : str
        Of an error that is no share; empty if it has none.
    """

    what: str
    is_share: bool = False
    unit: str = ""

    def value(self, interval: Interval) -> str:
        """Return the estimate in words.

        Examples
        --------
        >>> seen = Interval(9.127, 7.9, 10.6, 0.95, 84)
        >>> Spoken(what="the mean absolute error", unit="months").value(seen)
        '9.13 months'
        """
        if self.is_share:
            return f"{100 * interval.estimate:.0f}%"
        return f"{figure(interval.estimate, beside=interval.estimate)}{self._unit}"

    def limits(self, interval: Interval) -> str:
        """Return the limits in words, as ``7.9 to 10.6``."""
        if self.is_share:
            return f"{100 * interval.lower:.0f}% to {100 * interval.upper:.0f}%"
        lower, upper = (figure(x, beside=interval.estimate) for x in _bounds(interval))
        return f"{lower} to {upper}"

    def apart(self, value: float, *, beside: float, signed: bool = False) -> str:
        """Return a difference in words, to as many places as `beside` deserves."""
        if self.is_share:
            return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
        said = figure(value, beside=beside)
        return f"+{said}" if signed and value >= 0 else said

    @property
    def in_units(self) -> str:
        """What differences are counted in, with a blank before it."""
        return " points" if self.is_share else self._unit

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def figure(value: float, *, beside: float) -> str:
    """Return a number with as many places as give `beside` three figures, at most four.

    Examples
    --------
    >>> figure(12.345, beside=12.345), figure(0.5, beside=123.4), figure(0.0417, beside=0.3)
    ('12.3', '0', '0.042')
    """
    size = floor(log10(abs(beside))) if beside else 0
    return f"{value:.{min(4, max(0, 2 - size))}f}"


def sentence(cell: Cell, kind: VerdictKind, spoken: Spoken, *, margin: float) -> str:
    """Return the verdict on one group's error with the figures it rests on.

    Parameters
    ----------
    cell : Cell
    kind : VerdictKind
    spoken : Spoken
    margin : float
        Largest acceptable difference, in the error's own unit.

    Examples
    --------
    >>> from edgefair.records import Group, Interval
    >>> cell = Cell(
    ...     finding="bone age",
    ...     group=Group(),
    ...     metric="mean_absolute_error [months]",
    ...     value=Interval(9.1, 7.9, 10.6, 0.95, 84),
    ...     rest=Interval(6.0, 5.5, 6.6, 0.95, 210),
    ...     difference=Interval(3.1, 2.2, 4.5, 0.95, 84),
    ...     p_value=0.001,
    ...     verdict=None,
    ... )
    >>> spoken = Spoken(what="the mean absolute error", unit="months")
    >>> said = sentence(cell, VerdictKind.HARM_SHOWN, spoken, margin=2.0)
    >>> for part in said.replace("; in", ". in").split(". "):
    ...     print(part)
    In everybody the mean absolute error is 9.10 months (84 cases, 95% interval 7.90 to 10.60)
    in all others 6.00 months (210 cases)
    The difference is at least 2.20 months, beyond the limit of 2: harm is shown.
    """
    value, rest = cell.value, cell.rest
    if not value.is_estimable:
        return f"In {cell.group} {_silent(value, spoken)}."
    seen = (
        f"In {cell.group} {spoken.what} is {spoken.value(value)} ({_cases(value)}, "
        f"{100 * value.level:g}% interval {spoken.limits(value)})"
    )
    if not rest.is_estimable:
        return f"{seen}. Outside of this group {_silent(rest, spoken)}."
    compared = f"{seen}; in all others {spoken.value(rest)} ({_cases(rest)})."
    return f"{compared} {_concluded(cell, kind, spoken, margin)}"


def _concluded(cell: Cell, kind: VerdictKind, spoken: Spoken, margin: float) -> str:
    beside, unit = max(cell.value.estimate, cell.rest.estimate), spoken.in_units
    lower, upper = cell.difference.lower, cell.difference.upper
    limit = f"the limit of {100 * margin if spoken.is_share else margin:g}"
    if kind is VerdictKind.HARM_SHOWN:
        least = spoken.apart(lower, beside=beside)
        return f"The difference is at least {least}{unit}, beyond {limit}: harm is shown."
    if kind is VerdictKind.SHOWN_OK:
        most = spoken.apart(upper, beside=beside)
        return f"The difference is at most {most}{unit}, within {limit}: shown ok."
    low, high = (spoken.apart(x, beside=beside, signed=True) for x in (lower, upper))
    return (
        f"The difference may be anything from {low} to {high}{unit}, on either side of {limit}: "
        "not enough data to tell."
    )


def _silent(interval: Interval, spoken: Spoken) -> str:
    if not interval.n:
        return f"there is no labelled case: nothing can be said of {spoken.what}"
    be = "is" if interval.n == 1 else "are"
    return (
        f"there {be} {_cases(interval)}: too few, or too alike, to say anything of {spoken.what}"
    )


def _cases(interval: Interval) -> str:
    return f"{interval.n} case" if interval.n == 1 else f"{interval.n} cases"


def _bounds(interval: Interval) -> tuple[float, float]:
    return interval.lower, interval.upper
