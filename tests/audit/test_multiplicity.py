"""Holm's correction: an oracle and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from edgefair.audit.multiplicity import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


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
