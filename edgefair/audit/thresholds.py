"""What every threshold would do: cases found and missed, referrals, and the cost of each found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.weighted_shares import share_intervals
from edgefair.records import Group, Interval

__all__ = [
    "Costs",
    "ThresholdRow",
    "sensible_thresholds",
    "thresholds_by_group",
    "thresholds_from_counts",
    "thresholds_overall",
]

_MOST_ROWS: Final = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What screening costs, in any currency.

    Attributes
    ----------
    per_image : float
        Of screening one person, image and reading.
    per_test : float
        Of one confirmatory test, which whoever is flagged gets.
    """

    per_image: float
    per_test: float

    def __post_init__(self) -> None:
        for name, value in (("per_image", self.per_image), ("per_test", self.per_test)):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be 0 or more, got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """What one threshold does in one group.

    Counts are of labelled cases, or, with weights, of all those that the labelled ones stand for.

    Attributes
    ----------
    group : Group
    threshold : float
        A score of at least this is flagged.
    screened, found, missed, flagged : float
        People; true cases flagged, and not; people flagged, each of whom gets a test.
    sensitivity, specificity, ppv : Interval
        Wilson's; with weights, Wilson's at the number of cases that would be as informative
        without, which takes the weights for known.
    number_needed_to_screen : float
        People screened for each case found; inf where none is found.
    tests_per_case : float
        Tests for each case found.
    cost : float
        Of screening everybody and testing the flagged; nan if no costs were given.
    cost_per_case : float
        The same for each case found; inf where none is found.
    """

    group: Group
    threshold: float
    screened: float
    found: float
    missed: float
    flagged: float
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    number_needed_to_screen: float
    tests_per_case: float
    cost: float
    cost_per_case: float


def thresholds_by_group(  # noqa: PLR0913 - each is a column or a criterion, named by its user
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    grouping: Grouping,
    *,
    thresholds: Sequence[float] | None = None,
    costs: Costs | None = None,
    weights: NDArray[np.float64] | None = None,
    level: float = 0.95,
) -> tuple[ThresholdRow, ...]:
    """Return what each threshold would do in each group, group by group, thresholds rising.

    These are the outcomes that WHO and TDR's toolkit for calibrating computer-aided detection
    asks for at every threshold, overall and for each part of the population: yield, missed cases,
    referrals, sensitivity, specificity, predictive value, tests and cost for each case found.

    Parameters
    ----------
    y_true : ndarray of bool, shape (n,)
        Whether the finding was there.
    y_score : ndarray of float64, shape (n,)
        Larger for more suspicious; any scale.
    grouping : Grouping
        Over the same cases.
    thresholds : sequence of float, optional
        All scores that occur if left out, or, of more than 101, those at even shares.
    costs : Costs, optional
    weights : ndarray of float64, shape (n,), optional
        How many people each labelled case stands for: 1 over the chance that a case like it got a
        label. Where mostly flagged cases are verified, sensitivity without weights is far too
        high, and no number here may be used.
    level : float, default=0.95
        Of the intervals, each on its own: whoever picks a threshold by them must check it on
        other cases.

    Raises
    ------
    ValueError
        If a score is not finite, or a weight not above 0.

    References
    ----------
    .. [1] World Health Organization, TDR, "Determining the local calibration of computer-assisted
       detection (CAD) thresholds and other parameters: a toolkit to support the effective use of
       CAD for TB screening", Geneva 2021.
    .. [2] C. B. Begg, R. A. Greenes, "Assessment of diagnostic tests when disease verification is
       subject to selection bias", Biometrics 39 (1983) 207-215.
    .. [3] E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data", Survey Methodology 24 (1998) 193-201
       (the effective number of cases).

    Examples
    --------
    >>> everybody = Grouping(attribute="all", groups=(Group(),), codes=np.zeros(6, np.int64))
    >>> rows = thresholds_by_group(
    ...     np.array([1, 1, 0, 0, 0, 1]) == 1, np.array([0.9, 0.6, 0.7, 0.2, 0.1, 0.3]), everybody,
    ...     thresholds=[0.5], costs=Costs(per_image=2, per_test=10),
    ... )
    >>> rows[0].found, rows[0].missed, rows[0].flagged, rows[0].cost_per_case
    (2.0, 1.0, 3.0, 21.0)
    """
    held = np.ones(len(y_true)) if weights is None else weights
    if not np.isfinite(y_score).all():
        raise ValueError("scores must be finite")
    if not np.all((held > 0) & np.isfinite(held)):
        raise ValueError("weights must be above 0")
    at = np.unique(sensible_thresholds(y_score) if thresholds is None else thresholds).astype(
        np.float64
    )
    return tuple(
        row
        for code, group in enumerate(grouping.groups)
        for within in (grouping.codes == code,)
        for ill, well in (_split(y_true[within], y_score[within], held[within], at),)
        for row in _rows(group, at, ill, well, (costs, level))
    )


