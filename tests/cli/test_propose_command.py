"""`edgefair propose` and `plan adopt`, as they are typed: the whole story at a phantom clinic."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgefair.cli.main import main
from edgefair.clinic.rehearsal import rehearse
from edgefair.ledger import Ledger
from edgefair.phantom import Clinic, parse_plant
from edgefair.phantom.folder import write_clinic
from edgefair.runtime.pipeline import load

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)
GROUND = "the ethics board agreed on 12 May"


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([*map(str, arguments)])
    assert isinstance(left.value.code, int)
    return left.value.code


def phantoms(*, seed: int, count: int) -> Clinic:
    plant = parse_plant("sex=F:0.6")
    return Clinic(seed=seed, count=count, prevalence=0.5, size_px=128, plant=plant)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clinic in whose women most opacities are faint, with 400 images confirmed."""
    folder = tmp_path_factory.mktemp("clinic")
    planted = Clinic(
        seed=1, count=400, prevalence=0.5, size_px=128, plant=parse_plant("sex=F:0.6")
    )
    rehearse(folder, planted, load("phantom", threads=2), now=NOW)
    return folder


def found_women(predictions: Path, manifest: Path) -> float:
    """Return the share of the women with an opacity at whom a person looks."""
    with manifest.open() as stream:
        ill = {
            Path(row["image"]).name
            for row in csv.DictReader(stream)
            if (row["sex"], row["opacity"]) == ("F", "1")
        }
    lines = [json.loads(line) for line in predictions.read_text().splitlines()]
    looked: list[bool] = [
        line["decision"] != "negative" for line in lines if Path(line["image"]).name in ill
    ]
    assert len(looked) > 20
    return sum(looked) / len(looked)


def test_a_planted_disparity_is_proposed_away_adopted_and_shrinks(
    clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, proposal = clinic / "clinic.ledger", tmp_path / "proposal.json"
    manifest = write_clinic(phantoms(seed=2, count=120), tmp_path / "later", file_format="dicom")
    images, before, after = manifest.parent / "images", tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    predict = ("predict", images, "-m", "phantom", "--ledger", ledger, "--threads", "2")
    propose = ("propose", "--ledger", ledger, "--sensitivity", "0.8", "--per-group")
    adopt = ("plan", "adopt", proposal, "--ledger", ledger, "--by", "AB", "--reason", "women")
    codes = [
        run(*predict, "-o", before),
        run(*propose, "--lawful-because", GROUND, "-o", proposal),
        run(*adopt),
        run(*predict, "-o", after),
    ]
    said = capsys.readouterr()

    assert codes == [0, 0, 0, 0]
    assert found_women(after, manifest) > found_women(before, manifest) + 0.2
    assert GROUND in said.out
    assert "A new monitoring plan is due" in said.err
    assert "decides, adopted because: women" in said.err
    assert '"operating_point": "site ' in after.read_text()

    confirmed = sorted((clinic / "clinic" / "images").iterdir())[:5]
    run("predict", *confirmed, "-m", "phantom", "--ledger", ledger)
    assert run("audit", "--ledger", ledger) == 0
    assert "Decisions of several operating points" in capsys.readouterr().out

    codes = [
        run("plan", "adopted", "--ledger", ledger),
        run("plan", "revert", "--ledger", ledger, "--by", "CD", "--reason", "enough"),
        run("plan", "adopted", "--ledger", ledger, "--json"),
    ]
    history = capsys.readouterr().out
    assert codes == [0, 0, 0]
    assert "opacity: the bundle's operating point decides again" in history
    assert [change["by"] for change in json.loads(history[history.index("[") :])] == ["AB", "CD"]

    codes = [run("predict", *confirmed, "-m", "phantom", "--ledger", ledger) for _ in range(2)]
    with Ledger.open(ledger, read_only=True) as opened:
        names = opened.screened().operating_point
    assert codes == [0, 0]
    assert "site" not in {name.partition(" ")[0] for name in names[-5:]}


def test_the_figures_come_as_json_too(clinic: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs = ("--cost-per-image", "1", "--cost-per-test", "10")
    code = run("propose", "--ledger", clinic / "clinic.ledger", *costs, "--json")
    document = json.loads(capsys.readouterr().out)

    assert code == 0
    assert document["schema"] == "edgefair-proposal/1"
    assert {"found", "missed", "flagged", "cost_per_case"} <= set(document["thresholds"][0])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Name a table, or a ledger"),
        (("--ledger", "LEDGER", "--label", "x"), 2, "is about a table"),
        (("--ledger", "LEDGER", "--per-group"), 2, "may be unlawful"),
        (("--ledger", "LEDGER", "--lawful-because", "x"), 2, "goes with --per-group"),
        (("--ledger", "LEDGER", "--sensitivity", ".9", "--refer-band", ".9"), 2, "Choose one"),
        (("--ledger", "LEDGER", "--cost-per-test", "1"), 2, "go together"),
        (("--ledger", "LEDGER", "-o", "x.txt"), 2, "ends in .json"),
        (("--ledger", "LEDGER", "--finding", "gout"), 6, "no score of gout"),
        (("scores.csv", "--label", "y", "--score", "s"), 2, "A table needs --threshold"),
    ],
)
def test_what_does_not_make_sense_is_told(
    clinic: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    ledger = str(clinic / "clinic.ledger")

    assert run("propose", *(ledger if a == "LEDGER" else a for a in arguments)) == code
    assert said in " ".join(capsys.readouterr().err.split())


def test_what_is_no_proposal_or_unsigned_is_not_adopted(
    clinic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, other = clinic / "clinic.ledger", tmp_path / "other.json"
    other.write_text("{}")
    signed = ("--ledger", ledger, "--by", "AB", "--reason", "because")
    codes = [
        run("plan", "adopt", tmp_path / "none.json", *signed),
        run("plan", "adopt", other, *signed),
        run("plan", "adopt", other, "--ledger", ledger, "--by", "AB"),
    ]

    assert codes == [3, 4, 2]
    assert "cannot be read" in capsys.readouterr().err
