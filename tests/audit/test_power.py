"""How many labels: published figures, and simulation of what they promise."""

import numpy as np
import pytest
from scipy.stats import binom

from edgefair.audit.intervals import clopper_pearson
from edgefair.audit.power import cases_for_verdict, cases_to_detect, cases_to_show_ok


@pytest.mark.parametrize(("worse", "cases"), [(0.25, 270), (0.30, 134), (0.35, 83)])
def test_cases_to_detect_a_worse_error_rate_are_the_published_ones(
    worse: float, cases: int
) -> None:
    assert cases_to_detect(0.15, worse) == cases


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 365), (0.10, 103), (0.15, 49)])
def test_cases_to_show_a_rate_fine_are_the_published_ones(margin: float, cases: int) -> None:
    assert cases_to_show_ok(0.15, 0.15 + margin) == cases


def test_that_many_cases_do_show_it() -> None:
    n, rate, limit = 103, 0.15, 0.25
    shown = [clopper_pearson(k, n, level=0.9).upper < limit for k in range(n + 1)]

    assert np.dot(shown, binom.pmf(np.arange(n + 1), n, rate)) >= 0.8


def test_rates_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        cases_to_detect(0.3, 0.2)
    with pytest.raises(ValueError, match="does not hold"):
        cases_to_show_ok(0.3, 0.2)


def test_rates_too_close_to_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="too close"):
        cases_to_show_ok(0.15, 0.1501)


def test_a_larger_rest_saves_cases_in_the_group() -> None:
    few, many = cases_for_verdict(
        np.array([0.15, 0.15]),
        np.array([-0.1, -0.1]),
        np.array([1.0, 20.0]),
        margin=0.1,
        alpha=0.05,
    )

    assert few > many > 100
