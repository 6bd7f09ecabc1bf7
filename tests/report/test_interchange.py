"""JSON: there and back, stable, without NaN; anything else refused in one sentence."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefair.errors import InputError
from edgefair.records import (
    AuditResult,
    Cell,
    Confusion,
    Exclusion,
    Group,
    Interval,
    Spread,
    Verdict,
)
from edgefair.report import DataIdentity, Report, report_from_json, report_to_json

numbers = st.one_of(st.just(nan), st.floats(-1, 1))
counts = st.integers(0, 10**9)
groups = st.from_type(Group)
intervals = st.builds(Interval, numbers, numbers, numbers, st.floats(0.5, 0.99), counts)
verdicts = st.builds(Verdict, limit=st.floats(0, 1), labels_needed=st.none() | counts)
cells = st.builds(
    Cell,
    value=intervals,
    rest=intervals,
    difference=intervals,
    p_value=numbers,
    verdict=st.none() | verdicts,
)
confusions = st.builds(Confusion, *(), **dict.fromkeys(Confusion.__dataclass_fields__, counts))
spreads = st.builds(Spread, observed=numbers, by_chance=numbers, p_value=numbers)


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


results = st.builds(
    AuditResult,
    overall=few(cells),
    by_group=few(cells),
    confusion=few(st.tuples(st.text(), groups, confusions)),
    spreads=few(spreads),
    exclusions=few(st.builds(Exclusion, rows=counts)),
    rows=counts,
    level=st.floats(0.5, 0.99),
    margin=st.floats(0, 1),
    alpha=st.floats(0, 1),
)
reports = st.builds(Report, result=results, data=st.builds(DataIdentity, rows=counts))


@settings(max_examples=50, deadline=None)
@given(reports)
def test_a_report_comes_back_as_it_was(report: Report) -> None:
    text = report_to_json(report)
    back = report_from_json(text)

    assert repr(back) == repr(report)  # nan is not equal to itself, but is written alike
    assert report_to_json(back) == text


def test_what_is_not_estimable_is_null(harm: Report) -> None:
    text = report_to_json(harm)

    assert "NaN" not in text
    assert json.loads(text)["result"]["spreads"][1]["observed"] is None


def test_the_layout_is_named_and_sorted(harm: Report) -> None:
    document = json.loads(report_to_json(harm))

    assert document["schema"] == "edgefair-report/1"
    assert list(document) == sorted(document)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "no JSON", id="empty"),
        pytest.param("[]", "no report of the kind", id="list"),
        pytest.param("{}", "no report of the kind", id="no schema"),
        pytest.param('{"schema": "edgefair-report/9"}', "no report of the kind", id="newer"),
        pytest.param('{"schema": "edgefair-report/1"}', "missing or altered", id="no fields"),
    ],
)
def test_what_is_no_report_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        report_from_json(text)


def test_a_field_nobody_knows_is_refused(harm: Report) -> None:
    document = {**json.loads(report_to_json(harm)), "verdict": "fair"}

    with pytest.raises(InputError, match="missing or altered"):
        report_from_json(json.dumps(document))
