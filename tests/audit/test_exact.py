"""Exact tests of two rates: scipy as oracle, and the laws they are named exact for."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, boschloo_exact, fisher_exact

from edgefair.audit.exact import boschloo, fisher

Side = Literal["two-sided", "less", "greater"]
SIDES: tuple[Side, ...] = ("two-sided", "less", "greater")

sides = st.sampled_from(SIDES)
counts = st.integers(0, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def table(a: tuple[int, int], b: tuple[int, int]) -> list[list[int]]:
    return [[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]


@given(counts, counts, sides)
def test_fisher_agrees_with_scipy(a: tuple[int, int], b: tuple[int, int], side: Side) -> None:
    found = fisher(*a, *b, alternative=side)

    assert found == pytest.approx(
        fisher_exact(table(a, b), alternative=side).pvalue, rel=1e-9, abs=1e-12
    )


def test_fisher_takes_many_tables_at_once() -> None:
    rng = np.random.default_rng(0)
    n, other_n = rng.integers(1, 400, 50), rng.integers(1, 2000, 50)
    hits, other_hits = rng.binomial(n, 0.2), rng.binomial(other_n, 0.25)

    alone = [
        fisher_exact(table((x, m), (y, k))).pvalue
        for x, m, y, k in zip(hits, n, other_hits, other_n, strict=True)
    ]
    assert fisher(hits, n, other_hits, other_n) == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((8, 10), (1, 6)),
        ((2, 15), (11, 20)),
        ((7, 12), (8, 8)),
        ((0, 5), (4, 9)),
        ((30, 40), (9, 25)),
    ],
)
def test_boschloo_agrees_with_scipy(a: tuple[int, int], b: tuple[int, int], side: Side) -> None:
    # scipy takes the rates by columns
    theirs = boschloo_exact(np.array(table(a, b)).T, alternative=side, n=128)

    assert boschloo(*a, *b, alternative=side) == pytest.approx(theirs.pvalue, abs=1e-9)


@settings(max_examples=30)
@given(counts, counts, st.sampled_from(["less", "greater"]))
def test_boschloo_is_never_above_fisher(
    a: tuple[int, int], b: tuple[int, int], side: Literal["less", "greater"]
) -> None:
    assert boschloo(*a, *b, alternative=side) <= fisher(*a, *b, alternative=side) + 1e-9


@pytest.mark.parametrize("shared", [0.1, 0.5, 0.83])
def test_boschloo_rejects_equal_rates_no_more_often_than_it_says(shared: float) -> None:
    n, other_n = 9, 14
    hits, other_hits = range(n + 1), range(other_n + 1)

    rejected = sum(
        binom.pmf(x, n, shared) * binom.pmf(y, other_n, shared)
        for x in hits
        for y in other_hits
        if boschloo(x, n, y, other_n) <= 0.05
    )
    assert rejected <= 0.05


def test_nothing_to_compare_is_no_evidence() -> None:
    assert fisher([0, 3], [0, 5], [2, 0], [4, 0]).tolist() == [1, 1]
    assert boschloo(0, 0, 2, 4) == 1
