"""Corrected rates where several images are of one patient: how many times fewer tell as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Alike", "design_effect"]

_HALF_A_CASE: Final = 0.5
_NO_SPREAD: Final = 1e-24

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """How alike the images of one patient are in k groups, each of shape (k,).

    Attributes
    ----------
    effect : ndarray of float64
        Times as many images as independent ones would have told as much, at least 1.
    freedom : ndarray of float64
        Patients with a verified image, less one; inf where every image is of another patient.
    """

    effect: _Floats
    freedom: _Floats

    @classmethod
    def joined(cls, parts: Sequence[tuple[Self | None, int]]) -> Self | None:
        """Return the groups of all parts, each with its number of groups; None if all are None."""
        known = [one for one, _ in parts if one]
        if not known:
            return None
        return cls(
            effect=np.concatenate([one.effect if one else np.ones(k) for one, k in parts]),
            freedom=np.concatenate(
                [one.freedom if one else np.full(k, np.inf) for one, k in parts]
            ),
        )

    def at(self, z: float | _Floats) -> _Floats:
        """Return by what to divide numbers of images for limits at the normal quantile `z`.

        More where few patients had to tell it, as `edgefair.audit.estimates.Worth` has it.
        """
        estimated = np.isfinite(self.freedom)
        if not estimated.any():
            return self.effect
        from scipy.special import ndtr, stdtrit

        z = np.maximum(np.broadcast_to(np.asarray(z, np.float64), self.freedom.shape), 1e-3)
        student = -stdtrit(np.where(estimated, np.maximum(self.freedom, 1), 1.0), ndtr(-z))
        return np.asarray(self.effect * np.where(estimated, student / z, 1.0) ** 2)


def design_effect(
    y_true: ArrayLike,
    flagged: ArrayLike,
    chance: ArrayLike,
    patients: ArrayLike,
    metric: str,
) -> tuple[float, float]:
    """Return how many times fewer independent images would tell as much of one group's rate.

    Every image moves the rate by its influence: by its decision, and, if it was verified, by its
    truth, as often as it counts. The variance is that of sums over patients, ``m / (m - 1)`` times
    their squares, Liang and Zeger's under working independence; the design effect is this over
    the squares of all images, and never less than 1. A share in which
    all verified are alike shows no spread: its images are then taken to be wholly alike within
    each patient. Exactly 1 where every patient has one image.

    Parameters
    ----------
    y_true : array_like of int, shape (n,)
        1, 0, or -1 where nobody verified the image.
    flagged : array_like of bool, shape (n,)
    chance : array_like of float, shape (n,)
        With which a verified image was to be verified, in (0, 1]; others are not read.
    patients : array_like of int, shape (n,)
        Number of each image's patient.
    metric : str
        One of `edgefair.audit.rates.DECISION_RATES`, or ``prevalence``.

    Returns
    -------
    effect, freedom : float
        As in `Alike`.

    Notes
    -----
    Consistent as patients grow many; chances are taken for known, and the influences of the odds
    of sensitivity and specificity are linearised on the log scale, on which their limits are made.

    References
    ----------
    .. [1] K.-Y. Liang, S. L. Zeger, "Longitudinal data analysis using generalized linear models",
       Biometrika 73 (1986) 13-22.
    .. [2] D. A. Binder, "On the variances of asymptotically normal estimators from complex
       surveys", International Statistical Review 51 (1983) 279-292.

    Examples
    --------
    Two images each of four patients, always alike, are worth four:

    >>> truth, patients = [1, 1, 0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 2, 2, 3, 3]
    >>> effect, freedom = design_effect(truth, [True] * 8, [1.0] * 8, patients, "ppv")
    >>> f"{effect:.2f}", freedom
    ('2.67', 3.0)
    """
    truth, decision = np.asarray(y_true, np.int64), np.asarray(flagged, np.bool_)
    known = truth >= 0
    weight = np.where(known, 1 / np.where(known, np.asarray(chance, np.float64), 1), 0.0)
    sides = [_Side.of(truth, weight, rows) for rows in (decision, ~decision)]
    influence, counted = _influence(metric, decision, sides)
    counted = counted & (known | (metric not in ("ppv", "npv")))
    _, patient = np.unique(np.asarray(patients, np.int64)[counted], return_inverse=True)
    images, people = len(patient), int(patient.max(initial=-1)) + 1
    if people == images:
        return 1.0, np.inf
    of_known = np.unique(np.asarray(patients, np.int64)[counted & known])
    worst = [_worst(weight[rows], patients, rows) for rows in _without_spread(sides, counted)]
    if people < 2:
        return max([1.0, *worst, float(images)]), np.inf
    alone = float(np.sum(influence[counted] ** 2))
    together = people / (people - 1) * float(np.sum(np.bincount(patient, influence[counted]) ** 2))
    found = together / alone if alone > _NO_SPREAD else 1.0
    return max([1.0, found, *worst]), max(1.0, len(of_known) - 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The images of one decision: how many, the share with the finding, what moves that share."""

    rows: NDArray[np.bool_]
    images: int
    share: float
    residual: _Floats
    verified: float

    @classmethod
    def of(cls, truth: _Ints, weight: _Floats, rows: NDArray[np.bool_]) -> _Side:
        own = np.where(rows, weight, 0.0)
        mass = float(own.sum())
        hits = float(own @ (truth == 1))
        share = hits / mass if mass else 0.0
        return cls(
            rows=rows,
            images=int(rows.sum()),
            share=share,
            residual=own * ((truth == 1) - share) / mass if mass else np.zeros(len(own)),
            verified=float(np.count_nonzero(own)),
        )

    def part(self, *, with_finding: bool) -> float:
        """Return the share off the edge, to be divided by."""
        shrunk = (self.share * self.verified + _HALF_A_CASE) / (self.verified + 2 * _HALF_A_CASE)
        return shrunk if with_finding else 1 - shrunk


def _influence(
    metric: str, decision: NDArray[np.bool_], sides: Sequence[_Side]
) -> tuple[_Floats, NDArray[np.bool_]]:
    """Return what each image moves the metric by, and which images can at all."""
    flagged, cleared = sides
    if metric == "ppv":
        return flagged.residual, flagged.rows
    if metric == "npv":
        return cleared.residual, cleared.rows
    everybody = np.ones(len(decision), np.bool_)
    if metric == "prevalence":
        decided = (flagged.share - cleared.share) * (decision - decision.mean())
        verified = flagged.images * flagged.residual + cleared.images * cleared.residual
        return decided + verified, everybody
    has_it = metric in ("sensitivity", "false_negative_rate")
    decided = np.where(decision, 1 / max(flagged.images, 1), -1 / max(cleared.images, 1))
    sign = 1 if has_it else -1
    moved = flagged.residual / flagged.part(with_finding=has_it)
    return decided + sign * (
        moved - cleared.residual / cleared.part(with_finding=has_it)
    ), everybody


def _without_spread(sides: Sequence[_Side], counted: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    return [
        side.rows
        for side in sides
        if side.verified and not side.residual.any() and (side.rows & counted).any()
    ]


def _worst(weight: _Floats, patients: ArrayLike, rows: NDArray[np.bool_]) -> float:
    """Return the design effect of images that are wholly alike within each patient."""
    own = weight[weight > 0]
    _, patient = np.unique(np.asarray(patients, np.int64)[rows][weight > 0], return_inverse=True)
    return float(np.sum(np.bincount(patient, own) ** 2) / np.sum(own**2))
