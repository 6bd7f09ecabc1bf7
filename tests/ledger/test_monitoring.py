"""Plans that stay as they were frozen, steps that are kept whole, evidence in its order."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.errors import LedgerDamaged
from edgefair.ledger import Evidence, FrozenPlan, Ledger, NewAlarm
from edgefair.ledger.connection import insert
from edgefair.records import Outcome, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

TODAY = date(2026, 4, 1)
MODEL = "digest of chest-xray 0.1.0"
TRUTH = Outcome(
    case="1.png",
    finding="pneumonia",
    outcome=True,
    verified_by="AB",
    verified_because=VerifiedBecause.ROUTINE,
    date="2026-03-02",
)


def frozen(ledger: Ledger, content: str = "{}", *, from_now_on: bool = False) -> FrozenPlan:
    return ledger.freeze_plan(
        content,
        bundle_digest=MODEL,
        from_now_on=from_now_on,
        frozen_by="AB",
        frozen_at="2026-04-01T08:00:00Z",
    )


def evidence(ledger: Ledger, plan: FrozenPlan) -> list[Evidence]:
    with ledger.looked_at(plan) as step:
        return list(step.evidence(anew=True))


def begin_a_step_and_fail(ledger: Ledger, plan: FrozenPlan) -> None:
    with ledger.open_step(plan) as step:
        step.keep(taken_at="2026-04-01T09:00:00Z", recounted="", cells={"a": "{}"}, alarms=())
        raise KeyError


def tell(ledger: Ledger, *outcomes: Outcome) -> None:
    ledger.add_outcomes(outcomes, today=TODAY)


def test_plans_are_numbered_by_the_model_they_watch(ledger: Ledger) -> None:
    first, second = frozen(ledger), frozen(ledger, "[]")

    assert (first.number, second.number) == (1, 2)
    assert ledger.plans() == (first, second)
    assert first.digest != second.digest


def test_a_plan_that_is_in_force_already_stays(ledger: Ledger) -> None:
    assert frozen(ledger) == frozen(ledger, from_now_on=True)
    assert len(ledger.plans()) == 1


def test_a_plan_that_starts_now_counts_only_what_comes(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record(make_prediction(n) for n in (1, 2))
    tell(ledger, TRUTH)
    from_start, from_now = frozen(ledger), frozen(ledger, "[]", from_now_on=True)
    tell(ledger, replace(TRUTH, case="2.png"))
    tell(ledger, replace(TRUTH, verified_by="CD", outcome=False))

    assert [e.outcome_id for e in evidence(ledger, from_start)] == [1, 2]
    assert [e.outcome_id for e in evidence(ledger, from_now)] == [2]


def test_a_plan_that_was_altered_is_no_plan(ledger: Ledger, path: Path) -> None:
    frozen(ledger)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER plan_keeps_its_values")
        connection.execute("UPDATE plan SET content = '[]'")
        connection.commit()
    with pytest.raises(LedgerDamaged, match="row 1 of plan"):
        ledger.plans()


def test_a_step_is_kept_whole_or_not_at_all(ledger: Ledger) -> None:
    plan = frozen(ledger)
    with pytest.raises(KeyError):
        begin_a_step_and_fail(ledger, plan)
    with ledger.looked_at(plan) as step:
        assert (step.last, step.cells()) == (None, ())

    with ledger.open_step(plan) as step:
        alarm = NewAlarm(cell="a", kind="chart", evidence="{}")
        step.keep(taken_at="2026-04-01T09:00:00Z", recounted="", cells={"a": "{}"}, alarms=[alarm])
    with ledger.looked_at(plan) as step:
        assert step.last
        assert step.count() == 1
        assert [(c.step_id, c.cell, c.state) for c in step.cells()] == [(1, "a", "{}")]
        assert [(a.cell, a.kind, a.raised_at) for a in step.alarms()] == [
            ("a", "chart", "2026-04-01T09:00:00Z")
        ]
    ledger.check()


def test_a_case_keeps_its_place_whoever_confirms_it_later(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record(make_prediction(n) for n in (1, 2))
    tell(ledger, replace(TRUTH, verified_because=VerifiedBecause.AI_POSITIVE))
    tell(ledger, replace(TRUTH, case="2.png"))
    tell(ledger, TRUTH, replace(TRUTH, verified_by="CD"))
    tell(ledger, replace(TRUTH, outcome=False, verified_because=VerifiedBecause.CLINICAL))
    found = evidence(ledger, frozen(ledger))

    assert [(e.outcome_id, e.outcome) for e in found] == [(2, True), (3, False)]


def test_only_the_watched_model_is_held_against_the_truth(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1), make_prediction(2, model="other 1.0.0")])
    tell(ledger, TRUTH, replace(TRUTH, case="2.png"))

    assert len(evidence(ledger, frozen(ledger))) == 1


def test_a_draw_that_prefers_some_cases_is_thinned_until_it_prefers_none(
    ledger: Ledger, path: Path, make_prediction: MakePrediction
) -> None:
    count = 300
    predictions = [make_prediction(n) for n in range(count)]  # below 40 of 100: negative
    ledger.record(predictions)
    by_lot = VerifiedBecause.RANDOM_AUDIT
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        insert(connection, "INSERT INTO draw VALUES (NULL, ?, ?, ?)", ["2026-03-01", "{}"])
        for n in range(count):
            is_negative = n % 100 < 40
            insert(
                connection,
                "INSERT INTO drawn_case VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                [1, n + 1, "pneumonia", "s", 0.8 if is_negative else 0.2, 0.2],
            )
    outcomes = (replace(TRUTH, case=f"{n}.png", verified_because=by_lot) for n in range(count))
    tell(ledger, *outcomes)
    found = Counter(e.flagged for e in evidence(ledger, frozen(ledger)))

    assert found[True] == 180  # drawn with the least chance: all stay
    assert found[False] == pytest.approx(120 * 0.2 / 0.8, abs=15)


def test_cases_drawn_where_others_could_not_be_are_no_evidence_of_rates(
    ledger: Ledger, path: Path, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        insert(connection, "INSERT INTO draw VALUES (NULL, ?, ?, ?)", ["2026-03-01", "{}"])
        insert(
            connection,
            "INSERT INTO drawn_case VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
            [1, 1, "pneumonia", "called negative", 0.5, 0.0],
        )
    tell(ledger, replace(TRUTH, verified_because=VerifiedBecause.RANDOM_AUDIT))

    assert evidence(ledger, frozen(ledger)) == []


def test_the_latest_model_and_all_values_are_known(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    assert ledger.latest_model() is None

    ledger.record([make_prediction(1), make_prediction(2)])

    assert ledger.latest_model() == ("chest-xray 0.1.0", MODEL)
    assert ledger.values() == {"sex": ("F", "M"), "view": ("PA",)}
