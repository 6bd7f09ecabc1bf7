"""Draws in the ledger: whole or not at all, and open until somebody's word stands."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.ledger import Draw, DrawnCase, Ledger, Withdrawal
from edgefair.records import Outcome, VerifiedBecause

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

TODAY = date(2026, 3, 9)


def draw_of(codes: list[str], *, chance: float = 0.5) -> Draw:
    return Draw(
        drawn_at="2026-03-09T08:00:00+00:00",
        design='{"schema": "edgefair-draw/1"}',
        cases=tuple(
            DrawnCase(
                case=code,
                finding="effusion",
                stratum="everybody: cleared",
                probability=chance,
                least=chance / 2,
            )
            for code in codes
        ),
    )


@pytest.fixture
def codes(ledger: Ledger, make_prediction: MakePrediction) -> list[str]:
    predictions = [make_prediction(number) for number in range(4)]
    ledger.record(predictions)
    return [ledger.case_code(one) for one in predictions]


def told(code: str) -> Outcome:
    return Outcome(
        case=code,
        finding="effusion",
        outcome=True,
        verified_by="AB",
        verified_because=VerifiedBecause.RANDOM_AUDIT,
        date="2026-03-09",
    )


def test_a_draw_comes_back_as_it_was_written(ledger: Ledger, codes: list[str], path: Path) -> None:
    first, second = draw_of(codes[2:]), draw_of(codes[:1], chance=1.0)
    ledger.record_draw(first, earlier=0)
    ledger.record_draw(second, earlier=1)

    with Ledger.open(path, read_only=True) as again:
        assert again.draws() == (first, second)
        assert [case.code for case in again.open_draws()] == [codes[2], codes[3], codes[0]]


def test_a_case_waits_until_it_is_confirmed_and_again_if_that_is_withdrawn(
    ledger: Ledger, codes: list[str]
) -> None:
    ledger.record_draw(draw_of(codes[:2]), earlier=0)
    ledger.add_outcomes([told(codes[0])], today=TODAY)
    confirmed = [case.code for case in ledger.open_draws()]
    ledger.withdraw(
        Withdrawal(case=codes[0], finding="effusion", withdrawn_by="AB", reason="another patient"),
        today=TODAY,
    )

    assert confirmed == codes[1:2]
    assert [case.code for case in ledger.open_draws()] == codes[:2]


def test_an_impossible_chance_leaves_nothing_of_its_draw(ledger: Ledger, codes: list[str]) -> None:
    with pytest.raises(ValueError, match="rules refuse"):
        ledger.record_draw(draw_of(codes, chance=1.5), earlier=0)

    assert ledger.draws() == ()


def test_the_stream_holds_the_confirmed_and_the_others(ledger: Ledger, codes: list[str]) -> None:
    ledger.add_outcomes([told(codes[1])], today=TODAY)
    stream = ledger.scored()
    known = dict(zip(zip(stream.case, stream.finding, strict=True), stream.y_true, strict=True))

    assert len(stream) == 8
    assert known[(codes[1], "effusion")] is True
    assert sum(truth is not None for truth in stream.y_true) == 1
    assert stream.model == "chest-xray 0.1.0"


def test_what_each_person_said_last_is_kept_apart(ledger: Ledger, codes: list[str]) -> None:
    first = told(codes[0])
    other = Outcome(
        case=codes[0],
        finding="effusion",
        outcome=False,
        verified_by="CD",
        verified_because=VerifiedBecause.ROUTINE,
        date="2026-03-09",
    )
    ledger.add_outcomes([first, other], today=TODAY)

    assert [(one.verified_by, one.outcome) for one in ledger.readings()] == [
        ("AB", True),
        ("CD", False),
    ]
