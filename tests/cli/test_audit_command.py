"""`edgefair audit` as a user runs it: a table or a ledger in, a verdict and an exit code out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.records import (
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Status,
    Subject,
    VerifiedBecause,
)

Audit = Callable[..., int]

HARMED = {("F", 1, 0): 45, ("F", 1, 1): 45, ("M", 1, 0): 11, ("M", 1, 1): 84, ("F", 0, 0): 90} | {
    ("M", 0, 0): 90,
    ("F", 0, 1): 10,
    ("M", 0, 1): 10,
}
"""Cases by sex, truth and decision: of 90 women who have it 45 are missed, of 95 men 11."""

EVEN = HARMED | {("F", 1, 0): 10, ("F", 1, 1): 80}


@pytest.fixture
def audit() -> Audit:
    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as left:
            main(["audit", *map(str, arguments)])
        return int(left.value.code or 0)

    return run


def table_of(path: Path, counts: dict[tuple[str, int, int], int]) -> Path:
    rows = [
        f"{sex},{truth},{0.2 + 0.6 * decision:.1f},{('negative', 'positive')[decision]}"
        for (sex, truth, decision), count in counts.items()
        for _ in range(count)
    ]
    path.write_text("\n".join(["sex,ill,score,says", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def harmed(tmp_path: Path) -> Path:
    (tmp_path / "Ωard 3 ü").mkdir()
    return table_of(tmp_path / "Ωard 3 ü" / "outcomes 2026.csv", HARMED)


BY_DECISION = ("--label", "ill", "--prediction", "says", "--by", "sex")


def cells(report: dict[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    """Return the cells of one metric by the group's value."""
    return {
        cell["group"]["attributes"][0]["value"]: cell
        for cell in report["result"]["by_group"]
        if cell["metric"] == metric
    }


