"""`edgefair audit --task` as a user runs it: classes, grades, quantities and outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefair.cli.main import main
from edgefair.report import report_from_json, report_to_json


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    n = 300
    sex = rng.choice(["F", "M"], n)
    spread = np.where(sex == "F", 1.3, 0.4)
    grade = rng.choice(5, n, p=[0.4, 0.2, 0.2, 0.1, 0.1])
    said = np.clip(np.rint(grade + rng.normal(0, spread)), 0, 4).astype(int)
    age = rng.uniform(20, 200, n)
    estimate = age + rng.normal(0, 10 * spread)
    dice = rng.beta(18, 2, n)
    kind = rng.choice(["benign", "melanoma"], n)
    kind_said = np.where(rng.random(n) < 0.9, kind, "benign")
    path = tmp_path / "cases.csv"
    rows = zip(sex, grade, said, age, estimate, dice, kind, kind_said, strict=True)
    lines = ["sex,grade,said,age,estimate,dice,kind,kind_said"]
    lines += [",".join(str(value) for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["audit", *map(str, arguments)])
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (
            "--task ordinal --label grade --prediction said",
            ["HARM SHOWN", "Quadratic weighted kappa", "wrong grades", "Limit: 0.1 above"],
        ),
        (
            "--task regression --label age --prediction estimate --unit months --margin 2",
            ["HARM SHOWN", "Mean absolute error", " months", "Limit: 2 months above", "bias"],
        ),
        (
            "--task segmentation --score dice",
            ["SHOWN OK", "area outlined wrongly", "Dice coefficient"],
        ),
        (
            "--task multiclass --label kind --prediction kind_said",
            ["Melanoma: missed by the model", "All classes: wrong answers", "10 points above"],
        ),
    ],
    ids=["ordinal", "regression", "segmentation", "multiclass"],
)
def test_each_task_is_reported_on_the_terminal_as_a_page_and_as_json(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str,
    shown: list[str],
) -> None:  # fmt: skip
    page, data = tmp_path / "report.html", tmp_path / "report.json"

    assert run(table, *options.split(), "--by", "sex", "-o", page) == 0
    said = capsys.readouterr().out
    for words in shown:
        assert words.casefold() in said.casefold()
    assert max(map(len, said.splitlines())) <= 80
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert "nan" not in html.casefold().replace("finan", "")
    assert run(table, *options.split(), "--by", "sex", "-o", data) == 0
    report = report_from_json(data.read_text(encoding="utf-8"))
    assert report_to_json(report) == data.read_text(encoding="utf-8")


def test_harm_to_a_group_can_fail_the_command(table: Path) -> None:
    options = "--task ordinal --label grade --prediction said --fail-on harm"

    assert run(table, *options.split(), "--by", "sex") == 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--task multiclass --label kind --by sex", "needs --prediction"),
        ("--task segmentation --score dice", "needs --by"),
        (
            "--task ordinal --label grade --prediction said --by sex --unit mm",
            "--unit does not go",
        ),
        ("--task ordinal --ledger x.ledger --by sex --label a --prediction b", "about a table"),
        ("--label grade --prediction said --by sex --tolerance 3", "--tolerance does not go"),
        ("--task ordinal --label grade --prediction said --by sex --margin 2", "between 0 and 1"),
    ],
)
def test_options_that_do_not_go_with_the_task_are_named(
    table: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    assert run(table, *options.split()) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_column_that_holds_no_figures_is_an_error_in_words(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--task regression --label kind --prediction estimate --margin 2"

    assert run(table, *options.split(), "--by", "sex") == 3
    assert "no number" in capsys.readouterr().err
