"""Proposals from ledgers: right where truth is biased, silent where it is too thin."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edgefair.audit.aims import Aim
from edgefair.audit.thresholds import Costs
from edgefair.bundle.site import proposal_from_json, proposal_to_json
from edgefair.clinic.adopting import Signature, adopt
from edgefair.clinic.proposing import Ask, TableRoles, propose_from_ledger, propose_from_table
from edgefair.clinic.proposing.material import from_ledger
from edgefair.errors import InputError, NotEnoughData
from edgefair.interop.tables import read_table
from edgefair.ledger import Ledger
from edgefair.records import Decision, Group
from edgefair.report.proposal import ProposalReport, proposal_report_to_json
from edgefair.report.proposal_text import render_proposal_text
from tests.clinic.scored import (
    People,
    everybody,
    flagged_and_every_fifth,
    only_flagged,
    people,
    write_ledger,
)

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)
NINE_IN_TEN = Ask(aim=Aim(metric="sensitivity", at_least=0.9))


def proposed(path: Path, ask: Ask = NINE_IN_TEN, *, by: str = "sex") -> ProposalReport:
    return propose_from_ledger(path, ask, by=by, finding=None, now=NOW)


def threshold_of(report: ProposalReport) -> float:
    return report.proposal.rule.settings[0].threshold


def sensitivity(who: People, threshold: float) -> float:
    return float((who.probability[who.ill] >= threshold).mean())


def test_a_threshold_reaches_its_aim_on_people_who_come_later(tmp_path: Path) -> None:
    report = proposed(write_ledger(tmp_path / "a.ledger", people(800, seed=1), everybody))
    later = people(20_000, seed=2)

    assert report.now == 0.5
    assert sensitivity(later, threshold_of(report)) == pytest.approx(0.9, abs=0.05)
    (everyone, *_) = report.proposal.effects
    assert everyone.group == Group()
    assert everyone.before.estimate < everyone.after.estimate
    assert everyone.difference is not None
    assert everyone.difference.lower > 0


def test_where_only_flagged_cases_were_verified_nothing_is_proposed(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(400, seed=1), only_flagged)

    with pytest.raises(NotEnoughData, match="Whom the model misses is not known") as refused:
        proposed(path)
    assert "outcomes next" in refused.value.hint


def test_where_cleared_cases_were_audited_each_counts_for_those_it_stands_for(
    tmp_path: Path,
) -> None:
    who = people(1500, seed=3)
    biased = proposed(write_ledger(tmp_path / "a.ledger", who, flagged_and_every_fifth))
    all_known = proposed(write_ledger(tmp_path / "b.ledger", who, everybody))
    flagged_known = who.flagged | (np.arange(1500) % 5 == 0)
    naive = np.quantile(who.probability[who.ill & flagged_known], 0.1)

    assert abs(threshold_of(biased) - threshold_of(all_known)) < 0.1 < naive - threshold_of(biased)
    now = biased.proposal.effects[0].before
    assert now.lower < sensitivity(who, 0.5) < now.upper
    assert any("not all with equal chances" in note for note in biased.proposal.notes)


def test_a_group_whose_cleared_cases_nobody_audited_is_passed_over_in_silence(
    tmp_path: Path,
) -> None:
    who = people(1200, seed=4)

    def men_audited(number: int, flagged: bool) -> object:
        return (
            flagged_and_every_fifth(number, flagged)
            if who.sex[number] == "M"
            else (only_flagged(number, flagged))
        )

    report = proposed(write_ledger(tmp_path / "a.ledger", who, men_audited))  # type: ignore[arg-type]

    assert {str(effect.group) for effect in report.proposal.effects} == {"everybody", "sex M"}
    assert {str(row.group) for row in report.thresholds} == {"everybody", "sex M"}
    assert any("misses in sex F" in note for note in report.proposal.notes)


def test_groups_are_treated_apart_only_with_a_ground(tmp_path: Path) -> None:
    who = people(1500, seed=5, fainter_in_women=1.5)
    path = write_ledger(tmp_path / "a.ledger", who, everybody)
    one = proposed(path).proposal.rule
    apart = proposed(path, replace(NINE_IN_TEN, lawful_because="the board agreed")).proposal.rule
    women, men = (setting.threshold for setting in apart.settings[1:])

    assert len(one.settings) == 1
    assert apart.lawful_because == "the board agreed"
    assert women < one.settings[0].threshold < men
    assert apart.settings[1].conditions[0].value == "F"


def test_a_band_is_refused_where_verification_depended_on_the_model(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(1500, seed=3), flagged_and_every_fifth)

    with pytest.raises(NotEnoughData, match="equal chances"):
        proposed(path, Ask(coverage=0.9))


def test_a_band_states_and_checks_the_coverage_of_each_group(tmp_path: Path) -> None:
    who = people(1500, seed=5, fainter_in_women=1.5)
    path = write_ledger(tmp_path / "a.ledger", who, everybody)
    for_all = proposed(path, Ask(coverage=0.9))
    apart = proposed(path, Ask(coverage=0.9, lawful_because="the board agreed"))
    missed = {str(share.group): share.missed for share in for_all.bands}

    assert missed["sex F"].lower > 0.1
    assert "More are cleared wrongly than promised of sex F" in text(for_all)
    assert all(share.missed.lower < 0.1 for share in apart.bands)
    assert len(apart.proposal.rule.settings) == 3


def test_probabilities_put_right_change_no_decision(tmp_path: Path) -> None:
    report = proposed(
        write_ledger(tmp_path / "a.ledger", people(900, seed=6), everybody), Ask(recalibrate=True)
    )
    rule = report.proposal.rule

    assert rule.recalibrates
    assert rule.slope == pytest.approx(3.0, rel=0.2)  # the logits' own, by their distance
    assert all(one.now == one.then for one in report.looked_at)
    assert {effect.metric for effect in report.proposal.effects} == {"brier", "in_the_large"}


def test_the_models_own_probabilities_are_known_after_they_were_put_right(tmp_path: Path) -> None:
    who = people(300, seed=6)
    path = write_ledger(tmp_path / "a.ledger", who, everybody)
    report = proposed(path, Ask(recalibrate=True))
    with Ledger.open(path) as ledger:
        change = adopt(ledger, report.proposal, Signature(by="AB", reason="right", at=NOW))
        first = next(iter(ledger.predictions()))
        score = replace(
            first.scores[0], operating_point=change.name, probability=0.123, threshold=0.3,
            decision=Decision.NEGATIVE,
        )  # fmt: skip
        again = replace(first, scores=(score,), subject=replace(first.subject, patient_id=None))
        assert ledger.record([again]) == 1
        material = from_ledger(ledger, finding=None, by="sex")

    assert np.sort(material.probability) == pytest.approx(np.sort(who.probability), abs=1e-9)
    assert material.operating_point == change.name


def test_a_new_threshold_keeps_probabilities_as_right_as_they_are(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(300, seed=6), everybody)
    with Ledger.open(path) as ledger:
        right = proposed(path, Ask(recalibrate=True)).proposal
        adopt(ledger, right, Signature(by="AB", reason="right", at=NOW))
    after = proposed(path).proposal

    assert (after.rule.slope, after.rule.settings[0].intercept) == (
        right.rule.slope,
        right.rule.settings[0].intercept,
    )
    assert after.instead_of == "site 2026-11-24 (by AB)"


@pytest.mark.parametrize(
    ("n", "ask", "why"),
    [
        (40, NINE_IN_TEN, "too few to choose by"),
        (3, NINE_IN_TEN, "people's cases of effusion are verified"),
    ],
)
def test_too_few_cases_are_told(tmp_path: Path, n: int, ask: Ask, why: str) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(n, seed=1), everybody)

    with pytest.raises(NotEnoughData, match=why):
        proposed(path, ask)


def test_a_finding_that_the_ledger_does_not_hold_is_told(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(40, seed=1), everybody)

    with pytest.raises(NotEnoughData, match="no score of fracture"):
        propose_from_ledger(path, NINE_IN_TEN, by="sex", finding="fracture", now=NOW)
    with pytest.raises(InputError, match="no column 'ward'"):
        proposed(path, by="ward")


def test_a_table_says_what_a_ledger_says(tmp_path: Path) -> None:
    who = people(500, seed=7)
    from_record = proposed(write_ledger(tmp_path / "a.ledger", who, everybody))
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as stream:
        rows = zip(who.ill.astype(int), who.probability.tolist(), who.sex, strict=True)
        csv.writer(stream).writerows([("effusion", "p", "sex"), *rows])
    roles = TableRoles(label="effusion", score="p", threshold=0.5)
    from_table = propose_from_table(read_table(path), roles, NINE_IN_TEN, by="sex", now=NOW)

    assert threshold_of(from_table) == threshold_of(from_record)
    assert from_table.proposal.effects == from_record.proposal.effects
    assert "it cannot be put in force" in text(from_table)


def test_a_table_needs_no_groups_and_any_scale_will_do(tmp_path: Path) -> None:
    who = people(500, seed=7)
    path = tmp_path / "scores.csv"
    with path.open("w", newline="") as stream:
        rows = zip(who.ill.astype(int), who.logit.tolist(), strict=True)
        csv.writer(stream).writerows([("tb", "score"), *rows])
    roles = TableRoles(label="tb", score="score", threshold=1.0)
    costs = Costs(per_image=1, per_test=10)
    report = propose_from_table(
        read_table(path), roles, replace(NINE_IN_TEN, costs=costs), by=None, now=NOW
    )

    assert threshold_of(report) < 0
    assert [str(effect.group) for effect in report.proposal.effects] == ["everybody"] * 2
    assert all(row.cost_per_case > 11 for row in report.thresholds)
    with pytest.raises(InputError, match="one by one"):
        propose_from_table(read_table(path), roles, Ask(recalibrate=True), by=None, now=NOW)


def test_what_is_written_is_what_is_read_and_the_same_each_time(tmp_path: Path) -> None:
    path = write_ledger(tmp_path / "a.ledger", people(500, seed=7), everybody)
    one, other = (proposed(path) for _ in range(2))

    assert proposal_from_json(proposal_to_json(one.proposal)) == one.proposal
    assert proposal_report_to_json(one) == proposal_report_to_json(other)
    document = json.loads(proposal_report_to_json(one))
    assert document["schema"] == "edgefair-proposal/1"


def text(report: ProposalReport) -> str:
    return " ".join(render_proposal_text(report, width=80).split())


def test_no_line_is_wider_than_the_terminal(tmp_path: Path) -> None:
    path = write_ledger(
        tmp_path / "a.ledger", people(900, seed=8, fainter_in_women=2.0), everybody
    )
    ask = replace(
        NINE_IN_TEN, lawful_because="x " * 60, recalibrate=True,
        costs=Costs(per_image=1, per_test=100),
    )  # fmt: skip
    lines = render_proposal_text(proposed(path, ask), width=80).splitlines()

    assert max(map(len, lines)) <= 80
