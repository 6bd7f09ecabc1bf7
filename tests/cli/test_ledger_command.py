"""`edgefair ledger`, as it is typed: what is listed, what is said, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefair.cli.main import main
from edgefair.ledger import Ledger
from edgefair.ledger.connection import schema_of
from edgefair.ledger.known import known_in
from edgefair.ledger.schema import VERSION


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEFAIR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "clínica sur.ledger"
    Ledger.open(path, create=True).close()
    return path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(map(str, arguments)))
    assert isinstance(left.value.code, int)
    return left.value.code


def withdraw(ledger: Path) -> int:
    asked = ("outcomes", "withdraw", "K7Q2M19X", "--finding", "x", "--by", "AB", "--reason", "y")
    return run(*asked, "--ledger", ledger)


def test_whoever_writes_to_a_ledger_notes_it(home: Path, ledger: Path) -> None:
    withdraw(ledger)

    assert known_in(home).paths() == (ledger,)


def test_a_first_reading_notes_the_ledger_that_it_begins(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "none.png"
    image.write_bytes(b"no image")
    run("predict", "-m", "phantom", image, "--ledger", tmp_path / "new.ledger")

    assert known_in(home).paths() == (tmp_path / "new.ledger",)


def test_what_is_no_ledger_is_not_noted(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("a letter")

    assert withdraw(path) == 5
    assert withdraw(tmp_path / "nowhere") == 5
    assert known_in(home).paths() == ()


def test_a_home_that_takes_no_file_stops_nobody(
    home: Path, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("in the place of the folder")

    assert withdraw(ledger) == 3  # there is no such case
    assert "list of ledgers" in capsys.readouterr().err


def test_back_and_forth_by_all(
    home: Path, ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known_in(home).note(ledger)
    known_in(home).note(tmp_path / "stick" / "gone.ledger")

    assert run("ledger", "downgrade", "--all") == 0
    assert "gone.ledger is not there" in capsys.readouterr().out
    assert schema_of(ledger) == VERSION - 1
    assert run("ledger", "upgrade", "--all", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["result"] for one in told] == ["upgraded", "gone"]
    assert schema_of(ledger) == VERSION
    assert run("ledger", "list", "--json") == 0
    assert [one["schema"] for one in json.loads(capsys.readouterr().out)] == [VERSION, None]


def test_one_that_fails_is_told_and_can_be_forgotten(
    home: Path, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known_in(home).note(ledger)
    ledger.write_bytes(ledger.read_bytes()[:5000])

    assert run("ledger", "downgrade", "--all") == 5
    assert "damaged" in capsys.readouterr().out
    assert run("ledger", "forget", ledger) == 0
    assert run("ledger", "downgrade", "--all") == 0
    assert run("ledger", "forget", ledger) == 5


@pytest.mark.parametrize("asked", [[], ["--all", "a.ledger"], ["nowhere.ledger"]])
def test_either_files_or_all(home: Path, asked: list[str]) -> None:
    assert run("ledger", "upgrade", *asked) == 2
