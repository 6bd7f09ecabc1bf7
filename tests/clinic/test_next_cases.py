"""Drawing the cases to confirm next: on record first, fair, and without what the model said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from edgefair.clinic.next_cases import Asked, Worklist, next_cases
from edgefair.errors import InputError, LedgerError, NotEnoughData
from edgefair.ledger import DrawnCase, Ledger
from edgefair.records import (
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Subject,
    VerifiedBecause,
)

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
CASES = 300


def prediction(number: int, *, findings: tuple[str, ...] = ("tb",)) -> Prediction:
    """Return one of a stream in which every fifth is flagged, and every tenth a child."""
    flagged = number % 5 == 0
    return Prediction(
        image=f"{number}.png",
        digest=f"{number:032x}",
        scores=tuple(
            FindingScore(
                finding=finding,
                logit=1.0,
                probability=0.8 if flagged else 0.1,
                operating_point="screening",
                threshold=0.4,
                decision=Decision.POSITIVE if flagged else Decision.NEGATIVE,
                reason="probability against threshold",
            )
            for finding in findings
        ),
        subject=Subject(sex="F" if number % 2 else "M", age_years=5.0 if number % 10 == 1 else 50),
        model="chest-xray 0.1.0",
        bundle_digest="ab",
        predicted_at="2026-03-01T08:00:00+00:00",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        ledger.record(prediction(number) for number in range(CASES))
    return path


def confirm(path: Path, found: Worklist, count: int) -> None:
    with Ledger.open(path) as ledger:
        ledger.add_outcomes(
            (
                Outcome(
                    case=case.code,
                    finding=case.finding,
                    outcome=False,
                    verified_by="AB",
                    verified_because=VerifiedBecause.RANDOM_AUDIT,
                    date="2026-03-09",
                )
                for case in found.cases[:count]
            ),
            today=date(2026, 3, 9),
        )


def test_what_is_listed_is_on_record_with_its_chance(path: Path) -> None:
    found = next_cases(path, Asked(budget=20, by=("sex",)), now=NOW)
    with Ledger.open(path, read_only=True) as ledger:
        (draw,) = ledger.draws()
    design = json.loads(draw.design)

    assert [case.code for case in found.cases] == [case.case for case in draw.cases]
    sizes = {(s["group"], s["flagged"]): (s["size"], s["drawn"]) for s in design["strata"]}
    assert {size for size, _ in sizes.values()} == {30, 120}
    assert sum(drawn for _, drawn in sizes.values()) == 20
    for case in draw.cases:
        group, _, side = case.stratum.partition(": ")
        size, drawn = sizes[(group, side == "flagged")]
        assert case.probability == pytest.approx(drawn / size)
        assert case.least in (0.0, case.probability)


def test_every_stratum_has_a_chance_and_what_does_not_fit_is_said(path: Path) -> None:
    found = next_cases(path, Asked(budget=4, by=("sex", "age:0,18")), now=NOW)
    with Ledger.open(path, read_only=True) as ledger:
        (draw,) = ledger.draws()
    larger = next_cases(path, Asked(budget=40, by=("sex", "age:0,18"), beside_open=True), now=NOW)

    assert any(case.least > 0 for case in draw.cases)
    assert "Too few to draw from every group of age too: a larger budget would." in found.notes
    assert "Drawn by lot in every group of sex x age." in larger.notes


def test_nobody_is_drawn_twice_and_who_waits_comes_first(path: Path) -> None:
    first = next_cases(path, Asked(budget=20), now=NOW)
    confirm(path, first, 5)
    again = next_cases(path, Asked(budget=20), now=NOW)
    fewer = next_cases(path, Asked(budget=8), now=NOW)
    beside = next_cases(path, Asked(budget=8, beside_open=True), now=NOW)

    assert again.waiting == first.cases[5:]
    assert len(again.drawn) == 5
    assert (fewer.waiting, fewer.drawn) == (again.cases[:8], ())
    assert "12 more wait beyond the budget." in fewer.notes
    assert (len(beside.waiting), len(beside.drawn)) == (20, 8)
    codes = [case.code for case in (*first.cases, *again.drawn, *beside.drawn)]
    assert len(set(codes)) == len(codes)


def test_the_same_seed_draws_the_same_cases(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy.ledger"
    other.write_bytes(path.read_bytes())
    other.with_name("copy.ledger.key").write_bytes(
        path.with_name("clinic.ledger.key").read_bytes()
    )
    drawn = [next_cases(p, Asked(budget=12, seed=7), now=NOW).drawn for p in (path, other)]

    assert drawn[0] == drawn[1]


def test_what_the_draws_find_carries_over_to_everybody(path: Path) -> None:
    # every case with a number that is a multiple of 3 has the finding: 100 of 300
    totals = []
    for seed in range(24):
        copy = path.with_name(f"{seed}.ledger")
        copy.write_bytes(path.read_bytes())
        path.with_name(f"{seed}.ledger.key").write_bytes(
            path.with_name("clinic.ledger.key").read_bytes()
        )
        found = next_cases(copy, Asked(budget=40, by=("sex",), seed=seed), now=NOW)
        with Ledger.open(copy, read_only=True) as ledger:
            chance = {
                case.case: case.probability for draw in ledger.draws() for case in draw.cases
            }
        ill = [case for case in found.cases if int(case.image.removesuffix(".png")) % 3 == 0]
        totals.append(sum(1 / chance[case.code] for case in ill))

    standard_error = np.std(totals) / np.sqrt(len(totals))
    assert abs(np.mean(totals) - 100) < 4 * standard_error


def test_an_empty_stream_is_listed_to_its_end(path: Path) -> None:
    found = next_cases(path, Asked(budget=CASES + 10), now=NOW)
    nothing = next_cases(path, Asked(budget=5, beside_open=True), now=NOW)

    assert len(found.drawn) == CASES
    assert nothing.drawn == ()
    assert nothing.notes[-1].startswith("There are no more cases to draw")


def test_what_cannot_be_asked_is_said_and_nothing_is_drawn(path: Path) -> None:
    with pytest.raises(NotEnoughData, match="no score for edema"):
        next_cases(path, Asked(budget=5, finding="edema"), now=NOW)
    with pytest.raises(InputError, match="no column 'site'"):
        next_cases(path, Asked(budget=5, by=("site",)), now=NOW)

    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.draws() == ()


def test_a_draw_made_beside_another_is_refused(path: Path) -> None:
    next_cases(path, Asked(budget=5), now=NOW)
    with Ledger.open(path) as ledger:
        (draw,) = ledger.draws()
        with pytest.raises(LedgerError, match="Somebody else drew"):
            ledger.record_draw(draw, earlier=0)

        assert len(ledger.draws()) == 1


def test_what_is_missing_until_the_audit_may_speak_is_said(path: Path) -> None:
    first = next_cases(path, Asked(budget=20, by=("sex",)), now=NOW)
    enough = next_cases(path, Asked(budget=200, by=("sex",), beside_open=True), now=NOW)

    (note,) = (note for note in first.notes if "may say whom the model misses" in note)
    assert "sex F 4" in note
    assert not any("may say whom the model misses" in note for note in enough.notes)


def drawn_cases(path: Path) -> list[DrawnCase]:
    with Ledger.open(path, read_only=True) as ledger:
        return [case for draw in ledger.draws() for case in draw.cases]


def tell_flagged(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.add_outcomes(
            [
                Outcome(
                    case=case.code,
                    finding="tb",
                    outcome=True,
                    verified_by="AB",
                    verified_because=VerifiedBecause.AI_POSITIVE,
                    date="2026-03-09",
                )
                for case in ledger.cases()
                if case.decision is Decision.POSITIVE
            ],
            today=date(2026, 3, 9),
        )


def test_what_counts_as_evidence_prefers_no_decision_whatever_the_sampler_does(path: Path) -> None:
    for _ in range(6):
        confirm(path, next_cases(path, Asked(budget=30, by=("sex",)), now=NOW), 30)
    with Ledger.open(path, read_only=True) as ledger:
        flagged = {case.code for case in ledger.cases() if case.decision is Decision.POSITIVE}
    met = [case.case for case in drawn_cases(path) if case.least > 0]

    # one case in five is flagged, whichever side was preferred when drawing
    assert sum(code in flagged for code in met) / len(met) == pytest.approx(0.2, abs=0.1)
    assert len(set(met)) == len(met) > 60


def test_who_is_known_already_is_drawn_as_likely_and_nobody_has_to_look_again(path: Path) -> None:
    tell_flagged(path)
    found = next_cases(path, Asked(budget=60, by=("sex",)), now=NOW)
    drawn = drawn_cases(path)
    known = [case for case in drawn if case.was_known]

    assert [case.code for case in found.cases] == [c.case for c in drawn if not c.was_known]
    assert len(found.drawn) == 60
    # half of the list is an eighth of the 240 cleared, and as many of the 60 flagged are met
    assert len(known) == pytest.approx(7.5, abs=6.5)
    assert any(
        note.startswith("Drawn beside them, though known already: ") for note in found.notes
    )
    assert {case.stratum for case in known} == {"known already"}


def test_who_was_met_once_is_met_no_more(path: Path) -> None:
    tell_flagged(path)
    for _ in range(4):
        confirm(path, next_cases(path, Asked(budget=60, by=("sex",)), now=NOW), 60)
    met = [case.case for case in drawn_cases(path) if case.least > 0]

    assert CASES / 2 < len(set(met)) == len(met) <= CASES


def test_the_known_never_stand_at_the_end_where_they_would_wait_for_nobody(path: Path) -> None:
    tell_flagged(path)
    next_cases(path, Asked(budget=CASES), now=NOW)
    met = [case for case in drawn_cases(path) if case.least > 0]

    assert len(met) == CASES
    assert not met[-1].was_known
