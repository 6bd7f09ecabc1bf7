"""Whether probabilities mean what they say, group by group, beside what chance alone would show.

Errors of calibration are never 0: binned ones grow as cases get fewer, even of probabilities that
are right. So each measure stands beside its band over outcomes drawn from the probabilities
themselves, ``y* ~ Bernoulli(p)``, which is exact up to the number of draws for any sample size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.logistic import (
    fit_intercepts,
    fit_lines,
    intercept_interval,
    logit,
    slope_interval,
)
from edgefair.audit.multiplicity import holm
from edgefair.audit.smooth_ece import WAVES, cosines, smooth_errors
from edgefair.records import Group, Interval

__all__ = ["MEASURES", "GroupCalibration", "Measured", "calibration_by_group"]

MEASURES: Final = (
    "brier",
    "reliability",
    "resolution",
    "in_the_large",
    "intercept",
    "slope",
    "smooth_error",
)
_ONE_SIDED: Final = ("reliability", "smooth_error")
_BINS: Final = 10
_AT_ONCE: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure, beside what it would be if the probabilities were right.

    Attributes
    ----------
    name : str
        One of `MEASURES`.
    observed : float
        nan where it cannot be had.
    lower, upper : float
        Central band at the level asked for, over outcomes drawn from the probabilities.
    p_value : float
        Of the probabilities being right, corrected over the groups by Holm's method: one-sided
        for reliability and smooth error, which only grow with error, else two-sided.
    """

    name: str
    observed: float
    lower: float
    upper: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCalibration:
    """How far the probabilities lie off in one group.

    ``brier = reliability - resolution + uncertainty + within_bins`` holds exactly.

    Attributes
    ----------
    group : Group
    n, positives : int
        Labelled cases, and those with the finding.
    measures : tuple of Measured
        In the order of `MEASURES`; empty where there is no case. Brier is the mean squared error;
        reliability and resolution are Murphy's, over ten bins of equally many cases; in_the_large
        is the observed share less the mean probability; intercept and slope are Cox's, below;
        smooth_error is the smooth calibration error.
    uncertainty, within_bins : float
        The part of Brier that is the finding's own variance, and the part that bins cannot see.
    intercept : Interval
        What is to be added to every logit so that the sum is right: above 0, the probabilities
        are too small. With its likelihood interval.
    slope : Interval
        Of the logistic fit to the logit: below 1, the probabilities are too extreme. With its
        profile likelihood interval; nan where a threshold parts the outcomes.

    References
    ----------
    .. [1] A. H. Murphy, "A new vector partition of the probability score", Journal of Applied
       Meteorology 12 (1973) 595-600.
    .. [2] D. B. Stephenson, C. A. S. Coelho, I. T. Jolliffe, "Two extra components in the Brier
       score decomposition", Weather and Forecasting 23 (2008) 752-757.
    .. [3] D. R. Cox, "Two further applications of a model for binary regression", Biometrika 45
       (1958) 562-565.
    """

    group: Group
    n: int
    positives: int
    measures: tuple[Measured, ...]
    uncertainty: float
    within_bins: float
    intercept: Interval
    slope: Interval

    def measure(self, name: str) -> Measured:
        """Return one measure by its name.

        Raises
        ------
        ValueError
            If there is none of that name, or the group has no case.
        """
        for one in self.measures:
            if one.name == name:
                return one
        raise ValueError(f"{name} is not among {', '.join(m.name for m in self.measures)}")


def calibration_by_group(
    y_true: NDArray[np.bool_],
    probability: NDArray[np.float64],
    grouping: Grouping,
    *,
    seed: int,
    level: float = 0.95,
    draws: int = 999,
) -> tuple[GroupCalibration, ...]:
    """Return how far the probabilities lie off in each group, beside what chance would show.

    Parameters
    ----------
    y_true : ndarray of bool, shape (n,)
        Whether the finding was there.
    probability : ndarray of float64, shape (n,)
        In [0, 1]; for slope and intercept kept 1e-6 away from either end.
    grouping : Grouping
        Over the same cases.
    seed : int
        Of the draws; a group's do not depend on the other groups.
    level : float, default=0.95
        Of intervals and bands.
    draws : int, default=999
        The smallest p-value before correction is ``1 / (draws + 1)``, or twice that.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1] or nan.

    Examples
    --------
    Probabilities that are all half as large as they should be:

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.uniform(0.2, 0.8, 500)
    >>> everybody = Grouping(attribute="all", groups=(Group(),), codes=np.zeros(500, np.int64))
    >>> (found,) = calibration_by_group(rng.random(500) < truth, truth / 2, everybody, seed=1)
    >>> off = found.measure("smooth_error")
    >>> f"{off.observed:.2f}, by chance {off.lower:.2f} to {off.upper:.2f}, p {off.p_value:.3f}"
    '0.26, by chance 0.02 to 0.05, p 0.001'
    """
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ValueError("probabilities must be in [0, 1]")
    found = [
        _of_group(
            group,
            y_true[grouping.codes == code],
            probability[grouping.codes == code],
            (np.random.default_rng([seed, code]), level, draws),
        )
        for code, group in enumerate(grouping.groups)
    ]
    return _corrected(found)


