"""The mix against the catchment: figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest

from edgefair.compress.datasheet import Brief, examine, write_up
from edgefair.compress.datasheet.catchment import read_catchment
from edgefair.compress.recipe import CatchmentShare
from edgefair.errors import BadTable


def test_patients_are_held_against_the_stated_population(
    clinic_rows: list[dict[str, object]], write_data: Callable[..., Brief], tmp_path: Path
) -> None:
    rows = [row for row in clinic_rows if row["sex"] == "M" or str(row["patient_id"]) < "P020"]
    brief = write_data(rows)
    shares = (("F", 0.5), ("M", 0.4), ("O", 0.1))
    stated = tuple(CatchmentShare(by="sex", group=g, share=s) for g, s in shares)
    brief = replace(brief, data=replace(brief.data, catchment=stated))

    datasheet = write_up(examine(brief, tmp_path))

    (found,) = datasheet.collection_process.catchment
    women, men, others = found.rows
    assert found.patients == 40
    assert (women.patients, men.patients, others.patients) == (10, 30, 0)
    assert women.expected == pytest.approx(20)
    assert women.standardised_residual == pytest.approx(-10 / sqrt(40 * 0.5 * 0.5))
    assert others.found == 0
    told = [f.sentence for f in datasheet.findings if f.topic == "catchment"]
    assert told == [
        "sex F: 50.0% of the catchment, 25.0% of the patients (10 where 20 were expected)."
    ]


def test_a_group_that_nobody_stated_is_a_row(
    clinic_rows: list[dict[str, object]], write_data: Callable[..., Brief], tmp_path: Path
) -> None:
    brief = write_data(clinic_rows)
    stated = (CatchmentShare(by="sex", group="F", share=1.0),)
    brief = replace(brief, data=replace(brief.data, catchment=stated))

    (found,) = write_up(examine(brief, tmp_path)).collection_process.catchment

    assert [(row.group, row.stated, row.patients) for row in found.rows] == [
        ("F", 1.0, 30),
        ("M", 0.0, 30),
    ]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("sex,F,0.5\nsex,M,0.4", "add up to 0.9"),
        ("sex,F,half\nsex,M,0.5", "line 2: 'half' is no share"),
        ("sex,F,-0.5\nsex,M,1.5", "is no share"),
    ],
)
def test_shares_that_make_no_population_are_refused(
    tmp_path: Path, rows: str, sentence: str
) -> None:
    path = tmp_path / "census.csv"
    path.write_text(f"by,group,share\n{rows}\n")

    with pytest.raises(BadTable, match=sentence):
        read_catchment(path)
