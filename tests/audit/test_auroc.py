"""AUROC: scikit-learn and a plain DeLong as oracles, coverage where data are few, laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from edgefair.audit.auroc import auroc, aurocs, method5_limits
from edgefair.audit.estimates import difference_limits
from edgefair.audit.placements import RankedScores

Z = 1.959963984540054

tied_cases = st.lists(
    st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=60
)


def plain_delong(y: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return area and variance by the definition: every positive against every negative."""
    positives, negatives = scores[y][:, None], scores[~y][None, :]
    wins = (positives > negatives) + 0.5 * (positives == negatives)
    of_positives, of_negatives = wins.mean(1), wins.mean(0)
    variance = of_positives.var(ddof=1) / len(positives) + of_negatives.var(ddof=1) / y[~y].size
    return float(wins.mean()), float(variance)


@given(tied_cases)
def test_every_group_and_all_others_agree_with_the_definition(
    cases: list[tuple[bool, int, int]],
) -> None:
    y, scores, codes = (np.array(column) for column in zip(*cases, strict=True))
    y, scores = y.astype(bool), scores.astype(float)
    inside, outside = (aurocs(moments) for moments in RankedScores.of(y, scores).moments(codes, 4))

    for group in range(4):
        for found, rows in ((inside, codes == group), (outside, codes != group)):
            positives, negatives = y[rows].sum(), (~y[rows]).sum()
            assert (found.positives[group], found.negatives[group]) == (positives, negatives)
            if min(positives, negatives) == 0:
                assert np.isnan(found.estimate[group])
            elif min(positives, negatives) > 1:
                area, variance = plain_delong(y[rows], scores[rows])
                assert found.estimate[group] == pytest.approx(area)
                assert found.variance[group] == pytest.approx(variance, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_the_area_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append(rng.random(98) < 0.3, [True, False])
    scores = np.round(rng.normal(y), 1)

    assert auroc(y, scores).estimate == pytest.approx(roc_auc_score(y, scores))


@given(st.integers(0, 2**32 - 1), st.integers(2, 300))
def test_limits_enclose_the_area(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append(rng.random(n) < 0.4, [True, False])
    ci = auroc(y, np.round(rng.normal(2 * y), 1))

    assert 0 <= ci.lower <= ci.estimate <= ci.upper <= 1


@given(tied_cases)
def test_scores_turned_around_mirror_the_interval(cases: list[tuple[bool, int, int]]) -> None:
    y = np.array([*(case[0] for case in cases), True, False])
    scores = np.array([*(case[1] for case in cases), 1, 2], dtype=float)
    there, back = auroc(y, scores), auroc(y, -scores)

    assert there.estimate == pytest.approx(1 - back.estimate)
    assert there.lower == pytest.approx(1 - back.upper, abs=1e-9)


def test_method_5_solves_its_equation() -> None:
    m, n = np.array([5, 12]), np.array([50, 7])
    area = np.array([0.955, 0.6])
    for limit in method5_limits(area, m, n, Z):
        within = (1 - limit) / (2 - limit) + limit / (1 + limit)
        variance = limit * (1 - limit) / (m * n) * (1 + ((m + n) / 2 - 1) * within)

        assert np.abs(area - limit) == pytest.approx(Z * np.sqrt(variance), abs=1e-9)


def test_a_perfect_order_of_few_cases_promises_little() -> None:
    ci = auroc([0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9])

    assert (ci.estimate, ci.upper) == (1.0, 1.0)
    assert ci.lower < 0.5


def test_a_perfect_order_of_many_cases_still_has_a_width() -> None:
    ci = auroc(np.arange(200) >= 100, np.arange(200))

    assert ci.estimate == 1.0
    assert 0.9 < ci.lower < 1.0


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1], []], ids=["negatives", "positives", "nobody"])
def test_one_class_only_is_not_estimable(y: list[int]) -> None:
    ci = auroc(y, [0.5] * len(y))

    assert not ci.is_estimable
    assert (ci.lower, ci.upper, ci.n) == (0.0, 1.0, len(y))


def test_coverage_with_five_positives_is_near_nominal() -> None:
    # area .955: normal scores apart by sqrt(2) times the normal quantile of it
    rng = np.random.default_rng(20)
    runs, m, n = 4000, 5, 50
    positives, negatives = rng.normal(2.3977, size=(runs, m, 1)), rng.normal(size=(runs, 1, n))
    areas = (positives > negatives).mean(axis=(1, 2))
    lower, upper = method5_limits(areas, np.full(runs, m), np.full(runs, n), Z)

    assert areas.mean() == pytest.approx(0.955, abs=0.003)
    assert 0.945 < np.mean((lower <= 0.955) & (upper >= 0.955)) < 0.975


def test_the_difference_of_two_groups_covers_none() -> None:
    rng = np.random.default_rng(3)
    runs = 400
    held = 0
    for _ in range(runs):
        y = rng.random(240) < 0.4
        ranked = RankedScores.of(y, rng.normal(1.2 * y))
        inside, outside = map(aurocs, ranked.moments(np.arange(240) % 2, 2))
        lower, upper = difference_limits(inside, outside, Z)
        held += bool(lower[0] <= 0 <= upper[0])

    assert 0.92 < held / runs < 0.98