def test_harm_is_said_first_with_the_counts_it_rests_on(
    audit: Audit, harmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(harmed, *BY_DECISION, "--finding", "pneumonia") == 0

    said = capsys.readouterr().out
    assert said.index("HARM SHOWN") < said.index("Pneumonia: ") < said.index("sex F")
    assert "45 of 90" in said
    assert "outcomes 2026.csv" in said


@pytest.mark.parametrize(("counts", "code"), [(HARMED, 8), (EVEN, 0)], ids=["harm", "none"])
def test_fail_on_harm_fails_on_harm_only(
    audit: Audit, tmp_path: Path, counts: dict[tuple[str, int, int], int], code: int
) -> None:
    table = table_of(tmp_path / "t.csv", counts)

    assert audit(table, *BY_DECISION, "--fail-on", "harm") == code


def test_the_report_is_written_and_the_summary_still_said(
    audit: Audit, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "Bericht ö.html"

    assert audit(harmed, *BY_DECISION, "-o", page) == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    said = capsys.readouterr()
    assert "HARM SHOWN" in said.out
    assert str(page) in said.err


def test_json_on_standard_output_and_in_a_file_are_the_same_report(
    audit: Audit, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"

    assert audit(harmed, *BY_DECISION, "--json", "-o", file) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == written
    assert written["data"]["rows"] == sum(HARMED.values())


def test_a_threshold_on_the_score_decides_like_the_decisions_it_stands_for(
    audit: Audit, harmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_score = ("--label", "ill", "--score", "score", "--threshold", "0.8", "--by", "sex")
    audit(harmed, *by_score, "--json")
    thresholded = json.loads(capsys.readouterr().out)
    audit(harmed, *BY_DECISION, "--score", "score", "--json")
    decided = json.loads(capsys.readouterr().out)

    assert thresholded["result"] == decided["result"]
    assert thresholded["operating_point"] == "score of at least 0.8"


def test_scores_alone_give_the_area_and_no_verdict(
    audit: Audit, harmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit(harmed, "--label", "ill", "--score", "score", "--by", "sex", "--json")
    report = json.loads(capsys.readouterr().out)

    assert {cell["metric"] for cell in report["result"]["by_group"]} == {"auroc", "prevalence"}
    assert "no verdict" in report["notes"][0]


def test_a_published_models_areas_are_those_published_with_it(
    audit: Audit, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = shared_data / "chexpert3000" / "chexpert-model.embeddings.csv"
    label = ("--label", "Pleural Effusion", "--positive", "1.0")
    audit(
        table,
        *label,
        "--score",
        "Logit - Pleural Effusion",
        "--by",
        "race",
        "--by",
        "sex",
        "--json",
    )
    areas = cells(json.loads(capsys.readouterr().out), "auroc")

    assert {name: round(cell["value"]["estimate"], 3) for name, cell in areas.items()} == {
        "White": 0.860,
        "Asian": 0.883,
        "Black": 0.842,
        "Female": 0.876,
        "Male": 0.852,
    }
    assert all(
        c["value"]["lower"] < c["value"]["estimate"] < c["value"]["upper"] for c in areas.values()
    )


def test_a_value_that_means_yes_makes_every_other_a_no(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("y,p,g\n1.0,1,a\n-1.0,0,a\n,0,a\n1,1,a\n")
    audit(table, "--label", "y", "--positive", "1.0", "--prediction", "p", "--by", "g", "--json")
    report = json.loads(capsys.readouterr().out)

    counts = report["result"]["confusion"][0][2]
    assert (counts["true_positives"], counts["true_negatives"]) == (2, 2)
    assert "y is 1.0" in report["notes"][0]


def test_rows_without_an_outcome_are_left_out_and_counted(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("y,p,g\n1,1,a\n0,0,b\n,1,a\nNaN,0,b\n1,,a\n")
    audit(table, "--label", "y", "--prediction", "p", "--by", "g", "--json")
    result = json.loads(capsys.readouterr().out)["result"]

    assert result["rows"] == 5
    assert sum(exclusion["rows"] for exclusion in result["exclusions"]) == 3
    assert any("no outcome yet" in exclusion["reason"] for exclusion in result["exclusions"])


def test_bins_and_crossed_groups_and_the_unknown_are_all_there(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("y,p,sex,age\n1,1,F,5\n0,0,M,39.9\n1,1,,40\n0,0,F,80\n1,0,M,n/a\n")
    audit(
        table, "--label", "y", "--prediction", "p",
        "--by", "age:0,18,40,60,80", "--by", "sex+age:0,40", "--json",
    )  # fmt: skip
    report = json.loads(capsys.readouterr().out)
    groups = dict.fromkeys(
        tuple(attribute["value"] for attribute in cell["group"]["attributes"])
        for cell in report["result"]["by_group"]
    )

    ages = [("0-17",), ("18-39",), ("40-59",), ("60-79",), ("80+",), ("Unknown",)]
    assert list(groups)[:6] == ages
    assert ("Unknown", "40+") in groups
    assert ("M", "Unknown") in groups
    assert report["groups_by"] == ["age", "sex x age"]


def test_repeating_every_row_doubles_the_counts_and_no_rate(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for times in (1, 2):
        counts = {key: times * count for key, count in HARMED.items()}
        audit(table_of(tmp_path / "t.csv", counts), *BY_DECISION, "--json")
        found.append(cells(json.loads(capsys.readouterr().out), "false_negative_rate")["F"])
    once, twice = (cell["value"] for cell in found)

    assert (once["estimate"], 2 * once["n"]) == (twice["estimate"], twice["n"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("y,p\n1,1\n", "no column 'g'"),
        ("y,p,g\n2,1,a\n", "'2' in row 1"),
        ("y,p,g\n1,maybe,a\n", "'maybe' in row 1"),
        ("y,p,g\n1,1\n", "line 2"),
    ],
    ids=["empty", "no such column", "odd label", "odd decision", "short row"],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(
    audit: Audit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    said: str,
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(content)

    assert audit(table, "--label", "y", "--prediction", "p", "--by", "g") == 3
    assert said in capsys.readouterr().err


def test_scores_that_are_no_finite_numbers_are_refused(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    for odd in ("high", "inf"):
        table.write_text(f"y,s,g\n1,0.5,a\n0,{odd},a\n")

        assert audit(table, "--label", "y", "--score", "s", "--by", "g") == 3
        assert "The score of y" in capsys.readouterr().err


@pytest.mark.parametrize("rows", ["", ",1,a\n,0,b\n"], ids=["header only", "no outcome"])
def test_no_outcome_at_all_is_not_enough_data(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"y,p,g\n{rows}")

    assert audit(table, "--label", "y", "--prediction", "p", "--by", "g") == 6
    assert "outcome" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name a table"),
        (["t.csv", "--ledger", "l"], "Name a table"),
        (["t.csv", "--score", "s", "--by", "g"], "--label"),
        (["t.csv", "--label", "y", "--score", "s"], "--by"),
        (["t.csv", "--label", "y", "--by", "g"], "--prediction"),
        (
            ["t.csv", "--label", "y", "--prediction", "p", "--threshold", "1", "--by", "g"],
            "--score",
        ),
        (["--ledger", "l", "--label", "y"], "--label is about a table"),
        (["--ledger", "l", "-o", "report.pdf"], ".html or .json"),
        (["--ledger", "l", "--margin", "10"], "--margin"),
    ],
)
def test_a_command_line_without_sense_is_refused_before_anything_is_read(
    audit: Audit, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert audit(*arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("by", ["age:40,18", "age:old", "sex+sex", "+sex", ""])
def test_a_grouping_that_cannot_be_read_is_refused(
    audit: Audit, harmed: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    assert audit(harmed, *BY_DECISION[:-1], by) == 3
    assert "grouping" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_leaves_nothing_behind(
    audit: Audit, harmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "no such folder" / "report.html"

    assert audit(harmed, *BY_DECISION, "-o", page) == 1
    assert "could not be written" in capsys.readouterr().err
    assert not page.parent.exists()


def test_a_table_that_is_not_there_is_said_so(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(tmp_path / "gone.csv", *BY_DECISION) == 3
    assert "cannot be opened" in capsys.readouterr().err


def prediction(number: int, *, sex: str, says: Decision, status: Status = Status.OK) -> Prediction:
    probability = {Decision.POSITIVE: 0.8, Decision.REFER: 0.5, Decision.NEGATIVE: 0.2}[says]
    score = FindingScore(
        finding="opacity",
        logit=4 * probability - 2,
        probability=probability,
        operating_point="screening",
        threshold=0.5,
        decision=says,
        reason="probability against threshold",
    )
    return Prediction(
        image=f"{number}.png",
        digest=f"{number:032x}",
        status=status,
        message="" if status is Status.OK else "One shade.",
        scores=(score,) if status is Status.OK else (),
        subject=Subject(sex=sex, age_years=None if number % 5 == 0 else float(number % 90)),
        model="chest-xray 0.1.0",
        bundle_digest="ab" * 32,
        predicted_at="2026-03-01T08:00:00+00:00",
    )


def outcome(number: int, *, ill: bool, because: VerifiedBecause) -> Outcome:
    return Outcome(
        case=f"{number}.png",
        finding="opacity",
        outcome=ill,
        verified_by="ward round",
        verified_because=because,
        date="2026-03-02",
    )


def ledger_of(
    path: Path, predictions: Iterable[Prediction], outcomes: Iterable[Outcome] = ()
) -> Path:
    with Ledger.open(path, create=True) as ledger:
        ledger.record(predictions)
        ledger.add_outcomes(outcomes, today=date(2026, 3, 9))
    return path


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Return a ledger in which half of the 80 ill women are missed, and few of the 80 ill men."""
    return clinic_of(tmp_path / "clinic ü.ledger", confirmed=340)


def clinic_of(path: Path, *, confirmed: int) -> Path:
    predictions, outcomes = [], []
    for number in range(340):
        sex, ill = ("F", "M")[number % 2], number < 160
        missed = ill and (number % 4 == 0 if sex == "F" else number % 16 == 1)
        says = Decision.NEGATIVE if missed or not ill else Decision.POSITIVE
        says = Decision.REFER if number == 2 else says
        predictions.append(prediction(number, sex=sex, says=says))
        if number < confirmed:
            because = VerifiedBecause.AI_POSITIVE if number < 7 else VerifiedBecause.ROUTINE
            outcomes.append(outcome(number, ill=ill, because=because))
    blank = prediction(999, sex="F", says=Decision.NEGATIVE, status=Status.BLANK)
    return ledger_of(path, [*predictions, blank], outcomes)


def test_a_ledger_is_audited_by_sex_and_age_with_nothing_else_said(
    audit: Audit, clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("--ledger", clinic, "--json", "--fail-on", "harm") == 8

    report = json.loads(capsys.readouterr().out)
    missed = cells(report, "false_negative_rate")
    assert (missed["F"]["value"]["estimate"], missed["F"]["value"]["n"]) == (0.5, 80)
    assert missed["F"]["verdict"]["kind"] == "HARM SHOWN"
    assert missed["M"]["verdict"]["kind"] == "SHOWN OK"
    assert missed["Unknown"]["value"]["n"] == 32
    assert report["groups_by"] == ["sex", "age"]
    assert (report["model"], report["operating_point"]) == ("chest-xray 0.1.0", "screening")


def test_what_a_ledger_left_out_and_what_biases_it_is_said(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit("--ledger", clinic_of(tmp_path / "clinic.ledger", confirmed=320), "--json")
    report = json.loads(capsys.readouterr().out)

    assert report["result"]["rows"] == 340
    assert report["result"]["exclusions"] == [{"reason": "no outcome yet", "rows": 20}]
    notes = " ".join(report["notes"])
    assert "Of 230 AI-negative cases 0 were drawn at random and verified" in notes
    assert "Do instead: `edgefair outcomes next --ledger" in notes
    assert "referred count as flagged" in notes
    assert "Images refused by the model, which have no score: 1." in notes


def test_outcomes_known_because_the_model_said_positive_are_counted(
    audit: Audit, clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit("--ledger", clinic, "--json")
    report = json.loads(capsys.readouterr().out)

    notes = " ".join(report["notes"])
    assert "7 of 340 outcomes are known only because the model said positive" in notes


def test_the_same_ledger_gives_the_same_report_twice(
    audit: Audit, clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = []
    for _ in range(2):
        audit("--ledger", clinic, "--json")
        reports.append({**json.loads(capsys.readouterr().out), "made_at": ""})

    assert reports[0] == reports[1]


def test_a_ledger_without_outcomes_says_how_to_enter_them(
    audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ledger_of(tmp_path / "new.ledger", [prediction(1, sex="F", says=Decision.POSITIVE)])

    assert audit("--ledger", path) == 6
    assert "edgefair outcomes template" in capsys.readouterr().err


def test_a_finding_nobody_looked_for_is_refused_with_those_there_are(
    audit: Audit, clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("--ledger", clinic, "--finding", "fracture") == 6
    assert "opacity" in capsys.readouterr().err


def test_a_group_nobody_recorded_is_refused_with_those_there_are(
    audit: Audit, clinic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("--ledger", clinic, "--by", "ward") == 3
    assert "sex, age" in capsys.readouterr().err


def test_a_ledger_that_is_not_there_is_said_so(audit: Audit, tmp_path: Path) -> None:
    assert audit("--ledger", tmp_path / "gone.ledger") == 5
