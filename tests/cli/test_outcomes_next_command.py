"""`edgefair outcomes next`, as it is typed: the list, the page, and back into the ledger."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.records import Decision, FindingScore, Prediction, Subject, VerifiedBecause


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "clínica sur.ledger"
    with Ledger.open(path, create=True) as opened:
        opened.record(
            Prediction(
                image=f"{n}.png",
                digest=str(n),
                scores=(
                    FindingScore(
                        finding="pneumonia",
                        logit=1.0,
                        probability=0.7 if n % 3 else 0.2,
                        operating_point="screening",
                        threshold=0.5,
                        decision=Decision.POSITIVE if n % 3 else Decision.NEGATIVE,
                        reason="probability against threshold",
                    ),
                ),
                subject=Subject(sex="F" if n % 2 else "M"),
                model="chest-xray 0.1.0",
                bundle_digest="ab",
                predicted_at="2020-03-01T08:00:00+00:00",
            )
            for n in range(60)
        )
    return path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["outcomes", *map(str, arguments)])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_from_the_list_to_the_ledger_and_to_what_is_left(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "next.csv"
    codes = [run("next", "--budget", "6", "--ledger", ledger, "-o", table)]
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    for row in rows[:4]:
        row |= {"outcome": "no", "verified_by": "AB", "date": "2020-03-02"}
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    codes.append(run("import", table, "--ledger", ledger))
    capsys.readouterr()
    codes.append(run("next", "--budget", "6", "--ledger", ledger, "--table"))
    shown = capsys.readouterr()

    assert codes == [0, 0, 0]
    assert {row["verified_because"] for row in rows} == {"random_audit"}
    with Ledger.open(ledger, read_only=True) as opened:
        labelled = opened.labelled()
    assert labelled.verified_because == (VerifiedBecause.RANDOM_AUDIT,) * 4
    drawn = [line.split()[-1] for line in shown.out.splitlines()[2:]]
    assert drawn == ["before"] * 2 + ["now"] * 4
    assert "2 cases drawn before and not confirmed yet: first in the list." in shown.err


def test_neither_list_nor_page_tells_what_the_model_said(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "next.html"
    code = run("next", "--ledger", ledger, "--table", "--html", page)
    shown = capsys.readouterr()
    html = page.read_text(encoding="utf-8")

    assert code == 0
    for text in (shown.out, shown.err, html):
        assert not any(
            word in text.casefold()
            for word in ("positive", "negative", "flagged", "cleared", "0.7")
        )
    assert html.count("☐") == 40
    assert "<script" not in html


def test_a_list_that_may_hold_outcomes_is_not_overwritten(ledger: Path, tmp_path: Path) -> None:
    table = tmp_path / "next.csv"
    table.write_text("filled in")

    assert run("next", "--ledger", ledger, "-o", table) == 2
    assert table.read_text() == "filled in"
    with Ledger.open(ledger, read_only=True) as opened:
        assert opened.draws() == ()
