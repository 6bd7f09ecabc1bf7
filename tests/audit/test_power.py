"""How many labels: published figures, and simulation of what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from edgefair.audit.intervals import clopper_pearson, two_sided_z, wilson, wilson_limits
from edgefair.audit.power import (
    cases_for_verdict,
    cases_for_width,
    cases_to_detect,
    cases_to_show_ok,
    wilson_half_width,
)


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


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_half_a_width_is_that_of_the_interval(level: float) -> None:
    for hits, n in ((0, 7), (17, 20), (85, 100), (60, 60)):
        ci = wilson(hits, n, level=level)
        # at 0 and n of n the interval ends where the range does
        whole = wilson_limits(hits, n, two_sided_z(level))
        assert (whole[1] - whole[0]) / 2 == pytest.approx((ci.upper - ci.lower) / 2)
        if 0 < hits < n:
            found = wilson_half_width(hits / n, n, level=level)
            assert found == pytest.approx((ci.upper - ci.lower) / 2, abs=1e-9)


def test_half_widths_are_the_published_ones() -> None:
    widths = wilson_half_width(0.85, [10, 30, 50, 100, 200])

    assert widths.round(3).tolist() == [0.212, 0.127, 0.099, 0.070, 0.049]


@given(st.floats(0.0, 1.0), st.floats(0.02, 0.45), st.sampled_from([0.8, 0.95, 0.99]))
def test_no_fewer_cases_are_as_narrow(rate: float, width: float, level: float) -> None:
    n = cases_for_width(rate, width, level=level)

    assert wilson_half_width(rate, n, level=level) <= width + 1e-9
    if n > 1:
        assert wilson_half_width(rate, n - 1, level=level) > width - 1e-9


def test_cases_to_detect_come_near_those_of_statsmodels_before_the_correction() -> None:
    """Fleiss's correction for continuity adds about 2 / gap to each group."""
    effect = proportion_effectsize(0.15, 0.30)
    plain = NormalIndPower().solve_power(effect, alpha=0.05, power=0.8)

    assert cases_to_detect(0.15, 0.30) == pytest.approx(plain + 2 / 0.15, rel=0.03)


@pytest.mark.parametrize(("rate", "width"), [(1.2, 0.1), (0.5, 0.5), (0.5, 0)])
def test_widths_that_cannot_be_are_refused(rate: float, width: float) -> None:
    with pytest.raises(ValueError, match="half width"):
        cases_for_width(rate, width)
