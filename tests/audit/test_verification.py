"""Verification bias: formulas worked out by hand, laws, coverage, and when to say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.corrected_rates import CorrectedRates
from edgefair.audit.estimates import signed_z
from edgefair.audit.intervals import wilson_limits
from edgefair.audit.rates import DECISION_RATES, counts_by_group
from edgefair.audit.verification import (
    VerifiedCounts,
    begg_greenes,
    inclusion_probabilities,
    inverse_probability,
    verified_counts,
)

Z = 1.959963984540054

cells = st.tuples(*[st.integers(0, 60)] * 6)


def counted(*rows: tuple[int, int, int, int, int, int]) -> VerifiedCounts:
    """Return counts from rows of tp, fp, unverified flagged, fn, tn, unverified cleared."""
    tp, fp, more_flagged, fn, tn, more_cleared = np.array(rows).T
    return VerifiedCounts(
        flagged=tp + fp + more_flagged,
        cleared=fn + tn + more_cleared,
        true_positives=tp,
        false_positives=fp,
        true_negatives=tn,
        false_negatives=fn,
    )


def spelt_out(row: tuple[int, int, int, int, int, int]) -> tuple[list[int], list[bool]]:
    tp, fp, more_flagged, fn, tn, more_cleared = row
    truth = [1] * tp + [0] * fp + [-1] * more_flagged + [1] * fn + [0] * tn + [-1] * more_cleared
    flagged = [True] * (tp + fp + more_flagged) + [False] * (fn + tn + more_cleared)
    return truth, flagged


def test_sensitivity_and_specificity_are_those_of_begg_and_greenes_formula() -> None:
    counts = counted((108, 72, 20, 2, 88, 1710))
    # P(A|D) = P(D|A, V) P(A) / sum over decisions
    p_flagged, p_cleared, share = 108 / 180, 2 / 90, 200 / 2000
    sensitivity = p_flagged * share / (p_flagged * share + p_cleared * (1 - share))
    right = (1 - p_cleared) * (1 - share)
    specificity = right / (right + (1 - p_flagged) * share)

    assert begg_greenes(counts, "sensitivity").estimate[0] == pytest.approx(sensitivity)
    assert begg_greenes(counts, "specificity").estimate[0] == pytest.approx(specificity)
    assert begg_greenes(counts, "ppv").estimate[0] == pytest.approx(p_flagged)
    assert begg_greenes(counts, "npv").estimate[0] == pytest.approx(1 - p_cleared)


def test_with_many_cases_the_interval_is_the_delta_method_on_the_logit_scale() -> None:
    counts = counted((4000, 2000, 6000, 500, 9500, 90_000))
    found = begg_greenes(counts, "sensitivity")
    lower, upper = found.limits(Z)
    p1, n1, p0, n0, flagged, cleared = 4000 / 6000, 6000, 500 / 10_000, 10_000, 12_000, 100_000
    variance = 1 / flagged + 1 / cleared + (1 - p1) / (n1 * p1) + (1 - p0) / (n0 * p0)
    log_odds = np.log(flagged * p1 / (cleared * p0))
    half = Z * np.sqrt(variance)

    assert lower[0] == pytest.approx(1 / (1 + np.exp(half - log_odds)), abs=5e-4)
    assert upper[0] == pytest.approx(1 / (1 + np.exp(-half - log_odds)), abs=5e-4)


@pytest.mark.parametrize("metric", DECISION_RATES)
@given(row=cells)
@settings(max_examples=60)
def test_where_everybody_is_verified_nothing_is_corrected(
    metric: str, row: tuple[int, int, int, int, int, int]
) -> None:
    row = (row[0], row[1], 0, row[3], row[4], 0)
    truth, flagged = spelt_out(row)
    plain = counts_by_group(truth, flagged, [0] * len(truth), 1).rates(metric)
    corrected = begg_greenes(counted(row), metric)

    assert corrected.estimate[0] == pytest.approx(plain.estimate[0], nan_ok=True)
    assert corrected.n[0] == plain.n[0]


@pytest.mark.parametrize("metric", DECISION_RATES)
@given(row=cells)
@settings(max_examples=60)
def test_limits_enclose_the_estimate_and_widen_with_the_level(
    metric: str, row: tuple[int, int, int, int, int, int]
) -> None:
    found = begg_greenes(counted(row), metric)
    narrow, wide = found.limits(1.0), found.limits(Z)

    if np.isnan(found.estimate[0]):
        assert (wide[0][0], wide[1][0]) == (0, 1)
    else:
        assert 0 <= wide[0][0] <= narrow[0][0] + 1e-12 <= found.estimate[0] + 1e-9
        assert found.estimate[0] - 1e-9 <= narrow[1][0] <= wide[1][0] + 1e-12 <= 1 + 1e-9


@given(row=cells)
def test_error_rates_mirror_their_rates(row: tuple[int, int, int, int, int, int]) -> None:
    counts = counted(row)
    right, wrong = (begg_greenes(counts, m) for m in ("sensitivity", "false_negative_rate"))

    assert right.estimate[0] == pytest.approx(1 - wrong.estimate[0], nan_ok=True)
    assert right.limits(Z)[0][0] == pytest.approx(1 - wrong.limits(Z)[1][0])


@given(row=cells)
def test_sensitivity_of_a_finding_is_specificity_of_its_absence(
    row: tuple[int, int, int, int, int, int],
) -> None:
    tp, fp, more_flagged, fn, tn, more_cleared = row
    turned = counted((tn, fn, more_cleared, fp, tp, more_flagged))
    one, other = begg_greenes(counted(row), "sensitivity"), begg_greenes(turned, "specificity")

    assert one.estimate[0] == pytest.approx(other.estimate[0], nan_ok=True)
    assert one.limits(Z)[0][0] == pytest.approx(other.limits(Z)[0][0])


def test_no_sensitivity_is_made_up_where_no_cleared_case_was_verified() -> None:
    found = begg_greenes(counted((50, 30, 0, 0, 0, 500)), "sensitivity")

    assert np.isnan(found.estimate[0])
    assert [limit[0] for limit in found.limits(Z)] == [0.0, 1.0]


def test_none_missed_among_few_verified_promises_little() -> None:
    found = begg_greenes(counted((50, 30, 0, 0, 20, 2000)), "sensitivity")
    lower, upper = found.limits(Z)

    assert found.estimate[0] == 1.0
    assert upper[0] == 1.0
    assert lower[0] < 0.3


@given(row=cells, metric=st.sampled_from(DECISION_RATES))
def test_equal_chances_within_a_decision_weigh_as_begg_and_greenes_do(
    row: tuple[int, int, int, int, int, int], metric: str
) -> None:
    truth, flagged = spelt_out(row)
    if not truth:
        return
    known = np.array(truth) >= 0
    chance = inclusion_probabilities(np.array(flagged, int), known, known)
    weighted = inverse_probability(truth, flagged, [0] * len(truth), chance, metric)
    plain = begg_greenes(counted(row), metric)

    assert weighted.estimate[0] == pytest.approx(plain.estimate[0], nan_ok=True)
    assert weighted.limits(Z)[0][0] == pytest.approx(plain.limits(Z)[0][0], abs=1e-6)
    assert weighted.limits(Z)[1][0] == pytest.approx(plain.limits(Z)[1][0], abs=1e-6)


def test_the_linearised_variance_is_that_of_a_weighted_mean() -> None:
    rng = np.random.default_rng(0)
    truth, chance = rng.integers(0, 2, 300), rng.uniform(0.2, 1, 300)
    found = inverse_probability(truth, np.ones(300), np.zeros(300, int), chance, "ppv")
    weight = 1 / chance
    mean = np.average(truth, weights=weight)
    variance = (weight**2 * (truth - mean) ** 2).sum() / weight.sum() ** 2
    kish = weight.sum() ** 2 / (weight**2).sum()
    n = min(mean * (1 - mean) / variance, kish)

    assert found.estimate[0] == pytest.approx(mean)
    assert found.n_flagged[0] == pytest.approx(n)
    assert found.limits(Z)[0][0] == pytest.approx(wilson_limits(mean * n, n, Z)[0])


def test_a_case_that_looked_ill_stands_for_itself_alone() -> None:
    # 100 cleared cases: 5 looked into because they looked ill, all ill; 19 of 95 others drawn
    strata, verified = np.zeros(100, int), np.arange(100) < 24
    drawn = (np.arange(100) >= 5) & verified
    chance = inclusion_probabilities(strata, verified, drawn)
    truth = np.where(verified, np.arange(100) < 6, -1)
    found = inverse_probability(truth, np.zeros(100), strata, chance, "npv")

    assert chance[:5].tolist() == [1.0] * 5
    assert chance[5:24] == pytest.approx(19 / 95)
    assert found.estimate[0] == pytest.approx(1 - (5 + 95 / 19) / 100)


def test_a_chance_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="probability"):
        inverse_probability([1, 0], [True, False], [0, 0], [0.0, 0.5], "ppv")


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="metric must be one of"):
        begg_greenes(counted((1, 1, 1, 1, 1, 1)), "auroc")


def test_corrected_rates_of_two_groups_can_be_compared_and_joined() -> None:
    one, other = ((90, 10, 0, 4, 96, 900), (90, 10, 0, 30, 70, 900))
    there, here = (begg_greenes(counted(row), "sensitivity") for row in (one, other))
    both = CorrectedRates.joined([there, here])

    assert both.estimate == pytest.approx(
        begg_greenes(counted(one, other), "sensitivity").estimate
    )
    assert signed_z(there, here, 0.0)[0] > 3


def simulated(
    rng: np.random.Generator, n: int, prevalence: float, drawn: int, runs: int
) -> tuple[NDArray[np.int64], ...]:
    """Return counts of runs at a sensitivity of .8 and a specificity of .9."""
    chances = np.array([0.8, 0.2, 0, 0]) * prevalence + np.array([0, 0, 0.9, 0.1]) * (
        1 - prevalence
    )
    tp, fn, tn, fp = rng.multinomial(n, chances, size=runs).T
    missed = rng.hypergeometric(fn, tn, np.minimum(drawn, fn + tn))
    seen_tp, seen_fp = rng.binomial(tp, 0.9), rng.binomial(fp, 0.9)
    return tp + fp, fn + tn, seen_tp, seen_fp, np.minimum(drawn, fn + tn) - missed, missed


@pytest.mark.parametrize(
    ("n", "prevalence", "drawn"), [(300, 0.1, 60), (2000, 0.08, 100), (1000, 0.2, 150)]
)
def test_the_corrected_interval_covers_the_truth(n: int, prevalence: float, drawn: int) -> None:
    flagged, cleared, tp, fp, tn, fn = simulated(
        np.random.default_rng(3), n, prevalence, drawn, 4000
    )
    found = begg_greenes(
        VerifiedCounts(
            flagged=flagged,
            cleared=cleared,
            true_positives=tp,
            false_positives=fp,
            true_negatives=tn,
            false_negatives=fn,
        ),
        "sensitivity",
    )
    lower, upper = found.limits(Z)

    assert 0.94 < np.mean((lower <= 0.8) & (upper >= 0.8)) < 0.975


def test_unverified_cases_are_counted_by_decision_and_nothing_else() -> None:
    counts = verified_counts([1, 0, -1, 1, 0, -1, -1], [1, 1, 1, 0, 0, 0, 0], [1] * 7, 2)

    assert counts.flagged.tolist() == [0, 3]
    assert counts.cleared.tolist() == [0, 4]
    assert counts.false_negatives.tolist() == [0, 1]
