"""The re-check's page: whole in itself, words first, every cell drawn with its table beneath."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgefair.records import Attribute, Group, Interval, Verdict, VerdictKind
from edgefair.report import render_monitoring_html
from edgefair.report.history import history_plot, thinned
from edgefair.report.monitoring import (
    CellHistory,
    MonitoredCell,
    MonitoringReport,
    PlanIdentity,
    StandingAlarm,
)

FEMALE = Group(attributes=(Attribute(name="sex", value="<b>F</b>"),))


def step(week: int, errors: int, n: int, e_value: float) -> CellHistory:
    rate = errors / n if n else float("nan")
    return CellHistory(
        taken_at=f"2026-{1 + week // 4:02d}-{1 + 7 * (week % 4):02d}T18:00:00+00:00",
        errors=errors,
        n=n,
        e_value=e_value,
        interval=Interval(rate, max(0.0, rate - 0.2), min(1.0, rate + 0.2), 0.95, n),
        chart=0,
        recounted=False,
    )


@pytest.fixture
def cell() -> MonitoredCell:
    history = tuple(step(week, week, 3 + 2 * week, 1.3**week) for week in range(40))
    alarm = StandingAlarm(
        finding="cough",
        metric="false_negative_rate",
        group=FEMALE,
        kind="e-process",
        raised_at=history[20].taken_at,
        errors=20,
        n=43,
    )
    return MonitoredCell(
        finding="cough",
        metric="false_negative_rate",
        group=FEMALE,
        errors=39,
        n=81,
        e_value=1.3**39,
        alarm_at=150.0,
        interval=history[-1].interval,
        chart=3,
        chart_limit=50,
        audited=30,
        verdict=Verdict(
            kind=VerdictKind.HARM_SHOWN,
            sentence="Harm is shown.",
            limit=0.2,
            labels_needed=None,
            labels_of="positives",
        ),
        labels_per_month=8.0,
        months=None,
        alarms=(alarm,),
        history=history,
    )


@pytest.fixture
def report(cell: MonitoredCell) -> MonitoringReport:
    quiet = replace(cell, group=Group(), alarms=(), history=(), errors=0, n=0)
    return MonitoringReport(
        ledger="clinic.ledger",
        model="cough 1.0.0",
        bundle_digest="3f1c" * 16,
        plan=PlanIdentity(
            digest="9ab0" * 16,
            number=1,
            derived="",
            frozen_by="anna",
            frozen_at="2026-01-01T00:00:00Z",
            groups_by=("sex",),
            alpha=0.05,
            minimum_audit=20,
        ),
        cells=(quiet, cell),
        earlier_alarms=(),
        steps=40,
        step_taken_at=cell.history[-1].taken_at,
        outcome_id=81,
        new_evidence=2,
        recounted="",
        made_at="2026-11-01T00:00:00Z",
        edgefair_version="0.1.0",
        notes=("A note.",),
    )


def test_the_page_needs_nothing_but_itself_and_runs_nothing(report: MonitoringReport) -> None:
    html = render_monitoring_html(report)

    assert html.startswith("<!DOCTYPE html>")
    assert not any(word in html for word in ("<script", "http://", "https://", "url(", "style="))
    assert "<b>F" not in html
    assert html == render_monitoring_html(report)


def test_words_come_first_then_alarms_news_drawings_and_their_table(
    report: MonitoringReport,
) -> None:
    html = render_monitoring_html(report)
    parts = ("Harm is shown.", "<h2>Alarms", "changed</h2>", "<figure>")
    places = [html.index(part) for part in parts]

    assert places == sorted(places)
    assert places[-1] < html.rindex("<table", 0, html.index("A note."))
    assert "Nothing to draw yet: everybody" in html
    assert "harm shown: cough" in html


def test_the_alarm_lies_on_its_line_and_the_evidence_ends_above_it(cell: MonitoredCell) -> None:
    plot = history_plot(cell)
    assert plot is not None

    last = int(plot.evidence.split()[-1])
    assert 0 <= last < plot.alarm_at < 60
    (raised,) = plot.alarms
    assert 90 < raised < 115


def test_one_step_is_no_history(cell: MonitoredCell) -> None:
    assert history_plot(replace(cell, history=cell.history[:1])) is None


def test_thinning_keeps_both_ends(cell: MonitoredCell) -> None:
    kept = thinned(cell.history, 8)

    assert len(kept) == 8
    assert (kept[0], kept[-1]) == (cell.history[0], cell.history[-1])
