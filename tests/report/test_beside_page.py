"""Calibration, thresholds and next steps on the page: in words, drawn, and each with its table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefair.audit.asides import calibration_aside, threshold_aside
from edgefair.audit.groups import By, group_by
from edgefair.audit.tally import Cases
from edgefair.report import Report, render_html, render_text, report_from_json, report_to_json
from edgefair.report.next_steps import next_steps


@pytest.fixture(scope="module")
def cases() -> Cases:
    rng = np.random.default_rng(0)
    ill = rng.random(800) < 0.3
    score = 1 / (1 + np.exp(2.5 - rng.normal(size=800) - 2 * ill))
    features = {"sex": rng.choice(np.array(["F", "<i>M"]), 800)}
    groupings = group_by([By.parse("sex")], features)
    return Cases(finding="pneumonia", y_true=ill, flagged=None, y_score=score, groupings=groupings)


@pytest.fixture
def whole(harm: Report, cases: Cases) -> Report:
    thresholds = threshold_aside(cases, level=0.95)
    calibration = calibration_aside(cases, level=0.95, seed=0)
    assert thresholds
    assert calibration
    return replace(harm, thresholds=(thresholds,), calibration=(calibration,))


def test_every_group_has_its_plot_and_its_row(whole: Report) -> None:
    html = render_html(whole)

    assert html.count('class="frame"') == 3
    assert "Off by more than chance: everybody (too low by" in html
    assert "<i>M" not in html
    assert "other thresholds</h2>" in html
    assert len(html.encode()) < 100_000


def test_the_order_is_verdict_next_steps_plot_details(whole: Report) -> None:
    html = render_html(whole)
    parts = ("HARM SHOWN", "What to do next", "group by group", "<figure>", "do the probabil")

    places = [html.index(part) for part in parts]
    assert places == sorted(places)


def test_the_terminal_says_it_in_a_few_lines(whole: Report, harm: Report) -> None:
    long, short = (render_text(one, width=80, colour=False) for one in (whole, harm))

    assert "probabilities: off by more than chance" in long
    assert long.count("\n") - short.count("\n") <= 6


def test_a_report_with_both_goes_through_json_and_back(whole: Report) -> None:
    text = report_to_json(whole)

    assert report_to_json(report_from_json(text)) == text


def test_harm_by_missed_cases_asks_for_a_person_to_look(harm: Report) -> None:
    steps = next_steps(harm.result)

    assert "let no negative answer stand alone" in steps.sentences[0]
    assert steps.plan is not None


def test_missing_labels_are_planned_for_the_fewest_first(too_little: Report) -> None:
    steps = next_steps(too_little.result)

    assert steps.plan is not None
    (first, *_) = steps.plan.rows
    assert first[2] == "134 that have it"
    assert first[3] == "about 309"  # 10 of 23 women have it
    assert any("drawn by lot" in sentence for sentence in steps.sentences)


def test_where_all_is_well_one_goes_on(no_harm: Report) -> None:
    (sentence,) = next_steps(no_harm.result).sentences

    assert sentence.startswith("Go on confirming")
