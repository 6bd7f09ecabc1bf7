"""What stands on the page beside the verdicts: calibration by group, and other thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan, sqrt
from typing import TYPE_CHECKING, Final

from edgefair.audit.asides import GroupCurve, ScoreBin
from edgefair.audit.intervals import wilson
from edgefair.report import words
from edgefair.report.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgefair.audit.asides import CalibrationAside, ThresholdAside
    from edgefair.audit.thresholds import ThresholdRow

__all__ = [
    "CalibrationSection",
    "Curve",
    "Point",
    "ThresholdSection",
    "calibration_in_words",
    "calibration_section",
    "threshold_section",
]

_EVERY_OTHER: Final = 2
_WIDEST: Final = 5.0
_THINNEST: Final = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One tenth of the probabilities: where it lies in a drawing of 100 by 100, and how large."""

    x: float
    y: float
    radius: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One group's reliability plot."""

    name: str
    n: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSection:
    """Calibration of one finding: the plots, one row a group, and the points of the plots."""

    sentence: str
    curves: tuple[Curve, ...]
    table: Table
    points: Table
    left_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSection:
    """What other thresholds would do: everybody, then each group in short."""

    overall: Table
    groups: tuple[Table, ...]
    left_out: str


def calibration_section(aside: CalibrationAside, *, alpha: float) -> CalibrationSection:
    """Return what the page shows of one finding's calibration."""
    measured = {curve.measured_on for curve in aside.curves if curve.measured_on < curve.n}
    drawn = (
        f" Slope and smooth error: on at most {max(measured):,} cases, by lot." if measured else ""
    )
    return CalibrationSection(
        sentence=calibration_in_words(aside, alpha=alpha),
        curves=tuple(_curve(curve) for curve in aside.curves),
        table=Table(
            title="Do the probabilities mean what they say?",
            caption="Said and seen, by group. Off by: what was seen less what was said. A slope "
            f"below 1 means too extreme, above 1 too timid.{drawn}",
            head=("Group", "Cases", "Said", "Seen", "Off by, points", "Slope", "Smooth error"),
            rows=tuple(_row(curve) for curve in aside.curves),
        ),
        points=Table(
            title="The points of these plots",
            caption="Cases by what the model said, and how many of them had it",
            head=("Group", "Said, on average", "Had it"),
            rows=tuple(
                (
                    str(curve.group),
                    words.percent(one.total / one.n),
                    f"{one.positives:,} of {one.n:,}: {_seen(one)}",
                )
                for curve in aside.curves
                for one in curve.bins
                if one.n
            ),
        ),
        left_out=_left_out(aside.groups_left_out),
    )


def calibration_in_words(aside: CalibrationAside, *, alpha: float) -> str:
    """Return for whom the probabilities are off by more than chance, in one or two sentences."""
    off = [curve for curve in aside.curves if curve.p_value <= alpha]
    if not off:
        return (
            "Nowhere are the probabilities shown to be off by more than chance. That is no sign "
            "that they are right."
        )
    named = "; ".join(f"{words.in_sentence(str(c.group))} ({_direction(c)})" for c in off)
    return f"Off by more than chance: {named}."


def threshold_section(aside: ThresholdAside) -> ThresholdSection:
    """Return what the page shows of one finding's thresholds."""
    groups = dict.fromkeys(row.group for row in aside.rows)
    by_group = [[row for row in aside.rows if row.group == group] for group in groups]
    everybody, *others = by_group
    return ThresholdSection(
        overall=_overall(everybody, with_cost=aside.costs is not None),
        groups=tuple(_short(rows, with_cost=aside.costs is not None) for rows in others),
        left_out=_left_out(aside.groups_left_out),
    )


def _direction(curve: GroupCurve) -> str:
    off = curve.in_the_large
    if off.lower > 0:
        return f"too low by {100 * off.estimate:.1f} points"
    if off.upper < 0:
        return f"too high by {-100 * off.estimate:.1f} points"
    if curve.slope.upper < 1:
        return "too extreme"
    return "too timid" if curve.slope.lower > 1 else "here too low, there too high"


