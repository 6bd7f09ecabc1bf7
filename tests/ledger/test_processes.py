"""What other processes do to a ledger: die while writing, write at once, hold it for too long."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from edgefair.errors import LedgerBusy
from edgefair.ledger import Ledger
from edgefair.ledger.connection import connect

RECORDER = Path(__file__).with_name("recorder.py")
FINDINGS_EACH = 3
TOGETHER = 4


def record_elsewhere(
    path: Path, *, first: int, count: int, together: int = TOGETHER
) -> subprocess.Popen[str]:
    arguments = [sys.executable, RECORDER, path, first, count, together]
    return subprocess.Popen(
        [str(argument) for argument in arguments], stdout=subprocess.PIPE, text=True
    )


def killed_after(process: subprocess.Popen[str], seconds: float, *, working: bool) -> set[int]:
    """Kill with SIGKILL and return the numbers of the predictions it had acknowledged."""
    assert process.stdout is not None
    with process, process.stdout as output:
        first = output.readline() if working else ""
        time.sleep(seconds)
        process.kill()
        return {int(word) for word in (first + output.read()).split()}


def recorded(path: Path) -> set[int]:
    """Return the numbers of the recorded predictions, after seeing that each one is whole."""
    with Ledger.open(path) as ledger:
        ledger.check()
        predictions = list(ledger.predictions())
    assert all(len(prediction.scores) == FINDINGS_EACH for prediction in predictions)
    return {int(prediction.image.removesuffix(".png")) for prediction in predictions}


def test_what_was_acknowledged_survives_kill_9_at_thirty_random_points(path: Path) -> None:
    rng = random.Random(20260301)
    acknowledged: set[int] = set()
    for round_ in range(30):
        process = record_elsewhere(path, first=100_000 * round_, count=100_000)
        acknowledged |= killed_after(process, rng.uniform(0, 0.03), working=True)
        kept = recorded(path)

        assert acknowledged <= kept
        assert len(kept) % TOGETHER == 0  # a transaction is there as a whole or not at all
    assert len(acknowledged) >= 30 * TOGETHER


def test_a_ledger_killed_at_birth_is_whole_or_not_there(tmp_path: Path) -> None:
    rng = random.Random(20260302)
    for round_ in range(15):
        path = tmp_path / str(round_) / "clinic.ledger"
        path.parent.mkdir()
        process = record_elsewhere(path, first=0, count=100_000)
        acknowledged = killed_after(process, rng.uniform(0.02, 0.25), working=False)
        with Ledger.open(path, create=True) as ledger:
            ledger.check()

        assert acknowledged <= recorded(path)


def test_two_processes_begin_and_write_one_ledger_at_once(path: Path) -> None:
    processes = [record_elsewhere(path, first=first, count=120, together=1) for first in (0, 1000)]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert [len(numbers) for numbers in printed] == [120, 120]
    assert recorded(path) == {*range(120), *range(1000, 1120)}


def test_a_ledger_locked_for_longer_than_the_wait_is_busy(path: Path, ledger: Ledger) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        Ledger.open(path, wait_s=0.05) as waiting,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="Another program") as caught:
            waiting.record([])
        other.execute("ROLLBACK")

    assert caught.value.exit_code == 5


def test_an_audit_reads_while_another_process_writes(path: Path, ledger: Ledger) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Ledger.open(path, read_only=True, wait_s=0.05) as reading:
            labelled = reading.labelled()

    assert len(labelled) == 0


def test_every_writing_connection_waits_for_the_disk(path: Path, ledger: Ledger) -> None:
    with closing(connect(path, read_only=False, wait_s=1.5)) as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 1500,
    }
