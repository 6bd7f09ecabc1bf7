"""Files and disks that fail: the damage is found and said, and nothing is written over it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.errors import LedgerDamaged, LedgerError, LedgerReadOnly
from edgefair.ledger import LabelledCases, Ledger
from edgefair.ledger.schema import VERSION
from edgefair.records import Outcome, Prediction, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction


@pytest.fixture
def whole(path: Path, make_prediction: MakePrediction) -> Path:
    """Return a closed ledger of forty images, each with its outcome."""
    with Ledger.open(path, create=True) as ledger:
        ledger.record(make_prediction(n) for n in range(40))
        outcomes = (
            Outcome(
                case=f"{n}.png",
                finding="effusion",
                outcome=n % 3 == 0,
                verified_by="AB",
                verified_because=VerifiedBecause.ROUTINE,
                date="2026-03-02",
            )
            for n in range(40)
        )
        ledger.add_outcomes(outcomes, today=date(2026, 3, 3))
    return path


def page_overwritten(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) // 4096) * 4096
    content[start : start + 4096] = rng.randbytes(4096)


def header_zeroed(content: bytearray, rng: random.Random) -> None:
    content[:100] = bytes(100)


def cut_short(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def emptied(content: bytearray, rng: random.Random) -> None:
    content.clear()


def read_all(path: Path) -> tuple[LabelledCases, list[Prediction]]:
    with Ledger.open(path, read_only=True) as ledger:
        return ledger.labelled(), list(ledger.predictions())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("damage", [page_overwritten, header_zeroed, cut_short, emptied])
def test_a_damaged_ledger_is_found_at_once_named_and_left_as_it_is(
    whole: Path, damage: Callable[[bytearray, random.Random], None], seed: int
) -> None:
    content = bytearray(whole.read_bytes())
    damage(content, random.Random(seed))
    whole.write_bytes(content)
    for create in (False, True):
        with pytest.raises(LedgerDamaged, match=r"damaged|not a ledger") as caught:
            Ledger.open(whole, create=create)

        assert str(whole) in caught.value.message
        assert caught.value.exit_code == 5
    assert whole.read_bytes() == bytes(content)


def test_a_flipped_bit_is_found_or_changes_nothing(whole: Path) -> None:
    rng = random.Random(20260303)
    content = whole.read_bytes()
    before = read_all(whole)
    found = 0
    for _ in range(150):
        position, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        flipped = bytearray(content)
        flipped[position] ^= bit
        whole.write_bytes(flipped)
        try:
            after = read_all(whole)
        except LedgerError:
            found += 1
            continue

        assert after == before, f"bit {bit} of byte {position}"
    assert found > 0


def test_a_probability_changed_behind_the_rules_is_found_before_an_audit(whole: Path) -> None:
    with closing(sqlite3.connect(whole, isolation_level=None)) as other:
        (rule,) = other.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'score_keeps_its_values'"
        ).fetchone()
        other.execute("DROP TRIGGER score_keeps_its_values")
        other.execute("UPDATE score SET probability = 0.99 WHERE id = 7")
        other.execute(rule)
    with Ledger.open(whole) as ledger, pytest.raises(LedgerDamaged, match="row 7 of score"):
        ledger.labelled()


def test_a_ledger_without_its_rules_is_refused(whole: Path) -> None:
    with closing(sqlite3.connect(whole, isolation_level=None)) as other:
        other.execute("DROP TRIGGER outcome_keeps_its_rows")
    with pytest.raises(LedgerDamaged, match="rules that protect them were altered"):
        Ledger.open(whole)


def test_another_programs_database_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE patients (name)")
    before = path.read_bytes()
    with pytest.raises(LedgerDamaged, match="not a ledger of edgefair"):
        Ledger.open(path, create=True)

    assert path.read_bytes() == before


def test_a_ledger_of_a_newer_edgefair_is_refused(whole: Path) -> None:
    with closing(sqlite3.connect(whole, isolation_level=None)) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LedgerError, match="newer edgefair") as caught:
        Ledger.open(whole)

    assert "Update edgefair" in caught.value.hint


def test_a_log_without_its_ledger_is_not_begun_anew(whole: Path) -> None:
    log = whole.with_name(whole.name + "-wal")
    whole.rename(log)
    with pytest.raises(LedgerDamaged, match="is missing"):
        Ledger.open(whole, create=True)

    assert log.exists()
    assert not whole.exists()


def test_a_read_only_disk_can_be_audited_and_takes_no_records(
    small_disk: Path, whole: Path, make_prediction: MakePrediction
) -> None:
    there = small_disk / whole.name
    for file in whole.parent.iterdir():
        shutil.copy(file, small_disk)
    remount(small_disk, "ro")
    with Ledger.open(there, read_only=True) as ledger:
        labelled = ledger.labelled()
    with (
        pytest.raises(LedgerReadOnly, match="read-only") as caught,
        Ledger.open(there, create=True) as ledger,
    ):
        ledger.record([make_prediction(1000)])
    with pytest.raises(LedgerReadOnly, match="cannot be written"):
        Ledger.open(small_disk / "new.ledger", create=True)

    assert len(labelled) == 40
    assert caught.value.exit_code == 5


def test_a_full_disk_is_said_and_nothing_is_half_there(
    small_disk: Path, make_prediction: MakePrediction
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    path = small_disk / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        acknowledged = recorded_until_full(ledger, make_prediction)
        with pytest.raises(LedgerReadOnly, match="full"):
            ledger.record(make_prediction(n) for n in range(10**6, 10**6 + 1000))
        on_full_disk = list(ledger.predictions())
    with Ledger.open(path, read_only=True) as ledger:
        ledger.check()
        reopened = list(ledger.predictions())
    filler.unlink()
    with Ledger.open(path) as ledger:
        new = ledger.record(make_prediction(n) for n in range(acknowledged + 1))
        ledger.check()

    assert acknowledged > 10
    assert len(on_full_disk) == len(reopened) == acknowledged
    assert all(len(prediction.scores) == 2 for prediction in reopened)
    assert new == 1


def test_a_ledger_on_a_disk_without_any_space_is_said_and_kept(
    small_disk: Path, whole: Path
) -> None:
    there = small_disk / whole.name
    shutil.copy(whole, there)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="space"):
        filler.write_bytes(bytes(2_000_000))
    for read_only in (True, False):
        with pytest.raises(LedgerReadOnly, match="disk is full"):
            Ledger.open(there, read_only=read_only)
    filler.unlink()

    assert there.read_bytes() == whole.read_bytes()
    assert read_all(there) == read_all(whole)


@pytest.mark.parametrize("free_kb", range(0, 320, 32))
def test_no_ledger_is_half_begun_whenever_the_disk_fills(small_disk: Path, free_kb: int) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1024 * (1024 - free_kb)))
    path = small_disk / "clinic.ledger"
    with suppress(LedgerReadOnly), Ledger.open(path, create=True) as ledger:
        ledger.check()
    filler.unlink()
    with Ledger.open(path, create=True) as ledger:
        ledger.check()

    assert {file.name for file in small_disk.iterdir()} == {path.name, f"{path.name}.key"}


def recorded_until_full(ledger: Ledger, make_prediction: MakePrediction) -> int:
    for n in range(100_000):
        try:
            ledger.record([make_prediction(n)])
        except LedgerReadOnly:
            return n
    raise AssertionError("the disk never filled")


def remount(root: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(root)], check=True)
    assert not os.access(root, os.W_OK)
