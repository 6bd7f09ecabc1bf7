"""Evidence at any time: exact values, oracles, exact error rates of repeated looks, laws."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import comb, exp, log, log1p, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import betaln
from scipy.stats import binom

from edgefair.audit.intervals import wilson
from edgefair.audit.sequential import (
    anytime_interval,
    confidence_sequence,
    log_e_value,
    running_log_e,
)

Stops = Callable[[int], NDArray[np.bool_]]

counts = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
limits = st.floats(0.01, 0.99)
priors = st.tuples(st.floats(0.2, 50), st.floats(0.2, 50))


def chance_to_stop(rate: float, *, stops: Stops, looks: int, per_look: int = 1) -> list[float]:
    """Return the exact chance to have stopped by each look, from the counts at which one does."""
    going, stopped, by_look = np.ones(1), 0.0, []
    step = binom.pmf(np.arange(per_look + 1), per_look, rate)
    for look in range(1, looks + 1):
        going = np.convolve(going, step)
        stop = stops(look * per_look)
        stopped += float(going[stop].sum())
        going[stop] = 0
        by_look.append(stopped)
    return by_look


def evidence_reaches(threshold: float, limit: float) -> Stops:
    return lambda n: log_e_value(np.arange(n + 1), n, limit=limit) >= log(threshold)


def exact_test_rejects(alpha: float, limit: float) -> Stops:
    return lambda n: np.asarray(binom.sf(np.arange(n + 1) - 1, n, limit) <= alpha)


def integral_above(x: float, a: float, b: float) -> float:
    """Return the log of the integral of t^(a-1) (1-t)^(b-1) over (x, 1), by quadrature."""

    peak = float(np.clip((a - 1) / (a + b - 2) if a + b > 2 else 0.5, x, 1 - 1e-12))

    def density(t: float) -> float:  # as a share of that at the peak
        gone = (t - peak) / peak, (peak - t) / (1 - peak)
        return exp((a - 1) * log1p(gone[0]) + (b - 1) * log1p(gone[1]))

    width = sqrt(a * b / (a + b + 1)) / (a + b)
    if peak == x:  # how fast it falls from there on
        width = min(width, 1 / max(1.0, abs((a - 1) / x - (b - 1) / (1 - x))))
    marks = (-30, -10, -5, -2, 0, 1, 2, 5, 10, 20, 40)
    edges = sorted({x, 1 - 1e-15, *(np.clip(peak + mark * width, x, 1 - 1e-15) for mark in marks)})
    # with its full output it does not warn where rounding is all that is left
    parts = (
        quad(density, *edge, epsrel=1e-12, epsabs=0, full_output=1)[0] for edge in pairwise(edges)
    )
    return (a - 1) * log(peak) + (b - 1) * log1p(-peak) + log(sum(parts))


def by_quadrature(errors: int, n: int, limit: float, prior: tuple[float, float]) -> float:
    a, b = prior
    mixed = integral_above(limit, a + errors, b + n - errors) - integral_above(limit, a, b)
    return mixed - errors * log(limit) - (n - errors) * log1p(-limit)


def by_whole_numbers(errors: int, n: int, limit: Fraction) -> Fraction:
    """Return the evidence under a uniform prior without any rounding."""

    def antiderivative(p: Fraction) -> Fraction:
        terms = (
            Fraction(comb(n - errors, j) * (-1) ** j, errors + j + 1) * p ** (errors + j + 1)
            for j in range(n - errors + 1)
        )
        return sum(terms, start=Fraction(0))

    mass = (antiderivative(Fraction(1)) - antiderivative(limit)) / (1 - limit)
    return mass / (limit**errors * (1 - limit) ** (n - errors))


@given(st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_evidence_is_that_of_whole_number_arithmetic(c: tuple[int, int]) -> None:
    measured = np.exp(log_e_value(*c, limit=0.25))

    assert measured == pytest.approx(float(by_whole_numbers(*c, Fraction(1, 4))), rel=1e-10)


@pytest.mark.parametrize("n", [1, 10, 1000, 100_000, 1_000_000])
@pytest.mark.parametrize("limit", [1e-6, 0.01, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("prior", [(1.0, 1.0), (2.0, 8.0)])
def test_the_evidence_agrees_with_quadrature(
    n: int, limit: float, prior: tuple[float, float]
) -> None:
    for errors in {0, n // 1000, n // 5, n // 5 + n // 100, n // 2, n}:
        measured = float(log_e_value(errors, n, limit=limit, prior=prior))

        expected = by_quadrature(errors, n, limit, prior)
        assert measured == pytest.approx(expected, rel=1e-9, abs=2e-9)


@given(limits, priors)
def test_no_label_is_no_evidence(limit: float, prior: tuple[float, float]) -> None:
    assert float(log_e_value(0, 0, limit=limit, prior=prior)) == 0


@given(counts, limits, priors)
def test_at_the_limit_the_next_label_brings_nothing_on_average(
    c: tuple[int, int], limit: float, prior: tuple[float, float]
) -> None:
    errors, n = c
    now = log_e_value(errors, n, limit=limit, prior=prior)
    then = log_e_value([errors, errors + 1], n + 1, limit=limit, prior=prior)

    mean = np.dot([1 - limit, limit], np.exp(then - now))
    assert mean == pytest.approx(1, abs=1e-9)


@given(counts, limits, priors, st.floats(0, 1))
def test_below_the_limit_the_next_label_takes_evidence_away_on_average(
    c: tuple[int, int], limit: float, prior: tuple[float, float], share: float
) -> None:
    errors, n = c
    rate = share * limit
    now = log_e_value(errors, n, limit=limit, prior=prior)
    then = log_e_value([errors, errors + 1], n + 1, limit=limit, prior=prior)

    assert np.dot([1 - rate, rate], np.exp(then - now)) <= 1 + 1e-9


@given(st.integers(1, 2000), limits, priors)
def test_more_errors_are_more_evidence(n: int, limit: float, prior: tuple[float, float]) -> None:
    evidence = log_e_value(np.arange(n + 1), n, limit=limit, prior=prior)

    assert np.all(np.diff(evidence) > 0)


@pytest.mark.parametrize("prior", [(1e-5, 1e-5), (0.5, 0.5), (1.0, 1.0), (1e6, 1e6)])
@pytest.mark.parametrize("limit", [1e-300, 1e-12, 0.2, 1 - 1e-12])
def test_the_evidence_stays_finite_in_the_far_tails(
    prior: tuple[float, float], limit: float
) -> None:
    n = np.array([[1], [1000], [10**6]])
    errors = (n * [0, 0.001, 0.2, 0.999, 1]).astype(int)

    with np.errstate(all="raise", under="ignore"):
        assert np.all(np.isfinite(log_e_value(errors, n, limit=limit, prior=prior)))


@given(counts, limits, st.data())
def test_the_evidence_of_one_count_does_not_depend_on_its_neighbours(
    c: tuple[int, int], limit: float, data: st.DataObject
) -> None:
    others = data.draw(st.lists(counts, max_size=9))
    together = log_e_value(*np.array([*others, c]).T, limit=limit)

    assert together[-1] == log_e_value(*c, limit=limit)


@given(st.lists(st.booleans(), min_size=1, max_size=200), limits)
def test_the_running_evidence_is_that_of_the_counts_so_far(
    errors: list[bool], limit: float
) -> None:
    running = running_log_e(errors, limit=limit)

    so_far = [
        float(log_e_value(sum(errors[:n]), n, limit=limit)) for n in range(1, len(errors) + 1)
    ]
    assert running.tolist() == so_far
    assert running_log_e([errors, errors], limit=limit).tolist() == [so_far, so_far]


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.5])
def test_looking_after_every_label_keeps_the_promise(limit: float, alpha: float) -> None:
    ever = chance_to_stop(limit, stops=evidence_reaches(1 / alpha, limit), looks=400)[-1]

    assert 0 < ever <= alpha


def test_a_weekly_look_for_two_years_costs_other_tests_dearly() -> None:
    """Four groups, three labels a group a week, true rate on the limit of .2."""

    def false_alarms(stops: Stops) -> float:
        one = chance_to_stop(0.2, stops=stops, looks=104, per_look=3)[-1]
        return 1 - (1 - one) ** 4

    assert false_alarms(exact_test_rejects(0.05, 0.2)) == pytest.approx(0.629, abs=0.01)
    assert false_alarms(exact_test_rejects(0.05 / 4, 0.2)) == pytest.approx(0.267, abs=0.01)
    assert false_alarms(evidence_reaches(4 / 0.05, 0.2)) == pytest.approx(0.015, abs=0.005)


def test_an_alarm_comes_as_soon_as_planned_for() -> None:
    by_label = chance_to_stop(0.35, stops=evidence_reaches(4 / 0.05, 0.2), looks=200)
    median, most = np.searchsorted(by_label, [0.5, 0.8]) + 1

    assert median == pytest.approx(80, abs=5)
    assert most == pytest.approx(142, abs=5)


@given(counts.filter(lambda c: c[1] > 0), st.sampled_from([0.001, 0.05, 0.3]), priors)
def test_the_limits_of_a_confidence_sequence_are_the_roots(
    c: tuple[int, int], alpha: float, prior: tuple[float, float]
) -> None:
    errors, n = c
    a, b = prior
    least = log(alpha) + betaln(a + errors, b + n - errors) - betaln(a, b)

    def excess(p: float) -> float:
        at_ends = (errors * log(p) if errors else 0) + ((n - errors) * log1p(-p) if p < 1 else 0)
        return float(at_ends - least)

    lower, upper = confidence_sequence(errors, n, alpha=alpha, prior=prior)
    rate, tiny = errors / n, 1e-300
    if errors:
        assert lower == pytest.approx(brentq(excess, tiny, rate, xtol=1e-14), abs=1e-9)
    if errors < n:
        outer = 1 - 2**-53
        expected = brentq(excess, max(rate, tiny), outer, xtol=1e-14) if excess(outer) < 0 else 1
        assert upper == pytest.approx(expected, abs=1e-9)


@given(counts)
def test_a_confidence_sequence_encloses_the_rate_and_treats_errors_and_hits_alike(
    c: tuple[int, int],
) -> None:
    errors, n = c
    lower, upper = confidence_sequence(errors, n, alpha=0.05)
    other_lower, other_upper = confidence_sequence(n - errors, n, alpha=0.05)

    assert 0 <= lower <= errors / max(n, 1) <= upper <= 1
    assert (other_lower, other_upper) == pytest.approx((1 - upper, 1 - lower), abs=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_a_confidence_sequence_ever_leaves_out_the_true_rate_no_more_often_than_promised(
    rate: float,
) -> None:
    def left_out(n: int) -> NDArray[np.bool_]:
        lower, upper = confidence_sequence(np.arange(n + 1), n, alpha=0.1)
        return np.asarray((lower > rate) | (upper < rate))

    assert 0 < chance_to_stop(rate, stops=left_out, looks=300)[-1] <= 0.1


@pytest.mark.parametrize(("errors", "n"), [(0, 10), (8, 10), (80, 400)])
def test_an_interval_for_any_time_is_wider_than_one_for_one_look(errors: int, n: int) -> None:
    always, once = anytime_interval(errors, n), wilson(errors, n)

    assert always.lower <= once.lower
    assert always.upper >= once.upper


def test_an_interval_without_labels_is_the_whole_range() -> None:
    nothing = anytime_interval(0, 0)

    assert not nothing.is_estimable
    assert (nothing.lower, nothing.upper) == (0, 1)


@pytest.mark.parametrize(("errors", "n"), [(-1, 10), (11, 10)])
def test_impossible_counts_are_refused(errors: int, n: int) -> None:
    with pytest.raises(ValueError, match="errors must be in"):
        log_e_value(errors, n, limit=0.2)


@pytest.mark.parametrize("limit", [0.0, 1.0, float("nan")])
def test_a_limit_that_cannot_be_exceeded_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="limit must be in"):
        log_e_value(1, 2, limit=limit)


def test_a_prior_without_mass_is_refused() -> None:
    with pytest.raises(ValueError, match="prior must be above 0"):
        log_e_value(1, 2, limit=0.2, prior=(0.0, 1.0))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_confidence_sequence_of_no_level_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must be in"):
        confidence_sequence(1, 2, alpha=alpha)
