"""A ledger of the schema before: brought up to date, and back, without losing a row."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.errors import LedgerReadOnly
from edgefair.ledger import Ledger
from edgefair.ledger.schema import SCHEMAS, VERSION
from edgefair.records import Outcome, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction


def statements(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def go_back(path: Path, to: int) -> None:
    with Ledger.open(path) as ledger:
        for _ in range(VERSION - to):
            ledger.downgrade().unlink()


@pytest.fixture(params=range(1, VERSION))
def older(path: Path, make_prediction: MakePrediction, request: pytest.FixtureRequest) -> Path:
    """Return a ledger as an earlier schema kept it: thirty images, one outcome."""
    outcome = Outcome(
        case="3.png",
        finding="effusion",
        outcome=True,
        verified_by="AB",
        verified_because=VerifiedBecause.ROUTINE,
        date="2026-03-02",
    )
    with Ledger.open(path, create=True) as ledger:
        ledger.record(make_prediction(n) for n in range(30))
        ledger.add_outcomes([outcome], today=date(2026, 3, 3))
    go_back(path, request.param)
    return path


def test_going_back_leaves_a_ledger_that_the_edgefair_before_takes_for_its_own(
    older: Path,
) -> None:
    with closing(sqlite3.connect(":memory:")) as pattern:
        pattern.executescript(SCHEMAS[version(older)])
        expected = set(pattern.execute("SELECT name, sql FROM sqlite_master"))

    assert statements(older) == expected
    assert version(older) < VERSION


def test_an_older_ledger_is_brought_up_to_date_when_it_is_written_to(
    older: Path, make_prediction: MakePrediction
) -> None:
    with Ledger.open(older) as ledger:
        before = list(ledger.predictions())
        ledger.record([make_prediction(99)])
        ledger.check()

        assert list(ledger.predictions())[:30] == before
        assert len(ledger.labelled()) == 1
    assert version(older) == VERSION


def test_an_older_ledger_that_is_only_read_stays_as_it_is(older: Path) -> None:
    before = older.read_bytes()
    with Ledger.open(older, read_only=True) as ledger:
        assert len(ledger.labelled()) == 1
        assert len(list(ledger.predictions())) == 30
    assert older.read_bytes() == before


def test_going_back_keeps_a_whole_copy_beside_it(
    path: Path, make_prediction: MakePrediction
) -> None:
    with Ledger.open(path, create=True) as ledger:
        ledger.record([make_prediction(1)])
        kept = ledger.downgrade()
    with Ledger.open(kept, read_only=True) as copy:
        assert len(list(copy.predictions())) == 1
    assert version(kept) == VERSION


def test_going_back_twice_never_writes_over_the_first_copy(
    path: Path, make_prediction: MakePrediction
) -> None:
    with Ledger.open(path, create=True) as ledger:
        first = ledger.downgrade()
    content = first.read_bytes()
    with Ledger.open(path) as ledger:
        ledger.record([make_prediction(1)])
        second = ledger.downgrade()

    assert first.read_bytes() == content
    assert second.name == f"{first.name}-2"
    assert version(path) == VERSION - 1


@pytest.mark.parametrize("free_kb", [0, 8, 24, 48])
def test_an_upgrade_that_runs_out_of_disk_leaves_the_older_ledger(
    small_disk: Path, make_prediction: MakePrediction, free_kb: int
) -> None:
    path = small_disk / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        ledger.record([make_prediction(1)])
    go_back(path, 1)
    filler = small_disk / "filler"
    with suppress(OSError):
        filler.write_bytes(bytes(2_000_000))
    os.truncate(filler, max(0, filler.stat().st_size - 1024 * free_kb))
    with pytest.raises(LedgerReadOnly, match="full"):
        Ledger.open(path)
    filler.unlink()

    assert version(path) == 1
    with Ledger.open(path) as ledger:
        assert len(list(ledger.predictions())) == 1
