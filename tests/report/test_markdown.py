"""Markdown in a terminal: nothing is lost, nothing is too wide, nothing steers the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgefair.report.markdown import render_markdown
from edgefair.report.wrapping import cell_width

CARDS = [
    *sorted((Path(__file__).resolve().parents[2] / "models").glob("*/card.md")),
    *sorted((Path(__file__).resolve().parents[1] / "compress/evidence/golden").glob("*.md")),
]
TABLE = """
| finding | group | AUROC | n |
|---|---|---|---|
| opacity | everybody | 0.900 [0.850, 0.940] | 100 |
| opacity | sex F | not estimable | 5 |
"""


def shown(text: str, *, width: int = 80) -> str:
    return render_markdown(text, width=width, bold=False)


@pytest.mark.parametrize("width", [60, 80, 100, 140, 1000])
@pytest.mark.parametrize("card", CARDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_line_of_a_card_is_wider_than_the_terminal(card: Path, width: int) -> None:
    lines = shown(card.read_text(encoding="utf-8"), width=width).splitlines()

    too_wide = [line for line in lines if cell_width(line) > width]
    assert [line for line in too_wide if not line.startswith("    edgefair ")] == []


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("card", CARDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_of_a_card_is_shown(card: Path, width: int) -> None:
    text = card.read_text(encoding="utf-8")

    numbers = set(re.findall(r"\d+\.\d{3}(?!\d)", text))
    assert numbers
    assert numbers <= set(re.findall(r"\d+\.\d{3}(?!\d)", shown(text, width=width)))


def test_headings_are_underlined_where_they_cannot_be_bold() -> None:
    assert shown("# Card\n\n## Data\nText.\n### Traps\n") == (
        "Card\n====\n\nData\n----\n\nText.\n\nTraps\n"
    )
    assert render_markdown("# Card\n", width=80, bold=True) == "\x1b[1mCard\x1b[0m\n"


def test_running_text_is_joined_and_broken_anew_and_items_hang() -> None:
    assert shown("one **two**\nthree `four`\n\n- five six seven\neight\n- nine\n", width=20) == (
        "one two three `four`\n\n- five six seven\n  eight\n- nine\n"
    )


def test_code_stays_as_it_is_even_with_empty_lines_and_hashes() -> None:
    assert shown("```\n# no heading\n\n  a | b\n```\nAfter.\n") == (
        "    # no heading\n    \n      a | b\n\nAfter.\n"
    )


def test_a_table_that_fits_is_aligned_with_numbers_to_the_right() -> None:
    assert shown(TABLE, width=60) == (
        "finding  group      AUROC                   n\n"
        "-------  ---------  --------------------  ---\n"
        "opacity  everybody  0.900 [0.850, 0.940]  100\n"
        "opacity  sex F      not estimable           5\n"
    )


def test_a_tight_table_says_once_what_is_the_same_in_every_row() -> None:
    assert shown(TABLE, width=38) == (
        "finding: opacity\n\n"
        "group      AUROC                   n\n"
        "---------  --------------------  ---\n"
        "everybody  0.900 [0.850, 0.940]  100\n"
        "sex F      not estimable           5\n"
    )


def test_a_tighter_one_breaks_its_cells_but_not_its_intervals() -> None:
    assert shown(TABLE, width=32) == (
        "finding: opacity\n\n"
        "group      AUROC             n\n"
        "---------  --------------  ---\n"
        "everybody  0.900           100\n"
        "           [0.850, 0.940]\n"
        "sex F      not estimable     5\n"
    )


def test_the_tightest_becomes_a_paragraph_a_row() -> None:
    assert shown(TABLE, width=20).endswith("group: sex F\n  AUROC: not\n    estimable\n  n: 5\n")


def test_a_table_without_a_head_is_a_list_of_properties() -> None:
    assert shown("| | |\n|---|---|\n| Task | binary |\n| Gate | none |\n") == (
        "Task  binary\nGate  none\n"
    )


def test_a_bar_in_a_cell_and_a_row_that_is_too_short_break_nothing() -> None:
    assert shown("| a | b |\n|---|---|\n| x \\| y | z |\n| w |\n") == (
        "a      b\n-----  -\nx | y  z\nw\n"
    )


def test_a_card_cannot_steer_the_terminal() -> None:
    table = "| \x1b[31m |\n|---|\n| \u202ex |\n"
    hostile = f"# \x1b[2JCard\n\ntext \x1b]0;title\x07\n\n{table}```\n\x1b[H\n```\n"

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown(hostile))
