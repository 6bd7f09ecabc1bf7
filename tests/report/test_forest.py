"""Axes and marks: laws that hold for whatever is drawn."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.records import Interval
from edgefair.report.forest import Axis, axis_over, marks

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


def test_nothing_is_drawn_without_an_estimate() -> None:
    axis = Axis(lower=0.0, upper=1.0, step=0.2)

    assert marks(Interval.vacuous(level=0.95), axis, others=0.1, limit=0.2) is None


def test_marks_keep_the_order_of_the_values() -> None:
    axis = Axis(lower=0.0, upper=0.5, step=0.1)
    drawn = marks(Interval(0.2, 0.1, 0.4, 0.95, 30), axis, others=nan, limit=0.25)

    assert drawn is not None
    assert (drawn.lower, drawn.estimate, drawn.limit, drawn.upper) == pytest.approx(
        (20, 40, 50, 80)
    )
    assert drawn.others is None
