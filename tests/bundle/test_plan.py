"""Monitoring plans: what goes in comes out, and every fault is said at once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgefair.bundle.plan import (
    ChartDesign,
    ControlChart,
    MonitoringPlan,
    WatchedRate,
    plan_digest,
    plan_from_json,
    plan_to_json,
)
from edgefair.errors import ContractMismatch
from edgefair.records import Attribute, Group

PLAN = MonitoringPlan(
    model="chest-xray 0.2.0",
    groups_by=("sex",),
    groups=(
        Group(),
        Group(attributes=(Attribute(name="sex", value="F"),)),
        Group(attributes=(Attribute(name="sex", value="M"),)),
    ),
    rates=(
        WatchedRate(
            finding="effusion",
            metric="false_negative_rate",
            reference_errors=10,
            reference_n=100,
            reference_upper=0.164,
            tolerance=0.05,
            limit=0.214,
            chart=ControlChart(up=8, down=3, height=40),
        ),
    ),
    alpha=0.05,
    minimum_audit=20,
    chart=ChartDesign(odds_ratio=2.0, labels_to_false_alarm=5000),
    derived="drawn from the bundle's reference",
    frozen_by="the bundle's builder",
    frozen_on="2026-01-01",
)


def test_a_plan_comes_back_as_it_was_and_its_digest_tells_it_from_every_other() -> None:
    text = plan_to_json(PLAN)

    assert plan_from_json(text) == PLAN
    assert plan_to_json(plan_from_json(text)) == text
    assert plan_digest(PLAN) != plan_digest(replace(PLAN, alpha=0.01))


def test_all_faults_of_a_plan_are_said_at_once_each_with_its_path() -> None:
    tree = json.loads(plan_to_json(PLAN))
    tree["alpha"] = "small"
    tree["rates"][0]["metric"] = "accuracy"
    tree["rates"][0]["limt"] = tree["rates"][0].pop("limit")
    tree["colour"] = "red"
    with pytest.raises(ContractMismatch) as caught:
        plan_from_json(json.dumps(tree))

    for fault in ("plan.alpha", "plan.rates[0].metric", "limt", "limit", "colour"):
        assert fault in caught.value.message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(PLAN, rates=()), "rates must name at least one"),
        (replace(PLAN, rates=PLAN.rates * 2), "each finding and metric once"),
        (replace(PLAN, groups=PLAN.groups[1:]), "everybody first"),
        (replace(PLAN, alpha=1.0), "alpha must be in"),
        (replace(PLAN, rates=(replace(PLAN.rates[0], limit=1.0),)), "must be in (0, 1)"),
        (replace(PLAN, chart=replace(PLAN.chart, odds_ratio=1.0)), "odds_ratio"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(changed: MonitoringPlan, said: str) -> None:
    with pytest.raises(ContractMismatch, match="does not hold") as caught:
        plan_from_json(plan_to_json(changed))

    assert said in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 2}', '"plan"'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ContractMismatch):
        plan_from_json(text)


def test_cells_of_a_metric_are_its_findings_times_the_groups() -> None:
    assert PLAN.cells_of("false_negative_rate") == 3
    assert PLAN.cells_of("false_positive_rate") == 0


def test_one_error_rate_is_shared_by_all_metrics_and_whole_where_there_is_one() -> None:
    alarms = replace(PLAN.rates[0], metric="false_positive_rate")
    both = replace(PLAN, rates=(*PLAN.rates, alarms))
    shares = [both.alpha_of(m) for m in ("false_negative_rate", "false_positive_rate")]

    assert PLAN.alpha_of("false_negative_rate") == PLAN.alpha
    assert sum(shares) == pytest.approx(both.alpha)
    assert shares[0] > shares[1] > 0