def _of_group(
    group: Group,
    y: NDArray[np.bool_],
    p: NDArray[np.float64],
    how: tuple[np.random.Generator, float, int],
) -> GroupCalibration:
    rng, level, draws = how
    x = logit(p)
    if not len(y):
        measures: tuple[Measured, ...] = ()
        uncertainty = within_bins = nan
    else:
        binned = _Binned.of(p)
        observed = _statistics(y[np.newaxis].astype(np.float64), p, binned)
        measures = _beside(observed, _null(p, binned, rng, draws), level)
        rate = float(y.mean())
        uncertainty = rate * (1 - rate)
        brier, reliability, resolution = (float(column[0]) for column in observed[:3])
        within_bins = brier - (reliability - resolution + uncertainty)
    return GroupCalibration(
        group=group,
        n=len(y),
        positives=int(y.sum()),
        measures=measures,
        uncertainty=uncertainty,
        within_bins=within_bins,
        intercept=intercept_interval(y, x, level=level),
        slope=slope_interval(y, x, level=level),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binned:
    """Probabilities in bins of equally many cases; equal ones stay together.

    Attributes
    ----------
    member : ndarray of float64, shape (n, bins)
        1 where the case is in the bin.
    n, mean : ndarray of float64, shape (bins,)
        Cases, and mean probability.
    """

    member: NDArray[np.float64]
    n: NDArray[np.float64]
    mean: NDArray[np.float64]

    @classmethod
    def of(cls, p: NDArray[np.float64]) -> _Binned:
        """Return n probabilities in bins of about as many cases each; equal ones share a bin."""
        edges = np.unique(np.quantile(p, np.arange(1, _BINS) / _BINS))
        place = np.searchsorted(edges, p, side="left")
        _, place = np.unique(place, return_inverse=True)
        member = np.eye(int(place.max()) + 1)[place]
        n = member.sum(axis=0)
        return cls(member=member, n=n, mean=(p @ member) / n)


def _null(
    p: NDArray[np.float64], binned: _Binned, rng: np.random.Generator, draws: int
) -> tuple[NDArray[np.float64], ...]:
    """Return all statistics over outcomes drawn from the probabilities."""
    rows = max(1, _AT_ONCE // len(p))
    parts = [
        _statistics((rng.random((min(rows, draws - i), len(p))) < p).astype(np.float64), p, binned)
        for i in range(0, draws, rows)
    ]
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _statistics(
    y: NDArray[np.float64], p: NDArray[np.float64], binned: _Binned
) -> tuple[NDArray[np.float64], ...]:
    """Return `MEASURES` of r samples of outcomes, `y` of shape (r, n)."""
    x, n = logit(p), len(p)
    hits = y.sum(axis=1)
    rate = hits / n
    observed = (y @ binned.member) / binned.n
    share = binned.n / n
    waves = np.zeros((len(y), WAVES))
    for i in range(0, n, _AT_ONCE // WAVES):  # the cosines of all cases at once fill the memory
        part = slice(i, i + _AT_ONCE // WAVES)
        waves += (y[:, part] - p[part]) @ cosines(p[part])
    return (
        (y @ (1 - 2 * p) + np.sum(p**2)) / n,
        (observed - binned.mean) ** 2 @ share,
        (observed - rate[:, np.newaxis]) ** 2 @ share,
        rate - p.mean(),
        fit_intercepts(hits, x),
        fit_lines(y, x)[1],
        smooth_errors(waves / n),
    )


def _beside(
    observed: Sequence[NDArray[np.float64]], null: Sequence[NDArray[np.float64]], level: float
) -> tuple[Measured, ...]:
    tail = (1 - level) / 2
    measures = []
    for name, (value,), drawn in zip(MEASURES, observed, null, strict=True):
        known = np.sort(drawn[~np.isnan(drawn)])
        lower, upper = (
            float(np.quantile(known, q, method="nearest")) if len(known) else nan
            for q in (tail, 1 - tail)
        )
        # equal values must count as such whatever order they were summed in
        above = int(np.sum(known >= value - 1e-12)) + 1
        below = int(np.sum(known <= value + 1e-12)) + 1
        extreme = above if name in _ONE_SIDED else 2 * min(above, below)
        p_value = nan if np.isnan(value) or not len(known) else extreme / (len(known) + 1)
        measures.append(
            Measured(
                name=name, observed=float(value), lower=lower, upper=upper,
                p_value=min(1.0, p_value),
            )
        )  # fmt: skip
    return tuple(measures)


def _corrected(found: Sequence[GroupCalibration]) -> tuple[GroupCalibration, ...]:
    """Return the same with each measure's p-values corrected over the groups."""
    with_cases = [one for one in found if one.measures]
    columns = [
        holm([one.measures[i].p_value for one in with_cases]).tolist()
        for i in range(len(MEASURES))
    ]
    corrected = {
        id(one): tuple(
            replace(measure, p_value=columns[i][row]) for i, measure in enumerate(one.measures)
        )
        for row, one in enumerate(with_cases)
    }
    return tuple(replace(one, measures=corrected.get(id(one), ())) for one in found)
