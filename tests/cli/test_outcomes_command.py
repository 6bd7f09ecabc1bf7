"""`edgefair outcomes`, as it is typed: template, import, what is said and the exit code."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.records import Decision, FindingScore, Prediction


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "clínica sur.ledger"
    score = FindingScore(
        finding="pneumonia",
        logit=1.0,
        probability=0.7,
        operating_point="screening",
        threshold=0.5,
        decision=Decision.POSITIVE,
        reason="above the threshold",
    )
    with Ledger.open(path, create=True) as opened:
        opened.record(
            Prediction(
                image=f"{n}.png",
                digest=str(n),
                scores=(score,),
                model="chest-xray 0.1.0",
                bundle_digest="ab",
                predicted_at="2020-03-01T08:00:00+00:00",
            )
            for n in range(3)
        )
    return path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["outcomes", *map(str, arguments)])
    assert isinstance(left.value.code, int)
    return left.value.code


def fill(table: Path, line: int, *values: str) -> None:
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"))))
    rows[line - 1][5:] = values
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_from_template_to_import_and_once_more(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "to fill in.csv"
    codes = [run("template", "--ledger", ledger, "-o", table)]
    fill(table, 2, "yes", "AB", "routine", "2020-03-02")
    fill(table, 3, "maybe", "AB", "routine", "2020-03-02")
    codes.append(run("import", table, "--ledger", ledger))
    first = capsys.readouterr()
    fill(table, 3, "", "", "", "")
    codes.append(run("import", table, "--ledger", ledger))
    again = capsys.readouterr()

    assert codes == [0, 3, 0]
    (problem,) = csv.DictReader(io.StringIO(first.out))
    assert (problem["line"], problem["result"]) == ("3", "refused")
    assert problem["hint"] == "Write yes or no."
    assert "1 added, 0 corrected, 0 known already, 1 not usable, 1 not yet verified" in first.err
    assert "1 known already" in again.err
    assert "The ledger is as it was." in again.err


def test_the_template_can_leave_out_what_is_verified(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "outcomes.csv"
    run("template", "--ledger", ledger, "-o", table)
    fill(table, 2, "no", "AB", "clinical", "2020-03-02")
    run("import", table, "--ledger", ledger)
    capsys.readouterr()
    run("template", "--ledger", ledger, "--only", "unverified")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert [row["image"] for row in rows] == ["1.png", "2.png"]
    assert "decision" not in rows[0]


def test_a_table_that_may_hold_outcomes_is_never_overwritten(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_text("filled in")

    assert run("template", "--ledger", ledger, "-o", table) == 2
    assert table.read_text() == "filled in"
    assert "may hold outcomes" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["template", "import"])
def test_a_ledger_that_is_not_there_is_said_with_a_way_on(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_text("case,finding,outcome,verified_by,verified_because,date\n")
    arguments = [table] if verb == "import" else []

    assert run(verb, *arguments, "--ledger", tmp_path / "none.ledger") == 5
    assert "`edgefair predict IMAGES --ledger" in capsys.readouterr().err


def test_a_damaged_ledger_is_said_and_not_written_to(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write_bytes(b"\0" * 100 + ledger.read_bytes()[100:])
    before = ledger.read_bytes()

    assert run("template", "--ledger", ledger) == 5
    assert "damaged" in capsys.readouterr().err
    assert ledger.read_bytes() == before
