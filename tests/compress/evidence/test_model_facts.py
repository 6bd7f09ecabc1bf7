"""The facts as data: all of HTI-1's attributes and CHAI's fields, answered or said to be open."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan

from edgefair.compress.evidence.card import CardFacts, render_card
from edgefair.compress.evidence.model_facts import model_facts_json
from edgefair.compress.evidence.source_attributes import source_attributes
from edgefair.compress.evidence.words import NOT_STATED
from edgefair.compress.gate.records import GateResult
from edgefair.records import Interval


def test_all_31_source_attributes_of_the_rule_are_there(plain_facts: CardFacts) -> None:
    attributes = source_attributes(plain_facts)

    # paragraphs (1) to (9) of 45 CFR 170.315(b)(11)(iv)(B) and how many each has
    counts = [sum(a.number.startswith(f"({i})") for a in attributes) for i in range(1, 10)]
    assert counts == [4, 4, 2, 4, 2, 4, 5, 4, 2]
    assert len({a.number for a in attributes}) == 31
    assert all(a.answer for a in attributes)


def test_what_the_builder_did_not_say_is_called_not_stated(
    plain_facts: CardFacts, full_facts: CardFacts
) -> None:
    open_before = {a.number for a in source_attributes(plain_facts) if not a.is_stated}
    open_after = {a.number for a in source_attributes(full_facts) if not a.is_stated}

    assert {"(1)(i)", "(1)(ii)", "(2)(ii)", "(2)(iii)", "(4)(i)", "(6)(i)", "(9)(i)"} < open_before
    assert open_after == {"(4)(iv)", "(7)(v)"}


def test_the_card_says_every_attribute_that_the_facts_say(full_facts: CardFacts) -> None:
    card = render_card(full_facts)

    for attribute in source_attributes(full_facts):
        assert f"- {attribute.number} {attribute.name}: {attribute.answer}\n" in card


def test_the_json_form_is_canonical_and_has_the_fields_of_the_applied_model_card(
    full_facts: CardFacts,
) -> None:
    written = model_facts_json(full_facts)

    tree = json.loads(written)
    fields = {field["path"]: field["answer"] for field in tree["applied_model_card"]}
    sections = list(dict.fromkeys(path.partition("/")[0] for path in fields))
    assert sections == [
        "BasicInfo",
        "ReleaseInfo",
        "ModelSummary",
        "UsesAndDirections",
        "Warnings",
        "TrustIngredients",
        "KeyMetrics",
        "Resources",
        "Bibliography",
    ]
    assert all(fields.values())
    assert fields["BasicInfo/ModelDeveloper"] == "A university"
    assert fields["Resources/PeerReviewedPublications"] == NOT_STATED
    assert written == model_facts_json(full_facts)
    assert (
        json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False) + "\n" == written.decode()
    )


def test_the_json_form_tells_how_the_model_was_made(full_facts: CardFacts) -> None:
    tree = json.loads(model_facts_json(full_facts))

    assert tree["gate"]["passed"] is True
    assert tree["gate"]["accepted"]["by"] == "A. Person"
    assert tree["made"]["recipe_sha256"] == "ab" * 32
    assert tree["made"]["environment"] == {"Python": "3.11.7", "torch": "2.13.0"}
    assert tree["made"]["teacher"]["weights"]["licence"] == "Apache-2.0"
    assert tree["comparison"][0]["aurocs"][0]["auroc"]["estimate"] == 0.9


def test_what_cannot_be_estimated_is_null(plain_facts: CardFacts) -> None:
    rows = plain_facts.measured.groups
    nothing = replace(rows[1], auroc=Interval(nan, 0.0, 1.0, 0.95, 0), sensitivity=None)
    measured = replace(plain_facts.measured, groups=(rows[0], nothing))

    tree = json.loads(model_facts_json(replace(plain_facts, measured=measured)))

    assert tree["measured"]["groups"][1]["auroc"]["estimate"] is None
    assert tree["measured"]["groups"][1]["sensitivity"] is None
    assert tree["gate"] == {
        "accepted": None,
        "conditions": [],
        "passed": None,
        "sentence": tree["gate"]["sentence"],
    }


def test_a_group_without_an_area_is_never_the_lowest(
    plain_facts: CardFacts, gate: GateResult
) -> None:
    rows = plain_facts.measured.groups
    nothing = replace(rows[2], auroc=Interval(nan, 0.0, 1.0, 0.95, 0))
    measured = replace(plain_facts.measured, groups=(*rows[:2], nothing))

    answers = {
        a.number: a.answer for a in source_attributes(replace(plain_facts, measured=measured))
    }

    assert "lowest AUROC for opacity: sex F, 0.800" in answers["(7)(ii)"]
