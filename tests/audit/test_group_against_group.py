"""Group against group: exact expectations under equality, an oracle step by step, laws."""

from itertools import pairwise, product
from math import log, prod
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edgefair.audit.group_against_group import (
    ComparisonRule,
    ComparisonState,
    Question,
    block_log_e,
    compared,
)

RULE = ComparisonRule(question="first worse", alpha=0.05, comparisons=2)

sizes = st.tuples(st.integers(0, 4), st.integers(0, 4))
blocks = st.lists(
    sizes.flatmap(
        lambda n: st.tuples(
            st.tuples(st.integers(0, n[0]), st.integers(0, n[1])), st.just(n)
        )
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip
histories = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)).map(
    lambda c: ([c[0], c[1], c[2]], [c[0] + c[1], c[1] + c[2], c[2] + c[0]])
)
# scipy's own distribution overflows closer to its ends
rates = st.sampled_from([0.0, 1.0]) | st.floats(1e-6, 1 - 1e-6)


def expected_factor(
    question: Question, n: list[int], truth: list[float], before: tuple[list[int], list[int]]
) -> float:
    """Return the exact mean of the factor of one block over all its outcomes."""
    outcomes = list(product(*(range(one + 1) for one in n)))
    chances = [
        prod(binom.pmf(s, one, rate) for s, one, rate in zip(some, n, truth, strict=True))
        for some in outcomes
    ]
    factors = [
        np.exp(block_log_e([some], [n], question=question, before=before)[0]) for some in outcomes
    ]
    return float(np.dot(chances, factors))


@given(st.tuples(*[st.integers(0, 3)] * 3), rates, histories)
def test_equal_rates_gain_nothing_on_average(
    n: tuple[int, int, int], rate: float, before: tuple[list[int], list[int]]
) -> None:
    assert expected_factor("unequal", list(n), [rate] * 3, before) <= 1 + 1e-12


@given(sizes, rates, rates, histories)
def test_a_first_group_that_is_not_worse_gains_nothing_on_average(
    n: tuple[int, int], rate: float, other: float, before: tuple[list[int], list[int]]
) -> None:
    truth = sorted((rate, other))
    errors, labels = before

    assert expected_factor("first worse", list(n), truth, (errors[:2], labels[:2])) <= 1 + 1e-12


def test_a_first_group_that_is_worse_gains() -> None:
    assert expected_factor("first worse", [3, 3], [0.5, 0.1], ([50, 10], [100, 100])) > 1.5


@given(blocks, st.sampled_from(get_args(Question)))
def test_the_evidence_is_that_of_one_block_after_the_other(
    some: list[tuple[tuple[int, int], tuple[int, int]]], question: Question
) -> None:
    errors, n = np.array(some).swapaxes(0, 1)
    measured = block_log_e(errors, n, question=question)

    learnt = np.full((2, 2), 0.18)
    expected = []
    for s, labels in zip(errors, n, strict=True):
        rate = learnt[0] / learnt.sum(axis=0)
        own = rate**s * (1 - rate) ** (labels - s)
        shared = np.dot(labels, rate) / max(labels.sum(), 1)
        pooled = shared ** s.sum() * (1 - shared) ** (labels - s).sum()
        counts = labels.min() > 0 and (question == "unequal" or rate[0] > rate[1])
        expected.append(log(own.prod() / pooled) if counts else 0.0)
        learnt += [s, labels - s]
    assert measured == pytest.approx(expected, abs=1e-9)


@given(blocks, st.lists(st.integers(0, 30), max_size=5), st.sampled_from(get_args(Question)))
def test_blocks_give_the_same_bits_however_they_come(
    some: list[tuple[tuple[int, int], tuple[int, int]]], at: list[int], question: Question
) -> None:
    errors, n = np.array(some).swapaxes(0, 1)
    rule = ComparisonRule(question=question, alpha=0.5, comparisons=1)
    state = ComparisonState()
    for begin, end in pairwise([0, *sorted(min(cut, len(n)) for cut in at), len(n)]):
        state = compared(state, errors[begin:end], n[begin:end], rule)

    assert state == compared(ComparisonState(), errors, n, rule)


def test_the_order_of_groups_does_not_matter_to_whether_they_differ() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(0, 5, (50, 3))
    errors = rng.binomial(n, [0.1, 0.2, 0.4])

    there = block_log_e(errors, n, question="unequal")
    back = block_log_e(errors[:, ::-1], n[:, ::-1], question="unequal")
    assert there == pytest.approx(back)


def test_many_sites_at_once_are_those_of_each() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(0, 5, (3, 20, 2))
    errors = rng.binomial(n, 0.3)
    before = (np.array([[1, 2], [3, 4], [0, 0]]), np.array([[5, 5], [6, 6], [0, 1]]))
    together = block_log_e(errors, n, question="unequal", before=before)

    for site in range(3):
        alone = block_log_e(
            errors[site], n[site], question="unequal", before=(before[0][site], before[1][site])
        )
        assert together[site] == pytest.approx(alone)


def test_drift_that_is_common_to_both_groups_is_no_evidence() -> None:
    """Rates rise from .1 to .6 in both groups at 300 sites, and the mix drifts with them."""
    rng = np.random.default_rng(1)
    drift = np.linspace(0.1, 0.6, 100)[:, np.newaxis]
    n = np.stack([np.repeat([1, 8], 50), np.repeat([8, 1], 50)], axis=-1)
    errors = rng.binomial(n, drift, (300, 100, 2))

    evidence = np.cumsum(
        block_log_e(errors, np.broadcast_to(n, errors.shape), question="unequal"), axis=-1
    )
    alarms = np.mean(evidence.max(axis=-1) >= log(1 / 0.05))
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_an_alarm_once_raised_stays() -> None:
    worse = compared(ComparisonState(), [[2, 0]] * 20, [[3, 3]] * 20, RULE)
    later = compared(worse, [[0, 3]] * 60, [[3, 3]] * 60, RULE)

    assert worse.alarm_at is not None
    assert later.alarm_at == worse.alarm_at
    assert later.log_e < worse.log_e <= later.max_log_e


def test_impossible_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="errors must be in"):
        block_log_e([[4, 0]], [[3, 3]], question="unequal")
    with pytest.raises(ValueError, match="one group is compared"):
        block_log_e([[1, 0, 0]], [[3, 3, 3]], question="first worse")
    with pytest.raises(ValueError, match="must both be"):
        block_log_e([1, 0], [3, 3], question="unequal")
    with pytest.raises(ValueError, match="two axes"):
        compared(ComparisonState(), [[[1, 0]]], [[[3, 3]]], RULE)
    with pytest.raises(ValueError, match="alpha must be in"):
        ComparisonRule(question="unequal", alpha=2, comparisons=1)
