"""Paired areas under the curve: a naive oracle, the audit's own areas, laws."""

from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.auroc import aurocs
from edgefair.audit.paired_auroc import paired_aurocs
from edgefair.audit.placements import RankedScores

Case = tuple[bool, int, int]
cases = st.lists(
    st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40
)


def columns(rows: list[Case]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    truth, before, after = zip(*rows, strict=True)
    return np.array(truth), np.array(before), np.array(after)


def naive(
    truth: NDArray[np.bool_], before: NDArray[np.int64], after: NDArray[np.int64]
) -> tuple[float, float]:
    """Return DeLong's difference and its variance, pair by pair as in the article."""
    kernels = []
    for scores in (before, after):
        x, y = scores[truth][:, None], scores[~truth][None, :]
        kernels.append((x > y) + 0.5 * (x == y))
    apart = kernels[0] - kernels[1]
    by_positive, by_negative = apart.mean(axis=1), apart.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(by_positive)
    variance += by_negative.var(ddof=1) / len(by_negative)
    return float(apart.mean()), float(variance)


@given(cases.filter(lambda rows: 2 <= sum(r[0] for r in rows) <= len(rows) - 2))
def test_paired_delong_agrees_with_the_naive_form(rows: list[Case]) -> None:
    truth, before, after = columns(rows)
    found = paired_aurocs(truth, before, after, np.zeros(len(rows), dtype=int), 1)

    loss, variance = naive(truth, before, after)
    assert found.loss[0] == pytest.approx(loss)
    assert found.variance[0] == pytest.approx(variance, abs=1e-12)
    if variance > 1e-9:
        assert found.p_values[0] == pytest.approx(erfc(abs(loss) / sqrt(2 * variance)))


@given(cases, st.integers(1, 3))
def test_each_area_is_the_audits_own(rows: list[Case], groups: int) -> None:
    truth, before, after = columns(rows)
    codes = np.arange(len(rows)) % groups
    found = paired_aurocs(truth, before, after, codes, groups)

    own, _ = RankedScores.of(truth, before).moments(codes, groups)
    assert found.before.estimate == pytest.approx(aurocs(own).estimate, nan_ok=True)
    assert found.before.variance == pytest.approx(aurocs(own).variance, nan_ok=True, abs=1e-12)
    assert found.after.n.sum() == len(rows)


@given(cases)
def test_swapping_the_models_turns_the_loss_around(rows: list[Case]) -> None:
    truth, before, after = columns(rows)
    codes = np.zeros(len(rows), dtype=int)
    one = paired_aurocs(truth, before, after, codes, 1)
    swapped = paired_aurocs(truth, after, before, codes, 1)

    (lower, upper), (other_lower, other_upper) = one.limits(1.96), swapped.limits(1.96)
    assert one.loss == pytest.approx(-swapped.loss, nan_ok=True)
    assert one.p_values == pytest.approx(swapped.p_values, nan_ok=True)
    assert lower == pytest.approx(-other_upper)
    assert upper == pytest.approx(-other_lower)


def test_few_cases_without_any_change_are_no_proof_of_none() -> None:
    truth, scores = [0, 0, 1, 1, 1], [1, 4, 2, 3, 5]
    found = paired_aurocs(truth, scores, scores, [0] * 5, 1)
    lower, upper = found.limits(1.96)

    assert found.loss[0] == 0
    assert found.p_values[0] == 1
    assert lower[0] < 0 < upper[0]


def test_a_class_that_is_missing_leaves_the_whole_range() -> None:
    found = paired_aurocs([1, 1], [1, 2], [2, 1], [0, 0], 2)

    assert np.isnan(found.loss).all()
    assert np.isnan(found.p_values).all()
    assert [limit.tolist() for limit in found.limits(1.96)] == [[-1, -1], [1, 1]]


def test_correlated_models_are_told_apart_that_independent_ones_would_not_be() -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(400) % 2 == 1
    before = truth + rng.normal(0, 1, 400)
    after = before + rng.normal(0, 0.3, 400) - 0.3 * truth
    found = paired_aurocs(truth, before, after, np.zeros(400, dtype=int), 1)

    apart = found.before.variance + found.after.variance
    assert found.variance[0] < apart[0] / 3
    assert found.p_values[0] < 0.001
    assert found.limits(1.96)[0][0] > 0
