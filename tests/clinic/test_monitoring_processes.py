"""What other processes do to a re-check: kill it at any point, run it twice at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgefair.clinic.monitoring import recheck, replayed
from edgefair.ledger import Ledger
from tests.clinic.test_monitoring import cell, kept, steps_and_cells
from tests.clinic.watched import START, Clinic, open_clinic

RECHECKER = Path(__file__).with_name("rechecker.py")
KILLS = 20


def recheck_elsewhere(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(RECHECKER), str(path)], stdout=subprocess.PIPE, text=True
    )


def fill(clinic: Clinic, cases: int) -> None:
    rng = random.Random(clinic.cases)
    for _ in range(cases):
        truth = rng.random() < 0.5
        clinic.case(flagged=truth != (rng.random() < 0.2), truth=truth, sex=rng.choice("FM"))


def killed_within(seconds: float, path: Path) -> None:
    """Re-check in a forked process, which is killed with SIGKILL if it is not done by then."""
    child = os.fork()
    if not child:
        recheck(path, now=START)
        os.kill(os.getpid(), signal.SIGKILL)  # nothing of the parent's is closed or flushed
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_re_check_killed_at_twenty_random_points_gives_what_an_unbroken_one_gives(
    tmp_path: Path,
) -> None:
    rng = random.Random(20260301)
    clinic = open_clinic(tmp_path)
    with clinic.ledger:
        fill(clinic, 3)
    recheck(clinic.path, now=START)  # whatever is imported on the way is, before the forks
    start = time.perf_counter()
    recheck(clinic.path, now=START)
    usual_s = time.perf_counter() - start
    steps = set()
    for _ in range(KILLS):
        clinic.ledger = Ledger.open(clinic.path)
        with clinic.ledger:
            fill(clinic, 3)
        killed_within(rng.uniform(0, 2 * usual_s), clinic.path)
        with Ledger.open(clinic.path, read_only=True) as ledger:
            ledger.check()
        steps.add(steps_and_cells(clinic.path))
    report = recheck(clinic.path, now=START)
    again = recheck(clinic.path, now=START)

    assert kept(clinic.path) == replayed(clinic.path)
    assert cell(report).n + cell(report, sex="M").n == report.cells[0].n > KILLS
    assert again.cells == report.cells
    assert report.steps <= KILLS + 2
    assert len(steps) > 1  # some came to their end


def test_two_re_checks_at_once_follow_one_another_and_agree(clinic: Clinic) -> None:
    fill(clinic, 60)
    processes = [recheck_elsewhere(clinic.path) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0].split() for process in processes]

    assert printed == [["ready", "done"], ["ready", "done"]]
    assert steps_and_cells(clinic.path)[0] == 1
    assert kept(clinic.path) == replayed(clinic.path)
    assert cell(recheck(clinic.path, now=START)).n > 0
