"""The evidence pack: whole in itself, of nobody in particular, and every alteration is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edgefair.audit.thresholds import Costs
from edgefair.clinic.evidence_pack import pack_from_json, pack_to_json
from edgefair.clinic.recheck import Roles, check_table
from edgefair.clinic.verifying import verify_against, verify_pack
from edgefair.errors import InputError
from edgefair.interop.tables import Table, read_table

Edit = Callable[[dict[str, Any]], None]

ROLES = Roles(
    label="ill", score="p", threshold=0.5, patient="who", costs=Costs(per_image=2, per_test=10)
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    path = tmp_path_factory.mktemp("pack") / "t.csv"
    rows = [
        f"{i % 3 == 0:d},{((i * 37) % 101 + 40 * (i % 3 == 0)) / 142:.4f},{'FM'[i % 2]},"
        f"patient{i // 2},{i % 90}"
        for i in range(240)
    ]
    path.write_text("\n".join(["ill,p,sex,who,age", *rows]) + "\n", encoding="utf-8")
    return read_table(path)


@pytest.fixture(scope="module")
def pack(table: Table) -> str:
    made_at = datetime(2026, 3, 1, tzinfo=UTC)
    return pack_to_json(check_table(table, ROLES, by=["sex", "age:0,40"], made_at=made_at))


def cell(document: dict[str, Any], metric: str) -> dict[str, Any]:
    found = document["report"]["result"]["by_group"]
    (one, *_) = (cell for cell in found if cell["metric"] == metric)
    assert isinstance(one, dict)
    return one


def test_all_that_the_report_says_follows_from_the_counts(pack: str, table: Table) -> None:
    read = pack_from_json(pack)
    alone, with_data = verify_pack(read), verify_against(read, table)

    assert alone.differences == with_data.differences == ()
    assert alone.verdicts == 8
    assert alone.cells == 5 * 8
    assert alone.compared > 1000


def test_the_pack_says_what_it_was_made_of(pack: str) -> None:
    document = json.loads(pack)

    assert document["asked"]["roles"]["threshold"] == 0.5
    assert document["asked"]["criteria"] == {"level": 0.95, "margin": 0.1, "alpha": 0.05}
    assert document["asked"]["seed"] == 0
    assert len(document["sha256"]) == len(document["report"]["data"]["sha256"]) == 64


def test_nothing_in_it_is_of_a_single_patient(pack: str, table: Table) -> None:
    assert "patient1" not in pack
    assert len(pack) < 300_000
    assert not any(f": {score}," in pack for score in table.column("p")[:50])


def spoil_count(document: dict[str, Any]) -> None:
    document["evidence"][1]["groups"][0]["counts"]["false_negatives"] += 1


def spoil_limit(document: dict[str, Any]) -> None:
    cell(document, "false_negative_rate")["difference"]["upper"] -= 1e-6


def spoil_verdict(document: dict[str, Any]) -> None:
    cell(document, "false_negative_rate")["verdict"]["kind"] = "HARM SHOWN"


def spoil_area(document: dict[str, Any]) -> None:
    cell(document, "auroc")["value"]["estimate"] += 0.01


def spoil_spread(document: dict[str, Any]) -> None:
    document["report"]["result"]["spreads"][0]["p_value"] = 0.9


def spoil_threshold(document: dict[str, Any]) -> None:
    document["report"]["thresholds"][0]["rows"][3]["missed"] -= 1


def spoil_calibration(document: dict[str, Any]) -> None:
    document["report"]["calibration"][0]["curves"][0]["in_the_large"]["estimate"] = 0.0


def spoil_margin(document: dict[str, Any]) -> None:
    document["asked"]["criteria"]["margin"] = 0.3


@pytest.mark.parametrize(
    ("spoil", "about"),
    [
        (spoil_count, "sex F, false_negative_rate: value estimate"),
        (spoil_limit, "sex F, false_negative_rate: difference upper"),
        (spoil_verdict, "sex F, false_negative_rate: verdict kind"),
        (spoil_area, "sex F, auroc: value estimate"),
        (spoil_spread, "sex: p_value"),
        (spoil_threshold, "missed"),
        (spoil_calibration, "everybody: in_the_large estimate"),
        (spoil_margin, "false_negative_rate: verdict limit"),
    ],
)
def test_an_alteration_is_found_and_named(pack: str, spoil: Edit, about: str) -> None:
    document = json.loads(pack)
    spoil(document)
    differences = verify_pack(pack_from_json(json.dumps(document))).differences

    assert differences[0].where == "the pack's own SHA-256"
    assert any(about in one.where for one in differences[1:])


def test_counts_that_are_not_of_the_data_are_found_with_the_data(pack: str, table: Table) -> None:
    document = json.loads(pack)
    spoil_count(document)
    differences = verify_against(pack_from_json(json.dumps(document)), table).differences

    assert any("false_negatives" in one.where for one in differences)


def test_a_pack_of_a_table_is_not_held_against_a_ledger(pack: str) -> None:
    with pytest.raises(InputError, match="of a table, not of a ledger"):
        verify_against(pack_from_json(pack), Path("clinic.ledger"))


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"schema": "edgefair-evidence/1"}'])
def test_what_is_no_pack_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match="evidence pack"):
        pack_from_json(text)
