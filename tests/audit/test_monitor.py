"""The running re-check of one cell: alarms that stay, and the same bits however labels come."""

import json
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.monitor import CellRule, CellState, updated
from edgefair.audit.sequential import log_e_value

RULE = CellRule.planned(limit=0.2, worse=0.35, alpha=0.05, groups=2, run_length=200)

streams = st.lists(st.booleans(), max_size=150)
cuts = st.lists(st.integers(0, 150), max_size=8)


def in_parts(errors: list[bool], at: list[int], rule: CellRule) -> CellState:
    state, edges = CellState(), [0, *sorted(at), len(errors)]
    for begin, end in pairwise(edges):
        state = updated(state, errors[begin:end], rule)
    return state


@given(streams, cuts)
def test_labels_give_the_same_bits_however_they_are_cut_into_parts(
    errors: list[bool], at: list[int]
) -> None:
    at = [min(cut, len(errors)) for cut in at]

    assert in_parts(errors, at, RULE) == updated(CellState(), errors, RULE)


@pytest.mark.parametrize("limit", [0.01, 0.2, 0.6])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.95])
def test_a_long_stream_gives_the_same_bits_one_by_one(limit: float, rate: float) -> None:
    rule = replace(RULE, limit=limit, rates=(limit + 0.1, limit + 0.3))
    errors = (np.random.default_rng(1).random(1500) < rate).tolist()

    assert in_parts(errors, list(range(len(errors))), rule) == updated(CellState(), errors, rule)


@given(streams, streams)
def test_an_alarm_once_raised_stays(errors: list[bool], after: list[bool]) -> None:
    bad = updated(CellState(), [*errors, *[True] * 40], RULE)
    later = updated(bad, [*after, *[False] * 300], RULE)

    alarms = (bad.alarm_at, bad.change_at, bad.chart_at)
    assert None not in alarms
    assert (later.alarm_at, later.change_at, later.chart_at) == alarms
    assert later.cusum_since == bad.cusum_since
    assert later.max_log_e >= bad.max_log_e


@given(streams)
def test_the_alarm_comes_with_the_first_label_of_enough_evidence(errors: list[bool]) -> None:
    state = updated(CellState(), errors, RULE)

    evidence = [
        float(log_e_value(sum(errors[:n]), n, limit=RULE.limit)) for n in range(len(errors) + 1)
    ]
    enough = [n for n, one in enumerate(evidence) if one >= RULE.log_alarm]
    assert state.alarm_at == (enough[0] if enough else None)
    assert state.max_log_e == max(evidence)
    assert (state.errors, state.n) == (sum(errors), len(errors))


@given(streams)
def test_the_state_survives_json(errors: list[bool]) -> None:
    state = updated(CellState(), errors, RULE)

    kept = json.loads(json.dumps(asdict(state), allow_nan=False))
    kept["log_shiryaev_roberts"] = tuple(kept["log_shiryaev_roberts"])
    assert CellState(**kept) == state


def test_a_change_after_a_good_year_is_seen_sooner_by_what_forgets() -> None:
    good = updated(CellState(), [False, False, False, False, True] * 200, RULE)
    bad = updated(good, [True, False] * 200, RULE)

    assert good.change_at is None
    assert good.chart_at is None
    assert bad.change_at is not None
    assert bad.chart_at is not None
    assert bad.alarm_at is not None
    assert bad.change_at < 1060 < bad.alarm_at
    assert bad.chart_at < 1060 < bad.alarm_at
    assert 990 < bad.cusum_since <= 1000


def test_more_groups_ask_for_more_evidence() -> None:
    assert replace(RULE, groups=8).log_alarm > RULE.log_alarm == pytest.approx(np.log(2 / 0.05))


def test_an_impossible_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be in"):
        replace(RULE, alpha=0.0)
    with pytest.raises(ValueError, match="at least 1"):
        replace(RULE, groups=0)


def test_labels_of_several_cells_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="one axis"):
        updated(CellState(), [[True, False]], RULE)
