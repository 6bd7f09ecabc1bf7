"""From logits to what the gate compares: probabilities, and whom each model flags.

The student's two forms are compared at the bundle's own calibration and operating points, since
between them nothing changes but the arithmetic. A teacher, which has another scale, gets its
own: calibrated on held-out cases and put where it meets the same aim there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Manifest, OperatingPoint
from edgefair.compress.evidence.calibrate import choose_operating_point, fit_calibration
from edgefair.compress.gate.records import Answered
from edgefair.compress.recipe import Aim
from edgefair.runtime.scores import calibrate, flagged, operating_points

__all__ = ["answered_at_own_points", "answered_by_aim"]

_CHOSEN_ON = "held-out cases"


def answered_at_own_points(
    name: str, logits: NDArray[np.float32], manifest: Manifest, point: str | None = None
) -> Answered:
    """Return what a bundle's model says, with the bundle's calibration, at an operating point.

    Parameters
    ----------
    name : str
        What to call the model.
    logits : ndarray of float32, shape (n, findings)
    manifest : Manifest
    point : str or None
        Name of the operating point; None takes each finding's default.
    """
    probabilities = calibrate(logits, manifest)
    return Answered(
        name=name,
        probabilities=probabilities,
        flagged=_flagged(probabilities, operating_points(manifest, point)),
    )


def answered_by_aim(
    name: str,
    val: tuple[NDArray[np.float32], NDArray[np.float32]],
    logits: NDArray[np.float32],
    aim: Aim,
    manifest: Manifest,
) -> Answered:
    """Return what a model without a bundle says, where it meets an aim on held-out cases.

    Parameters
    ----------
    name : str
        What to call the model.
    val : pair of ndarray of float32, each of shape (m, findings)
        Its logits on cases that it did not learn from, the val split as a rule, and the labels:
        1, 0, or nan where nobody knows.
    logits : ndarray of float32, shape (n, findings)
        Its logits on the cases to compare.
    aim : Aim
        The one behind the operating point that the other model is compared at.
    manifest : Manifest
        Names the findings, the task, and how a logit becomes a probability.

    Notes
    -----
    No band of refusal: the aim counts a referred case as flagged, so a band would only move the
    threshold by its own width.
    """
    val_logits, labels = val
    findings, task = manifest.contract.findings, manifest.contract.task
    fits = fit_calibration(val_logits, labels, findings, task, fitted_on=_CHOSEN_ON)
    own = replace(manifest, calibration=fits)
    on_val = calibrate(val_logits, own)
    points = tuple(
        choose_operating_point(
            on_val[:, column],
            labels[:, column],
            finding,
            aim,
            half_width=0.0,
            chosen_on=_CHOSEN_ON,
        )
        for column, finding in enumerate(findings)
    )
    probabilities = calibrate(logits, own)
    return Answered(
        name=name, probabilities=probabilities, flagged=_flagged(probabilities, points)
    )


def _flagged(
    probabilities: NDArray[np.float64], points: tuple[OperatingPoint, ...]
) -> NDArray[np.bool_]:
    columns = [flagged(probabilities[:, i], point) for i, point in enumerate(points)]
    return np.stack(columns, axis=1)
