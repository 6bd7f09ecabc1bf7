"""A ledger in which mostly the flagged were confirmed: refused, then corrected, never silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from edgefair.clinic.evidence_pack import pack_from_json, pack_to_json
from edgefair.clinic.next_cases import Asked, next_cases
from edgefair.clinic.recheck import check_ledger, recheck_ledger
from edgefair.clinic.verifying import verify_against, verify_pack
from edgefair.ledger import Ledger
from edgefair.records import (
    Cell,
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Subject,
    VerdictKind,
    VerifiedBecause,
)
from edgefair.report import Report, render_html, render_text, report_from_json, report_to_json
from tests.clinic.scored import (
    People,
    everybody,
    flagged_and_every_fifth,
    only_flagged,
    people,
    write_ledger,
)

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
CASES = 1000


def has_it(number: int) -> bool:
    return number % 4 == 0


def is_flagged(number: int) -> bool:
    """Return what the model says: half of the women who have it are missed, and no man."""
    return has_it(number) and (number % 8 == 0 or number % 16 == 4)


def sex_of(number: int) -> str:
    return "F" if number % 8 == 4 or number % 3 == 0 else "M"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        ledger.record(
            Prediction(
                image=f"{number}.png",
                digest=f"{number:032x}",
                scores=(
                    FindingScore(
                        finding="tb",
                        logit=1.0,
                        probability=0.8 if is_flagged(number) else 0.1,
                        operating_point="screening",
                        threshold=0.4,
                        decision=Decision.POSITIVE if is_flagged(number) else Decision.NEGATIVE,
                        reason="probability against threshold",
                    ),
                ),
                subject=Subject(sex=sex_of(number)),
                model="chest-xray 0.1.0",
                bundle_digest="ab",
                predicted_at="2026-03-01T08:00:00+00:00",
            )
            for number in range(CASES)
        )
    return path


def tell(path: Path, numbers: Iterator[int], because: VerifiedBecause, by: str = "AB") -> None:
    with Ledger.open(path) as ledger:
        ledger.add_outcomes(
            (
                Outcome(
                    case=f"{number}.png",
                    finding="tb",
                    outcome=has_it(number),
                    verified_by=by,
                    verified_because=because,
                    date="2026-03-09",
                )
                for number in numbers
            ),
            today=date(2026, 3, 9),
        )


def confirm_flagged(path: Path) -> None:
    flagged = (number for number in range(CASES) if is_flagged(number))
    tell(path, flagged, VerifiedBecause.AI_POSITIVE)


def work_through(path: Path, budget: int) -> None:
    found = next_cases(path, Asked(budget=budget, by=("sex",)), now=NOW)
    numbers = (int(case.image.removesuffix(".png")) for case in found.cases)
    tell(path, numbers, VerifiedBecause.ROUTINE)  # typed wrongly: they were drawn all the same


def cell(report: Report, metric: str, sex: str) -> Cell:
    return next(
        c
        for c in report.result.by_group
        if c.metric == metric and c.group.attributes[0].value == sex
    )


def test_what_the_model_misses_is_refused_and_what_to_do_is_said(path: Path) -> None:
    confirm_flagged(path)
    report = recheck_ledger(path, made_at=NOW, by=["sex"])
    texts = [render_text(report, width=80, colour=False), render_html(report)]

    missed = cell(report, "false_negative_rate", "F")
    assert not missed.value.is_estimable
    assert missed.refused is not None
    assert missed.refused.missing == 50
    assert missed.naive is not None
    assert missed.naive.estimate == 0.0
    assert missed.verdict is not None
    assert missed.verdict.kind is VerdictKind.NOT_ENOUGH_DATA
    assert "`edgefair outcomes next` draws them" in missed.verdict.sentence
    assert cell(report, "ppv", "F").value.is_estimable
    for text in texts:
        assert "refused" in text
        assert "outcomes next" in text
    assert all(f"sex {sex}" in texts[0] for sex in "FM")


def test_what_is_drawn_corrects_the_rates_and_finds_the_harm(path: Path) -> None:
    confirm_flagged(path)
    work_through(path, 300)
    report = recheck_ledger(path, made_at=NOW, by=["sex"])

    truth = {
        sex: np.mean([not is_flagged(n) for n in range(CASES) if has_it(n) and sex_of(n) == sex])
        for sex in "FM"
    }
    for sex in "FM":
        missed = cell(report, "false_negative_rate", sex)
        assert missed.refused is None
        assert missed.value.lower <= truth[sex] <= missed.value.upper
    women = cell(report, "false_negative_rate", "F")
    assert women.naive is not None
    assert women.naive.estimate < women.value.estimate
    assert women.verdict is not None
    assert women.verdict.kind is VerdictKind.HARM_SHOWN
    assert "corrected for who was verified" in women.verdict.sentence
    assert any("inverse of its chance" in note for note in report.notes)
    drawn = {row.flagged: row.because["random_audit"] for row in report.verification}
    assert sum(drawn.values()) == 300


def test_where_everything_is_verified_rates_stand_as_they_are(path: Path) -> None:
    tell(path, iter(range(CASES)), VerifiedBecause.ROUTINE)
    report = recheck_ledger(path, made_at=NOW, by=["sex"])

    assert all(c.naive is None and c.refused is None for c in report.result.by_group)
    assert report.result.spreads
    assert [row.unverified for row in report.verification] == [0, 0]


def test_the_report_comes_back_whole_from_json(path: Path) -> None:
    confirm_flagged(path)
    work_through(path, 80)
    report = recheck_ledger(path, made_at=NOW, by=["sex"])
    text = report_to_json(report)

    assert report_to_json(report_from_json(text)) == text


def verified(path: Path) -> tuple[int, int]:
    """Return how many verdicts a pack of the ledger holds, and what does not follow from it."""
    made = check_ledger(path, made_at=NOW, by=("sex",))
    read = pack_from_json(pack_to_json(made))
    alone, with_data = verify_pack(read), verify_against(read, path)
    return alone.verdicts, len(alone.differences) + len(with_data.differences)


def test_corrected_rates_follow_from_the_evidence_pack(path: Path) -> None:
    tell(path, filter(is_flagged, range(CASES)), VerifiedBecause.AI_POSITIVE)
    before = verified(path)
    cleared = [number for number in range(CASES) if not is_flagged(number)]
    tell(path, iter(cleared[::4]), VerifiedBecause.RANDOM_AUDIT)

    assert before == (4, 0)
    assert verified(path) == (4, 0)


def test_images_of_one_patient_are_worth_fewer_where_rates_are_corrected(tmp_path: Path) -> None:
    once = people(500, seed=5)
    thrice = People(
        ill=np.repeat(once.ill, 3), sex=np.repeat(once.sex, 3), logit=np.repeat(once.logit, 3)
    )
    path = write_ledger(tmp_path / "clinic.ledger", thrice, flagged_and_every_fifth, images_each=3)
    alone = write_ledger(tmp_path / "alone.ledger", thrice, flagged_and_every_fifth)
    found, plain = (check_ledger(one, made_at=NOW, by=("sex",)) for one in (path, alone))

    for metric in ("false_negative_rate", "false_positive_rate", "prevalence"):
        for sex in "FM":
            wide, narrow = (cell(one.report, metric, sex).value for one in (found, plain))
            assert wide.estimate == narrow.estimate
            assert wide.upper - wide.lower > narrow.upper - narrow.lower
    read = pack_from_json(pack_to_json(found))
    assert not verify_pack(read).differences
    assert not verify_against(read, path).differences
    assert not any("count as independent" in note for note in found.report.notes)


def test_areas_under_the_curve_are_corrected_where_the_rates_are(tmp_path: Path) -> None:
    who = people(2000, seed=6, fainter_in_women=0.7)
    path = write_ledger(tmp_path / "clinic.ledger", who, flagged_and_every_fifth)
    whole = write_ledger(tmp_path / "whole.ledger", who, everybody)
    checked = check_ledger(path, made_at=NOW, by=("sex",))
    truth = recheck_ledger(whole, made_at=NOW, by=("sex",))

    for sex in "FM":
        found, real = (cell(one, "auroc", sex) for one in (checked.report, truth))
        assert found.refused is None
        assert found.naive is not None
        assert found.value.lower <= real.value.estimate <= found.value.upper
        assert abs(found.value.estimate - real.value.estimate) < abs(
            found.naive.estimate - real.value.estimate
        )
    read = pack_from_json(pack_to_json(checked))
    assert not verify_pack(read).differences
    assert not verify_against(read, path).differences


def test_scores_help_to_say_how_many_have_it_and_the_pack_holds_why(tmp_path: Path) -> None:
    who = people(2000, seed=8)
    path = write_ledger(tmp_path / "clinic.ledger", who, flagged_and_every_fifth)
    checked = check_ledger(path, made_at=NOW, by=("sex",))
    (aside,) = checked.report.powered
    texts = [render_text(checked.report, width=100, colour=False), render_html(checked.report)]
    read = pack_from_json(pack_to_json(checked))

    assert [str(one.group) for one in aside.groups] == ["everybody", "sex F", "sex M"]
    of_all = aside.groups[0]
    corrected = next(c for c in checked.report.result.overall if c.metric == "prevalence")
    assert of_all.by_labels.estimate == pytest.approx(corrected.value.estimate)
    assert of_all.with_scores.lower <= who.ill.mean() <= of_all.with_scores.upper
    assert of_all.gain > 1.1
    assert all("with the help of the model&#39;s own scores" in text.replace("'", "&#39;")
               for text in texts)  # fmt: skip
    assert not verify_pack(read).differences
    assert not verify_against(read, path).differences


def test_areas_under_the_curve_are_refused_with_the_rates(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "clinic.ledger", people(500, seed=7), only_flagged)
    report = recheck_ledger(path, made_at=NOW, by=["sex"])
    area, missed = (cell(report, metric, "F") for metric in ("auroc", "sensitivity"))

    assert not area.value.is_estimable
    assert area.refused == missed.refused
    assert area.refused is not None


def test_disputed_rates_follow_from_the_evidence_pack(path: Path) -> None:
    tell(path, iter(range(CASES)), VerifiedBecause.ROUTINE)
    tell(path, iter(range(0, CASES, 5)), VerifiedBecause.ROUTINE, by="CD")

    assert verified(path) == (4, 0)


def test_readers_who_differ_widen_what_they_are_sure_of(path: Path) -> None:
    tell(path, iter(range(CASES)), VerifiedBecause.ROUTINE)
    before = recheck_ledger(path, made_at=NOW, by=["sex"])
    with Ledger.open(path) as ledger:
        ledger.add_outcomes(
            (
                Outcome(
                    case=f"{number}.png",
                    finding="tb",
                    outcome=has_it(number) != (number % 20 == 0),
                    verified_by="CD",
                    verified_because=VerifiedBecause.ROUTINE,
                    date="2026-03-09",
                )
                for number in range(200)
            ),
            today=date(2026, 3, 9),
        )
    after = recheck_ledger(path, made_at=NOW, by=["sex"])

    wider = cell(after, "false_negative_rate", "F").value
    plain = cell(before, "false_negative_rate", "F").value
    assert wider.upper - wider.lower > plain.upper - plain.lower
    (note,) = (note for note in after.notes if "two people" in note)
    assert note.startswith("tb: 200 cases were read by two people, who differ on 10. Kappa 0.8")
    assert "intervals and verdicts allow for it" in note


def test_a_few_second_readings_are_told_and_change_nothing(path: Path) -> None:
    tell(path, iter(range(CASES)), VerifiedBecause.ROUTINE)
    before = recheck_ledger(path, made_at=NOW, by=["sex"])
    tell(path, iter(range(5)), VerifiedBecause.ROUTINE, by="CD")
    after = recheck_ledger(path, made_at=NOW, by=["sex"])

    assert repr(after.result) == repr(before.result)  # nan is not equal to itself
    assert any("too few to tell how many labels are wrong" in note for note in after.notes)
