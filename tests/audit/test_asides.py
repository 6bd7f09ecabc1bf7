"""Beside the verdicts: the figures of the long way, and what is left out is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefair.audit.asides import MOST_GROUPS, calibration_aside, threshold_aside
from edgefair.audit.calibration import calibration_by_group
from edgefair.audit.groups import By, group_by
from edgefair.audit.tally import Cases, everybody_of
from edgefair.audit.thresholds import Costs, thresholds_by_group, thresholds_overall


def clinic(n: int = 600, *, seed: int = 0) -> Cases:
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.3
    score = 1 / (1 + np.exp(1.5 - rng.normal(size=n) - 2 * ill))
    features = {"sex": rng.choice(np.array(["F", "M"]), n), "age": rng.integers(0, 90, n)}
    ways = [By.parse(text) for text in ("sex", "age:0,40,60", "sex+age:0,40,60")]
    return Cases(
        finding="cough",
        y_true=ill,
        flagged=score > 0.5,
        y_score=score,
        groupings=group_by(ways, features),
    )


def test_thresholds_by_counts_are_those_case_by_case() -> None:
    cases, costs = clinic(), Costs(per_image=2, per_test=10)
    assert cases.y_score is not None
    aside = threshold_aside(cases, level=0.9, costs=costs, also=0.5)
    assert aside is not None
    at = sorted({row.threshold for row in aside.rows})

    expected = thresholds_overall(
        cases.y_true, cases.y_score, thresholds=at, costs=costs, level=0.9
    )
    for grouping in cases.groupings[:2]:
        expected += thresholds_by_group(
            cases.y_true, cases.y_score, grouping, thresholds=at, costs=costs, level=0.9
        )
    assert aside.rows == expected


def test_the_threshold_in_force_is_among_those_shown() -> None:
    aside = threshold_aside(clinic(), level=0.95, also=0.4321)

    assert aside is not None
    assert 0.4321 in {row.threshold for row in aside.rows}


def test_crossed_groups_and_those_beyond_the_room_are_counted_as_left_out() -> None:
    cases = clinic()
    aside = threshold_aside(cases, level=0.95)
    assert aside is not None

    assert aside.groups_left_out == 6
    assert len({row.group for row in aside.rows}) == 1 + 5 <= 1 + MOST_GROUPS


def test_the_smooth_error_is_that_of_the_calibration_itself() -> None:
    cases = clinic()
    assert cases.y_score is not None
    aside = calibration_aside(cases, level=0.95, seed=3)
    assert aside is not None
    everybody = everybody_of(cases)
    (expected,) = calibration_by_group(cases.y_true, cases.y_score, everybody, seed=3, draws=19)

    curve = aside.curves[0]
    assert curve.smooth_error == pytest.approx(expected.measure("smooth_error").observed)
    assert curve.slope == expected.slope
    assert curve.in_the_large.estimate == pytest.approx(expected.measure("in_the_large").observed)


def test_the_bins_hold_every_case() -> None:
    aside = calibration_aside(clinic(), level=0.95, seed=0)
    assert aside is not None

    assert all(sum(one.n for one in curve.bins) == curve.n for curve in aside.curves)
    assert all(curve.positives <= curve.n for curve in aside.curves)


def test_many_cases_are_measured_on_some_and_it_says_on_how_many() -> None:
    aside = calibration_aside(clinic(5000), level=0.95, seed=0)
    assert aside is not None

    assert aside.curves[0].n == 5000
    assert aside.curves[0].measured_on == 2000


@pytest.mark.parametrize("spoil", [lambda s: s * 5 - 2, lambda s: s > 0.5], ids=["any", "0 or 1"])
def test_scores_that_are_no_probabilities_are_not_taken_for_some(spoil: object) -> None:
    cases = clinic()
    assert callable(spoil)
    spoilt = replace(cases, y_score=np.asarray(spoil(cases.y_score), dtype=np.float64))

    assert calibration_aside(spoilt, level=0.95, seed=0) is None


def test_without_scores_there_is_neither() -> None:
    cases = replace(clinic(), y_score=None)

    assert threshold_aside(cases, level=0.95) is None
    assert calibration_aside(cases, level=0.95, seed=0) is None
