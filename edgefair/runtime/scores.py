"""Logits to calibrated probabilities, and these to decisions with their reasons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Manifest, OperatingPoint, Task
from edgefair.errors import ContractMismatch
from edgefair.records import Decision, FindingScore

__all__ = ["calibrate", "decide", "flagged", "operating_points", "score"]


def operating_points(manifest: Manifest, name: str | None) -> tuple[OperatingPoint, ...]:
    """Return one operating point per finding, in the findings' order.

    Parameters
    ----------
    manifest : Manifest
    name : str or None
        Name of the operating point; None takes each finding's first, its default.

    Raises
    ------
    ContractMismatch
        If a finding has no operating point of that name.
    """
    chosen = []
    for finding in manifest.contract.findings:
        points = manifest.operating_points_of(finding)
        named = [point for point in points if name in (None, point.name)]
        if not named:
            raise ContractMismatch(
                f"{manifest.label} has no operating point {name!r} for {finding}.",
                hint="It has: " + ", ".join(point.name for point in points) + ".",
            )
        chosen.append(named[0])
    return tuple(chosen)


def calibrate(logits: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float64]:
    """Return calibrated probabilities, shape (n, findings), each in [0, 1].

    Parameters
    ----------
    logits : ndarray of float32, shape (n, findings)
    manifest : Manifest
        Carries slope and intercept per finding.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines", 1999.
    .. [2] C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    fits = [manifest.calibration_of(finding) for finding in manifest.contract.findings]
    slopes = np.array([fit.slope for fit in fits])
    intercepts = np.array([fit.intercept for fit in fits])
    scaled = logits.astype(np.float64) * slopes + intercepts
    if manifest.contract.task is Task.MULTI_CLASS:
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return probabilities
    # logistic function written so that neither sign of a large logit overflows
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)))


def decide(probability: float, point: OperatingPoint) -> tuple[Decision, str]:
    """Return the decision at an operating point, and why, in words.

    Examples
    --------
    >>> point = OperatingPoint(
    ...     name="screening", finding="opacity", threshold=0.3, refer_half_width=0.02,
    ...     chosen_for="sensitivity at least 0.90", chosen_on="400 validation images",
    ... )
    >>> decide(0.31, point)[0]
    <Decision.REFER: 'refer'>
    >>> decide(0.8, point)[1]
    'probability 0.800 reaches the threshold 0.300 (sensitivity at least 0.90)'
    """
    compared = f"probability {probability:.3f}"
    against = f"the threshold {point.threshold:.3f} ({point.chosen_for})"
    if abs(probability - point.threshold) < point.refer_half_width:
        return Decision.REFER, f"{compared} is too close to {against}: let a person decide"
    if probability >= point.threshold:
        return Decision.POSITIVE, f"{compared} reaches {against}"
    return Decision.NEGATIVE, f"{compared} stays below {against}"


def flagged(probabilities: NDArray[np.float64], point: OperatingPoint) -> NDArray[np.bool_]:
    """Return for each probability whether a person will look: decision positive or refer."""
    is_referred = np.abs(probabilities - point.threshold) < point.refer_half_width
    return np.asarray((probabilities >= point.threshold) | is_referred)


def score(
    logits: NDArray[np.float32], manifest: Manifest, points: tuple[OperatingPoint, ...]
) -> tuple[tuple[FindingScore, ...], ...]:
    """Return the scores of each image of a batch, one per finding.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, findings)
    manifest : Manifest
    points : tuple of OperatingPoint
        One per finding, from `operating_points`.
    """
    probabilities = calibrate(logits, manifest)
    return tuple(
        tuple(
            _finding_score(float(logit), float(probability), point)
            for logit, probability, point in zip(
                image_logits, image_probabilities, points, strict=True
            )
        )
        for image_logits, image_probabilities in zip(logits, probabilities, strict=True)
    )


def _finding_score(logit: float, probability: float, point: OperatingPoint) -> FindingScore:
    decision, reason = decide(probability, point)
    return FindingScore(
        finding=point.finding,
        logit=logit,
        probability=probability,
        operating_point=point.name,
        threshold=point.threshold,
        decision=decision,
        reason=reason,
    )
