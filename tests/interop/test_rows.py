"""Rows on their way out: four forms of the same, none of them dangerous."""

import csv
import io
import json
from math import inf, nan

import pytest

from edgefair.interop.rows import Format, Value, write_rows

COLUMNS = ("image", "probability", "age")
ROWS: list[tuple[Value, ...]] = [("a.png", 0.25, None), ("ü, b.png", nan, 61)]


def written(form: Format, rows: list[tuple[Value, ...]] = ROWS) -> str:
    stream = io.StringIO()
    write_rows(stream, COLUMNS, rows, form)
    return stream.getvalue()


def test_json_is_an_array_of_objects_without_nan() -> None:
    first, second = json.loads(written(Format.JSON))

    assert first == {"image": "a.png", "probability": 0.25, "age": None}
    assert second == {"image": "ü, b.png", "probability": None, "age": 61}


def test_json_of_nothing_is_an_empty_array() -> None:
    assert json.loads(written(Format.JSON, [])) == []


def test_json_lines_stand_alone() -> None:
    lines = written(Format.JSONL).splitlines()

    assert [json.loads(line)["image"] for line in lines] == ["a.png", "ü, b.png"]


def test_infinity_is_no_json() -> None:
    assert json.loads(written(Format.JSONL, [("a", inf, 1)]))["probability"] is None


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_in_a_csv_is_a_formula(formula: str) -> None:
    _, row = csv.reader(io.StringIO(written(Format.CSV, [(formula, -1.5, 3)]), newline=""))

    assert row[0] == "'" + formula.replace("\r", "\n")
    assert row[1] == "-1.5"


def test_a_table_lines_up_whatever_the_script() -> None:
    lines = written(Format.TABLE, [("胸部.png", 0.5, 1), ("a.png", 0.25, 2)]).splitlines()

    assert lines[0].split() == list(COLUMNS)
    assert lines[2].endswith("0.500        1")
    # two columns of a terminal for each of the two ideographs
    assert lines[2].index("0.500") + 2 == lines[3].index("0.250")


def test_a_table_shows_no_control_character() -> None:
    assert "\x1b" not in written(Format.TABLE, [("\x1b[31mred", 0.1, 1)])
