"""The gate's records: what passes, and a JSON form that comes back whole or not at all."""

import json
from dataclasses import replace
from math import nan

import pytest

from edgefair.compress.gate.records import (
    AcceptedConditions,
    Comparison,
    Condition,
    EncodingRow,
    Flip,
    GateCell,
    GateResult,
    ScoreChange,
    gate_from_json,
    gate_to_json,
)
from edgefair.errors import InputError
from edgefair.records import Attribute, Group, Interval, VerdictKind

WOMEN = Group(attributes=(Attribute(name="sex", value="F"),))
COMPARED = Comparison(before="student fp32", after="student INT8", is_binding=True)
RATE = Interval(0.9, 0.8, 0.95, 0.95, 100)
CELL = GateCell(
    comparison=COMPARED,
    finding="opacity",
    group=WOMEN,
    metric="sensitivity",
    before=RATE,
    after=RATE,
    loss=Interval(0.0, -0.03, 0.03, 0.95, 100),
    flips_to_wrong=1,
    flips_to_right=1,
    to_wrong=Interval(0.01, 0.0, 0.05, 0.95, 100),
    p_harm=1.0,
    p_ok=0.001,
    mcnemar_p=1.0,
    verdict=VerdictKind.SHOWN_OK,
    labels_needed=None,
)
CHANGE = ScoreChange(
    comparison=COMPARED,
    finding="opacity",
    group=Group(),
    positives=0,
    negatives=3,
    before=Interval.vacuous(level=0.95),
    after=Interval.vacuous(level=0.95),
    loss=Interval.vacuous(level=0.95, lower=-1.0),
    p_value=nan,
    logit_change_p95=0.25,
)
FLIP = Flip(
    comparison=COMPARED,
    image="a.png",
    finding="opacity",
    group=WOMEN,
    label=None,
    flagged_after=True,
    probability_before=0.4,
    probability_after=0.6,
)
CONDITION = Condition(
    comparison=COMPARED,
    finding="opacity",
    group=WOMEN,
    metric="specificity",
    n=3,
    needed=80,
    sentence="Too few.",
)
RESULT = GateResult(
    cases=103,
    margin=0.1,
    alpha=0.05,
    cells=(CELL,),
    scores=(CHANGE,),
    flips=(FLIP,),
    encodings=(
        EncodingRow(
            embedding="teacher", attribute="sex", value="F", n=9, share=nan, auroc=CHANGE.before
        ),
    ),
    conditions=(CONDITION,),
    accepted=AcceptedConditions(by="A. Person", reason="nobody else has such cases"),
)


def test_the_json_form_comes_back_the_same_to_the_byte() -> None:
    written = gate_to_json(RESULT)

    assert gate_to_json(gate_from_json(written)) == written
    assert gate_from_json(written).cells == RESULT.cells
    assert gate_from_json(written).flips[0].label is None
    assert json.loads(written)["scores"][0]["p_value"] is None


def test_conditions_hold_a_bundle_back_until_somebody_answers_for_them() -> None:
    assert RESULT.passed
    assert not replace(RESULT, accepted=None).passed
    assert replace(RESULT, accepted=None, conditions=()).passed


def test_nobody_can_accept_a_shown_harm() -> None:
    harmed = replace(CELL, verdict=VerdictKind.HARM_SHOWN)
    failed = replace(RESULT, cells=(CELL, harmed))

    assert failed.failures == (harmed,)
    assert not failed.passed


def test_a_comparison_that_only_informs_fails_nothing() -> None:
    informs = replace(COMPARED, is_binding=False)
    shown = replace(CELL, comparison=informs, verdict=VerdictKind.HARM_SHOWN)

    assert replace(RESULT, cells=(shown,)).passed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"passed": False}, "its cells say True", id="a claim its cells do not bear"),
        pytest.param({"format": 2}, "format 1", id="another format"),
        pytest.param({"margin": "0.1"}, "expected float @ gate.margin", id="text for a number"),
        pytest.param({"cases": 1.5}, "expected int @ gate.cases", id="half a case"),
        pytest.param({"mood": "good"}, "mood", id="an unknown field"),
    ],
)
def test_a_result_that_does_not_hold_is_refused(changes: dict[str, object], said: str) -> None:
    tree = json.loads(gate_to_json(RESULT)) | changes

    with pytest.raises(InputError, match=said):
        gate_from_json(json.dumps(tree).encode())


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InputError, match="no JSON"):
        gate_from_json(b"{")
