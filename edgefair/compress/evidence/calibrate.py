"""Logits to probabilities that mean what they say, and thresholds that do what they are for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from edgefair.bundle.manifest import Calibration, OperatingPoint, Task
from edgefair.compress.recipe import Aim

__all__ = ["choose_operating_point", "fit_calibration", "refer_half_width"]

REFERRED_SHARE = 0.95
"""Share of the differences between INT8 and full precision that the refer band covers."""


def fit_calibration(
    logits: NDArray[np.float32],
    labels: NDArray[np.float32],
    findings: tuple[str, ...],
    task: Task,
    *,
    fitted_on: str,
) -> tuple[Calibration, ...]:
    """Return one calibration per finding: a temperature for classes, Platt's fit for the rest.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, findings)
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows; those are left out.
    findings : tuple of str
    task : Task
    fitted_on : str
        On which cases, in words.
    """
    if task is Task.MULTI_CLASS:
        slope = _inverse_temperature(logits, labels)
        fits = [(slope, 0.0) for _ in findings]
    else:
        fits = [_platt(logits[:, i], labels[:, i]) for i in range(len(findings))]
    return tuple(
        Calibration(
            finding=finding,
            method="temperature" if task is Task.MULTI_CLASS else "platt",
            slope=slope,
            intercept=intercept,
            fitted_on=fitted_on,
        )
        for finding, (slope, intercept) in zip(findings, fits, strict=True)
    )


def refer_half_width(quantized: NDArray[np.float64], full_precision: NDArray[np.float64]) -> float:
    """Return the distance from a threshold within which a case is referred.

    Parameters
    ----------
    quantized, full_precision : ndarray, shape (n,)
        Probabilities of the same cases; the 95th percentile of their absolute difference is
        returned.
    """
    return float(np.quantile(np.abs(quantized - full_precision), REFERRED_SHARE))


def choose_operating_point(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.float32],
    finding: str,
    aim: Aim,
    *,
    half_width: float,
    chosen_on: str,
) -> OperatingPoint:
    """Return the operating point that meets an aim best.

    A case is flagged if its decision is positive or refer, as the clinic's audit counts. The aim
    ``prevalence`` puts the edge of the refer band at the prevalence, where probabilities that
    are calibrated make sensitivity and specificity add up to most: there a case is as likely
    among those with the finding as among those without (Youden's index, without a search for
    its largest value, which chance moves by the cube root of n). For the others, of the
    thresholds whose refer band begins half way between two neighbouring probabilities, the one
    that meets the aim with the most of the other rate; of equals the lowest, which misses
    fewest. Where none meets it, the one that comes nearest.

    Parameters
    ----------
    probabilities : ndarray, shape (n,)
    labels : ndarray of float32, shape (n,)
        1, 0, or nan where nobody knows; both 1 and 0 occur.
    finding : str
    aim : Aim
    half_width : float
        From `refer_half_width`.
    chosen_on : str
        On which cases, and what the refer band is, in words.

    Examples
    --------
    >>> point = choose_operating_point(
    ...     np.array([0.1, 0.2, 0.4, 0.8]), np.array([0, 1, 0, 1], dtype=np.float32), "opacity",
    ...     Aim(name="screening", aim="sensitivity", at_least=0.9),
    ...     half_width=0.01, chosen_on="4 images",
    ... )
    >>> round(point.threshold, 3), point.chosen_for
    (0.16, 'sensitivity at least 0.90')
    """
    is_known = ~np.isnan(labels)
    scores, truth = probabilities[is_known], labels[is_known] == 1
    if aim.aim == "prevalence":
        threshold, is_reached = float(truth.mean()) + half_width, True
    else:
        threshold, is_reached = _best_threshold(scores, truth, aim, half_width)
    return OperatingPoint(
        name=aim.name,
        finding=finding,
        threshold=min(1.0, threshold),
        refer_half_width=half_width,
        chosen_for=_in_words(aim) + ("" if is_reached else " (not reached)"),
        chosen_on=chosen_on,
    )


def _best_threshold(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], aim: Aim, half_width: float
) -> tuple[float, bool]:
    """Return the threshold that meets an aim best, and whether it does."""
    false_positive_rate, sensitivity, reached = roc_curve(truth, scores, drop_intermediate=False)
    # the curve runs from flagging nobody to flagging everybody, and we the other way
    edges = np.concatenate([[1.0], reached[1:], [0.0]])[::-1]
    thresholds = (edges[:-1] + edges[1:]) / 2 + half_width
    worth = _worth(sensitivity[::-1], 1 - false_positive_rate[::-1], aim)
    best = int(np.argmax(np.where(thresholds <= 1, worth, -np.inf)))
    return float(thresholds[best]), bool(worth[best] >= 0)


def _worth(
    sensitivity: NDArray[np.float64], specificity: NDArray[np.float64], aim: Aim
) -> NDArray[np.float64]:
    """Return what to make as large as possible; below 0 where the aim is missed."""
    if aim.aim == "youden" or aim.at_least is None:
        return sensitivity + specificity
    wanted, other = (
        (sensitivity, specificity) if aim.aim == "sensitivity" else (specificity, sensitivity)
    )
    return np.where(wanted >= aim.at_least, other, wanted - 2)


def _in_words(aim: Aim) -> str:
    if aim.aim == "prevalence":
        return "largest sum of sensitivity and specificity, at the prevalence"
    if aim.aim == "youden" or aim.at_least is None:
        return "largest sum of sensitivity and specificity"
    return f"{aim.aim} at least {aim.at_least:.2f}"


def _platt(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and intercept of a logistic fit to Platt's smoothed targets.

    Source: J. Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2.
    A case counts as positive with the weight of its target and as negative with the rest.
    """
    is_known = ~np.isnan(labels)
    scores, truth = logits[is_known, np.newaxis].astype(np.float64), labels[is_known] == 1
    positives, negatives = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # the penalty is negligible, and keeps a fit to inseparable equal scores finite
    fit = LogisticRegression(C=1e6, max_iter=1000).fit(
        np.concatenate([scores, scores]),
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def _inverse_temperature(logits: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    """Return 1 / T with the smallest negative log likelihood (Guo et al., ICML 2017)."""
    is_known = ~np.isnan(labels).any(axis=1)
    scores, truth = logits[is_known].astype(np.float64), labels[is_known].argmax(axis=1)

    def loss(log_slope: float) -> float:
        scaled = scores * np.exp(log_slope)
        top = scaled.max(axis=1)
        normaliser = top + np.log(np.exp(scaled - top[:, np.newaxis]).sum(axis=1))
        return float(np.mean(normaliser - scaled[np.arange(len(truth)), truth]))

    return float(np.exp(minimize_scalar(loss, bounds=(-5.0, 5.0), method="bounded").x))
