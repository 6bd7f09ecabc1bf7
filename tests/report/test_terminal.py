"""The terminal: fits the width, says the same, and cannot be steered by a name."""

from __future__ import annotations

import re
import unicodedata

import pytest

from edgefair.report import Report, render_text

EVERY_AUDIT = ["harm", "no_harm", "too_little", "mixed", "many_groups", "hostile"]


@pytest.fixture(params=EVERY_AUDIT)
def report(request: pytest.FixtureRequest) -> Report:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Report)
    return found


def columns(line: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in line
    )


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal(report: Report, width: int) -> None:
    lines = render_text(report, width=width, colour=False).splitlines()

    assert max(map(columns, lines)) <= width


def test_the_verdict_comes_first(harm: Report) -> None:
    lines = render_text(harm, width=80, colour=False).splitlines()

    assert lines[2] == "▲ HARM SHOWN"
    assert lines[3].startswith("Pneumonia: harm by missed cases is shown for 2 groups")


def test_each_group_is_a_row_with_its_shape_and_its_words(harm: Report) -> None:
    text = render_text(harm, width=80, colour=False)

    assert re.search(r"▲ sex F +41 of 100 +41% \[32, 51\] +12% +HARM SHOWN", text)
    assert re.search(r"● sex M .*SHOWN OK", text)
    assert re.search(r"○ sex O +0 of 0 +not estimable .*NOT ENOUGH DATA", text)


def test_without_colour_there_is_no_escape(report: Report) -> None:
    assert "\x1b" not in render_text(report, width=80, colour=False)


def test_colour_adds_nothing_but_escapes(report: Report) -> None:
    plain = render_text(report, width=80, colour=False)
    coloured = render_text(report, width=80, colour=True)

    assert coloured != plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_a_name_cannot_steer_the_terminal(hostile: Report) -> None:
    text = render_text(hostile, width=80, colour=False)

    assert not [c for c in text if unicodedata.category(c).startswith("C") and c != "\n"]


def test_everything_left_out_is_counted(harm: Report) -> None:
    text = render_text(harm, width=80, colour=False)

    assert "Left out of 2,536 rows:\n  212 no outcome yet\n  3 outcome neither 0 nor 1" in text
