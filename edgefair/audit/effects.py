"""What a change of decisions or probabilities does for each group, on cases it did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.audit.paired import PairedCounts, tango_limits
from edgefair.audit.tasks.means import Means, student_quantile
from edgefair.records import Group, Interval

__all__ = ["Effect", "Judged", "calibration_effects", "decision_effects"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Labelled cases that a change is judged on.

    Attributes
    ----------
    y_true : ndarray of bool, shape (n,)
    grouping : Grouping
        Over the same cases.
    units : ndarray of int64, shape (n,)
        Number of the patient of each case.
    """

    y_true: _Bools
    grouping: Grouping
    units: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a proposal does in one group, on cases that it was not fitted on.

    Attributes
    ----------
    group : Group
    metric : str
        sensitivity, specificity, brier, or in_the_large: observed share less mean probability.
    before, after : Interval
    difference : Interval
        after - before on the same cases: Tango's score interval for decisions, a mean's for
        brier; where patients have several cases, Student's over the patients. What the cross-fit
        thresholds owe to chance is in the cases' decisions and not added for. Not estimable for
        in_the_large, which is to come nearer to 0 from either side.
    """

    group: Group
    metric: str
    before: Interval
    after: Interval
    difference: Interval


def decision_effects(
    cases: Judged, flagged: tuple[_Bools, _Bools], level: float
) -> tuple[Effect, ...]:
    """Return what a change of decisions, before and after, does to sensitivity and specificity.

    Everybody first, then each group.
    """
    before, after = flagged
    effects = []
    for group, rows in _everybody_first(cases.grouping):
        for metric, of_kind, right in (
            ("sensitivity", cases.y_true, (before, after)),
            ("specificity", ~cases.y_true, (~before, ~after)),
        ):
            which = rows & of_kind
            pair = (right[0][which], right[1][which])
            effects.append(_decisions_effect(group, metric, pair, cases.units[which], level))
    return tuple(effects)


def calibration_effects(
    cases: Judged, probabilities: tuple[_Floats, _Floats], level: float
) -> tuple[Effect, ...]:
    """Return what a change of probabilities, before and after, does to Brier and the sum.

    Everybody first, then each group.
    """
    effects = []
    for group, rows in _everybody_first(cases.grouping):
        y = cases.y_true[rows] * 1.0
        p, q = (each[rows] for each in probabilities)
        errors = (p - y) ** 2, (q - y) ** 2
        effects.append(
            Effect(
                group=group,
                metric="brier",
                before=_mean(errors[0], level, 0.0),
                after=_mean(errors[1], level, 0.0),
                difference=_paired_mean(errors[1] - errors[0], cases.units[rows], level),
            )
        )
        effects.append(
            Effect(
                group=group,
                metric="in_the_large",
                before=_mean(y - p, level, -1.0),
                after=_mean(y - q, level, -1.0),
                difference=Interval.vacuous(level=level, n=len(y), lower=-2.0, upper=2.0),
            )
        )
    return tuple(effects)


def _everybody_first(grouping: Grouping) -> list[tuple[Group, _Bools]]:
    everybody = (Group(), np.ones(len(grouping.codes), dtype=np.bool_))
    parts = [(group, grouping.codes == code) for code, group in enumerate(grouping.groups)]
    return [everybody, *parts]


def _decisions_effect(
    group: Group,
    metric: str,
    right: tuple[_Bools, _Bools],
    units: NDArray[np.int64],
    level: float,
) -> Effect:
    before, after = right
    n, z = len(before), two_sided_z(level)
    if not n:
        nothing = Interval.vacuous(level=level)
        apart = Interval.vacuous(level=level, lower=-1.0)
        return Effect(group=group, metric=metric, before=nothing, after=nothing, difference=apart)
    shares = []
    for one in right:
        low, high = wilson_limits(one.sum(), n, z)
        shares.append(Interval(float(one.mean()), float(low), float(high), level, n))
    if _repeats(units):
        difference = _paired_mean(after.astype(np.float64) - before, units, level)
    else:
        lower, upper = tango_limits(_table(before, after), z)
        gain = shares[1].estimate - shares[0].estimate
        difference = Interval(gain, -float(upper[0]), -float(lower[0]), level, n)
    return Effect(
        group=group, metric=metric, before=shares[0], after=shares[1], difference=difference
    )


def _table(before: _Bools, after: _Bools) -> PairedCounts:
    both, lost, gained, neither = (
        np.array([int(np.sum(which))])
        for which in (before & after, before & ~after, ~before & after, ~before & ~after)
    )
    return PairedCounts(both=both, lost=lost, gained=gained, neither=neither)


def _mean(values: _Floats, level: float, lowest: float) -> Interval:
    return _as_interval(Means.of(values, lowest=lowest, highest=1.0), level, lowest)


def _paired_mean(apart: _Floats, units: NDArray[np.int64], level: float) -> Interval:
    """Return the mean difference: over cases, or over patients where these have several."""
    n = len(apart)
    if not _repeats(units):
        return _as_interval(Means.of(apart, lowest=-1.0, highest=1.0), level, -1.0)
    _, place = np.unique(units, return_inverse=True)
    sums, counts = np.bincount(place, apart), np.bincount(place)
    patients = len(counts)
    mean = float(apart.mean())
    if patients < 2:
        return Interval.vacuous(level=level, n=n, lower=-1.0)
    squares = float(np.sum((sums - mean * counts) ** 2)) * patients / (patients - 1)
    quantile = float(student_quantile(two_sided_z(level), np.array([patients - 1.0]))[0])
    reach = quantile * np.sqrt(squares) / n
    return Interval(mean, max(-1.0, mean - reach), min(1.0, mean + reach), level, n)


def _repeats(units: NDArray[np.int64]) -> bool:
    return len(np.unique(units)) < len(units)


def _as_interval(means: Means, level: float, lowest: float) -> Interval:
    n = int(means.n[0])
    if not np.isfinite(means.estimate[0]):
        return Interval.vacuous(level=level, n=n, lower=lowest)
    lower, upper = means.limits(two_sided_z(level))
    return Interval(float(means.estimate[0]), float(lower[0]), float(upper[0]), level, n)
