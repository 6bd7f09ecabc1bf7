"""Logits to calibrated probabilities, and these to decisions with their reasons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Manifest, OperatingPoint, Task
from edgefair.bundle.site import Adopted, SiteDecisions, SiteRule, SiteSetting
from edgefair.errors import ContractMismatch
from edgefair.records import Decision, FindingScore, Group, Subject

__all__ = ["at_site", "calibrate", "decide", "flagged", "operating_points", "score"]


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


def at_site(
    scores: tuple[FindingScore, ...], manifest: Manifest, site: SiteDecisions, subject: Subject
) -> tuple[FindingScore, ...]:
    """Return the scores of one image as the site decides on them, where it adopted anything.

    It makes no difference whether the site had decided on them before, or for another subject.

    Parameters
    ----------
    scores : tuple of FindingScore
        One per finding.
    manifest : Manifest
        Of the model that they come from.
    site : SiteDecisions
    subject : Subject
        Who it is: where groups are treated apart, this one's group counts.
    """
    return tuple(
        score if adopted is None else _at_site(score, manifest, adopted, subject)
        for score in scores
        for adopted in (site.of(score.finding),)
    )


def _at_site(
    score: FindingScore, manifest: Manifest, adopted: Adopted, subject: Subject
) -> FindingScore:
    rule, setting = adopted.rule, adopted.rule.setting_for(subject)
    probability = score.probability
    if rule.recalibrates:  # what is shown may have been put right already, the logit never
        fit = manifest.calibration_of(score.finding)
        probability = float(0.5 * (1 + np.tanh(0.5 * (score.logit * fit.slope + fit.intercept))))
    decision, why = _site_decision(probability, rule, setting)
    whom = "" if setting.group == Group() else f" for {setting.group}"
    return FindingScore(
        finding=score.finding,
        logit=score.logit,
        probability=rule.shown(probability, setting),
        operating_point=adopted.name,
        threshold=rule.shown(setting.threshold, setting),
        decision=decision,
        reason=f"{why} of {adopted.name}{whom} ({rule.chosen_for})",
    )


def _site_decision(
    probability: float, rule: SiteRule, setting: SiteSetting
) -> tuple[Decision, str]:
    shown = f"probability {rule.shown(probability, setting):.3f}"
    threshold = f"the threshold {rule.shown(setting.threshold, setting):.3f}"
    if probability < setting.threshold:
        return Decision.NEGATIVE, f"{shown} stays below {threshold}"
    if setting.refer_up_to is None:
        return Decision.POSITIVE, f"{shown} reaches {threshold}"
    upper = f"{rule.shown(setting.refer_up_to, setting):.3f}"
    if probability <= setting.refer_up_to:
        return (
            Decision.REFER,
            f"{shown} is too close to call, up to {upper}: let a person decide, from {threshold}",
        )
    return Decision.POSITIVE, f"{shown} is above {upper}, where referring ends, and {threshold}"


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
