"""Ledgers noted, brought up to date and back, many at once; nothing is lost on the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.errors import LedgerError
from edgefair.ledger import Ledger
from edgefair.ledger.connection import schema_of
from edgefair.ledger.known import known_in, looks_like_a_ledger
from edgefair.ledger.schema import VERSION
from edgefair.ledger.upkeep import Change, downgrade_each, upgrade_each

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction


@pytest.fixture
def ledgers(tmp_path: Path, make_prediction: MakePrediction) -> list[Path]:
    """Return three ledgers, of two images each."""
    paths = [tmp_path / f"clinic {number}.ledger" for number in range(3)]
    for path in paths:
        with Ledger.open(path, create=True) as ledger:
            ledger.record([make_prediction(1), make_prediction(2)])
    return paths


def test_a_noted_ledger_is_known_once_by_whatever_name(tmp_path: Path, path: Path) -> None:
    known = known_in(tmp_path / "home")
    known.note(path)
    known.note(path.parent / "." / path.name)
    link = tmp_path / "link.ledger"
    link.symlink_to(path)
    known.note(link)

    assert known.paths() == (path,)
    assert known.forget(path)
    assert known.paths() == ()
    assert not known.forget(path)


def test_a_damaged_note_stands_in_nobodys_way(tmp_path: Path, path: Path) -> None:
    known = known_in(tmp_path / "home")
    known.note(path)
    (known.folder / "0.json").write_bytes(b"\xff{")
    (known.folder / "1.json").write_text("[1]")

    assert known.paths() == (path,)


def test_only_a_ledger_looks_like_one(tmp_path: Path, ledgers: list[Path]) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE a (b)")

    assert looks_like_a_ledger(ledgers[0])
    assert not looks_like_a_ledger(other)
    assert not looks_like_a_ledger(tmp_path)
    assert not looks_like_a_ledger(tmp_path / "nowhere")


def test_all_go_back_and_forth(ledgers: list[Path]) -> None:
    back = downgrade_each(ledgers, to=VERSION - 1)

    assert [one.change for one in back] == [Change.DOWNGRADED] * 3
    assert [schema_of(path) for path in ledgers] == [VERSION - 1] * 3
    forth = upgrade_each(ledgers)
    assert [one.change for one in forth] == [Change.UPGRADED] * 3
    for path in ledgers:
        with Ledger.open(path, read_only=True) as ledger:
            assert len(list(ledger.predictions())) == 2
        assert schema_of(path.with_name(f"{path.name}.schema{VERSION}")) == VERSION


def test_what_is_of_that_schema_already_is_left_alone(ledgers: list[Path]) -> None:
    downgrade_each(ledgers[:1], to=VERSION - 1)
    before = ledgers[0].read_bytes()
    again = downgrade_each(ledgers, to=VERSION - 1)

    assert [one.change.value for one in again] == ["unchanged", "downgraded", "downgraded"]
    assert ledgers[0].read_bytes() == before
    assert all(one.change is Change.UNCHANGED for one in downgrade_each(ledgers[:1], to=VERSION))


def test_if_one_cannot_go_back_none_does(ledgers: list[Path]) -> None:
    content = bytearray(ledgers[1].read_bytes())
    content[4096:8192] = bytes(4096)
    ledgers[1].write_bytes(content)
    done = downgrade_each(ledgers, to=VERSION - 1)

    assert [one.change.value for one in done] == ["unchanged", "failed", "unchanged"]
    assert "another cannot go back" in done[0].sentence
    assert "damaged" in done[1].sentence
    assert [schema_of(path) for path in ledgers] == [VERSION] * 3


def test_as_many_as_can_be_are_brought_up_to_date(ledgers: list[Path], tmp_path: Path) -> None:
    downgrade_each(ledgers, to=VERSION - 1)
    content = bytearray(ledgers[1].read_bytes())
    content[4096:8192] = bytes(4096)
    ledgers[1].write_bytes(content)
    done = upgrade_each([*ledgers, tmp_path / "gone.ledger"])

    assert [one.change.value for one in done] == ["upgraded", "failed", "upgraded", "gone"]


def test_a_file_that_took_a_ledgers_place_is_passed_over(ledgers: list[Path]) -> None:
    ledgers[0].write_text("a letter")

    assert upgrade_each(ledgers[:1])[0].change is Change.GONE
    assert downgrade_each(ledgers[:1], to=VERSION - 1)[0].change is Change.GONE
    assert ledgers[0].read_text() == "a letter"


def test_going_back_to_the_first_schema_keeps_a_copy_at_each_step(ledgers: list[Path]) -> None:
    (done,) = downgrade_each(ledgers[:1], to=1)

    assert schema_of(ledgers[0]) == 1
    for version in range(2, VERSION + 1):
        kept = ledgers[0].with_name(f"{ledgers[0].name}.schema{version}")
        assert schema_of(kept) == version
        assert kept.name in done.sentence


def test_going_back_further_than_the_first_schema_is_refused(ledgers: list[Path]) -> None:
    with pytest.raises(LedgerError, match="back to the schema"):
        downgrade_each(ledgers, to=0)

    assert schema_of(ledgers[0]) == VERSION


def test_a_ledger_that_is_being_written_to_does_not_go_back(ledgers: list[Path]) -> None:
    with closing(sqlite3.connect(ledgers[0], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = downgrade_each(ledgers, to=VERSION - 1)

    assert [one.change.value for one in done] == ["failed", "unchanged", "unchanged"]
    assert "Another program" in done[0].sentence
