"""From measures to cells: each group against all others, with verdicts, whatever the measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Estimates, signed_z
from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import two_sided_z
from edgefair.audit.multiplicity import holm
from edgefair.audit.power import POWER
from edgefair.audit.tasks.wording import Spoken, sentence
from edgefair.audit.verdict import corrected_p_values, simultaneous_limits
from edgefair.records import Cell, Group, Interval, Verdict, VerdictKind

__all__ = ["Measure", "TaskCriteria", "cells_by_group", "cells_overall"]

_OUT_OF_REACH: Final = 10
_ENOUGH: Final = 30
"""Cases from which on a group's own spread is planned with."""
_Limits: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCriteria:
    """What an audit holds its results against.

    Attributes
    ----------
    level : float
        Coverage of the intervals, in (0, 1).
    margin : float
        Largest acceptable difference to all others, in the judged error's own unit.
    alpha : float
        Chance of any false alarm, and of any false all-clear, in (0, 1).
    """

    level: float = 0.95
    margin: float
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, value in (("level", self.level), ("alpha", self.alpha)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must be in (0, 1), got {value}")
        if not 0 < self.margin < np.inf:
            raise ValueError(f"margin must be above 0, got {self.margin}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric, and how it is made of some of the cases.

    Attributes
    ----------
    metric : str
        As in `Cell.metric`; a unit stands behind it in brackets.
    of_rows : callable
        From an ndarray of bool, shape (n,), to the estimate among those cases, as k = 1.
    lowest, highest : float
        Range of the metric; nan where it has none.
    judged_as : Spoken or None
        How it is spoken of if it is an error to be judged; None if it is only shown.
    """

    metric: str
    of_rows: Callable[[NDArray[np.bool_]], Estimates]
    lowest: float = 0.0
    highest: float = 1.0
    judged_as: Spoken | None = None


def cells_overall(finding: str, measures: Sequence[Measure], n: int, level: float) -> list[Cell]:
    """Return one cell per measure, for all `n` cases."""
    everybody, nobody = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    criteria = TaskCriteria(level=level, margin=1.0)
    return [
        cell
        for measure in measures
        for cell in _cells(
            finding, (Group(),), measure, measure.of_rows(everybody), measure.of_rows(nobody),
            criteria,
        )
    ]  # fmt: skip


def cells_by_group(
    finding: str,
    measures: Sequence[Measure],
    groupings: Sequence[Grouping],
    criteria: TaskCriteria,
) -> list[Cell]:
    """Return one cell per group and measure; each measure is a family over all groups.

    For each group and each judged measure two questions are asked of the difference to all
    others, as in `edgefair.audit.verdict`: is it above the margin, is it below? Holm's method
    corrects each kind of question over all groups of all groupings.
    """
    columns = []
    groups = tuple(group for grouping in groupings for group in grouping.groups)
    for measure in measures:
        value = [
            measure.of_rows(grouping.codes == code)
            for grouping in groupings
            for code in range(len(grouping.groups))
        ]
        rest = [
            measure.of_rows(grouping.codes != code)
            for grouping in groupings
            for code in range(len(grouping.groups))
        ]
        if value:
            join = value[0].joined
            columns.append(_cells(finding, groups, measure, join(value), join(rest), criteria))
    return [cell for row in zip(*columns, strict=True) for cell in row]


def _cells(
    finding: str,
    groups: Sequence[Group],
    measure: Measure,
    value: Estimates,
    rest: Estimates,
    criteria: TaskCriteria,
) -> list[Cell]:
    z = two_sided_z(criteria.level)
    span = measure.highest - measure.lowest
    limits = simultaneous_limits(value, rest, alpha=criteria.alpha)
    kinds, needed = _no_verdicts(len(groups))
    if measure.judged_as and groups[0].attributes:
        kinds, needed, limits = _judged(value, rest, limits, criteria)
    columns = (
        groups,
        _intervals(value, value.limits(z), (measure.lowest, measure.highest), criteria.level),
        _intervals(rest, rest.limits(z), (measure.lowest, measure.highest), criteria.level),
        _intervals(value, limits, (-span, span), 1 - criteria.alpha, less=rest),
        corrected_p_values(value, rest).tolist(),
    )
    cells = [
        Cell(
            finding=finding,
            group=group,
            metric=measure.metric,
            value=in_group,
            rest=in_rest,
            difference=apart,
            p_value=p_value,
            verdict=None,
        )
        for group, in_group, in_rest, apart, p_value in zip(*columns, strict=True)
    ]
    return [
        replace(cell, verdict=_verdict(cell, kind, short, measure, criteria)) if kind else cell
        for cell, kind, short in zip(cells, kinds, needed.tolist(), strict=True)
    ]


def _no_verdicts(count: int) -> tuple[list[VerdictKind | None], NDArray[np.float64]]:
    return [None] * count, np.full(count, np.nan)


def _verdict(
    cell: Cell, kind: VerdictKind, short: float, measure: Measure, criteria: TaskCriteria
) -> Verdict:
    assert measure.judged_as is not None
    return Verdict(
        kind=kind,
        sentence=sentence(cell, kind, measure.judged_as, margin=criteria.margin),
        limit=float(criteria.margin),
        labels_needed=None if isnan(short) else int(short),
        labels_of="cases",
    )


def _judged(
    value: Estimates, rest: Estimates, limits: _Limits, criteria: TaskCriteria
) -> tuple[list[VerdictKind | None], NDArray[np.float64], _Limits]:
    """Return the verdicts, the cases still needed, and limits that agree with the verdicts."""
    z = signed_z(value, rest, criteria.margin)
    harmed = holm(_upper_tail(z)) <= criteria.alpha
    fine = holm(_upper_tail(-z)) <= criteria.alpha
    kinds: list[VerdictKind | None] = [
        VerdictKind.HARM_SHOWN
        if is_harmed
        else VerdictKind.SHOWN_OK
        if is_fine
        else VerdictKind.NOT_ENOUGH_DATA
        for is_harmed, is_fine in zip(harmed.tolist(), fine.tolist(), strict=True)
    ]
    needed = np.where(harmed | fine, np.nan, _needed(value, rest, criteria))
    lower, upper = limits
    # Holm's method carries as far as the margin where the plain correction just does not
    adjusted = (
        np.where(harmed, np.maximum(lower, criteria.margin), lower),
        np.where(fine, np.minimum(upper, criteria.margin), upper),
    )
    return kinds, needed, adjusted


def _upper_tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return np.asarray(ndtr(-z), dtype=np.float64)


def _needed(value: Estimates, rest: Estimates, criteria: TaskCriteria) -> NDArray[np.float64]:
    """Return how many more cases each group needs, the others growing at the present mix.

    Planned as in `edgefair.audit.verdict` for a group without any difference, or as far beyond
    the margin where the data point there, from the spread that the limits show; where that many
    are there already, for the difference seen. A small group is taken to spread as the others do.
    """
    difference = value.estimate - rest.estimate
    comparisons = max(1, int(np.isfinite(difference).sum()))
    reach = NormalDist().inv_cdf(1 - criteria.alpha / comparisons) + NormalDist().inv_cdf(POWER)
    of_rest = _spread(rest)
    is_own = np.isfinite(_spread(value)) & ((value.n >= _ENOUGH) | ~np.isfinite(of_rest))
    of_value = np.where(is_own, _spread(value), of_rest)
    per_case = np.maximum(rest.n, 1) / np.maximum(value.n, 1)
    variance = of_value + of_rest / per_case

    def total(distance: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            return np.asarray(np.ceil(reach**2 * variance / distance**2))

    at_first = total(np.full(variance.shape, criteria.margin))
    exhausted = (at_first <= value.n) & np.isfinite(difference)
    in_all = np.where(exhausted, total(difference - criteria.margin), at_first)
    out_of_reach = ~(in_all <= _OUT_OF_REACH * np.maximum(at_first, value.n))
    return np.where(out_of_reach, np.nan, np.maximum(in_all - value.n, 1))


def _spread(estimates: Estimates) -> NDArray[np.float64]:
    """Return the variance of one case, as the limits at one standard error show it."""
    lower, upper = estimates.limits(1.0)
    return np.asarray(estimates.n * ((upper - lower) / 2) ** 2)


def _intervals(
    estimates: Estimates,
    limits: _Limits,
    span: tuple[float, float],
    level: float,
    *,
    less: Estimates | None = None,
) -> list[Interval]:
    """Return records of the estimates, or of what they lie above `less`; vacuous where none."""
    points = estimates.estimate - (less.estimate if less else 0.0)
    rows = zip(*(column.tolist() for column in (points, *limits, estimates.n)), strict=True)
    return [
        Interval.vacuous(level=level, n=n, lower=span[0], upper=span[1])
        if isnan(point)
        else Interval(point, lower, upper, level, n)
        for point, lower, upper, n in rows
    ]
