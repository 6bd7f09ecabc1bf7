"""Calibration by group: against other implementations, its laws, and its rate under the null."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss

from edgefair.audit.calibration import MEASURES, calibration_by_group
from edgefair.audit.groups import By, Grouping, group_by
from edgefair.audit.logistic import (
    fit_intercepts,
    fit_lines,
    intercept_interval,
    logit,
    slope_interval,
)
from edgefair.audit.recalibration import recalibrated, shrunk_shifts
from edgefair.audit.smooth_ece import cosines, smooth_errors


def of_codes(codes: NDArray[np.int64], k: int) -> Grouping:
    (grouping,) = group_by([By.parse("ward")], {"ward": np.array(list("abcdefgh"))[codes]})
    assert len(grouping.groups) == k
    return grouping


def drawn(n: int, seed: int, off: float = 0.0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 2, n)
    return rng.random(n) < recalibrated(p, off), p


def test_a_logistic_fit_is_that_of_statsmodels() -> None:
    y, p = drawn(120, seed=1, off=0.5)
    x = logit(p)
    fit = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    intercept, slope = fit_lines(y[np.newaxis].astype(float), x)

    assert [intercept[0], slope[0]] == pytest.approx(fit.params.tolist(), abs=1e-6)


def test_an_intercept_beside_an_offset_is_that_of_statsmodels_with_a_likelihood_interval() -> None:
    y, p = drawn(120, seed=2, off=0.5)
    fit = sm.GLM(y, np.ones(120), family=sm.families.Binomial(), offset=logit(p)).fit()
    found = intercept_interval(y, logit(p), level=0.95)
    at_limits = [
        float(np.where(y, -np.logaddexp(0, -eta), -np.logaddexp(0, eta)).sum())
        for eta in (logit(p) + found.lower, logit(p) + found.upper)
    ]

    assert found.estimate == pytest.approx(fit.params[0], abs=1e-6)
    assert at_limits == pytest.approx([fit.llf - 1.9207] * 2, abs=1e-3)


def test_a_slope_has_a_profile_likelihood_interval_near_walds_when_cases_are_many() -> None:
    y, p = drawn(3000, seed=3)
    fit = sm.Logit(y, sm.add_constant(logit(p))).fit(disp=0)
    found = slope_interval(y, logit(p), level=0.95)

    assert [found.lower, found.upper] == pytest.approx(fit.conf_int()[1].tolist(), abs=0.01)


def test_outcomes_that_a_threshold_parts_have_no_slope_and_alike_ones_no_intercept() -> None:
    p = np.array([0.1, 0.2, 0.7, 0.9])
    parted, alike = p > 0.5, np.ones(4, dtype=bool)

    assert fit_lines(np.array([parted, ~parted]) * 1.0, logit(p))[1].tolist() == [np.inf, -np.inf]
    assert np.isnan(slope_interval(parted, logit(p), level=0.95).estimate)
    assert fit_intercepts(np.array([0.0, 4.0]), logit(p)).tolist() == [-np.inf, np.inf]
    of_alike = intercept_interval(alike, logit(p), level=0.95)
    assert np.isnan(of_alike.estimate)
    assert np.isfinite(of_alike.lower)
    assert of_alike.upper == np.inf


def test_the_smooth_error_is_the_fixed_point_of_a_plain_quadrature() -> None:
    y, p = drawn(60, seed=4, off=1.0)
    t = np.linspace(0, 1, 2001)

    def plain(width: float) -> float:
        kernel = sum(
            np.exp(-0.5 * ((t[:, np.newaxis] - image) / width) ** 2)
            for shift in (-2, 0, 2)
            for image in (p + shift, -p + shift)
        ) / (width * np.sqrt(2 * np.pi))
        return float(np.trapezoid(np.abs(np.asarray(kernel) @ (y - p)) / 60, t))

    found = float(smooth_errors(((y - p) @ cosines(p) / 60)[np.newaxis])[0])

    assert plain(found) == pytest.approx(found, abs=2e-3)


def test_brier_is_that_of_sklearn_and_its_parts_add_up() -> None:
    y, p = drawn(300, seed=5, off=0.7)
    (found,) = calibration_by_group(y, p, of_codes(np.zeros(300, np.int64), 1), seed=1, draws=99)
    brier, reliability, resolution = (
        found.measure(name).observed for name in ("brier", "reliability", "resolution")
    )

    assert brier == pytest.approx(brier_score_loss(y, p))
    assert brier == pytest.approx(reliability - resolution + found.uncertainty + found.within_bins)
    assert abs(found.within_bins) < 0.01


def test_probabilities_of_one_value_have_murphys_parts_without_remainder() -> None:
    y = np.array([True, False, False, True, False])
    (found,) = calibration_by_group(
        y, np.full(5, 0.3), of_codes(np.zeros(5, np.int64), 1), seed=1, draws=99
    )

    assert found.within_bins == pytest.approx(0)
    assert found.measure("reliability").observed == pytest.approx(0.01)
    assert np.isnan(found.measure("slope").observed)


def test_a_group_that_is_off_is_told_from_one_that_is_not_and_an_empty_one_says_nothing() -> None:
    fine, off = drawn(300, seed=6), drawn(300, seed=7, off=1.0)
    y, p = (np.concatenate(pair) for pair in zip(fine, off, strict=True))
    codes = np.repeat([0, 1], 300)
    grouping = of_codes(np.repeat([0, 1, 2], 200), 3)
    grouping = Grouping(attribute="ward", groups=grouping.groups, codes=codes)
    first, second, empty = calibration_by_group(y, p, grouping, seed=3)

    assert first.measure("smooth_error").p_value > 0.05
    assert second.measure("smooth_error").p_value < 0.01
    assert second.measure("in_the_large").observed > second.measure("in_the_large").upper
    assert second.intercept.lower > 0.5
    assert (empty.n, empty.measures) == (0, ())


def test_the_seed_fixes_the_bands_and_other_groups_do_not_change_them() -> None:
    y, p = drawn(80, seed=8)
    both = calibration_by_group(y, p, of_codes(np.repeat([0, 1], 40), 2), seed=5, draws=99)
    (alone,) = calibration_by_group(
        y[:40], p[:40], of_codes(np.zeros(40, np.int64), 1), seed=5, draws=99
    )

    assert [(m.lower, m.upper) for m in both[0].measures] == [
        (m.lower, m.upper) for m in alone.measures
    ]


def test_right_probabilities_are_seldom_called_wrong() -> None:
    p_values = {name: [] for name in MEASURES}  # type: dict[str, list[float]]
    for seed in range(30):
        y, p = drawn(40, seed=100 + seed)
        (found,) = calibration_by_group(
            y, p, of_codes(np.zeros(40, np.int64), 1), seed=seed, draws=99
        )
        for one in found.measures:
            p_values[one.name].append(one.p_value)

    for name, values in p_values.items():
        assert np.mean(np.array(values) <= 0.05) < 0.2, name


def test_probabilities_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        calibration_by_group(
            np.array([True]), np.array([1.2]), of_codes(np.zeros(1, np.int64), 1), seed=1
        )


def test_a_small_group_gets_the_shift_of_all_and_a_large_one_nearly_its_own() -> None:
    sizes = [1000, 1000, 30]
    codes = np.repeat([0, 1, 2], sizes)
    parts = [
        drawn(n, seed=20 + i, off=off)
        for i, (n, off) in enumerate(zip(sizes, (0, 1, 2), strict=True))
    ]
    y, p = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    found = shrunk_shifts(y, p, of_codes(codes, 3))

    assert found[2].shift == found[2].of_all
    assert found[1].shift == pytest.approx(found[1].own, abs=0.1)
    assert found[0].own_share > 0.9


def test_groups_that_do_not_differ_share_one_shift() -> None:
    y, p = drawn(400, seed=30, off=0.5)
    found = shrunk_shifts(y, p, of_codes(np.arange(400) % 2, 2))

    for one in found:
        assert abs(one.shift - one.of_all) <= abs(one.own - one.of_all)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=40
    ).filter(lambda rows: {row[2] for row in rows} == {0, 1})
)
def test_whatever_comes_in_bands_are_in_order_and_shifts_finite(
    rows: list[tuple[bool, float, int]],
) -> None:
    y, p, codes = (np.array(column) for column in zip(*rows, strict=True))
    grouping = of_codes(codes, 2)

    for one in calibration_by_group(y, p, grouping, seed=1, draws=19):
        for measure in one.measures:
            assert np.isnan(measure.lower) or measure.lower <= measure.upper
            assert np.isnan(measure.p_value) or 0 < measure.p_value <= 1
    if 0 < y.sum() < len(y):
        assert np.isfinite([one.shift for one in shrunk_shifts(y, p, grouping, least=3)]).all()
