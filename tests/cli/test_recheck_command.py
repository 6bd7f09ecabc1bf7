"""`edgefair recheck`, `plan` and `outcomes withdraw`, as they are typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.phantom.site import Site, weeks
from edgefair.report import monitoring_from_json

WIDEST = 80


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger in which the model misses half of all cases."""
    bundle = read_bundle(find_bundle("phantom"))
    path = tmp_path_factory.mktemp("built") / "clinic.ledger"
    site = Site(
        seed=3,
        model=bundle.manifest.label,
        bundle_digest=bundle.digest,
        finding="opacity",
        weeks=4,
        miss_rate=0.5,
    )
    with Ledger.open(path, create=True) as ledger:
        for week in weeks(site):
            ledger.record(week.predictions)
            ledger.add_outcomes(week.outcomes, today=week.ends)
    return path


@pytest.fixture
def ledger(built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clínica sur.ledger"
    path.write_bytes(built.read_bytes())
    Path(f"{path}.key").write_bytes(Path(f"{built}.key").read_bytes())
    return path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([*map(str, arguments)])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_harm_is_said_first_and_fails_where_asked(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("recheck", "--ledger", ledger) == 0
    out = capsys.readouterr().out

    first = next(line for line in out.splitlines() if line and line[0] in "▲●○")
    assert first == "▲ HARM SHOWN"
    assert "Nothing new" not in out
    assert max(map(len, out.splitlines())) <= WIDEST
    assert run("recheck", "--ledger", ledger, "--fail-on", "harm") == 8
    assert "Nothing new since the last step." in capsys.readouterr().out


def test_the_bundle_s_own_plan_is_in_force(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("recheck", "--ledger", ledger)
    assert "as the bundle carries none" not in " ".join(capsys.readouterr().out.split())
    assert run("plan", "show", "--ledger", ledger) == 0
    out = capsys.readouterr().out

    assert "no. 1" in out
    assert re.search(r"opacity, missed cases: \d+\.\d% \(reference \d+ of \d+", out)


def test_json_comes_back_as_the_report_with_its_history(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "monday.json"
    run("recheck", "--ledger", ledger, "--json", "-o", kept)
    out = capsys.readouterr().out
    report = monitoring_from_json(out)

    assert report.shows_harm
    assert report == monitoring_from_json(kept.read_text(encoding="utf-8"))
    assert [len(cell.history) for cell in report.cells[:1]] == [1]


def test_a_plan_of_one_s_own_starts_anew(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("recheck", "--ledger", ledger)
    make = ("plan", "make", "--ledger", ledger, "-m", "phantom", "--frozen-by", "Dr A. Banda")
    assert run(*make, "--by", "sex", "--alpha", "0.01") == 0
    assert run(*make, "--by", "sex", "--alpha", "0.01") == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert run("recheck", "--ledger", ledger, "--fail-on", "harm") == 0
    out = " ".join(capsys.readouterr().out.split())

    assert "This is the 2nd plan; its evidence starts on" in out
    assert "Under the 1st plan there were" in out
    assert "(an earlier plan)" in out


def test_the_plan_in_force_can_be_read_by_a_program(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("recheck", "--ledger", ledger)
    capsys.readouterr()
    run("plan", "show", "--ledger", ledger, "--json")

    assert json.loads(capsys.readouterr().out)["alpha"] == 0.05


def test_a_withdrawn_outcome_is_counted_anew_and_told(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("recheck", "--ledger", ledger)
    with Ledger.open(ledger, read_only=True) as opened:
        code = next(case.code for case in opened.cases() if case.outcome)
    which = ("outcomes", "withdraw", code, "--ledger", ledger, "--finding", "opacity")
    asked = (*which, "--by", "AB", "--reason", "another patient")

    assert run(*asked) == 0
    assert "counts no more" in capsys.readouterr().err
    assert run(*asked) == 3
    assert "no outcome of opacity stands" in capsys.readouterr().err
    run("recheck", "--ledger", ledger)
    assert "counted anew: 1 outcome was withdrawn" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("recheck",), 2),
        (("recheck", "--ledger", "missing.ledger"), 5),
        (("recheck", "--ledger", "x", "-o", "report.docx"), 2),
        (("plan", "show", "--ledger", "missing.ledger"), 5),
        (("plan", "make", "--ledger", "missing.ledger", "-m", "phantom"), 2),
        (("plan", "make", "--ledger", "missing.ledger", "-m", "phantom", "--frozen-by", "A"), 5),
    ],
)
def test_what_cannot_be_done_ends_with_its_exit_code(
    arguments: tuple[str, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(*arguments) == code


def test_a_year_passes_in_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "years"
    assert run("demo", "--years", "1", "--plant", "sex=M:0.9", "--folder", folder) == 0
    out = capsys.readouterr().out

    assert "sex M" in next(line for line in out.splitlines() if line.startswith("▲ sex"))
    assert (folder / "clinic.ledger").exists()
