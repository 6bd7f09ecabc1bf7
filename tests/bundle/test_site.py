"""Site rules: whom they are for, what they show, and files that are what was written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.site import (
    Condition,
    Proposal,
    SiteRule,
    SiteSetting,
    proposal_from_json,
    proposal_to_json,
    rule_from_tree,
    rule_to_tree,
)
from edgefair.errors import ContractMismatch
from edgefair.records import Attribute, Group, Subject

WOMEN = Group(attributes=(Attribute(name="sex", value="F"),))
OLD = Group(attributes=(Attribute(name="age", value="60+"),))


@pytest.fixture
def rule() -> SiteRule:
    return SiteRule(
        chosen_for="sensitivity at least 90%",
        chosen_on="400 cases",
        lawful_because="the board agreed",
        settings=(
            SiteSetting(group=Group(), threshold=0.4),
            SiteSetting(
                group=WOMEN, conditions=(Condition(name="sex", value="F"),), threshold=0.3
            ),
            SiteSetting(group=OLD, conditions=(Condition(name="age", lower=60.0),), threshold=0.2),
        ),
    )


@pytest.fixture
def proposal(rule: SiteRule) -> Proposal:
    return Proposal(
        model="phantom 0.2.0",
        bundle_digest="ab" * 32,
        finding="opacity",
        instead_of="balanced",
        made_from="400 cases",
        made_at="2026-11-24T11:00:00Z",
        rule=rule,
        effects=(),
    )


def altered(proposal: Proposal, **changes: object) -> str:
    return json.dumps({**json.loads(proposal_to_json(proposal)), **changes})


def test_a_proposal_comes_back_from_its_file_as_it_was(proposal: Proposal) -> None:
    assert proposal_from_json(proposal_to_json(proposal)) == proposal


@pytest.mark.parametrize(
    ("subject", "threshold"),
    [
        (Subject(sex="F", age_years=30.0), 0.3),
        (Subject(sex="M", age_years=60.0), 0.2),
        (Subject(sex="M", age_years=59.9), 0.4),
        (Subject(), 0.4),
    ],
)
def test_whose_group_is_not_known_is_decided_on_like_everybody(
    rule: SiteRule, subject: Subject, threshold: float
) -> None:
    assert rule.setting_for(subject).threshold == threshold


def test_a_proposal_that_was_changed_by_hand_is_refused(proposal: Proposal) -> None:
    text = proposal_to_json(proposal).replace("0.3", "0.9")

    with pytest.raises(ContractMismatch, match="changed after it was made"):
        proposal_from_json(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "no JSON"),
        ("[]", "format is None"),
        ('{"format": 7}', "format is 7"),
        ('{"format": 1}', "proposal"),
    ],
)
def test_what_is_no_proposal_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ContractMismatch, match=why):
        proposal_from_json(text)


def test_a_rule_that_treats_groups_apart_says_on_what_ground(rule: SiteRule) -> None:
    tree = rule_to_tree(replace(rule, lawful_because=" "))

    with pytest.raises(ContractMismatch, match="nothing says why"):
        rule_from_tree(tree)


@pytest.mark.parametrize(
    "setting",
    [
        SiteSetting(group=Group(), threshold=1.2),
        SiteSetting(group=Group(), threshold=0.5, refer_up_to=0.4),
        SiteSetting(group=WOMEN, threshold=0.5),
    ],
)
def test_a_rule_without_sense_is_refused(rule: SiteRule, setting: SiteSetting) -> None:
    with pytest.raises(ContractMismatch):
        rule_from_tree(rule_to_tree(replace(rule, settings=(setting,))))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 3), st.floats(-5, 5))
def test_what_is_shown_never_contradicts_what_is_decided(
    one: float, other: float, slope: float, intercept: float
) -> None:
    setting = SiteSetting(group=Group(), threshold=other, intercept=intercept)
    rule = SiteRule(chosen_for="", chosen_on="", slope=slope, settings=(setting,))
    shown, threshold = rule.shown(one, setting), rule.shown(other, setting)

    assert 0 <= shown <= 1
    assert (one >= other and shown >= threshold) or (one < other and shown <= threshold)
