"""Outcomes: matched to cases, corrected by appending, counted where they do not match."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from edgefair.ledger import ImportReport, Ledger, OutcomeStatus
from edgefair.records import Decision, Outcome, Prediction, Status, Subject, VerifiedBecause

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


def added(ledger: Ledger, *outcomes: Outcome) -> ImportReport:
    return ledger.add_outcomes(outcomes, today=TODAY)


def only(report: ImportReport) -> tuple[OutcomeStatus, str, str]:
    (result,) = report.results
    return result.status, result.message, result.hint


def test_a_case_is_named_by_its_code_as_people_write_it(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)])
    code = ledger.case_code(make_prediction(1))
    typed = f"{code[:4].lower()} {code[4:].replace('0', 'o').replace('1', 'l')}"

    assert only(added(ledger, replace(TRUTH, case=typed)))[0] is OutcomeStatus.ADDED


def test_two_images_of_one_name_are_not_guessed_between(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    twins = [make_prediction(n, name="scan.png") for n in (1, 2)]
    ledger.record(twins)
    status, message, hint = only(added(ledger, replace(TRUTH, case="scan.png")))

    assert (status, message) == (OutcomeStatus.REFUSED, "2 images are called 'scan.png'")
    assert all(ledger.case_code(twin) in hint for twin in twins)


def test_one_image_under_two_names_answers_to_both(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1, name="old.png"), make_prediction(1, name="new.png")])
    statuses = [
        only(added(ledger, replace(TRUTH, case=name)))[0] for name in ("old.png", "new.png")
    ]

    assert statuses == [OutcomeStatus.ADDED, OutcomeStatus.UNCHANGED]
    assert {case.image for case in ledger.cases()} == {"new.png"}


def test_a_contradiction_is_told_appended_and_counts_from_then_on(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)])
    added(ledger, TRUTH)
    corrected = replace(TRUTH, outcome=False, verified_by="CD", date="2026-03-05")
    status, message, _ = only(added(ledger, corrected))
    stale = only(added(ledger, TRUTH))

    assert status is OutcomeStatus.CORRECTED
    assert "contradicts what AB said on 2026-03-02" in message
    assert stale[0] is OutcomeStatus.UNCHANGED
    assert "the correction stands" in stale[1]
    assert ledger.labelled().y_true == (False,)


@pytest.mark.parametrize(
    ("day", "is_told"),
    [("2026-02-20", True), ("2026-02-28", False), ("2026-03-01", False), ("2026-04-01", False)],
)
def test_a_truth_older_than_its_prediction_is_kept_and_told(
    ledger: Ledger, make_prediction: MakePrediction, day: str, is_told: bool
) -> None:
    ledger.record([make_prediction(1)])
    status, message, _ = only(added(ledger, replace(TRUTH, date=day)))

    assert status is OutcomeStatus.ADDED
    assert ("older than the prediction" in message) is is_told


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"case": "9.png"}, "no case or image"),
        ({"finding": "fracture"}, "no model of this ledger looks for"),
        ({"verified_by": " "}, "verified_by is empty"),
        ({"date": "2026-02-30"}, "no day of the calendar"),
        ({"date": "2026-04-02"}, "in the future"),
    ],
)
def test_a_refused_outcome_leaves_the_others_done(
    ledger: Ledger, make_prediction: MakePrediction, slip: dict[str, str], said: str
) -> None:
    ledger.record(make_prediction(n) for n in (1, 2))
    wrong = Outcome(
        **{
            "case": TRUTH.case,
            "finding": TRUTH.finding,
            "outcome": True,
            "verified_by": "AB",
            "verified_because": VerifiedBecause.ROUTINE,
            "date": TRUTH.date,
        }
        | slip  # type: ignore[arg-type]
    )
    report = added(ledger, TRUTH, wrong, replace(TRUTH, case="2.png"))

    assert [result.status for result in report.results] == [
        OutcomeStatus.ADDED,
        OutcomeStatus.REFUSED,
        OutcomeStatus.ADDED,
    ]
    assert said in report.results[1].message
    assert report.results[1].hint


def test_labelled_cases_stand_side_by_side_and_the_rest_is_counted(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    who = Subject(patient_id="P", sex="F", age_years=50.0)
    scored: list[Prediction] = [make_prediction(n, subject=who) for n in (30, 70)]
    refused = make_prediction(99, status=Status.TOO_SMALL)
    earlier = make_prediction(30, subject=who, model="chest-xray 0.0.9")
    ledger.record([earlier, *scored, refused])
    added(ledger, *(replace(TRUTH, case=f"{n}.png", outcome=n > 50) for n in (30, 70, 99)))
    labelled = ledger.labelled()

    assert labelled.model == "chest-xray 0.1.0"
    assert labelled.finding == ("pneumonia", "pneumonia")
    assert labelled.y_true == (False, True)
    assert labelled.y_score == (0.3, 0.7)
    assert labelled.y_pred == (Decision.NEGATIVE, Decision.POSITIVE)
    assert labelled.operating_point == ("screening", "screening")
    assert labelled.subject == (replace(who, patient_id=None),) * 2
    assert len(set(labelled.patient)) == 1
    assert labelled.case == tuple(ledger.case_code(prediction) for prediction in scored)
    assert (labelled.unverified, labelled.unscored, labelled.refused) == (2, 1, 1)
    assert labelled.other_models == 2


def test_an_audit_may_ask_for_an_earlier_model(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    earlier = make_prediction(1, model="chest-xray 0.0.9")
    ledger.record([earlier, make_prediction(1)])
    added(ledger, TRUTH)

    assert ledger.labelled().model == "chest-xray 0.1.0"
    assert ledger.labelled(bundle_digest=earlier.bundle_digest).model == "chest-xray 0.0.9"


def test_of_several_operating_points_the_last_one_used_decides(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(50, threshold=0.4), make_prediction(50, threshold=0.6)])
    added(ledger, replace(TRUTH, case="50.png"))
    labelled = ledger.labelled()

    assert labelled.y_pred == (Decision.NEGATIVE,)
    assert labelled.unverified == 1  # effusion


def test_an_empty_ledger_has_no_labelled_case(ledger: Ledger) -> None:
    labelled = ledger.labelled()

    assert (len(labelled), labelled.model, labelled.unverified) == (0, "", 0)
