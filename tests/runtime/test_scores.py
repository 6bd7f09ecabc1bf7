"""Scores: logits to probabilities to decisions."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.manifest import Calibration, Manifest, OperatingPoint, Task
from edgefair.errors import ContractMismatch
from edgefair.records import Decision
from edgefair.runtime.scores import calibrate, decide, flagged, operating_points, score

POINT = OperatingPoint(
    name="p", finding="f", threshold=0.4, refer_half_width=0.05, chosen_for="a", chosen_on="b"
)


def fitted(manifest: Manifest, slope: float, intercept: float) -> Manifest:
    fit = Calibration(
        finding="bright", method="platt", slope=slope, intercept=intercept, fitted_on="x"
    )
    return replace(manifest, calibration=(fit,))


def test_platt_scaling_is_the_logistic_function_of_the_fitted_line(manifest: Manifest) -> None:
    found = calibrate(np.array([[0.7]], np.float32), fitted(manifest, 2.0, -1.0))

    assert found[0, 0] == pytest.approx(1 / (1 + exp(-(2 * 0.7 - 1))), abs=1e-7)


@pytest.mark.parametrize("logit", [-3.0e38, -800.0, 0.0, 800.0, 3.0e38])
def test_no_logit_overflows(manifest: Manifest, logit: float) -> None:
    (found,) = calibrate(np.array([[logit]], np.float32), manifest)

    assert 0 <= found[0] <= 1


def test_classes_that_exclude_each_other_share_one_probability(manifest: Manifest) -> None:
    findings = ("a", "b", "c")
    fits = tuple(
        Calibration(finding=f, method="temperature", slope=0.5, intercept=0.0, fitted_on="x")
        for f in findings
    )
    contract = replace(manifest.contract, task=Task.MULTI_CLASS, findings=findings)
    found = calibrate(
        np.array([[1.0, 2.0, 1000.0]], np.float32),
        replace(manifest, contract=contract, calibration=fits),
    )

    assert found.sum() == pytest.approx(1)
    assert found[0].argmax() == 2


@pytest.mark.parametrize(
    ("probability", "decision"),
    [
        (0.0, Decision.NEGATIVE),
        (0.349, Decision.NEGATIVE),
        (0.351, Decision.REFER),
        (0.4, Decision.REFER),
        (0.449, Decision.REFER),
        (0.451, Decision.POSITIVE),
        (1.0, Decision.POSITIVE),
    ],
)
def test_a_probability_near_the_threshold_is_referred(
    probability: float, decision: Decision
) -> None:
    found, reason = decide(probability, POINT)

    assert found is decision
    assert "0.400" in reason


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_whoever_is_not_negative_is_flagged(
    probability: float, threshold: float, half_width: float
) -> None:
    point = replace(POINT, threshold=threshold, refer_half_width=half_width)
    decision, _ = decide(probability, point)

    assert flagged(np.array([probability]), point)[0] == (decision is not Decision.NEGATIVE)


def test_a_probability_at_a_threshold_without_band_is_positive() -> None:
    assert decide(0.4, replace(POINT, refer_half_width=0.0))[0] is Decision.POSITIVE


def test_the_first_operating_point_is_the_default(manifest: Manifest) -> None:
    assert operating_points(manifest, None)[0].name == "middle"
    assert operating_points(manifest, "eager")[0].threshold == 0.1


def test_an_unknown_operating_point_is_told_with_the_known_ones(manifest: Manifest) -> None:
    with pytest.raises(ContractMismatch) as refused:
        operating_points(manifest, "brave")

    assert "middle, eager" in refused.value.hint


def test_each_image_of_a_batch_gets_its_own_scores(manifest: Manifest) -> None:
    logits = np.array([[-4.0], [4.0]], np.float32)
    low, high = score(logits, manifest, operating_points(manifest, None))

    assert (low[0].decision, high[0].decision) == (Decision.NEGATIVE, Decision.POSITIVE)
    assert low[0].logit == -4.0
