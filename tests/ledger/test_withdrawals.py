"""Outcomes taken back: kept, counted no more, and said so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from edgefair.ledger import Ledger, OutcomeResult, OutcomeStatus, Withdrawal
from edgefair.records import Outcome, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

TODAY = date(2026, 4, 1)
TRUTH = Outcome(
    case="1.png",
    finding="pneumonia",
    outcome=True,
    verified_by="AB",
    verified_because=VerifiedBecause.ROUTINE,
    date="2026-03-02",
)
ASKED = Withdrawal(case="1.png", finding="Pneumonia", withdrawn_by="CD", reason="another patient")


def told(ledger: Ledger, outcome: Outcome) -> OutcomeResult:
    (result,) = ledger.add_outcomes([outcome], today=TODAY).results
    return result


@pytest.fixture
def recorded(ledger: Ledger, make_prediction: MakePrediction) -> Ledger:
    ledger.record([make_prediction(1)])
    told(ledger, TRUTH)
    return ledger


def test_a_withdrawn_outcome_counts_no_more(recorded: Ledger) -> None:
    result = recorded.withdraw(ASKED, today=TODAY)

    assert result.status is OutcomeStatus.WITHDRAWN
    assert result.message == "yes, by AB on 2026-03-02, counts no more"
    assert len(recorded.labelled()) == 0
    assert recorded.labelled().unverified == 2
    recorded.check()


def test_what_another_reader_said_before_counts_again(recorded: Ledger) -> None:
    told(recorded, replace(TRUTH, outcome=False, verified_by="EF"))
    result = recorded.withdraw(ASKED, today=TODAY)

    assert "yes, by AB on 2026-03-02, counts again" in result.message
    assert recorded.labelled().y_true == (True,)


def test_a_withdrawn_outcome_that_is_imported_again_stays_withdrawn(recorded: Ledger) -> None:
    recorded.withdraw(ASKED, today=TODAY)
    result = told(recorded, TRUTH)

    assert result.status is OutcomeStatus.UNCHANGED
    assert "withdrawn by CD on 2026-04-01 (another patient)" in result.message
    assert len(recorded.labelled()) == 0


def test_after_a_withdrawal_a_new_outcome_contradicts_nothing(recorded: Ledger) -> None:
    recorded.withdraw(ASKED, today=TODAY)

    assert told(recorded, replace(TRUTH, outcome=False)).status is OutcomeStatus.ADDED


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (replace(ASKED, case="2.png"), "no case or image '2.png'"),
        (replace(ASKED, finding="gout"), "no model of this ledger looks for 'gout'"),
        (replace(ASKED, finding="effusion"), "no outcome of effusion stands"),
        (replace(ASKED, withdrawn_by=" "), "a name and a reason"),
        (replace(ASKED, reason=""), "a name and a reason"),
    ],
)
def test_what_cannot_be_withdrawn_is_refused(
    recorded: Ledger, asked: Withdrawal, why: str
) -> None:
    result = recorded.withdraw(asked, today=TODAY)

    assert result.status is OutcomeStatus.REFUSED
    assert why in result.message
    assert len(recorded.labelled()) == 1


def test_nothing_is_withdrawn_twice(recorded: Ledger) -> None:
    statuses = [recorded.withdraw(ASKED, today=TODAY).status for _ in range(2)]

    assert statuses == [OutcomeStatus.WITHDRAWN, OutcomeStatus.REFUSED]
