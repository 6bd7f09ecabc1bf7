"""What tasks are measured by: against scipy and sklearn, in their laws, and for tiny groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from edgefair.audit.estimates import Estimates
from edgefair.audit.tasks.agreement import Kappas, Lack, MeanRecalls
from edgefair.audit.tasks.means import Means, Quantiles, student_quantile

Z = 1.959963984540054


def test_the_quantile_is_students() -> None:
    df = np.array([1.0, 4.0, 30.0])

    assert student_quantile(Z, df).tolist() == pytest.approx(stats.t(df).ppf(0.975).tolist())


def test_without_skewness_the_limits_of_a_mean_are_students() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    lower, upper = Means.of(values).limits(Z)
    expected = stats.ttest_1samp(values, 0).confidence_interval()

    assert (lower[0], upper[0]) == pytest.approx((expected.low, expected.high))


def test_skewness_moves_both_limits_to_its_side() -> None:
    values = np.array([1.0, 1.2, 1.1, 1.4, 1.3, 6.0])
    lower, upper = Means.of(values).limits(Z)
    plain = stats.ttest_1samp(values, 0).confidence_interval()

    assert lower[0] > plain.low
    assert upper[0] > plain.high


@pytest.mark.parametrize("values", [[], [3.0], [2.0, 2.0, 2.0], [0.1 + 0.2, 0.3]])
def test_too_few_or_equal_values_have_no_estimate(values: list[float]) -> None:
    found = Means.of(np.array(values))

    assert np.isnan([found.estimate[0], *(limit[0] for limit in found.limits(Z))]).all()
    assert found.n[0] == len(values)


@pytest.mark.parametrize(("values", "below"), [([1.0] * 10, 0.75), ([0.9] * 3, 0.2)])
def test_of_overlaps_that_are_all_alike_one_failure_more_is_allowed_for(
    values: list[float], below: float
) -> None:
    found = Means.of(np.array(values), lowest=0.0, highest=1.0, worst=0.0)
    lower, upper = found.limits(Z)

    assert lower[0] < below
    assert found.estimate[0] == pytest.approx(values[0])
    assert upper[0] >= found.estimate[0]


def test_outlines_that_all_failed_do_not_show_that_all_will() -> None:
    found = Means.of(np.zeros(3), lowest=0.0, highest=1.0, worst=0.0)
    lower, upper = found.limits(Z)

    assert (lower[0], found.estimate[0]) == (0, 0)
    assert upper[0] > 0.8


def test_the_limits_of_a_median_are_the_order_statistics_of_the_sign_test() -> None:
    values = np.arange(1.0, 13.0)
    lower, upper = Quantiles.of(values, share=0.5, highest=99.0).limits(Z)

    # of twelve, the third and the tenth: 2 P(at most 2 of 12 heads) = .0386 (Conover, table A3)
    assert (lower[0], upper[0]) == (3, 10)


def test_a_quantile_that_few_cases_cannot_bound_reaches_to_the_end_of_the_range() -> None:
    lower, upper = Quantiles.of(np.array([0.4, 0.6, 0.8]), share=0.1).limits(Z)

    assert lower[0] == 0
    assert upper[0] == 0.8


grades = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=60)


@settings(max_examples=40)
@given(grades)
def test_kappa_is_that_of_sklearn_within_its_limits(rows: list[tuple[int, int]]) -> None:
    a, b = (np.array(column) for column in zip(*rows, strict=True))
    found = Kappas.of(a, b, span=4)
    if np.isnan(found.kappa[0]):
        return
    lower, upper = found.limits(Z)

    assert found.kappa[0] == pytest.approx(
        cohen_kappa_score(a, b, weights="quadratic", labels=range(5))
    )
    assert -1 <= lower[0] <= found.kappa[0] <= upper[0] <= 1


def test_the_jackknife_is_the_one_that_leaves_out_each_case_in_turn() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 5, 30)
    b = np.clip(a + rng.integers(-1, 2, 30), 0, 4)
    without = [
        cohen_kappa_score(np.delete(a, i), np.delete(b, i), weights="quadratic") for i in range(30)
    ]
    error = np.sqrt(29 / 30 * np.sum((without - np.mean(without)) ** 2))

    assert Kappas.of(a, b, span=4).error[0] == pytest.approx(error)


def test_grades_that_agree_throughout_are_not_taken_for_certain() -> None:
    a = np.array([0, 1, 2, 3] * 5)
    lower, upper = Kappas.of(a, a, span=3).limits(Z)

    assert upper[0] == 1
    assert -1 < lower[0] < 0.5


@pytest.mark.parametrize("pairs", [[], [(1, 1)], [(2, 2)] * 9, [(0, 0), (0, 0), (0, 1)]])
def test_grades_too_alike_have_no_kappa(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    found = Kappas.of(a, b, span=4)

    assert np.isnan(found.estimate[0])
    assert np.isnan(found.limits(Z)[0][0])


def test_mean_recall_is_the_balanced_accuracy_of_sklearn() -> None:
    rng = np.random.default_rng(2)
    truth, said = rng.integers(0, 4, 100), rng.integers(0, 4, 100)
    hits = np.array([[np.sum((truth == c) & (said == c)) for c in range(4)]])
    found = MeanRecalls(hits, np.bincount(truth)[np.newaxis])
    lower, upper = found.limits(Z)

    assert found.estimate[0] == pytest.approx(balanced_accuracy_score(truth, said))
    assert lower[0] < found.estimate[0] < upper[0]


def test_mean_recall_of_a_group_that_lacks_a_class_is_not_compared() -> None:
    assert np.isnan(MeanRecalls(np.array([[3, 0]]), np.array([[4, 0]])).estimate[0])


def estimates() -> list[Estimates]:
    rng = np.random.default_rng(3)
    dice = rng.beta(9, 1, 40)
    a = rng.integers(0, 5, 40)
    return [
        Means.of(rng.exponential(size=40), lowest=0.0),
        Means.of(dice, lowest=0.0, highest=1.0, worst=0.0),
        Lack(Means.of(dice, lowest=0.0, highest=1.0, worst=0.0)),
        Quantiles.of(dice, share=0.1),
        Kappas.of(a, np.clip(a + rng.integers(-1, 2, 40), 0, 4), span=4),
        MeanRecalls(np.array([[9, 4]]), np.array([[10, 6]])),
    ]


@pytest.mark.parametrize("index", range(6))
def test_limits_widen_with_the_level_and_joining_changes_none(index: int) -> None:
    one = estimates()[index]
    both = one.joined([one, one])
    widths = [np.ptp(one.limits(z), axis=0)[0] for z in (0.5, 1.0, Z, 3.0)]

    assert (np.diff(widths) >= 0).all()
    assert both.n.tolist() == one.n.tolist() * 2
    for z in (Z, np.array([Z, Z])):
        lower, upper = both.limits(z)
        assert lower.tolist() == one.limits(Z)[0].tolist() * 2
        assert upper.tolist() == one.limits(Z)[1].tolist() * 2
