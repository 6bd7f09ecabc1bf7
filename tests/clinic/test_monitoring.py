"""The re-check: nothing new changes nothing, the past is counted anew, alarms stand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefair.clinic.monitoring import recheck, replayed
from edgefair.clinic.monitoring.cells import CellCount, counted
from edgefair.errors import LedgerBusy, LedgerDamaged, LedgerError, NotEnoughData
from edgefair.ledger import Evidence, Ledger
from edgefair.records import Group, Subject, VerdictKind, VerifiedBecause
from edgefair.report import MonitoredCell, MonitoringReport
from tests.clinic.permissions import bound_by_permissions
from tests.clinic.watched import BUNDLE, FINDING, PLAN, START, Clinic, open_clinic

MISSED, ALARMS = "false_negative_rate", "false_positive_rate"


def cell(report: MonitoringReport, metric: str = MISSED, sex: str = "F") -> MonitoredCell:
    return next(c for c in report.cells if c.metric == metric and str(c.group) == f"sex {sex}")


def kept(path: Path) -> dict[str, str]:
    """Return the states that the ledger keeps, without the cells that hold nothing."""
    with Ledger.open(path, read_only=True) as ledger:
        (*_, plan) = ledger.plans()
        with ledger.looked_at(plan) as step:
            empty = CellCount().to_json()
            return {c.cell: c.state for c in step.cells() if c.state != empty}


def steps_and_cells(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        return tuple(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("monitor_step", "monitor_cell")
        )


def harm(clinic: Clinic, *, missed: int = 30, sex: str = "F") -> list[str]:
    return [clinic.case(flagged=False, truth=True, sex=sex) for _ in range(missed)]


def test_errors_are_counted_in_the_groups_they_belong_to(clinic: Clinic) -> None:
    clinic.case(flagged=False, truth=True, sex="F")
    clinic.case(flagged=True, truth=True, sex="F")
    clinic.case(flagged=True, truth=False, sex="M")
    clinic.case(flagged=False, truth=False, sex="M")
    clinic.case(flagged=False, sex="M")
    report = recheck(clinic.path, now=START)

    counts = {(c.metric, str(c.group)): (c.errors, c.n, c.audited) for c in report.cells if c.n}
    assert counts == {
        (MISSED, "everybody"): (1, 2, 2),
        (MISSED, "sex F"): (1, 2, 1),
        (ALARMS, "everybody"): (1, 2, 0),
        (ALARMS, "sex M"): (1, 2, 0),
    }
    assert len(report.cells) == 8
    assert {c.verdict.kind for c in report.cells} == {VerdictKind.NOT_ENOUGH_DATA}


def test_a_second_run_with_nothing_new_changes_nothing(clinic: Clinic) -> None:
    harm(clinic, missed=3)
    first = recheck(clinic.path, now=START)
    before = steps_and_cells(clinic.path)
    second = recheck(clinic.path, now=START + timedelta(hours=1))

    assert steps_and_cells(clinic.path) == before
    assert (first.new_evidence, second.new_evidence) == (3, 0)
    assert second.cells == first.cells


def test_new_predictions_alone_are_no_step(clinic: Clinic) -> None:
    harm(clinic, missed=3)
    recheck(clinic.path, now=START)
    clinic.case(flagged=True)

    assert recheck(clinic.path, now=START).steps == 1


def test_harm_is_shown_once_and_stands(clinic: Clinic) -> None:
    names = harm(clinic)
    report = recheck(clinic.path, now=clinic.next_week())
    for name in names:
        clinic.withdraw(name)
    later = recheck(clinic.path, now=clinic.next_week())

    assert report.shows_harm
    assert cell(report).verdict.kind is VerdictKind.HARM_SHOWN
    assert "harm is shown" in cell(report).verdict.sentence
    assert later.recounted == "30 outcomes were withdrawn"
    assert cell(later).n == 0
    assert cell(later).verdict.kind is VerdictKind.HARM_SHOWN
    assert {alarm.raised_at for alarm in later.alarms} == {"2026-01-12T18:00:00Z"}
    assert all("corrected since" in alarm.note for alarm in later.alarms)


def test_a_good_group_is_shown_ok_and_told_apart_from_an_empty_one(clinic: Clinic) -> None:
    for _ in range(150):
        clinic.case(flagged=True, truth=True)
    for _ in range(3):
        clinic.case(flagged=False, truth=False)
    report = recheck(clinic.path, now=START)

    assert cell(report).verdict.kind is VerdictKind.SHOWN_OK
    assert cell(report).interval.upper < 0.2
    assert cell(report, sex="M").verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert "no verified cases" in cell(report, sex="M").verdict.sentence


def test_a_warning_takes_back_the_all_clear_and_is_no_harm(clinic: Clinic) -> None:
    for _ in range(400):
        clinic.case(flagged=True, truth=True)
    harm(clinic, missed=12)
    report = recheck(clinic.path, now=START)

    assert {alarm.kind for alarm in report.alarms} == {"change", "chart"}
    assert cell(report).interval.upper < cell(report).verdict.limit
    assert cell(report).verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert "no proof of harm" in cell(report).verdict.sentence
    assert not report.shows_harm


def test_missed_cases_are_not_judged_before_the_minimum_audit(clinic: Clinic) -> None:
    for _ in range(200):
        clinic.case(flagged=True, truth=True)
    report = recheck(clinic.path, now=START)

    assert cell(report).verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert "before 3 more cases" in cell(report).verdict.sentence


@pytest.mark.parametrize("because", [VerifiedBecause.AI_POSITIVE, VerifiedBecause.CLINICAL])
def test_who_is_verified_for_what_the_model_or_the_illness_said_is_no_evidence(
    clinic: Clinic, because: VerifiedBecause
) -> None:
    for flagged in (True, False):
        clinic.case(flagged=flagged, truth=True, because=because)
    report = recheck(clinic.path, now=START)

    assert sum(c.n for c in report.cells) == 0
    assert any("2 of 2 outcomes" in note for note in report.notes)


def test_a_correction_is_counted_in_its_old_place_and_told(clinic: Clinic) -> None:
    (name, *_) = harm(clinic, missed=4)
    recheck(clinic.path, now=clinic.next_week())
    clinic.tell(name, truth=False, by="CD")
    report = recheck(clinic.path, now=clinic.next_week())

    assert report.recounted == "1 outcome was corrected"
    assert (cell(report).errors, cell(report).n) == (3, 3)
    assert cell(report, ALARMS).n == 1
    assert kept(clinic.path) == replayed(clinic.path)


def test_a_second_reader_who_agrees_adds_no_evidence(clinic: Clinic) -> None:
    (name, *_) = harm(clinic, missed=4)
    recheck(clinic.path, now=clinic.next_week())
    clinic.tell(name, truth=True, by="CD")
    report = recheck(clinic.path, now=clinic.next_week())

    assert report.recounted == ""
    assert cell(report).n == 4


def test_what_is_learned_of_a_patient_later_moves_the_case(clinic: Clinic) -> None:
    name = clinic.case(flagged=False, truth=True, sex="Unknown")
    recheck(clinic.path, now=clinic.next_week())
    clinic.read(name, flagged=False, sex="M")
    report = recheck(clinic.path, now=clinic.next_week())

    assert "learned later of 1 patient" in report.recounted
    assert (cell(report, sex="Unknown").n, cell(report, sex="M").n) == (0, 1)
    assert kept(clinic.path) == replayed(clinic.path)


def test_a_score_that_comes_after_its_outcome_takes_the_place_of_the_outcome(
    clinic: Clinic,
) -> None:
    name = clinic.case(flagged=True, truth=True)
    recheck(clinic.path, now=clinic.next_week())
    clinic.read(name, flagged=False, threshold=0.6)
    report = recheck(clinic.path, now=clinic.next_week())

    assert report.recounted == "1 score came after its outcome"
    assert (cell(report).errors, cell(report).n) == (1, 1)


def test_a_later_plan_starts_anew_and_tells_of_the_alarms_before_it(clinic: Clinic) -> None:
    harm(clinic)
    recheck(clinic.path, now=clinic.next_week())
    clinic.put_in_force(replace(PLAN, alpha=0.01))
    harm(clinic, missed=2)
    report = recheck(clinic.path, now=clinic.next_week())

    assert cell(report).n == 2
    assert not report.alarms
    assert len(report.earlier_alarms) == 6  # three kinds, of women and of everybody
    assert report.notes[0].startswith("This is the 2nd plan; its evidence starts on 2026-01-12")
    assert "Under the 1st plan there were 6 alarms" in report.notes[0]


def test_months_until_an_answer_follow_from_the_site_s_own_pace(clinic: Clinic) -> None:
    now = START
    for _ in range(8):
        for _ in range(3):
            clinic.case(flagged=True, truth=True)
            clinic.case(flagged=False, truth=False)
        now = clinic.next_week()
    found = cell(recheck(clinic.path, now=now))

    assert found.labels_per_month == pytest.approx(13, abs=1)
    assert found.verdict.labels_needed is not None
    assert found.months == pytest.approx(found.verdict.labels_needed / found.labels_per_month)


def test_a_clock_that_was_set_back_is_told_and_changes_nothing(clinic: Clinic) -> None:
    harm(clinic, missed=2)
    recheck(clinic.path, now=START + timedelta(days=400))
    harm(clinic, missed=2)
    report = recheck(clinic.path, now=START)

    assert "earlier than the last re-check" in report.notes[0]
    assert cell(report).n == 4
    assert kept(clinic.path) == replayed(clinic.path)


def test_records_from_the_future_are_told(clinic: Clinic) -> None:
    harm(clinic, missed=2)
    report = recheck(clinic.path, now=START - timedelta(days=30))

    assert "the newest record is of 2026-01-05" in report.notes[0]


def test_outcomes_dated_before_their_prediction_are_told(clinic: Clinic) -> None:
    name = clinic.case(flagged=True)
    clinic.day -= timedelta(days=30)
    clinic.tell(name, truth=True)
    report = recheck(clinic.path, now=START)

    assert any("1 outcome is dated before the prediction" in note for note in report.notes)


def test_history_holds_what_each_step_left(clinic: Clinic) -> None:
    for missed in (1, 2, 0):
        harm(clinic, missed=missed)
        recheck(clinic.path, now=clinic.next_week())
    history = cell(recheck(clinic.path, now=START, with_history=True)).history

    assert [(h.taken_at[:10], h.errors, h.n) for h in history] == [
        ("2026-01-12", 1, 1),
        ("2026-01-19", 3, 3),
    ]


def test_a_ledger_without_predictions_has_nothing_to_re_check(tmp_path: Path) -> None:
    path = tmp_path / "clinic.ledger"
    Ledger.open(path, create=True).close()
    with pytest.raises(NotEnoughData, match="no prediction"):
        recheck(path, now=START)


def test_without_a_plan_and_its_bundle_nothing_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        Clinic(path=path, ledger=ledger).case(flagged=True)
    with pytest.raises(LedgerError, match="no monitoring plan") as caught:
        recheck(path, now=START)

    assert "plan make" in caught.value.hint


def test_a_changed_row_stops_the_re_check(clinic: Clinic) -> None:
    harm(clinic, missed=2)
    with closing(sqlite3.connect(clinic.path)) as connection:
        connection.execute("DROP TRIGGER outcome_keeps_its_values")
        connection.execute("UPDATE outcome SET outcome = 0 WHERE id = 1")
        connection.execute(
            "CREATE TRIGGER outcome_keeps_its_values BEFORE UPDATE ON outcome\n"
            "BEGIN SELECT RAISE(ABORT, 'a ledger is append only'); END"
        )
        connection.commit()
    with pytest.raises(LedgerDamaged, match="row 1 of outcome"):
        recheck(clinic.path, now=START)


def test_a_ledger_that_another_program_holds_is_busy(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    harm(clinic, missed=1)
    recheck(clinic.path, now=START)
    with (
        closing(sqlite3.connect(clinic.path, isolation_level=None)) as other,
        Ledger.open(clinic.path, wait_s=0.05) as waiting,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy), waiting.open_step(waiting.plans()[-1]):
            pass
        other.execute("ROLLBACK")


def test_a_read_only_ledger_cannot_be_re_checked(clinic: Clinic) -> None:
    harm(clinic, missed=1)
    clinic.path.parent.chmod(0o500)
    clinic.path.chmod(0o400)
    with bound_by_permissions(), pytest.raises(LedgerError, match="read-only"):
        recheck(clinic.path, now=START)


EVIDENCE = st.lists(
    st.builds(
        Evidence,
        outcome_id=st.just(0),
        finding=st.just(FINDING),
        outcome=st.booleans(),
        flagged=st.booleans(),
        subject=st.builds(Subject, sex=st.sampled_from(["F", "M", "Unknown"])),
        recorded_on=st.just("2026-01-05"),
    ),
    max_size=60,
)


@given(evidence=EVIDENCE, cuts=st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=40, deadline=None)
def test_any_partition_into_steps_counts_the_same_to_the_last_bit(
    evidence: list[Evidence], cuts: list[int]
) -> None:
    at_once = counted(PLAN, {}, evidence)
    in_steps: dict[str, CellCount] = {}
    edges = [0, *sorted(cuts), len(evidence)]
    for start, end in pairwise(edges):
        in_steps |= counted(PLAN, in_steps, evidence[start:end])

    assert {name: count.to_json() for name, count in in_steps.items()} == {
        name: count.to_json() for name, count in at_once.items()
    }
    for count in at_once.values():
        assert CellCount.from_json(count.to_json()) == count


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["case", "case", "case", "untold", "tell", "withdraw", "learn", "score", "recheck"]
        ),
        st.integers(0, 30),
        st.booleans(),
        st.booleans(),
        st.sampled_from(list(VerifiedBecause)),
    ),
    min_size=5,
    max_size=25,
)


@given(events=EVENTS)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_to_a_ledger_a_replay_gives_what_it_keeps(
    events: list[tuple[str, int, bool, bool, VerifiedBecause]],
) -> None:
    memory = Path("/dev/shm")  # what is tried here is no matter of disks
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        clinic = open_clinic(Path(folder))
        with clinic.ledger:
            clinic.case(flagged=True, truth=True)
            for event in events:
                happen(clinic, *event)
            recheck(clinic.path, now=clinic.next_week())

            assert kept(clinic.path) == replayed(clinic.path)
            before = steps_and_cells(clinic.path)
            recheck(clinic.path, now=clinic.next_week())
            assert steps_and_cells(clinic.path) == before


def happen(
    clinic: Clinic, what: str, number: int, flag: bool, truth: bool, because: VerifiedBecause
) -> None:
    name = f"{number % max(clinic.cases, 1)}.png"
    match what:
        case "case":
            clinic.case(flagged=flag, truth=truth, sex="FM"[number % 2], because=because)
        case "untold":
            clinic.case(flagged=flag, sex="Unknown")
        case "tell":
            clinic.tell(name, truth=truth, by="ABCDE"[number % 5], because=because)
        case "withdraw":
            clinic.withdraw(name)
        case "learn":
            clinic.read(name, flagged=flag, sex="FM"[number % 2])
        case "score":
            clinic.read(name, flagged=flag, threshold=0.5 + number / 100)
        case _:
            recheck(clinic.path, now=clinic.next_week())


def test_everybody_is_watched_beside_the_groups(clinic: Clinic) -> None:
    harm(clinic, missed=1)
    report = recheck(clinic.path, now=START)

    assert report.cells[0].group == Group()
    assert report.bundle_digest == BUNDLE
