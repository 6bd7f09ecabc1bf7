"""Axes and marks: laws that hold for whatever is drawn."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from edgefair.records import Cell, Group, Interval
from edgefair.report.forest import Axis, Marks, axis_over, difference_marks

AXIS = Axis(lower=0.0, upper=0.5, step=0.1)

values = st.lists(st.floats(-1, 1), max_size=20)


@given(values)
def test_an_axis_reaches_over_everything_drawn(drawn: list[float]) -> None:
    axis = axis_over(drawn, include=0.0)

    assert all(axis.lower - 1e-6 <= value <= axis.upper + 1e-6 for value in (*drawn, 0.0))


@given(values)
def test_an_axis_has_few_round_ticks(drawn: list[float]) -> None:
    ticks = axis_over(drawn, include=0.0).ticks

    assert 2 <= len(ticks) <= 8
    assert list(ticks) == sorted(ticks)


def test_an_axis_passes_over_what_is_not_estimable() -> None:
    assert axis_over([nan, 0.3], include=0.0) == axis_over([0.3], include=0.0)


def cell(value: Interval, rest: Interval, difference: Interval) -> Cell:
    return Cell(
        finding="pneumonia",
        group=Group(),
        metric="false_negative_rate",
        value=value,
        rest=rest,
        difference=difference,
        p_value=nan,
        verdict=None,
    )


def test_nothing_is_drawn_without_an_estimate() -> None:
    nothing = Interval.vacuous(level=0.95)

    assert difference_marks(cell(nothing, nothing, nothing), AXIS, limit=0.1) is None


def test_a_difference_is_laid_on_the_axis_from_the_others_on() -> None:
    drawn = difference_marks(
        cell(
            Interval(0.3, 0.2, 0.4, 0.95, 50),
            Interval(0.1, 0.05, 0.15, 0.95, 500),
            Interval(0.2, 0.1, 0.35, 0.95, 50),
        ),
        AXIS,
        limit=0.05,
    )

    assert drawn == Marks(estimate=60.0, lower=40.0, upper=90.0, others=20.0, limit=30.0)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_a_line_beyond_the_limit_is_drawn_beyond_it(rest: float, lower: float, by: float) -> None:
    difference = Interval(lower + by / 2, lower, lower + by, 0.95, 9)
    value = Interval(rest + difference.estimate, 0.0, 1.0, 0.95, 9)
    drawn = difference_marks(
        cell(value, Interval(rest, 0.0, 1.0, 0.95, 9), difference), AXIS, limit=lower / 2
    )

    assert drawn is not None
    assert drawn.others <= drawn.limit <= drawn.lower <= drawn.estimate <= drawn.upper
