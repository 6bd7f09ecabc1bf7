"""Back and forth: plans, alarms and withdrawals come back from the copy that was kept."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.ledger import Ledger, NewAlarm, SmallEmbedding, Withdrawal
from edgefair.ledger.schema import ADDED_TABLES, VERSION
from edgefair.records import Outcome, Prediction, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

TODAY = date(2026, 4, 1)


def added(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
            for tables in ADDED_TABLES.values()
            for table in tables
        }


def small(prediction: Prediction) -> SmallEmbedding:
    return SmallEmbedding(projection="a", vector=prediction.digest.encode()[-4:])


def begin(path: Path, make_prediction: MakePrediction, *numbers: int) -> None:
    """Begin a ledger with a plan, an alarm under it, and one outcome taken back."""
    with Ledger.open(path, create=True) as ledger:
        ledger.record((make_prediction(number) for number in numbers), make_small=small)
        told = Outcome(
            case=f"{numbers[0]}.png",
            finding="pneumonia",
            outcome=True,
            verified_by="AB",
            verified_because=VerifiedBecause.ROUTINE,
            date="2026-03-02",
        )
        ledger.add_outcomes([told], today=TODAY)
        asked = Withdrawal(case=told.case, finding="pneumonia", withdrawn_by="CD", reason="typo")
        ledger.withdraw(asked, today=TODAY)
        plan = ledger.freeze_plan(
            "{}",
            bundle_digest="digest of chest-xray 0.1.0",
            from_now_on=False,
            frozen_by="AB",
            frozen_at="2026-04-01T08:00:00Z",
        )
        alarm = NewAlarm(cell="a", kind="e-process", evidence="{}")
        with ledger.open_step(plan) as step:
            step.keep(
                taken_at="2026-04-01T09:00:00Z", recounted="", cells={"a": "{}"}, alarms=(alarm,)
            )


def go_back(path: Path, *, to: int = 1) -> Path:
    """Return the copy that the last step back kept."""
    with Ledger.open(path) as ledger:
        return [ledger.downgrade() for _ in range(VERSION - to)][-1]


@pytest.fixture
def watched(path: Path, make_prediction: MakePrediction) -> Path:
    begin(path, make_prediction, 1, 2)
    return path


def test_back_and_forth_nothing_is_lost(watched: Path, make_prediction: MakePrediction) -> None:
    before = added(watched)
    kept = ("plan", "alarm", "monitor_cell", "withdrawal", "small_embedding")
    assert all(before[table] for table in kept)
    go_back(watched)
    with Ledger.open(watched) as ledger:
        ledger.record([make_prediction(3)])
        ledger.check()
        (plan,) = ledger.plans()

        assert len(ledger.alarms(plan)) == 1
        assert len(ledger.labelled()) == 0
        assert len(list(ledger.predictions())) == 3
    after = added(watched)
    assert {**after, "reading_engine": []} == {**before, "reading_engine": []}
    assert after["reading_engine"][: len(before["reading_engine"])] == before["reading_engine"]


def test_small_embeddings_come_back_where_the_version_before_went_on(
    watched: Path, make_prediction: MakePrediction
) -> None:
    before = added(watched)["small_embedding"]
    go_back(watched, to=2)
    with Ledger.open(watched, read_only=True) as ledger:
        assert len(ledger.small_embeddings().by_case) == len(before) == 2
    with Ledger.open(watched) as ledger:
        ledger.record([make_prediction(3)], make_small=small)

    assert added(watched)["small_embedding"][:2] == before
    assert len(added(watched)["small_embedding"]) == 3


def test_a_ledger_that_is_only_read_shows_its_plans_too(watched: Path) -> None:
    go_back(watched)
    with Ledger.open(watched, read_only=True) as ledger:
        (plan,) = ledger.plans()

        assert len(ledger.alarms(plan)) == 1


def test_of_several_copies_the_newest_counts(watched: Path) -> None:
    go_back(watched)
    with Ledger.open(watched) as ledger:
        ledger.freeze_plan(
            "[]",
            bundle_digest="digest of chest-xray 0.1.0",
            from_now_on=True,
            frozen_by="AB",
            frozen_at="2026-04-02T08:00:00Z",
        )
    second = go_back(watched)
    with Ledger.open(watched, read_only=True) as ledger:
        assert len(ledger.plans()) == 2
    second.write_bytes(b"damaged")
    with Ledger.open(watched, read_only=True) as ledger:
        assert len(ledger.plans()) == 1


def test_a_copy_of_another_ledger_is_passed_over(
    watched: Path, tmp_path: Path, make_prediction: MakePrediction
) -> None:
    go_back(watched)
    other = tmp_path / "other.ledger"
    begin(other, make_prediction, 1, 2)
    shutil.copy(go_back(other), watched.with_name(f"{watched.name}.schema2"))
    with Ledger.open(watched) as ledger:
        assert ledger.plans() == ()


def test_a_copy_that_is_ahead_of_a_restored_backup_is_passed_over(
    watched: Path, tmp_path: Path, make_prediction: MakePrediction
) -> None:
    go_back(watched).unlink()
    backup = tmp_path / "backup"
    shutil.copy(watched, backup)
    with Ledger.open(watched) as ledger:
        ledger.record([make_prediction(7)])
        ledger.freeze_plan(
            "{}", bundle_digest="x", from_now_on=True, frozen_by="AB", frozen_at="2026-04-02"
        )
    go_back(watched)
    shutil.copy(backup, watched)
    with Ledger.open(watched) as ledger:
        assert ledger.plans() == ()


def test_a_copy_with_a_changed_row_is_passed_over(watched: Path) -> None:
    kept = go_back(watched)
    with closing(sqlite3.connect(kept)) as connection:
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'plan_keeps_its_values'"
        ).fetchone()
        connection.execute("DROP TRIGGER plan_keeps_its_values")
        connection.execute("UPDATE plan SET content = '[]'")
        connection.execute(trigger)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Ledger.open(watched) as ledger:
        assert ledger.plans() == ()
