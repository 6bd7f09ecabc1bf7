"""Clinics that confirm the flagged by routine: what a draw makes evidence, and what not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from edgefair.clinic.monitoring import recheck, replayed
from edgefair.clinic.next_cases import Asked, Worklist, next_cases
from edgefair.ledger import Ledger
from edgefair.records import VerdictKind, VerifiedBecause
from edgefair.report import MonitoringReport
from tests.clinic.watched import PLAN, Clinic, open_clinic

MISSED, FALSE_ALARMS = "false_negative_rate", "false_positive_rate"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    clinic = open_clinic(tmp_path)
    yield clinic
    clinic.ledger.close()


def screen(clinic: Clinic, count: int, *, because: VerifiedBecause, first: int = 0) -> None:
    """Record cases of which every second is ill, and half of these are missed.

    The flagged are confirmed at once, and nobody else is.
    """
    for number in range(first, first + count):
        ill, flagged = number % 2 == 0, number % 4 == 0 or number % 10 == 1
        clinic.case(flagged=flagged, truth=ill if flagged else None, because=because)


def work_off(clinic: Clinic, found: Worklist, count: int | None = None) -> None:
    for case in found.cases[:count]:
        ill = int(case.image.removesuffix(".png")) % 2 == 0
        clinic.tell(case.image, truth=ill, because=VerifiedBecause.RANDOM_AUDIT)


def draw(clinic: Clinic, budget: int, now: datetime) -> Worklist:
    return next_cases(clinic.path, Asked(budget=budget, by=()), now=now)


def counted(report: MonitoringReport, metric: str) -> tuple[int, int]:
    cell = next(c for c in report.cells if c.metric == metric and not c.group.attributes)
    return cell.errors, cell.n


@pytest.mark.parametrize("because", [VerifiedBecause.AI_POSITIVE, VerifiedBecause.ROUTINE])
def test_an_alarm_comes_where_only_the_flagged_were_confirmed(
    clinic: Clinic, because: VerifiedBecause
) -> None:
    screen(clinic, 400, because=because)
    now = clinic.next_week()
    before = recheck(clinic.path, now=now)
    work_off(clinic, draw(clinic, 250, now))
    after = recheck(clinic.path, now=clinic.next_week())

    assert counted(before, MISSED)[0] == 0
    errors, n = counted(after, MISSED)
    assert errors / n == pytest.approx(0.5, abs=0.12)
    assert n > 60
    cell = next(c for c in after.cells if c.metric == MISSED and not c.group.attributes)
    assert cell.verdict.kind is VerdictKind.HARM_SHOWN


def test_routine_counts_no_more_once_cases_are_drawn_and_that_is_said(clinic: Clinic) -> None:
    screen(clinic, 100, because=VerifiedBecause.ROUTINE)
    now = clinic.next_week()
    before = recheck(clinic.path, now=now)
    found = draw(clinic, 20, now)
    after = recheck(clinic.path, now=now)
    work_off(clinic, found)
    later = recheck(clinic.path, now=clinic.next_week())

    assert counted(before, MISSED) == (0, 25)
    assert counted(after, MISSED) == (0, 0)
    assert after.recounted == "35 cases count otherwise since cases are drawn by lot"
    assert not later.recounted
    assert 0 < counted(later, MISSED)[1] < 25
    assert any("verified by routine count only where they were drawn" in n for n in later.notes)


def test_the_known_wait_for_those_behind_them(clinic: Clinic) -> None:
    screen(clinic, 200, because=VerifiedBecause.AI_POSITIVE)
    found = draw(clinic, 40, clinic.next_week())
    reports = [recheck(clinic.path, now=clinic.next_week())]
    (record,) = clinic.ledger.draws()
    met = [case for case in record.cases if case.least > 0]
    for case in found.cases:
        work_off(clinic, replace(found, waiting=(), drawn=(case,)))
        reports.append(recheck(clinic.path, now=clinic.next_week()))
    seen = [report.new_evidence for report in reports]

    assert seen[0] == 0
    assert sum(seen) == len(met)
    assert max(seen) < len(met) / 2  # never all of the known at once
    with (
        Ledger.open(clinic.path, read_only=True) as ledger,
        ledger.looked_at(ledger.plans()[-1]) as step,
    ):
        stored = {left.cell: left.state for left in step.cells()}
    assert stored == dict(replayed(clinic.path))


def test_what_was_counted_stays_where_more_is_drawn(clinic: Clinic) -> None:
    for round_ in range(3):
        screen(clinic, 100, because=VerifiedBecause.AI_POSITIVE, first=100 * round_)
        work_off(clinic, draw(clinic, 25, clinic.next_week()))
        report = recheck(clinic.path, now=clinic.next_week())
        assert not report.recounted
    with (
        Ledger.open(clinic.path, read_only=True) as ledger,
        ledger.looked_at(ledger.plans()[-1]) as step,
    ):
        stored = {left.cell: left.state for left in step.cells()}

    assert stored == dict(replayed(clinic.path))
    assert PLAN.minimum_audit < counted(report, MISSED)[1]


def test_lots_of_the_sites_own_go_on_to_count(clinic: Clinic) -> None:
    for number in range(40):
        clinic.case(
            flagged=number % 4 == 0, truth=number % 2 == 0, because=VerifiedBecause.RANDOM_AUDIT
        )
    recheck(clinic.path, now=clinic.next_week())
    screen(clinic, 60, because=VerifiedBecause.AI_POSITIVE)
    work_off(clinic, draw(clinic, 10, clinic.next_week()))
    report = recheck(clinic.path, now=clinic.next_week())

    assert not report.recounted
    errors, n = counted(report, MISSED)
    assert n >= 20
    assert errors >= 10


def test_who_was_drawn_counts_for_whatever_reason_the_truth_came_out(clinic: Clinic) -> None:
    screen(clinic, 100, because=VerifiedBecause.AI_POSITIVE)
    found = draw(clinic, 40, clinic.next_week())
    for case in found.cases:
        ill = int(case.image.removesuffix(".png")) % 2 == 0
        clinic.tell(case.image, truth=ill, because=VerifiedBecause.CLINICAL)
    report = recheck(clinic.path, now=clinic.next_week())
    (record,) = clinic.ledger.draws()

    assert report.new_evidence == sum(case.least > 0 for case in record.cases)
    assert counted(report, MISSED)[0] > 0


def test_a_later_plan_counts_neither_the_known_nor_the_unknown_of_before(clinic: Clinic) -> None:
    screen(clinic, 100, because=VerifiedBecause.AI_POSITIVE)
    clinic.next_week()
    clinic.put_in_force(replace(PLAN, minimum_audit=4))
    now = clinic.next_week()
    work_off(clinic, draw(clinic, 40, now))
    before = recheck(clinic.path, now=now)
    screen(clinic, 100, because=VerifiedBecause.AI_POSITIVE, first=100)
    work_off(clinic, draw(clinic, 80, now))
    after = recheck(clinic.path, now=now)

    assert before.new_evidence == 0
    errors, n = counted(after, MISSED)
    assert 0 < errors < n
