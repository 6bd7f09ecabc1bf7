"""The gap between groups: what chance alone shows, and that the test keeps its error rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefair.audit.disparity import gap_between
from edgefair.audit.estimates import Rates


def rates(hits: list[int], n: list[int]) -> Rates:
    return Rates(np.array(hits), np.array(n))


@pytest.mark.parametrize(
    ("groups", "positives", "gap"),
    [(2, 20, 0.09), (4, 20, 0.162), (6, 20, 0.199), (6, 50, 0.127), (4, 100, 0.073)],
)
def test_chance_alone_shows_a_gap_that_grows_with_groups_and_shrinks_with_cases(
    groups: int, positives: int, gap: float
) -> None:
    # sensitivity .85 for all: the published expectation of largest less smallest
    rng = np.random.default_rng(1)
    hits = rng.binomial(positives, 0.85, size=(150, groups))
    by_chance = [
        gap_between(rates(row, [positives] * groups), seed=0, permutations=199).by_chance
        for row in hits.tolist()
    ]

    assert np.ptp(hits / positives, axis=1).mean() == pytest.approx(gap, abs=0.012)
    assert np.mean(by_chance) == pytest.approx(gap, abs=0.025)


def test_no_disparity_is_seldom_called_one() -> None:
    rng = np.random.default_rng(2)
    n = [20, 35, 50, 80]
    p_values = np.array(
        [
            gap_between(
                rates(rng.binomial(n, 0.85).tolist(), n), seed=seed, permutations=199
            ).p_value
            for seed in range(600)
        ]
    )

    assert 0.01 < np.mean(p_values <= 0.05) < 0.07


def test_a_large_disparity_is_found() -> None:
    gap = gap_between(rates([4, 40, 42], [80, 80, 80]), seed=0)

    assert gap.observed == pytest.approx(38 / 80)
    assert gap.by_chance < 0.15
    assert gap.p_value < 0.002


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))),
    st.integers(0, 10),
)
def test_a_p_value_is_a_chance_and_the_seed_fixes_it(
    groups: list[tuple[int, int]], seed: int
) -> None:
    asked = rates([hits for hits, _ in groups], [n for _, n in groups])
    gap, again = (gap_between(asked, seed=seed, permutations=99) for _ in range(2))

    if sum(n > 0 for _, n in groups) < 2:
        assert np.isnan([gap.observed, gap.by_chance, gap.p_value]).all()
    else:
        assert gap == again
        assert 1 / 100 <= gap.p_value <= 1
        assert 0 <= gap.by_chance <= 1


def test_permuting_cases_one_by_one_gives_the_same_answer() -> None:
    hits, n = np.array([9, 14, 25]), np.array([30, 30, 40])
    codes, missed = np.repeat([0, 1, 2], n), np.zeros(100)
    for group, count in enumerate(hits):
        missed[np.flatnonzero(codes == group)[:count]] = 1
    error = np.sqrt(1 / n - 1 / 100)

    def deviation(outcomes: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return float(np.max(np.abs(np.bincount(codes, outcomes) / n - outcomes.mean()) / error))

    rng = np.random.default_rng(5)
    shuffled = [deviation(rng.permutation(missed)) for _ in range(4000)]
    p_value = np.mean(np.array(shuffled) >= deviation(missed) - 1e-9)

    assert gap_between(Rates(hits, n), seed=1).p_value == pytest.approx(p_value, abs=0.03)
