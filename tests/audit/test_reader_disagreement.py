"""Readers who differ: oracles for kappa and AC1, and bounds found by trying every wrong label."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from edgefair.audit.intervals import wilson, wilson_limits
from edgefair.audit.rates import DECISION_RATES, Counts
from edgefair.audit.reader_disagreement import (
    DisputedRates,
    LabelErrors,
    agreement,
    label_error,
)
from edgefair.errors import NotEnoughData

Z = 1.959963984540054
# half of the chance of error for the rate, half for the share of wrong labels
Z_OF_HALF = 2.241402727604947


def pairs(both: int, first: int, second: int, neither: int) -> list[tuple[int, int]]:
    return [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither


def disputed(
    metric: str,
    tp: int,
    fn: int,
    tn: int,
    fp: int,
    *,
    read_twice: tuple[int, int] = (4, 200),
    assumed: LabelErrors = LabelErrors.ANYWHERE,
) -> DisputedRates:
    return DisputedRates(
        counts=Counts(
            true_positives=np.array([tp]),
            false_negatives=np.array([fn]),
            true_negatives=np.array([tn]),
            false_positives=np.array([fp]),
        ),
        metric=metric,
        disagreements=np.array([read_twice[0]]),
        pairs=np.array([read_twice[1]]),
        assumed=assumed,
    )


tables = st.tuples(*[st.integers(0, 40)] * 4).filter(lambda t: sum(t) >= 5)


@given(tables)
def test_kappa_agrees_with_sklearn(table: tuple[int, int, int, int]) -> None:
    rows = np.array(pairs(*table))
    found = agreement(rows).kappa
    if len(np.unique(rows)) < 2:
        assert not found.is_estimable
        return

    assert found.estimate == pytest.approx(cohen_kappa_score(*rows.T))
    assert -1 <= found.lower <= found.estimate <= found.upper <= 1


def test_with_many_cases_the_limits_of_kappa_are_those_of_its_large_sample_variance() -> None:
    found = agreement(pairs(4000, 1000, 1500, 13_500)).kappa
    oracle = cohens_kappa([[13_500, 1500], [1000, 4000]])

    assert (found.lower, found.upper) == pytest.approx(
        (oracle.kappa_low, oracle.kappa_upp), abs=2e-3
    )


def test_ac1_matches_a_value_worked_out_by_hand() -> None:
    # 90 of 100 agree, 10 % of readings positive: chance 2 x .1 x .9
    found = agreement(pairs(5, 5, 5, 85)).ac1

    assert found.estimate == pytest.approx((0.9 - 0.18) / 0.82)


def test_ac1_covers_what_it_estimates() -> None:
    rng = np.random.default_rng(0)
    held = []
    # prevalence .2, each reader wrong with chance .1
    observed, share = 0.82, 0.2 * 0.9 + 0.8 * 0.1
    chance = 2 * share * (1 - share)
    for _ in range(1000):
        truth = rng.random(80) < 0.2
        rows = truth[:, np.newaxis] ^ (rng.random((80, 2)) < 0.1)
        ci = agreement(rows.astype(int)).ac1
        held.append(ci.lower <= (observed - chance) / (1 - chance) <= ci.upper)

    assert 0.93 < np.mean(held) <= 0.985


def test_three_readers_are_compared_as_fleiss_does() -> None:
    rng = np.random.default_rng(1)
    rows = (rng.random((60, 1)) < 0.4) ^ (rng.random((60, 3)) < 0.15)
    yes = rows.sum(axis=1)

    assert agreement(rows.astype(int)).kappa.estimate == pytest.approx(
        fleiss_kappa(np.column_stack([3 - yes, yes]))
    )


def test_a_case_read_once_does_not_count() -> None:
    once = [(1, -1), (-1, 0)]

    assert agreement(pairs(5, 1, 1, 5) + once) == agreement(pairs(5, 1, 1, 5))
    with pytest.raises(NotEnoughData, match="two readers"):
        agreement(once)


def test_perfect_agreement_on_few_cases_proves_little() -> None:
    found = agreement(pairs(4, 0, 0, 4))

    assert found.kappa.estimate == found.kappa.upper == 1
    assert found.kappa.lower < 0.5


def test_the_share_of_wrong_labels_is_the_one_that_makes_readers_differ_so_often() -> None:
    ci = label_error(18, 100)

    assert 2 * ci.estimate * (1 - ci.estimate) == pytest.approx(0.18)
    assert 2 * ci.upper * (1 - ci.upper) == pytest.approx(wilson(18, 100).upper)
    assert label_error(90, 100).estimate == 0.5
    with pytest.raises(NotEnoughData):
        label_error(0, 0)


@settings(max_examples=40)
@given(
    st.tuples(*[st.integers(0, 12)] * 4),
    st.sampled_from(DECISION_RATES),
)
def test_bounds_are_the_worst_that_so_many_wrong_labels_can_do(
    cells: tuple[int, int, int, int], metric: str
) -> None:
    rates = disputed(metric, *cells)
    lower, upper = (limit[0] for limit in rates.limits(Z))
    differing = wilson_limits(4, 200, Z_OF_HALF)[1]
    wrong = sum(cells) * (1 - np.sqrt(1 - 2 * float(differing))) / 2
    tp, fn, tn, fp = cells

    if not rates.n[0]:
        assert (lower, upper) == (0, 1)
        return
    # every way to turn whole labels over, up to that many
    whole = int(wrong)
    for a, b, c, d in product(range(whole + 1), repeat=4):
        if a + b + c + d <= whole and a <= tp and b <= fn and c <= tn and d <= fp:
            other = disputed(metric, tp - a + d, fn - b + c, tn - c + b, fp - d + a)
            if other.n[0]:
                hits = other.counts.rates(metric).hits
                edge = wilson_limits(hits, other.n, Z_OF_HALF)
                assert lower <= edge[0][0] + 1e-9
                assert upper >= edge[1][0] - 1e-9


@given(st.tuples(*[st.integers(0, 60)] * 4), st.sampled_from(DECISION_RATES))
def test_doubt_about_labels_never_narrows_an_interval(
    cells: tuple[int, int, int, int], metric: str
) -> None:
    for assumed in LabelErrors:
        if assumed is LabelErrors.INDEPENDENT and metric in ("ppv", "npv"):
            continue
        rates = disputed(metric, *cells, assumed=assumed)
        lower, upper = rates.limits(Z)
        plain = rates.counts.rates(metric).limits(Z)

        assert 0 <= lower[0] <= plain[0][0] + 1e-9
        assert plain[1][0] - 1e-9 <= upper[0] <= 1


def test_independent_errors_hide_part_of_the_sensitivity_and_the_interval_knows() -> None:
    rng = np.random.default_rng(2)
    held, plain = [], []
    for _ in range(400):
        truth, n = rng.random(600) < 0.3, 600
        flagged = rng.random(n) < np.where(truth, 0.85, 0.1)
        labels = truth ^ (rng.random(n) < 0.06)
        twice = rng.random(150) < 2 * 0.06 * 0.94
        rates = disputed(
            "sensitivity",
            int((labels & flagged).sum()),
            int((labels & ~flagged).sum()),
            int((~labels & ~flagged).sum()),
            int((~labels & flagged).sum()),
            read_twice=(int(twice.sum()), 150),
            assumed=LabelErrors.INDEPENDENT,
        )
        lower, upper = rates.limits(Z)
        held.append(lower[0] <= 0.85 <= upper[0])
        plain.append(wilson(int(rates.counts.true_positives[0]), int(rates.n[0])).upper >= 0.85)

    assert np.mean(plain) < 0.5
    assert np.mean(held) > 0.95


def test_errors_that_flatter_the_model_are_covered_where_nothing_is_assumed() -> None:
    # the reader saw the answer: every wrong label agrees with it
    rng = np.random.default_rng(3)
    held = []
    for _ in range(300):
        truth = rng.random(500) < 0.3
        flagged = rng.random(500) < np.where(truth, 0.75, 0.1)
        labels = np.where((truth != flagged) & (rng.random(500) < 0.3), flagged, truth)
        wrong = float((labels != truth).mean())
        twice = rng.random(150) < 2 * wrong * (1 - wrong)
        rates = disputed(
            "sensitivity",
            int((labels & flagged).sum()),
            int((labels & ~flagged).sum()),
            int((~labels & ~flagged).sum()),
            int((~labels & flagged).sum()),
            read_twice=(int(twice.sum()), 150),
        )
        lower, upper = rates.limits(Z)
        held.append(lower[0] <= 0.75 <= upper[0])

    assert np.mean(held) > 0.95


def test_two_groups_joined_keep_their_limits() -> None:
    one, other = disputed("sensitivity", 9, 1, 40, 5), disputed("sensitivity", 5, 5, 30, 2)
    both = DisputedRates.joined([one, other])

    assert both.limits(Z)[0] == pytest.approx([one.limits(Z)[0][0], other.limits(Z)[0][0]])


def test_independent_errors_are_not_worked_out_for_predictive_values() -> None:
    with pytest.raises(ValueError, match="ppv"):
        disputed("ppv", 1, 1, 1, 1, assumed=LabelErrors.INDEPENDENT)