def thresholds_from_counts(
    group: Group,
    at: NDArray[np.float64],
    flagged: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    costs: Costs | None,
    level: float,
) -> tuple[ThresholdRow, ...]:
    """Return the same of cases that were counted already, each of which stands for itself.

    Parameters
    ----------
    group : Group
    at : ndarray of float64, shape (t,)
        The thresholds, rising.
    flagged : pair of ndarray of int64, shape (t + 1,)
        Cases with and without the finding that have a score of at least each threshold; before
        them, in the first place, all that there are.
    costs, level
        As for `thresholds_by_group`.

    Examples
    --------
    >>> (row,) = thresholds_from_counts(
    ...     Group(), np.array([0.5]), (np.array([3, 2]), np.array([3, 1])), costs=None, level=0.95
    ... )
    >>> row.found, row.missed, row.flagged, row.screened
    (2.0, 1.0, 3.0, 6.0)
    """
    ill, well = (
        _Above(
            weight=counts[1:].astype(np.float64),
            square=counts[1:].astype(np.float64),
            total=float(counts[0]),
            total_square=float(counts[0]),
        )
        for counts in flagged
    )
    return tuple(_rows(group, at, ill, well, (costs, level)))


def thresholds_overall(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    *,
    thresholds: Sequence[float] | None = None,
    costs: Costs | None = None,
    weights: NDArray[np.float64] | None = None,
    level: float = 0.95,
) -> tuple[ThresholdRow, ...]:
    """Return what each threshold would do for everybody; parameters as `thresholds_by_group`."""
    codes = np.zeros(len(y_true), dtype=np.int64)
    return thresholds_by_group(
        y_true,
        y_score,
        Grouping(attribute="everybody", groups=(Group(),), codes=codes),
        thresholds=thresholds,
        costs=costs,
        weights=weights,
        level=level,
    )


def sensible_thresholds(y_score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores that occur or, of more than 101, those at even shares."""
    occurring = np.unique(y_score)
    if len(occurring) <= _MOST_ROWS:
        return occurring
    shares = np.linspace(0, 1, _MOST_ROWS)
    return np.unique(np.quantile(y_score, shares, method="inverted_cdf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Above:
    """Weights of one kind of case, and their squares, at or above each threshold and in all."""

    weight: NDArray[np.float64]
    square: NDArray[np.float64]
    total: float
    total_square: float

    @classmethod
    def of(
        cls, scores: NDArray[np.float64], weights: NDArray[np.float64], at: NDArray[np.float64]
    ) -> _Above:
        """Return the sums of n cases' weights over each threshold of `at`."""
        order = np.argsort(scores, kind="stable")
        first = np.searchsorted(scores[order], at, side="left")
        below, below_squared = (
            np.concatenate([[0.0], np.cumsum(column[order])]) for column in (weights, weights**2)
        )
        return cls(
            weight=below[-1] - below[first],
            square=below_squared[-1] - below_squared[first],
            total=float(below[-1]),
            total_square=float(below_squared[-1]),
        )


def _split(
    y: NDArray[np.bool_],
    score: NDArray[np.float64],
    weight: NDArray[np.float64],
    at: NDArray[np.float64],
) -> tuple[_Above, _Above]:
    return _Above.of(score[y], weight[y], at), _Above.of(score[~y], weight[~y], at)


def _rows(
    group: Group,
    at: NDArray[np.float64],
    ill: _Above,
    well: _Above,
    how: tuple[Costs | None, float],
) -> list[ThresholdRow]:
    costs, level = how
    flagged = ill.weight + well.weight
    screened = ill.total + well.total
    spread = np.full(at.shape, 1.0)
    missed, cleared = ill.total - ill.weight, well.total - well.weight
    missed_square, cleared_square = ill.total_square - ill.square, well.total_square - well.square
    sensitivity = share_intervals((ill.weight, ill.square), (missed, missed_square), level)
    specificity = share_intervals((cleared, cleared_square), (well.weight, well.square), level)
    ppv = share_intervals((ill.weight, ill.square), (well.weight, well.square), level)
    cost = np.full(at.shape, nan)
    if costs:
        cost = costs.per_image * screened + costs.per_test * flagged
    per_case = [
        np.where(ill.weight > 0, total / np.where(ill.weight > 0, ill.weight, 1), without)
        for total, without in ((spread * screened, np.inf), (flagged, np.inf), (cost, np.inf))
    ]
    if not costs:
        per_case[2] = cost
    columns = zip(
        at.tolist(), ill.weight.tolist(), flagged.tolist(), sensitivity, specificity, ppv,
        *(column.tolist() for column in per_case), cost.tolist(),
        strict=True,
    )  # fmt: skip
    return [
        ThresholdRow(
            group=group,
            threshold=threshold,
            screened=screened,
            found=found,
            missed=ill.total - found,
            flagged=of_all,
            sensitivity=se,
            specificity=sp,
            ppv=pv,
            number_needed_to_screen=needed,
            tests_per_case=tests,
            cost=price,
            cost_per_case=each,
        )
        for threshold, found, of_all, se, sp, pv, needed, tests, each, price in columns
    ]
