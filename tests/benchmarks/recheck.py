"""How long a re-check of an old, large ledger takes from a cold start: a table to read.

Run as ``python -m tests.benchmarks.recheck [LEDGER]``. A ledger of 100,000 cases, 20,000 of them
verified and counted in 25 steps, is built once (a minute) and copied for each measurement;
with LEDGER it is kept there and found again. Each time is that of a whole process, the start of
Python included, the median of five; the processor's time tells of a busy machine what the clock
cannot.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.clinic.monitoring import recheck
from edgefair.ledger import Ledger, Withdrawal
from edgefair.phantom.site import Site, Week, weeks

CASES = 100_000
WEEKS = 200
NEW_OUTCOMES = 50
REPEATS = 5
RECHECK = ("-c", "from edgefair.cli.main import main; main()", "recheck", "--ledger")


def site() -> Site:
    bundle = read_bundle(find_bundle("phantom"))
    return Site(
        seed=1,
        model=bundle.manifest.label,
        bundle_digest=bundle.digest,
        finding=bundle.manifest.contract.findings[0],
        weeks=WEEKS + 1,
        per_week=CASES // WEEKS,
        followed_up=0.15,
        ai_positive=0.18,
        begins=(datetime.now(UTC) - timedelta(weeks=WEEKS)).date(),
    )


def build(path: Path) -> None:
    """Fill the ledger week by week, a step of the re-check every two months."""
    *before, last = weeks(site())
    with Ledger.open(path, create=True) as ledger:
        for week in before:
            live(ledger, week)
            if week.number % 8 == 7:
                recheck(path, now=evening(week.ends))
        ledger.record(last.predictions)


def live(ledger: Ledger, week: Week) -> None:
    ledger.record(week.predictions)
    ledger.add_outcomes(week.outcomes, today=week.ends)


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)


def tell_new_outcomes(path: Path) -> None:
    *_, last = weeks(site())
    with Ledger.open(path) as ledger:
        ledger.add_outcomes(last.outcomes[:NEW_OUTCOMES], today=last.ends)


def withdraw_one(path: Path) -> None:
    first = next(weeks(site()))
    outcome = first.outcomes[0]
    with Ledger.open(path) as ledger:
        ledger.withdraw(
            Withdrawal(
                case=outcome.case,
                finding=outcome.finding,
                withdrawn_by="AB",
                reason="another patient",
            ),
            today=last_day(),
        )


def last_day() -> date:
    return datetime.now(UTC).date()


def nothing(path: Path) -> None:
    """Leave the ledger as it is."""


def cold(built: Path, prepare: Callable[[Path], None], *further: str) -> tuple[float, float]:
    """Return the median times of a cold process, each on its own copy of the ledger."""
    times = [once(built, prepare, further) for _ in range(REPEATS)]
    by_clock, of_processor = zip(*times, strict=True)
    return statistics.median(by_clock), statistics.median(of_processor)


def once(
    built: Path, prepare: Callable[[Path], None], further: tuple[str, ...]
) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        path = Path(folder, built.name)
        for part in built.parent.glob(f"{built.name}*"):
            shutil.copy(part, folder)
        prepare(path)
        return timed(*RECHECK, str(path), *further)


def timed(*arguments: str) -> tuple[float, float]:
    """Return the seconds that a process took by the clock, and of the processor."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    took, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system
    return took, used - before.children_user - before.children_system


def main(arguments: list[str]) -> None:
    with TemporaryDirectory() as folder:
        built = Path(arguments[0] if arguments else folder + "/clinic.ledger")
        if not built.exists():
            build(built)
        with Ledger.open(built, read_only=True) as ledger:
            (plan,) = ledger.plans()
            with ledger.looked_at(plan) as step:
                assert step.last
                outcomes, steps = step.last.marks.outcome_id, step.count()
        size = built.stat().st_size / 1e6
        print(f"{CASES:,} cases, {outcomes:,} outcomes in {steps} steps, {size:.0f} MB")
        rows = (
            ("python -c 'import edgefair'", timed("-c", "import edgefair")),
            ("nothing new", cold(built, nothing)),
            (f"{NEW_OUTCOMES} new outcomes", cold(built, tell_new_outcomes)),
            ("the same, as JSON with all history", cold(built, tell_new_outcomes, "--json")),
            ("one withdrawn: all counted anew", cold(built, withdraw_one)),
        )
        print(f"{'':36}{'clock':>8}{'processor':>12}")
        for name, (by_clock, of_processor) in rows:
            print(f"{name:36}{by_clock:6.2f} s{of_processor:10.2f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
