"""Figures that are no shares: units, places, axes and limits beyond 1."""

from dataclasses import replace

import numpy as np
import pytest

from edgefair.audit import audit_ordinal, audit_regression
from edgefair.records import Interval, Verdict, VerdictKind
from edgefair.report import words
from edgefair.report.forest import axis_over
from edgefair.report.page import sections

ERROR = "mean_absolute_error [months]"


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(9.463, 8.52, 10.51, 0.95, 80), "9.46 [8.52, 10.51] months"),
        (Interval(0.001, -0.918, 0.917, 0.95, 80), "0.001 [\N{MINUS SIGN}0.918, 0.917] months"),
        (Interval(1234.5, 1100.2, 1400.4, 0.95, 80), "1234 [1100, 1400] months"),
        (Interval.vacuous(level=0.95), "not estimable"),
    ],
)
def test_a_figure_with_a_unit_gets_as_many_places_as_its_size_asks(
    interval: Interval, said: str
) -> None:
    assert words.rate(interval, ERROR) == said


def test_a_difference_and_a_gap_are_told_in_the_unit() -> None:
    interval = Interval(-1.958, -4.39, 1.15, 0.95, 15)

    assert (
        words.difference(interval, ERROR)
        == "\N{MINUS SIGN}1.96 months [\N{MINUS SIGN}4.39, +1.15]"
    )
    assert words.gap(2.5, ERROR) == "2.50 months"
    assert words.share(2.5, ERROR) == "2.50 months"
    assert words.tick(7.5, ERROR) == "7.5"


def test_a_kappa_below_nothing_keeps_its_sign() -> None:
    assert words.rate(Interval(-0.25, -0.5, 0.1, 0.95, 9), "quadratic_kappa") == (
        "\N{MINUS SIGN}0.250 [\N{MINUS SIGN}0.500, 0.100]"
    )


@pytest.mark.parametrize("largest", [0.3, 1.9, 17.0, 240.0, 1.2e6])
def test_an_axis_has_about_five_round_steps_whatever_its_span(largest: float) -> None:
    axis = axis_over([largest], include=0.0)

    assert 2 <= len(axis.ticks) <= 7
    assert axis.upper >= largest


def test_labels_of_cases_are_asked_for_as_cases() -> None:
    verdict = Verdict(
        kind=VerdictKind.NOT_ENOUGH_DATA, sentence="", limit=1.0, labels_needed=1200,
        labels_of="cases",
    )  # fmt: skip

    assert words.labels_still_needed(verdict) == "about 1,200 more cases"


def test_a_page_on_grades_says_cases_and_no_table_of_yes_and_no() -> None:
    rng = np.random.default_rng(1)
    grades = rng.integers(0, 5, 80)
    found = audit_ordinal(
        y_true=grades, y_pred=np.clip(grades + rng.integers(-1, 2, 80), 0, 4),
        sensitive_features={"ward": ["a"] * 50 + ["b"] * 29 + ["c"]},
    )  # fmt: skip
    (section,) = sections(found)
    titles = [table.title for table in section.details]

    assert "Counts" not in titles
    assert "Quadratic weighted kappa" in titles
    assert section.checks[0].plot.rows[2].text == "Not estimable from 1 case."
    assert section.checks[0].tables[0].rows[1][1] == "50"


def test_errors_beyond_one_are_drawn_where_they_lie() -> None:
    rng = np.random.default_rng(2)
    found = audit_regression(
        y_true=np.zeros(90), y_pred=rng.normal(0, 20, 90),
        sensitive_features={"ward": list("abc") * 30}, margin=4.0, unit="mm",
    )  # fmt: skip
    (check,) = sections(found)[0].checks
    marks = [row.marks for row in check.plot.rows]

    assert float(check.plot.ticks[-1][1]) > 15
    assert all(mark and 0 < mark.estimate < 100 for mark in marks)
    assert words.margin(found) == "4 mm"
    assert words.margin(replace(found, by_group=())) == "400 percentage points"
