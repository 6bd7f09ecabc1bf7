"""Many e-values together: oracles on p-values, definitions, laws."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from scipy.stats import false_discovery_control

from edgefair.audit.e_values import e_benjamini_hochberg, e_holm, mean_log_e
from edgefair.audit.multiplicity import holm

Correction: TypeAlias = Callable[[ArrayLike], NDArray[np.float64]]

log_es = st.lists(st.floats(-20, 200), min_size=1, max_size=30)
corrections = pytest.mark.parametrize("corrected", [e_holm, e_benjamini_hochberg])


@given(log_es)
def test_the_mean_is_that_of_the_e_values(log_e: list[float]) -> None:
    assert mean_log_e(log_e) == pytest.approx(logsumexp(log_e) - np.log(len(log_e)), abs=1e-12)


def test_the_mean_of_huge_evidence_does_not_overflow() -> None:
    assert mean_log_e([1e6, 0.0]) == pytest.approx(1e6 - np.log(2))
    assert mean_log_e([-1e6, -1e6]) == pytest.approx(-1e6)


def test_the_mean_leaves_out_what_was_not_computed() -> None:
    some = mean_log_e([[np.log(4), np.nan], [np.nan, np.nan]])

    assert some == pytest.approx([np.log(4), 0.0])


@given(log_es)
def test_e_holm_is_holm_on_the_inverses(log_e: list[float]) -> None:
    adjusted = holm(np.minimum(np.exp(-np.array(log_e)), 1))

    assert np.minimum(np.exp(-e_holm(np.maximum(log_e, 0))), 1) == pytest.approx(adjusted)


@given(log_es)
def test_e_bh_is_benjamini_hochberg_on_the_inverses(log_e: list[float]) -> None:
    log_e = [max(one, 0.0) for one in log_e]  # a p-value is at most 1

    adjusted = false_discovery_control(np.exp(-np.array(log_e)))
    assert np.minimum(np.exp(-e_benjamini_hochberg(log_e)), 1) == pytest.approx(adjusted)


@given(log_es, st.floats(0.01, 0.9))
def test_e_bh_rejects_the_most_of_which_each_is_large_enough(
    log_e: list[float], alpha: float
) -> None:
    e, m = np.sort(np.exp(log_e))[::-1], len(log_e)
    # away from ties, where rounding decides
    most = max(k for k in range(m + 1) if k == 0 or e[k - 1] * k * alpha >= m * (1 + 1e-12))

    rejected = int(np.sum(e_benjamini_hochberg(log_e) >= -np.log(alpha)))
    assert rejected >= most
    assert rejected == 0 or e[rejected - 1] * rejected * alpha >= m * (1 - 1e-9)


@corrections
@given(log_e=log_es)
def test_a_correction_takes_evidence_away_and_keeps_the_order(
    corrected: Correction, log_e: list[float]
) -> None:
    adjusted = corrected(log_e)
    order = np.argsort(log_e)

    assert np.all(adjusted[order[-1]] <= np.max(log_e) + 1e-9)
    assert np.all(np.diff(adjusted[order]) >= -1e-9)


@given(log_es)
def test_e_bh_keeps_more_evidence_than_e_holm(log_e: list[float]) -> None:
    assert np.all(e_benjamini_hochberg(log_e) >= e_holm(log_e) - 1e-9)


@corrections
@given(log_e=log_es)
def test_tests_that_were_not_made_cost_nothing(corrected: Correction, log_e: list[float]) -> None:
    with_gaps = corrected([*log_e, np.nan, np.nan])

    assert with_gaps[: len(log_e)].tolist() == corrected(log_e).tolist()
    assert np.isnan(with_gaps[len(log_e) :]).all()


@corrections
def test_nothing_to_correct_is_nothing(corrected: Correction) -> None:
    assert corrected([]).tolist() == []


def test_one_row_is_corrected_at_a_time() -> None:
    with pytest.raises(ValueError, match="one row"):
        e_holm([[1.0, 2.0], [3.0, 4.0]])
