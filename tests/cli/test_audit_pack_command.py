"""`edgefair audit --pack` and `--verify`, and one command over a published model's real scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgefair.cli.main import main

Audit = Callable[..., int]

ASKED = ("--label", "ill", "--score", "p", "--threshold", "0.5", "--by", "sex", "--costs", "2,10")


@pytest.fixture
def audit() -> Audit:
    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as left:
            main(["audit", *map(str, arguments)])
        return int(left.value.code or 0)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    rows = [
        f"{i % 3 == 0:d},{(i * 37 % 101 + 40 * (i % 3 == 0)) / 150:.3f},{'FM'[i % 2]}"
        for i in range(200)
    ]
    path.write_text("\n".join(["ill,p,sex", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pack(audit: Audit, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "evidence.json"
    assert audit(table, *ASKED, "--pack", path) == 0
    assert str(path) in capsys.readouterr().err
    return path


def test_a_pack_as_written_agrees_alone_and_with_its_table(
    audit: Audit, pack: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("--verify", pack) == 0
    alone = capsys.readouterr().out
    assert audit("--verify", pack, table) == 0
    with_data = capsys.readouterr().out

    assert "entries agree" in alone
    assert "only the data can tell" in alone
    assert with_data.count("entries agree") == 2
    assert "verdicts computed again" in with_data


def test_an_altered_pack_leaves_with_3_after_saying_what_differs(
    audit: Audit, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(pack.read_text(encoding="utf-8"))
    document["report"]["result"]["by_group"][0]["value"]["upper"] = 0.5
    pack.write_text(json.dumps(document), encoding="utf-8")
    code = audit("--verify", pack)
    said = capsys.readouterr()

    assert code == 3
    assert "value upper: the pack says 0.5, it is" in said.out
    assert "does not hold together" in said.err


def test_a_table_that_is_another_is_told_from_the_one_of_the_pack(
    audit: Audit, pack: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(table.read_text("utf-8").replace("1,", "0,", 1), encoding="utf-8")

    assert audit("--verify", pack, table) == 3
    assert "sha256" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--verify", "e.json", "--label", "ill"), "--label does not go with --verify"),
        (("--verify", "e.json", "t.csv", "--ledger", "l"), "not both"),
        (("t.csv", *ASKED, "--pack", "e.txt"), "ends in .json"),
        (("t.csv", *ASKED[:-1], "two"), "two amounts"),
        (("--ledger", "l", "--costs", "2,10"), "about a table"),
    ],
)
def test_what_makes_no_sense_together_is_a_wrong_command_line(
    audit: Audit, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(*arguments) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("content", [None, "", "{}"], ids=["missing", "empty", "other"])
def test_what_is_no_pack_leaves_with_3(audit: Audit, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "e.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    assert audit("--verify", path) == 3


def test_a_published_model_is_audited_in_all_cells_by_one_command(
    audit: Audit, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = shared_data / "chexpert3000" / "chexpert-model.embeddings.csv"
    page, pack = tmp_path / "report.html", tmp_path / "evidence.json"
    columns = ("--label", "Pleural Effusion", "--positive", "1.0", "--patient", "patient_id")
    score = ("--score", "Logit - Pleural Effusion", "--threshold", "-1")
    by = ("--by", "race", "--by", "sex", "--by", "sex+race+age:0,40,60,80")
    code = audit(table, *columns, *score, *by, "-o", page, "--pack", pack, "--json")
    result: dict[str, Any] = json.loads(capsys.readouterr().out)["result"]

    assert code == 0
    areas = {
        cell["group"]["attributes"][0]["value"]: round(cell["value"]["estimate"], 3)
        for cell in result["by_group"]
        if cell["metric"] == "auroc" and len(cell["group"]["attributes"]) == 1
    }
    assert areas == {
        "White": 0.860, "Asian": 0.883, "Black": 0.842, "Female": 0.876, "Male": 0.852,
    }  # fmt: skip
    crossed = [
        c
        for c in result["by_group"]
        if c["metric"] == "false_negative_rate" and len(c["group"]["attributes"]) == 3
    ]
    assert len(crossed) == 24  # 2 sexes, 3 races, 4 bins of age: each has a row
    for cell in crossed:
        assert cell["verdict"]["kind"] in ("HARM SHOWN", "SHOWN OK", "NOT ENOUGH DATA")
        assert cell["value"]["lower"] < cell["value"]["upper"]
    assert len(page.read_bytes()) < 140_000  # 29 groups, most of them of three attributes
    assert audit("--verify", pack, table) == 0
