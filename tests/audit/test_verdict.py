"""Verdicts: a planted gap is found, its absence is not, and both error rates are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from edgefair.audit.estimates import Rates, difference_limits, signed_z
from edgefair.audit.intervals import newcombe
from edgefair.audit.verdict import corrected_p_values, explored_p_values, judge
from edgefair.records import VerdictKind

HARM, OK, OPEN = VerdictKind.HARM_SHOWN, VerdictKind.SHOWN_OK, VerdictKind.NOT_ENOUGH_DATA

groups = st.lists(
    st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=2,
    max_size=8,
)


def against_rest(hits: NDArray[np.int64], n: NDArray[np.int64]) -> tuple[Rates, Rates]:
    return Rates(hits, n), Rates(hits.sum() - hits, n.sum() - n)


def verdicts(
    counts: list[tuple[int, int]], *, margin: float = 0.1, alpha: float = 0.05
) -> tuple[VerdictKind, ...]:
    hits, n = np.array(counts).T
    return judge(*against_rest(hits, n), margin=margin, alpha=alpha).kind


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([(41, 90), (11, 95)], (HARM, OK)),
        ([(10, 90), (11, 95)], (OK, OK)),
        ([(3, 9), (11, 95)], (OPEN, OK)),
        ([(0, 0), (11, 95)], (OPEN, OPEN)),
        ([(0, 0), (0, 0)], (OPEN, OPEN)),
    ],
    ids=["missed", "alike", "few", "none in one", "none at all"],
)
def test_two_groups(counts: list[tuple[int, int]], expected: tuple[VerdictKind, ...]) -> None:
    assert verdicts(counts) == expected


def share_of_runs(
    rates: list[float], n: list[int], kind: VerdictKind, *, among: list[int], runs: int = 400
) -> float:
    """Return how often any of some groups gets a verdict, with these true error rates."""
    rng = np.random.default_rng(7)
    hits = rng.binomial(n, rates, size=(runs, len(n)))
    size = np.array(n)
    reached = [
        any(judge(*against_rest(row, size), margin=0.1, alpha=0.05).kind[i] is kind for i in among)
        for row in hits
    ]
    return float(np.mean(reached))


def test_the_demos_gap_is_found_in_nearly_every_clinic() -> None:
    # of the ill women half are missed, of the men 12 in 100, and six more groups are looked at
    assert share_of_runs([0.5, 0.12], [70, 70], HARM, among=[0]) > 0.95


def test_harm_exactly_at_the_margin_is_seldom_called() -> None:
    # every group at most 10 points above all others: the first exactly, as they all have .15
    assert share_of_runs([0.25, 0.15, 0.15], [80, 300, 300], HARM, among=[0, 1, 2]) < 0.075


def test_no_harm_at_all_is_hardly_ever_called() -> None:
    assert share_of_runs([0.15] * 6, [60] * 6, HARM, among=list(range(6)), runs=150) < 0.02


def test_a_group_exactly_at_the_margin_is_seldom_called_ok() -> None:
    assert share_of_runs([0.25, 0.15, 0.15], [80, 300, 300], OK, among=[0]) < 0.075


@given(groups)
def test_limits_never_contradict_the_verdict(counts: list[tuple[int, int]]) -> None:
    hits, n = np.array(counts).T
    value, rest = against_rest(hits, n)
    judgement = judge(value, rest, margin=0.1, alpha=0.05)

    for kind, lower, upper, needed in zip(
        judgement.kind, judgement.lower, judgement.upper, judgement.needed, strict=True
    ):
        assert (kind is HARM) == (lower >= 0.1)
        assert (kind is OK) == (upper <= 0.1)
        assert kind is OPEN or np.isnan(needed)
        assert np.isnan(needed) or needed >= 1


@given(groups, st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_a_larger_margin_never_makes_harm_of_what_was_none(
    counts: list[tuple[int, int]], margin: float, more: float
) -> None:
    strict, lenient = (verdicts(counts, margin=m) for m in (margin, margin + more))

    assert all(a is HARM or b is not HARM for a, b in zip(strict, lenient, strict=True))
    assert all(a is not OK or b is OK for a, b in zip(strict, lenient, strict=True))


@given(groups)
def test_the_test_and_the_interval_agree(counts: list[tuple[int, int]]) -> None:
    hits, n = np.array(counts).T
    value, rest = against_rest(hits, n)
    z = signed_z(value, rest, 0.1)
    lower, upper = difference_limits(value, rest, 1.645)

    estimable = np.isfinite(z)
    assert np.array_equal((z > 1.645)[estimable], (lower > 0.1)[estimable])
    assert np.array_equal((z < -1.645)[estimable], (upper < 0.1)[estimable])
    assert np.array_equal(estimable, (value.n > 0) & (rest.n > 0))


def test_two_groups_keep_their_ordinary_interval() -> None:
    value, rest = against_rest(np.array([41, 11]), np.array([90, 95]))
    judgement = judge(value, rest, margin=0.1, alpha=0.05)
    ci = newcombe(41, 90, 11, 95, level=0.95)

    assert judgement.lower[0] == pytest.approx(ci.lower)
    assert judgement.upper[0] == pytest.approx(ci.upper)


def test_p_values_are_near_those_of_the_score_test() -> None:
    # Newcombe (1998), table II (a): 56/70 against 48/80, chi-squared 7.01
    p = corrected_p_values(*against_rest(np.array([56, 48]), np.array([70, 80])))

    assert p[0] == pytest.approx(2 * 0.0081, abs=0.004)  # doubled by Holm: two comparisons


def test_the_labels_needed_do_bring_a_verdict() -> None:
    hits, n = np.array([3, 60]), np.array([20, 400])
    needed = int(judge(*against_rest(hits, n), margin=0.1, alpha=0.05).needed[0])
    share = share_of_runs([0.15, 0.15], [20 + needed, 20 * (20 + needed)], OK, among=[0], runs=600)

    assert 50 < needed < 400
    assert share > 0.75


def test_what_is_shown_and_not_judged_is_corrected_for_false_discoveries() -> None:
    hits, n = np.array([3, 18, 30, 22]), np.array([40, 60, 80, 41])
    value, rest = against_rest(hits, n)
    alone = [
        corrected_p_values(Rates(value.hits[i : i + 1], n[i : i + 1]), one)[0]
        for i in range(4)
        for one in (Rates(rest.hits[i : i + 1], rest.n[i : i + 1]),)
    ]

    assert explored_p_values(value, rest) == pytest.approx(false_discovery_control(alone))
    assert (explored_p_values(value, rest) <= corrected_p_values(value, rest)).all()
