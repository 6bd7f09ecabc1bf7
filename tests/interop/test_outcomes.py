"""Outcomes through a spreadsheet: what a nurse fills in arrives, and slips are told by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from edgefair.errors import BadTable
from edgefair.interop.outcomes import (
    TEMPLATE_COLUMNS,
    OutcomesImport,
    import_outcomes,
    template_rows,
)
from edgefair.interop.rows import Format, write_rows
from edgefair.ledger import Ledger, OutcomeStatus
from edgefair.records import (
    Decision,
    FindingScore,
    Prediction,
    VerifiedBecause,
)

TODAY = date(2026, 4, 1)
IMAGES = ("a.png", "Ñandú 2.png", "=c.png")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "clinic.ledger", create=True) as opened:
        score = FindingScore(
            finding="pneumonia",
            logit=1.0,
            probability=0.7,
            operating_point="screening",
            threshold=0.5,
            decision=Decision.POSITIVE,
            reason="above the threshold",
        )
        opened.record(
            Prediction(
                image=image,
                digest=image,
                scores=(score,),
                model="chest-xray 0.1.0",
                bundle_digest="ab",
                predicted_at="2026-03-01T08:00:00+00:00",
            )
            for image in IMAGES
        )
        yield opened


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.csv"


def template(ledger: Ledger) -> list[list[str]]:
    stream = io.StringIO()
    write_rows(stream, TEMPLATE_COLUMNS, template_rows(ledger.cases()), Format.CSV)
    return list(csv.reader(io.StringIO(stream.getvalue())))


def filled(rows: list[list[str]], line: int, **values: str) -> None:
    for column, value in values.items():
        rows[line - 1][TEMPLATE_COLUMNS.index(column)] = value


def save(
    path: Path, rows: list[list[str]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def imported(ledger: Ledger, table: Path) -> tuple[OutcomesImport, list[str]]:
    done = import_outcomes(ledger, table, today=TODAY)
    return done, [f"{row.line}: {row.result.message}" for row in done.rows if row.result.message]


TRUE_ROW = {
    "outcome": "Yes",
    "verified_by": "Dr. Ñ",
    "verified_because": "Random audit",
    "date": "2026-03-09",
}


@pytest.mark.parametrize(
    ("delimiter", "encoding"),
    [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-8-sig")],
    ids=["plain", "excel in French", "tabs with a mark"],
)
def test_a_filled_in_template_arrives_and_once_only(
    ledger: Ledger, table: Path, delimiter: str, encoding: str
) -> None:
    rows = template(ledger)
    filled(rows, 3, **TRUE_ROW)
    filled(rows, 4, **TRUE_ROW | {"outcome": "0", "verified_because": "routine"})
    save(table, rows, delimiter=delimiter, encoding=encoding)
    first, problems = imported(ledger, table)
    again, _ = imported(ledger, table)
    labelled = ledger.labelled()

    assert problems == []
    assert (first.count(OutcomeStatus.ADDED), first.blank) == (2, 1)
    assert again.count(OutcomeStatus.UNCHANGED) == 2
    assert labelled.y_true == (True, False)
    assert labelled.verified_because == (VerifiedBecause.RANDOM_AUDIT, VerifiedBecause.ROUTINE)
    assert (labelled.unverified, labelled.date) == (1, ("2026-03-09", "2026-03-09"))


def test_the_template_fills_in_what_is_known_and_never_the_decision(
    ledger: Ledger, table: Path
) -> None:
    rows = template(ledger)
    filled(rows, 2, **TRUE_ROW)
    save(table, rows)
    imported(ledger, table)
    after = template(ledger)

    assert after[1][5:] == ["yes", "Dr. Ñ", "random_audit", "2026-03-09"]
    assert after[2][5:] == ["", "", "", ""]
    assert not any("positive" in cell for row in after for cell in row)


def test_every_slip_is_told_by_its_line_and_the_rest_is_done(ledger: Ledger, table: Path) -> None:
    rows = template(ledger)
    filled(rows, 2, **TRUE_ROW)
    slips: list[tuple[dict[str, str], str]] = [
        ({"case": "ZZZZZZZZ", "image": ""}, "no case or image 'ZZZZZZZZ' in this ledger"),
        ({"finding": "fracture"}, "no model of this ledger looks for 'fracture'"),
        ({"outcome": "maybe"}, "the outcome 'maybe' is no answer"),
        ({"verified_because": ""}, "verified_because is empty"),
        ({"verified_because": "curiosity"}, "verified_because 'curiosity' is no reason"),
        ({"verified_by": ""}, "verified_by is empty"),
        ({"date": "09/03/2026"}, "the date '09/03/2026' is no day of the calendar"),
        ({"date": "2026-04-02"}, "the date 2026-04-02 is in the future"),
        (
            {"image": "Ñandú 2.png"},
            f"case {rows[1][0]} is the image a.png, this row says Ñandú 2.png",
        ),
    ]
    good = rows[1]
    rows = rows[:2]
    for values, _ in slips:
        rows.append(list(good))
        filled(rows, len(rows), **values)
    save(table, rows)
    done, problems = imported(ledger, table)

    assert problems == [f"{line}: {said}" for line, (_, said) in enumerate(slips, start=3)]
    assert done.count(OutcomeStatus.ADDED) == 1
    assert done.count(OutcomeStatus.REFUSED) == len(slips)
    assert all(row.result.hint for row in done.rows if row.result.message)


def test_a_table_of_file_names_alone_will_do(ledger: Ledger, table: Path) -> None:
    table.write_text(
        "image,finding,outcome,verified_by,verified_because,date\n"
        "a.png,Pneumonia,present,AB,clinical,2026-03-09\n"
        "'=c.png,pneumonia,absent,AB,clinical,2026-03-09\n"
    )
    done, problems = imported(ledger, table)

    assert problems == []
    assert done.count(OutcomeStatus.ADDED) == 2


@pytest.mark.parametrize("missing", ["finding", "outcome", "verified_by", "verified_because"])
def test_a_missing_column_is_told(ledger: Ledger, table: Path, missing: str) -> None:
    save(table, [[name for name in TEMPLATE_COLUMNS if name != missing]])
    with pytest.raises(BadTable, match=f"no column '{missing}'"):
        import_outcomes(ledger, table, today=TODAY)
