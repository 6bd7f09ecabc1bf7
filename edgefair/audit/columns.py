"""One metric over all groups and findings: values, comparisons and verdicts as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import isnan
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.beside import bounds_if_known, independent_cases, shrunken_cells
from edgefair.audit.estimates import Estimates, JudgedRates, Rates
from edgefair.audit.intervals import two_sided_z
from edgefair.audit.mixed_rates import MixedRates
from edgefair.audit.verdict import (
    corrected_exact_p_values,
    corrected_p_values,
    explored_p_values,
    judge,
    simultaneous_limits,
)
from edgefair.audit.wording import sentence
from edgefair.records import Cell, Group, Interval, Shrunken, UnknownBounds, Verdict

__all__ = ["Block", "Criteria", "intervals_of", "judged_cells", "shown_cells"]

_Limits: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
_Estimates = TypeVar("_Estimates", bound=Estimates)
_JudgedRates = TypeVar("_JudgedRates", bound=JudgedRates)
_Beside: TypeAlias = tuple[UnknownBounds | None, Shrunken | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What an audit holds its results against.

    Attributes
    ----------
    level : float
        Coverage of the intervals, in (0, 1).
    margin : float
        Largest acceptable difference of an error rate to all others, in (0, 1).
    alpha : float
        Chance of any false alarm, and chance of any false all-clear, among the verdicts of one
        error rate, in (0, 1).
    """

    level: float = 0.95
    margin: float = 0.10
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, value in (("level", self.level), ("margin", self.margin), ("alpha", self.alpha)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must be in (0, 1), got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Generic[_Estimates]):
    """One metric of one finding in the k groups of one grouping, and among the others of each."""

    finding: str
    groups: tuple[Group, ...]
    value: _Estimates
    rest: _Estimates


def shown_cells(
    metric: str, blocks: Sequence[Block[_Estimates]], criteria: Criteria
) -> list[list[Cell]]:
    """Return the cells of a metric that is shown and not judged, a list for each block.

    All blocks together are the family that differences and p-values are corrected for.
    """
    value, rest = _joined(blocks)
    lower, upper = simultaneous_limits(value, rest, alpha=criteria.alpha)
    compared = _Comparison(lower=lower, upper=upper, p_values=explored_p_values(value, rest))
    return _by_block(_cells(metric, blocks, compared, criteria), blocks)


def judged_cells(
    metric: str, blocks: Sequence[Block[_JudgedRates]], criteria: Criteria
) -> list[list[Cell]]:
    """Return the cells of an error rate with their verdicts, a list for each block.

    All blocks together are the family that the verdicts are corrected for.
    """
    value, rest = _joined(blocks)
    judgement = judge(value, rest, margin=criteria.margin, alpha=criteria.alpha)
    compared = _Comparison(
        lower=judgement.lower, upper=judgement.upper, p_values=corrected_p_values(value, rest)
    )
    cells = _cells(metric, blocks, compared, criteria)
    verdicts = (
        Verdict(
            kind=kind,
            sentence=sentence(cell, kind, margin=criteria.margin),
            limit=criteria.margin,
            labels_needed=None if isnan(needed) else int(needed),
            labels_of="positives" if metric == "false_negative_rate" else "negatives",
        )
        for cell, kind, needed in zip(
            cells, judgement.kind, judgement.needed.tolist(), strict=True
        )
    )
    beside = (pair for block in blocks for pair in _beside(block, criteria.level))
    exact = corrected_exact_p_values(value, rest)
    judged = [
        replace(cell, verdict=verdict, exact_p_value=p, if_known=if_known, shrunken=shrunken)
        for cell, verdict, p, (if_known, shrunken) in zip(
            cells, verdicts, exact, beside, strict=True
        )
    ]
    return _by_block(judged, blocks)


def _beside(block: Block[_JudgedRates], level: float) -> list[_Beside]:
    """Return what stands beside each group's rate; only plain shares have bounds and cells."""
    value: JudgedRates | None = block.value
    plain = value.plain if isinstance(value, MixedRates) else value
    if not isinstance(plain, Rates):
        return [(None, None)] * len(block.groups)
    bounds = bounds_if_known(block.groups, plain)
    return list(zip(bounds, shrunken_cells(block.groups, plain, level=level), strict=True))


def _joined(blocks: Sequence[Block[_Estimates]]) -> tuple[_Estimates, _Estimates]:
    join = blocks[0].value.joined
    return join([block.value for block in blocks]), join([block.rest for block in blocks])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """Limits and p-values of all differences of a family, each of shape (m,)."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    p_values: NDArray[np.float64]


def _cells(
    metric: str, blocks: Sequence[Block[_Estimates]], compared: _Comparison, criteria: Criteria
) -> list[Cell]:
    """Return all cells without verdicts."""
    value, rest = _joined(blocks)
    z = two_sided_z(criteria.level)
    difference = value.estimate - rest.estimate
    columns = (
        [(block.finding, group) for block in blocks for group in block.groups],
        intervals_of(value.estimate, value.limits(z), value.n, criteria.level),
        intervals_of(rest.estimate, rest.limits(z), rest.n, criteria.level),
        intervals_of(
            difference, (compared.lower, compared.upper), value.n, 1 - criteria.alpha, lowest=-1.0
        ),
        compared.p_values.tolist(),
        independent_cases(value),
    )
    return [
        Cell(
            finding=finding,
            group=group,
            metric=metric,
            value=in_group,
            rest=in_rest,
            difference=apart,
            p_value=p_value,
            verdict=None,
            independent=independent,
        )
        for (finding, group), in_group, in_rest, apart, p_value, independent in zip(
            *columns, strict=True
        )
    ]


def _by_block(cells: Sequence[Cell], blocks: Sequence[Block[_Estimates]]) -> list[list[Cell]]:
    remaining = iter(cells)
    return [list(islice(remaining, len(block.groups))) for block in blocks]


def intervals_of(
    estimate: NDArray[np.float64],
    limits: _Limits,
    n: NDArray[np.int64],
    level: float,
    *,
    lowest: float = 0.0,
) -> list[Interval]:
    """Return records of k estimates; from `lowest` to 1 where there is none."""
    rows = zip(*(column.tolist() for column in (estimate, *limits, n)), strict=True)
    return [
        Interval.vacuous(level=level, n=cases, lower=lowest)
        if isnan(point)
        else Interval(point, lower, upper, level, cases)
        for point, lower, upper, cases in rows
    ]