def _curve(curve: GroupCurve) -> Curve:
    most = max((one.n for one in curve.bins), default=0) or 1
    return Curve(
        name=str(curve.group),
        n=f"{curve.n:,}",
        points=tuple(_point(one, most) for one in curve.bins if one.n),
    )


def _point(one: ScoreBin, most: int) -> Point:
    seen = wilson(one.positives, one.n)
    return Point(
        x=round(100 * one.total / one.n, 1),
        y=round(100 - 100 * seen.estimate, 1),
        radius=round(max(_THINNEST, _WIDEST * sqrt(one.n / most)), 1),
        lower=round(100 - 100 * seen.lower, 1),
        upper=round(100 - 100 * seen.upper, 1),
    )


def _seen(one: ScoreBin) -> str:
    return words.rate(wilson(one.positives, one.n), "prevalence", decimals=0)


def _row(curve: GroupCurve) -> tuple[str, ...]:
    said = sum(one.total for one in curve.bins) / curve.n if curve.n else float("nan")
    return (
        str(curve.group),
        f"{curve.n:,}",
        words.percent(said),
        words.percent(curve.positives / curve.n if curve.n else float("nan")),
        words.difference(curve.in_the_large, "prevalence", unit=False),
        _slope(curve),
        f"{curve.smooth_error:.3f} (by chance below {curve.by_chance:.3f}, "
        f"p {words.p_value(curve.p_value)})",
    )


def _slope(curve: GroupCurve) -> str:
    slope = curve.slope
    if isnan(slope.estimate):
        return "n/a"
    upper = f"{slope.upper:.2f}" if isfinite(slope.upper) else "\N{INFINITY}"
    return f"{slope.estimate:.2f} [{slope.lower:.2f}, {upper}]"


def _left_out(groups: int) -> str:
    if not groups:
        return ""
    return f"Not shown here: {groups} further group{'' if groups == 1 else 's'}."


def _overall(rows: Sequence[ThresholdRow], *, with_cost: bool) -> Table:
    per_case = "screened, tests, cost" if with_cost else "screened, tests"
    return Table(
        title="Other thresholds: what each would find, miss and refer",
        caption="Everybody. A score of at least the threshold is referred for a test. Whoever "
        "picks a threshold by this table must check it on other cases.",
        head=(
            "Threshold",
            "Found, missed",
            "Referred",
            "Sensitivity",
            "Specificity",
            f"For each found: {per_case}",
        ),
        rows=tuple(
            (
                f"{row.threshold:.4g}",
                f"{row.found:,.0f}, {row.missed:,.0f}",
                f"{row.flagged:,.0f}",
                words.rate(row.sensitivity, "sensitivity", decimals=0),
                words.rate(row.specificity, "specificity", decimals=0),
                _per_case(
                    row.number_needed_to_screen,
                    row.tests_per_case,
                    *((row.cost_per_case,) if with_cost else ()),
                ),
            )
            for row in rows
        ),
    )


def _per_case(*amounts: float) -> str:
    if not all(isfinite(amount) for amount in amounts):
        return "none found"
    return ", ".join(f"{amount:,.1f}" for amount in amounts)


def _short(rows: Sequence[ThresholdRow], *, with_cost: bool) -> Table:
    chosen = rows[::_EVERY_OTHER] if len(rows) > 10 else rows
    return Table(
        title=f"{rows[0].group}: other thresholds",
        caption=str(rows[0].group),
        head=(
            "Threshold",
            "Found, missed",
            "Referred",
            "Sensitivity",
            "For each found: tests, cost" if with_cost else "For each found: tests",
        ),
        rows=tuple(
            (
                f"{row.threshold:.4g}",
                f"{row.found:,.0f}, {row.missed:,.0f}",
                f"{row.flagged:,.0f}",
                words.rate(row.sensitivity, "sensitivity", decimals=0),
                _per_case(row.tests_per_case, *((row.cost_per_case,) if with_cost else ())),
            )
            for row in chosen
        ),
    )
