"""Exact tests of two rates: scipy as oracle, and the laws they are named exact for."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, boschloo_exact, fisher_exact

from edgefair.audit import audit
from edgefair.audit.exact import EXACT_UP_TO, boschloo, exact_p_values, fisher
from edgefair.audit.multiplicity import holm

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


def test_a_small_pair_is_tested_by_boschloo_and_a_larger_one_by_fisher() -> None:
    small, larger = (4, 8, 3, 40), (40, 80, 30, 400)
    found = exact_p_values(*np.array([small, larger]).T)

    assert found[0] == boschloo(*small)
    assert found[1] == pytest.approx(fisher(*larger))


def test_where_both_sides_are_large_no_exact_test_is_made() -> None:
    enough = EXACT_UP_TO + 1
    found = exact_p_values([5, 5], [enough, EXACT_UP_TO], [9, 9], [enough, enough])

    assert np.isnan(found).tolist() == [True, False]


def test_the_audit_gives_each_judged_group_its_exact_p_value_corrected_by_holm() -> None:
    rng = np.random.default_rng(4)
    y_true, wing = rng.random(300) < 0.4, rng.choice(list("ABCD"), 300, p=[0.6, 0.3, 0.07, 0.03])
    flagged = rng.random(300) < np.where(y_true, 0.8 - 0.4 * (wing == "B"), 0.2)
    features = {"wing": wing}
    found = audit(y_true=y_true, y_pred=flagged, sensitive_features=features)

    cells = [c for c in found.by_group if c.metric == "false_negative_rate"]
    tables = []
    for cell in cells:
        inside = wing == cell.group.attributes[0].value
        ill, others = y_true & inside, y_true & ~inside
        tables.append([[(who & flagged).sum(), (who & ~flagged).sum()] for who in (ill, others)])
    wanted = [
        boschloo(int(t[0][1]), int(sum(t[0])), int(t[1][1]), int(sum(t[1])))
        if sum(t[0]) * sum(t[1]) <= 1000
        else fisher_exact(t).pvalue
        for t in tables
    ]
    assert [c.exact_p_value for c in cells] == pytest.approx(holm(wanted).tolist(), rel=1e-6)
    assert [c.exact_p_value for c in found.by_group if c.metric == "ppv"] == [None] * 4
    several = audit(
        y_true=y_true, y_pred=flagged, sensitive_features=features, patients=np.arange(300) // 2
    )
    assert {c.exact_p_value for c in several.by_group} == {None}
