"""The smallest and the largest of many groups, with intervals that pay for the picking."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Estimates
from edgefair.audit.intervals import square_and_add, two_sided_z
from edgefair.audit.ratios import mover_r_limits
from edgefair.records import Interval

__all__ = ["largest_difference", "largest_value", "smallest_ratio", "smallest_value"]

_Bounded: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def smallest_value(estimates: Estimates, level: float) -> Interval:
    """Return the smallest estimate, with limits of the smallest true value.

    Where limits hold for all groups together, the smallest true value lies between the smallest
    of the lower ones and the smallest of the upper ones.
    """
    bounded = _bounded(estimates, level, pairs=False)
    if not len(bounded[0]):
        return Interval.vacuous(level=level)
    return _interval(estimates, level, *(float(column.min()) for column in bounded))


def largest_value(estimates: Estimates, level: float) -> Interval:
    """Return the largest estimate, with limits of the largest true value."""
    bounded = _bounded(estimates, level, pairs=False)
    if not len(bounded[0]):
        return Interval.vacuous(level=level)
    return _interval(estimates, level, *(float(column.max()) for column in bounded))


def largest_difference(estimates: Estimates, level: float) -> Interval:
    """Return the largest estimate less the smallest, with limits of the same of the true values.

    Where the limits of all pairs hold together, the true range is at least the largest lower
    limit of any pair and at most the largest upper one.
    """
    values, lower, upper = bounded = _bounded(estimates, level, pairs=True)
    if len(values) < 2:
        return Interval.vacuous(level=level, n=int(estimates.n.sum()))
    least, most = 0.0, 0.0
    for one in zip(*bounded, strict=True):
        below, above = square_and_add(one, (values, lower, upper))
        least, most = max(least, float(below.max())), max(most, float(above.max()))
    return _interval(estimates, level, float(np.ptp(values)), least, min(most, 1.0))


def smallest_ratio(estimates: Estimates, level: float) -> Interval:
    """Return the smallest estimate over the largest, with limits of the same of the true values.

    The limits of a ratio of two are those of `mover_r_limits`.
    """
    values, lower, upper = bounded = _bounded(estimates, level, pairs=True)
    if len(values) < 2 or not values.max():
        return Interval.vacuous(level=level, n=int(estimates.n.sum()))
    least, most = 1.0, 1.0
    for one in zip(*bounded, strict=True):
        below, above = mover_r_limits(one, (values, lower, upper))
        least, most = min(least, float(below.min())), min(most, float(above.min()))
    return _interval(estimates, level, float(values.min() / values.max()), least, most)


def _bounded(estimates: Estimates, level: float, *, pairs: bool) -> _Bounded:
    """Return estimates and limits of the groups that have any, corrected for all of them."""
    estimable = np.isfinite(estimates.estimate)
    groups = int(estimable.sum())
    comparisons = max(1, groups * (groups - 1) // 2 if pairs else groups)
    lower, upper = estimates.limits(two_sided_z(1 - (1 - level) / comparisons))
    return estimates.estimate[estimable], lower[estimable], upper[estimable]


def _interval(
    estimates: Estimates, level: float, estimate: float, lower: float, upper: float
) -> Interval:
    return Interval(estimate, lower, upper, level, int(estimates.n.sum()))
