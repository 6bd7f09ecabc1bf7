"""`edgefair audit` on tables as they are: several images of one patient, slips of all kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.records import (
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Subject,
    VerifiedBecause,
)

Audit = Callable[..., int]
Columns = dict[str, Sequence[object]]

FLAGS = ("--label", "ill", "--score", "score", "--threshold", "0.5", "--by", "sex")


@pytest.fixture
def audit() -> Audit:
    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as left:
            main(["audit", *map(str, arguments)])
        return int(left.value.code or 0)

    return run


@pytest.fixture
def columns() -> Columns:
    """Return 240 images of 80 patients, the women's ill ones missed rather often."""
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(80), 3)
    ill = (rng.random(80) < 0.6).astype(int)[patient]
    sex = np.where(rng.random(80) < 0.5, "F", "M")[patient]
    score = np.round(0.5 * ill + 0.3 * rng.random(80)[patient] + 0.2 * rng.random(240), 6)
    score -= np.where((sex == "F") & (patient % 3 == 0), 0.4, 0) * ill
    return {
        "patient": [f"P{p}" for p in patient],
        "sex": sex.tolist(),
        "ill": ill.tolist(),
        "score": np.clip(score, 0, 1).tolist(),
    }


def written(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    return path


def cells(report: dict[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    return {
        cell["group"]["attributes"][0]["value"]: cell
        for cell in report["result"]["by_group"]
        if cell["metric"] == metric
    }


def test_images_of_one_patient_count_for_less_and_the_report_says_so(
    audit: Audit, columns: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written(tmp_path / "t.csv", columns)
    reports = []
    for flags in ((), ("--patient", "patient")):
        assert audit(table, *FLAGS, *flags, "--json") == 0
        reports.append(json.loads(capsys.readouterr().out))
    careless, careful = (cells(report, "false_negative_rate")["F"] for report in reports)

    assert careful["value"]["estimate"] == careless["value"]["estimate"]
    assert careful["value"]["lower"] < careless["value"]["lower"]
    assert careful["value"]["upper"] > careless["value"]["upper"]
    assert careful["independent"] < careful["value"]["n"]
    assert careless["independent"] is None
    assert reports[0]["notes"] == []
    assert "240 images of 80 patients" in reports[1]["notes"][0]
    assert f"count as {round_overall(reports[1])}" in reports[1]["notes"][0]


def round_overall(report: dict[str, Any]) -> str:
    everybody = report["result"]["overall"][0]
    assert everybody["metric"] == "false_negative_rate"
    return f"{everybody['independent']:,.0f}"


def test_the_page_shows_what_cases_are_worth(
    audit: Audit, columns: Columns, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"

    assert (
        audit(written(tmp_path / "t.csv", columns), *FLAGS, "--patient", "patient", "-o", page)
        == 0
    )
    assert ", worth " in page.read_text(encoding="utf-8")


def test_images_without_a_patient_are_counted_and_said(
    audit: Audit, columns: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patients = ["" if i < 7 else p for i, p in enumerate(columns["patient"])]
    table = written(tmp_path / "t.csv", {**columns, "patient": patients})

    assert audit(table, *FLAGS, "--patient", "patient") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "240 images of 85 patients" in said
    assert "7 of these images have no patient" in said


def test_a_patient_column_belongs_to_a_table_and_must_be_there(
    audit: Audit, columns: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("--ledger", tmp_path / "x.ledger", "--patient", "patient") == 2
    assert "a ledger knows its own columns" in capsys.readouterr().err

    assert audit(written(tmp_path / "t.csv", columns), *FLAGS, "--patient", "who") == 3
    assert "no column 'who'" in capsys.readouterr().err


def test_a_ledger_knows_which_images_are_of_one_patient(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, predictions, outcomes = tmp_path / "clinic.ledger", [], []
    for number in range(90):
        missed = number // 3 % 4 == 0
        says = Decision.NEGATIVE if missed else Decision.POSITIVE
        score = FindingScore(
            finding="opacity",
            logit=0.0,
            probability=0.2 if missed else 0.8,
            operating_point="screening",
            threshold=0.5,
            decision=says,
            reason="probability against threshold",
        )
        predictions.append(
            Prediction(
                image=f"{number}.png",
                digest=f"{number:032x}",
                scores=(score,),
                subject=Subject(patient_id=f"P{number // 3}", sex="FM"[number // 3 % 2]),
                model="chest-xray 0.1.0",
                bundle_digest="ab" * 32,
                predicted_at="2026-03-01T08:00:00+00:00",
            )
        )
        outcomes.append(
            Outcome(
                case=f"{number}.png",
                finding="opacity",
                outcome=True,
                verified_by="ward round",
                verified_because=VerifiedBecause.ROUTINE,
                date="2026-03-02",
            )
        )
    with Ledger.open(path, create=True) as ledger:
        ledger.record(predictions)
        ledger.add_outcomes(outcomes, today=date(2026, 3, 9))

    assert audit("--ledger", path, "--by", "sex", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert "90 images of 30 patients" in " ".join(report["notes"])
    missed_women = cells(report, "false_negative_rate")["F"]
    assert missed_women["value"]["n"] == 45
    assert missed_women["independent"] == pytest.approx(15, abs=1.5)


def test_what_the_unknown_could_be_and_small_groups_drawn_together_are_shown(
    audit: Audit, columns: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sexes = ["" if i % 11 == 0 else s for i, s in enumerate(columns["sex"])]
    sites = ["north", "south", "west"] * 80
    table = written(tmp_path / "t.csv", {**columns, "sex": sexes, "site": sites})
    page = tmp_path / "report.html"

    assert audit(table, *FLAGS, "--by", "sex+site", "-o", page) == 0
    text = capsys.readouterr().out
    for shown in (text, page.read_text(encoding="utf-8")):
        assert "if the unknown were known" in shown
        assert "Borrowed" in shown
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "row", "value", "ends"),
    [
        ("probability", 3, 1.7, (3, "1.7 in row 4, which is no probability")),
        ("score", 3, "inf", (3, "infinite in row 4")),
        ("score", 5, "abc", (3, "'abc' in row 6, which is no number")),
        ("ill", 4, 2, (3, "'2' in row 5")),
        ("ill", 4, "maybe", (3, "'maybe' in row 5")),
        ("score", None, "nan", (6, "240 have no score by the model")),
        ("ill", None, "nan", (6, "240 have no outcome yet")),
        ("sex", None, "F", (0, "there are no others to compare")),
        ("sex", None, "nan", (0, "For nobody is sex recorded")),
    ],
)
def test_what_cannot_be_or_tells_nothing_is_said_in_one_sentence(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    name: str,
    row: int | None,
    value: object,
    ends: tuple[int, str],
) -> None:
    audit, capsys = request.getfixturevalue("audit"), request.getfixturevalue("capsys")
    columns = request.getfixturevalue("columns")
    columns["probability"] = columns["score"]
    columns[name] = [value if row in (None, i) else old for i, old in enumerate(columns[name])]
    scored_by = "probability" if name == "probability" else "score"
    flags = [scored_by if flag == "score" else flag for flag in FLAGS]
    code, said = ends

    assert audit(written(tmp_path / "t.csv", columns), *flags) == code
    streams = capsys.readouterr()
    assert said in " ".join((streams.err if code else streams.out).split())
    assert "Traceback" not in streams.err


def test_a_column_that_names_people_is_nothing_to_group_by(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 10_000
    table = written(
        tmp_path / "t.csv",
        {"sex": [f"name {i}" for i in range(n)], "ill": [1] * n, "score": [0.7] * n},
    )

    assert audit(table, *FLAGS) == 3
    assert "'sex' has 10,000 values, too many for groups" in capsys.readouterr().err


@pytest.mark.parametrize("named", [True, False], ids=["by its image", "by the whole row"])
def test_a_case_in_twice_is_said_and_counted(
    audit: Audit,
    columns: Columns,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    named: bool,
) -> None:
    if named:
        columns = {**columns, "image": [f"{i}.png" for i in range(240)]}
    twice = {name: [*column, *column[:9]] for name, column in columns.items()}

    assert audit(written(tmp_path / "t.csv", twice), *FLAGS) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "9 of 249 rows" in said
    assert "a case in twice counts twice" in said


def test_equal_rows_of_coarse_columns_are_no_copies(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written(
        tmp_path / "t.csv", {"sex": ["F", "M"] * 60, "ill": [1, 0] * 60, "score": [0.7, 0.2] * 60}
    )

    assert audit(table, *FLAGS) == 0
    assert "twice" not in capsys.readouterr().out


def test_scores_that_can_be_no_probabilities_are_said(
    audit: Audit, columns: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beyond = {**columns, "score": [3.5, *columns["score"][1:]]}

    assert audit(written(tmp_path / "t.csv", beyond), *FLAGS) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 of 240 scores lie outside [0, 1]" in said
