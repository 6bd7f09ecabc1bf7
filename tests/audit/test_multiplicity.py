"""Corrections for many tests: oracles and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from edgefair.audit.multiplicity import benjamini_hochberg, holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@settings(max_examples=20)  # the oracle takes its time
@given(p_values)
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@given(p_values)
def test_holm_only_ever_makes_a_p_value_larger(p: list[float]) -> None:
    adjusted = holm(p)

    assert np.all(adjusted >= np.array(p))
    assert np.all(adjusted <= 1)


@given(p_values)
def test_tests_that_were_not_made_cost_nothing(p: list[float]) -> None:
    with_gaps = holm([*p, float("nan"), float("nan")])

    assert with_gaps[: len(p)] == pytest.approx(holm(p))
    assert np.isnan(with_gaps[len(p) :]).all()


@given(p_values)
def test_benjamini_hochberg_agrees_with_scipy(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), abs=1e-12)


@given(p_values)
def test_what_is_explored_is_corrected_less_than_what_is_judged(p: list[float]) -> None:
    with_gaps = benjamini_hochberg([*p, float("nan")])

    assert (with_gaps[:-1] <= holm(p) + 1e-12).all()
    assert np.isnan(with_gaps[-1])
