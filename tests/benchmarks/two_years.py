"""Two years of a simulated clinic, week by week: is planted harm found, and is all else silent?

Run as ``python -m tests.benchmarks.two_years [RUNS [LEDGERS]]``. LEDGERS runs of each kind go
through a real ledger and the real `recheck`, every week; RUNS runs through the same counting and
alarms, in memory, every four weeks (however the weeks are cut, the same alarms are raised). The
plan is that which the phantom model's bundle gives.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from edgefair.audit.planning import drawn_plan
from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.plan import MonitoringPlan, PlanSettings
from edgefair.bundle.shelf import find_bundle
from edgefair.clinic.monitoring.cells import CellCount, counted
from edgefair.clinic.monitoring.judging import alarms_due
from edgefair.clinic.years import live_through
from edgefair.ledger import Evidence
from edgefair.phantom.site import Harm, Site, Week, weeks
from edgefair.records import Decision, VerifiedBecause

RUNS, LEDGERS = 200, 2
MONTH_7 = 26
TOGETHER = 4
KINDS = ("e-process", "change", "chart")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """In which week each kind of alarm was first raised; by group for harm."""

    first: dict[str, int]
    harmed: frozenset[str]


def sites(seed: int) -> dict[str, Site]:
    """Return the same two years without harm, at the limit itself, and with harm."""
    missed, alarms = plan().rates
    quiet = Site(
        seed=seed,
        model=bundle().manifest.label,
        bundle_digest=bundle().digest,
        finding=bundle().manifest.contract.findings[0],
        per_week=40,
        prevalence=0.3,
        miss_rate=missed.reference_errors / missed.reference_n,
        false_alarm_rate=alarms.reference_errors / alarms.reference_n,
        followed_up=0.5,
    )
    return {
        "as before release": quiet,
        "all rates at their limits": replace(
            quiet, miss_rate=missed.limit, false_alarm_rate=alarms.limit
        ),
        "30 % of women with it missed": harmed(quiet, 0.30),
        "40 % of women with it missed": harmed(quiet, 0.40),
    }


def harmed(site: Site, miss_rate: float) -> Site:
    return replace(site, harm=Harm(sex="F", from_week=MONTH_7, miss_rate=miss_rate))


@cache
def bundle() -> Bundle:
    return read_bundle(find_bundle("phantom"))


@cache
def plan() -> MonitoringPlan:
    drawn = drawn_plan(bundle().manifest, PlanSettings(), values={})
    assert drawn
    return drawn


def in_memory(site: Site) -> Course:
    """Return the course of a site without a ledger: the counting and the alarms alone."""
    counts: dict[str, CellCount] = {}
    first: dict[str, int] = {}
    names: set[str] = set()
    batch: list[Evidence] = []
    for week in weeks(site):
        batch += evidence(week)
        if week.number % TOGETHER == TOGETHER - 1:
            counts |= counted(plan(), counts, batch)
            batch = []
            for alarm in alarms_due(plan(), counts):
                first.setdefault(alarm.kind, week.number)
                if alarm.kind == "e-process":
                    names.add(alarm.cell)
    return Course(first=first, harmed=frozenset(names))


def evidence(week: Week) -> Iterator[Evidence]:
    predictions = {prediction.image: prediction for prediction in week.predictions}
    for outcome in week.outcomes:
        if outcome.verified_because is VerifiedBecause.RANDOM_AUDIT:
            prediction = predictions[outcome.case]
            yield Evidence(
                outcome_id=0,
                finding=outcome.finding,
                outcome=outcome.outcome,
                flagged=prediction.scores[0].decision is not Decision.NEGATIVE,
                subject=prediction.subject,
                recorded_on=week.ends.isoformat(),
            )


def in_a_ledger(site: Site) -> Course:
    """Return the course of a site that keeps a ledger and re-checks it every week."""
    memory = Path("/dev/shm")
    first: dict[str, int] = {}
    names: set[str] = set()
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        for week, report in enumerate(live_through(Path(folder, "clinic.ledger"), site)):
            for alarm in report.alarms:
                first.setdefault(alarm.kind, week)
                if alarm.kind == "e-process":
                    names.add(f"{alarm.metric} {alarm.group}")
    return Course(first=first, harmed=frozenset(names))


def row(name: str, courses: list[Course]) -> str:
    """Return how many runs raised each kind of alarm, and when in the median."""
    columns = []
    for kind in KINDS:
        found = [course.first[kind] for course in courses if kind in course.first]
        share = len(found) / len(courses)
        error = sqrt(share * (1 - share) / len(courses))
        when = f"week {median(found) + 1:.0f}" if found else ""
        columns.append(f"{100 * share:6.1f} % ± {100 * error:3.1f} {when:>9}")
    return f"{name:30}" + "".join(columns)


def main(arguments: list[str]) -> None:
    runs, ledgers = (*map(int, arguments), *(RUNS, LEDGERS)[len(arguments) :])
    head = ("harm shown", "e-detector warns", "CUSUM warns")
    for rate in plan().rates:
        before = f"{rate.reference_errors} of {rate.reference_n}"
        print(f"{rate.metric}: {before} before release, limit {100 * rate.limit:.1f} %")
    print(f"{len(plan().groups)} groups of each; harm begins in week {MONTH_7 + 1} of 104.\n")
    for title, course_of, number in (
        ("in memory, every 4 weeks", in_memory, runs),
        ("real ledger, every week", in_a_ledger, ledgers),
    ):
        if not number:
            continue
        print(f"{f'{number} runs, {title}':30}" + "".join(f"{name:>25}" for name in head))
        for name in sites(0):
            print(row(name, [course_of(sites(seed)[name]) for seed in range(number)]), flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
