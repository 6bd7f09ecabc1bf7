"""Charts for a change: closed forms, oracles by brute force, simulation, laws."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.change import (
    Chart,
    average_run_length,
    chart_for,
    running_cusum,
    running_shiryaev_roberts,
    worse_rates,
)

streams = st.lists(st.booleans(), min_size=1, max_size=120)
charts = st.builds(
    Chart, up=st.integers(1, 30), down=st.integers(1, 30), height=st.integers(1, 60)
)
planned = st.tuples(st.floats(0.02, 0.6), st.floats(0.05, 0.3)).map(lambda c: (c[0], sum(c)))


def first_alarms(raised: NDArray[np.bool_]) -> list[float]:
    """Return at which label each stream first alarms; its length + 1 where it never does."""
    never = raised.shape[-1] + 1
    waited = np.where(raised.any(axis=-1), raised.argmax(axis=-1) + 1, never)
    return [float(one) for one in waited]


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.9])
def test_a_chart_that_one_error_sounds_waits_for_the_first(rate: float) -> None:
    assert average_run_length(Chart(up=5, down=1, height=5), rate) == pytest.approx(1 / rate)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("errors", [2, 3, 5])
def test_a_chart_that_forgets_at_once_waits_for_errors_in_a_row(rate: float, errors: int) -> None:
    chart = Chart(up=1, down=9, height=errors)

    expected = (1 - rate**errors) / ((1 - rate) * rate**errors)
    assert average_run_length(chart, rate) == pytest.approx(expected)


@pytest.mark.parametrize("rate", [0.125, 0.25, 0.5, 0.75])
def test_a_chart_of_single_steps_waits_as_whole_number_arithmetic_says(rate: float) -> None:
    up = Fraction(rate)
    one_up = [1 / up]  # mean time from each state to the next one up
    for _ in range(20):
        one_up.append((1 + (1 - up) * one_up[-1]) / up)

    measured = average_run_length(Chart(up=1, down=1, height=21), rate)
    assert measured == pytest.approx(float(sum(one_up)), rel=1e-12)


def test_the_run_length_is_that_of_simulated_streams() -> None:
    chart = chart_for(0.2, 0.35, run_length=100)
    errors = np.random.default_rng(1).random((4000, 1500)) < 0.2

    waited = first_alarms(running_cusum(errors, chart) >= chart.height)
    error = np.std(waited) / np.sqrt(len(waited))
    assert np.mean(waited) == pytest.approx(average_run_length(chart, 0.2), abs=4 * error)


def test_a_chart_without_errors_never_sounds() -> None:
    assert average_run_length(Chart(up=1, down=2, height=7), 0) == inf


@given(charts, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_more_errors_sound_a_chart_sooner(chart: Chart, rate: float, other: float) -> None:
    fewer, more = (average_run_length(chart, one) for one in sorted((rate, other)))

    assert more <= fewer * (1 + 1e-9)


@given(planned, st.floats(1, 1000))
def test_a_chart_is_the_lowest_that_is_quiet_for_long_enough(
    rates: tuple[float, float], run_length: float
) -> None:
    limit, worse = rates
    chart = chart_for(limit, worse, run_length=run_length)

    lower = Chart(up=chart.up, down=chart.down, height=max(1, chart.height - 1))
    assert average_run_length(chart, limit) >= run_length
    assert chart.height == 1 or average_run_length(lower, limit) < run_length
    assert average_run_length(chart, worse) < average_run_length(chart, limit)


@given(planned)
def test_a_chart_falls_at_the_limit_and_rises_at_the_worse_rate(
    rates: tuple[float, float],
) -> None:
    chart = chart_for(*rates, run_length=2)

    assert rates[0] < chart.down / (chart.up + chart.down) < rates[1]


@given(streams, charts, st.integers(0, 50))
def test_the_running_chart_is_that_of_one_step_after_the_other(
    errors: list[bool], chart: Chart, start: int
) -> None:
    value, expected = start, []
    for error in errors:
        value = max(0, value + (chart.up if error else -chart.down))
        expected.append(value)

    assert running_cusum(errors, chart, start=start).tolist() == expected


@given(streams, st.floats(0.05, 0.6))
def test_the_evidence_for_a_change_sums_an_e_process_from_every_label_on(
    errors: list[bool], limit: float
) -> None:
    rates = worse_rates(limit)
    log_m, _ = running_shiryaev_roberts(errors, limit=limit, rates=rates)

    steps = np.array(
        [[rate / limit if e else (1 - rate) / (1 - limit) for rate in rates] for e in errors]
    )
    n = len(errors)
    by_start = [np.prod(steps[begun:], axis=0) for begun in range(n)]
    assert np.exp(log_m[-1]) == pytest.approx(np.mean(np.sum(by_start, axis=0)), rel=1e-9)


@given(streams, st.floats(0.05, 0.6))
def test_at_the_limit_the_evidence_for_a_change_grows_by_one_a_label(
    errors: list[bool], limit: float
) -> None:
    log_m, _ = running_shiryaev_roberts(
        [[*errors, False], [*errors, True]], limit=limit, rates=worse_rates(limit)
    )

    now, then = np.exp(log_m[0, -2]), np.exp(log_m[:, -1])
    assert np.dot([1 - limit, limit], then) == pytest.approx(now + 1, rel=1e-9)


@given(streams, st.integers(0, 120), st.floats(0.01, 0.9))
def test_the_evidence_for_a_change_is_the_same_in_parts(
    errors: list[bool], cut: int, limit: float
) -> None:
    rates = worse_rates(limit)
    whole, end = running_shiryaev_roberts(errors, limit=limit, rates=rates)
    first, state = running_shiryaev_roberts(errors[:cut], limit=limit, rates=rates)
    second, end_of_parts = running_shiryaev_roberts(
        errors[cut:], limit=limit, rates=rates, start=state
    )

    assert [*first, *second] == whole.tolist()
    assert end_of_parts.tolist() == end.tolist()


def test_the_evidence_for_a_change_keeps_its_run_length_on_the_limit() -> None:
    errors = np.random.default_rng(1).random((1000, 2000)) < 0.2
    log_m, _ = running_shiryaev_roberts(errors, limit=0.2, rates=worse_rates(0.2))

    assert np.mean(first_alarms(log_m >= np.log(50))) >= 50


def test_a_thousand_bad_labels_do_not_overflow() -> None:
    log_m, state = running_shiryaev_roberts([True] * 5000, limit=0.01, rates=(0.9,))

    assert np.all(np.isfinite(log_m))
    assert np.all(np.isfinite(state))


def test_a_worse_rate_that_is_not_worse_is_refused() -> None:
    with pytest.raises(ValueError, match="limit < worse"):
        chart_for(0.3, 0.2, run_length=100)
    with pytest.raises(ValueError, match="limit < rate"):
        running_shiryaev_roberts([True], limit=0.3, rates=(0.2,))
    with pytest.raises(ValueError, match="limit must be in"):
        worse_rates(1.0)


def test_an_impossible_chart_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Chart(up=1, down=0, height=3)
    with pytest.raises(ValueError, match="rate must be in"):
        average_run_length(Chart(up=1, down=1, height=3), 1.5)
