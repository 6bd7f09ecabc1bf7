"""What a report shows beside its verdicts: thresholds and calibration of the largest questions.

Nothing here decides anything. What would take long on millions of cases is measured on some of
them, drawn by lot, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.audit.logistic import logit, slope_interval
from edgefair.audit.multiplicity import holm
from edgefair.audit.smooth_ece import cosines, smooth_errors
from edgefair.audit.tally import Cases, everybody_of
from edgefair.audit.thresholds import Costs, ThresholdRow, thresholds_from_counts
from edgefair.records import Group, Interval

__all__ = [
    "MOST_GROUPS",
    "CalibrationAside",
    "GroupCurve",
    "ScoreBin",
    "ThresholdAside",
    "calibration_aside",
    "in_the_large",
    "threshold_aside",
]

MOST_GROUPS: Final = 8
"""Groups that are shown; more would hide what matters."""

_SAMPLE: Final = 2000
_DRAWS: Final = 199
_BINS: Final = 10
_THRESHOLDS: Final = 20
_SAMPLE_OF_SCORES: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAside:
    """What each threshold would do to the cases of one finding.

    Attributes
    ----------
    finding : str
    rows : tuple of ThresholdRow
        Everybody first, then group by group; thresholds rising.
    costs : Costs or None
    groups_left_out : int
        Groups that are not shown.
    """

    finding: str
    rows: tuple[ThresholdRow, ...]
    costs: Costs | None
    groups_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBin:
    """Cases with a probability from one tenth up to the next: how many, with what, and the mean.

    Attributes
    ----------
    n, positives : int
    total : float
        Sum of the probabilities.
    """

    n: int
    positives: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCurve:
    """Whether the probabilities mean what they say in one group.

    Attributes
    ----------
    n, positives : int
    bins : tuple of ScoreBin
        Ten, from 0 to 1; empty ones stay.
    in_the_large : Interval
        Observed share less the mean probability: above 0, the probabilities are too small.
    slope : Interval
        Below 1 the probabilities are too extreme; nan where it cannot be had.
    smooth_error : float
        The smooth calibration error; nan without a case.
    by_chance : float
        What it stays below in 97.5 % of samples if the probabilities are right.
    p_value : float
        Of the smooth error, corrected over the groups of one attribute.
    measured_on : int
        Cases that slope and smooth error were measured on: all, or some drawn by lot.
    """

    group: Group
    n: int
    positives: int
    bins: tuple[ScoreBin, ...]
    in_the_large: Interval
    slope: Interval
    smooth_error: float
    by_chance: float
    p_value: float
    measured_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationAside:
    """Calibration of one finding's probabilities, everybody first.

    Attributes
    ----------
    finding : str
    curves : tuple of GroupCurve
    groups_left_out : int
        Groups that are not shown.
    """

    finding: str
    curves: tuple[GroupCurve, ...]
    groups_left_out: int


def threshold_aside(
    cases: Cases, *, level: float, costs: Costs | None = None, also: float | None = None
) -> ThresholdAside | None:
    """Return what each of about twenty thresholds would do; None where there are no scores.

    Parameters
    ----------
    cases : Cases
    level : float
        Of the intervals, in (0, 1).
    costs : Costs, optional
    also : float, optional
        A threshold to be among them.

    Notes
    -----
    The thresholds lie at even shares of all scores, rounded to three digits, so that they can be
    set at a viewer; with at most twenty different scores, all of these.
    """
    if cases.y_score is None or not len(cases.y_score):
        return None
    at = _sensible(cases.y_score, also)
    place = np.searchsorted(at, cases.y_score, side="right").astype(np.int16)
    chosen, left_out = _shown(cases)
    rows: list[ThresholdRow] = []
    for grouping in chosen:
        k = len(grouping.groups)
        cell = (grouping.codes.astype(np.int64) * (len(at) + 1) + place) * 2 + cases.y_true
        table = np.bincount(cell, minlength=k * (len(at) + 1) * 2).reshape(k, len(at) + 1, 2)
        above = table[:, ::-1].cumsum(axis=1)[:, ::-1]
        for code in _kept(grouping):
            flagged = above[code, :, 1], above[code, :, 0]
            rows += thresholds_from_counts(
                grouping.groups[code], at, flagged, costs=costs, level=level
            )
    return ThresholdAside(
        finding=cases.finding, rows=tuple(rows), costs=costs, groups_left_out=left_out
    )


def calibration_aside(cases: Cases, *, level: float, seed: int) -> CalibrationAside | None:
    """Return whether the scores mean what they say; None where they can be no probabilities.

    Parameters
    ----------
    cases : Cases
    level : float
        Of the intervals, in (0, 1).
    seed : int
        Of the draws, and of the lot that picks the cases for slope and smooth error where a group
        has more than 2000.

    Notes
    -----
    Every case counts as independent; where several are of one patient the intervals are too
    narrow.
    """
    p = cases.y_score
    if p is None or not len(p) or p.min() < 0 or p.max() > 1:
        return None
    if np.all((p == 0) | (p == 1)):  # decisions, handed over as scores
        return None
    chosen, left_out = _shown(cases)
    curves: list[GroupCurve] = []
    for grouping in chosen:
        curves += _curves(cases.y_true, p, grouping, level=level, seed=seed)
    return CalibrationAside(finding=cases.finding, curves=tuple(curves), groups_left_out=left_out)


def in_the_large(bins: Sequence[ScoreBin], *, level: float) -> Interval:
    """Return the observed share less the mean probability, with Wilson's limits of the share.

    Examples
    --------
    >>> found = in_the_large([ScoreBin(n=100, positives=30, total=20.0)], level=0.95)
    >>> f"{found.estimate:+.3f} [{found.lower:+.3f}, {found.upper:+.3f}]"
    '+0.100 [+0.019, +0.196]'
    """
    n, positives = sum(one.n for one in bins), sum(one.positives for one in bins)
    if not n:
        return Interval.vacuous(level=level, lower=-1.0)
    mean = sum(one.total for one in bins) / n
    lower, upper = wilson_limits(np.array([positives]), np.array([n]), two_sided_z(level))
    return Interval(positives / n - mean, float(lower[0]) - mean, float(upper[0]) - mean, level, n)


def _shown(cases: Cases) -> tuple[list[Grouping], int]:
    """Return everybody, then the groupings by one attribute that there is room for."""
    chosen, room = [everybody_of(cases)], MOST_GROUPS
    total = 0
    for grouping in cases.groupings:
        there = len(_kept(grouping))
        total += there
        if len(grouping.groups[0].attributes) == 1 and there <= room:
            chosen.append(grouping)
            room -= there
    return chosen, total - (MOST_GROUPS - room)


def _kept(grouping: Grouping) -> list[int]:
    """Return the codes of the groups that have a case."""
    sizes = np.bincount(grouping.codes, minlength=len(grouping.groups))
    return np.flatnonzero(sizes).tolist()


def _sensible(scores: NDArray[np.float64], also: float | None) -> NDArray[np.float64]:
    if len(scores) > _SAMPLE_OF_SCORES:
        scores = np.random.default_rng(0).choice(scores, _SAMPLE_OF_SCORES)
    at = np.unique(scores)
    if len(at) > _THRESHOLDS:
        shares = np.linspace(0, 1, _THRESHOLDS + 1)[:-1]
        even = np.quantile(scores, shares, method="inverted_cdf")
        at = np.unique([float(f"{value:.3g}") for value in even.tolist()])
    return at if also is None else np.unique(np.append(at, also))


def _curves(
    y_true: NDArray[np.bool_],
    p: NDArray[np.float64],
    grouping: Grouping,
    *,
    level: float,
    seed: int,
) -> Iterator[GroupCurve]:
    rows_of = {code: np.flatnonzero(grouping.codes == code) for code in _kept(grouping)}
    errors, measured = [], []
    for code, rows in rows_of.items():
        rng = np.random.default_rng([seed, code])
        some = rows if len(rows) <= _SAMPLE else np.sort(rng.choice(rows, _SAMPLE, replace=False))
        errors.append(_smooth(y_true[some], p[some], rng))
        measured.append(some)
    p_values = holm([p_value for _, _, p_value in errors]).tolist()
    found = zip(rows_of.items(), measured, errors, p_values, strict=True)
    for (code, rows), some, (error, by_chance, _), p_value in found:
        bins = _bins(y_true[rows], p[rows])
        yield GroupCurve(
            group=grouping.groups[code],
            n=len(rows),
            positives=sum(b.positives for b in bins),
            bins=bins,
            in_the_large=in_the_large(bins, level=level),
            slope=slope_interval(y_true[some], logit(p[some]), level=level),
            smooth_error=error,
            by_chance=by_chance,
            p_value=p_value,
            measured_on=len(some),
        )


def _smooth(
    y_true: NDArray[np.bool_], p: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return the smooth error, the 97.5 % point of its band by chance, and the p-value."""
    drawn = rng.random((_DRAWS, len(p))) < p
    outcomes = np.concatenate([y_true[np.newaxis], drawn])
    observed, *null = smooth_errors((outcomes - p) @ cosines(p) / len(p)).tolist()
    # equal errors must count as such whatever order they were summed in
    as_large = sum(one >= observed - 1e-12 for one in null)
    by_chance = float(np.quantile(null, 0.975, method="nearest"))
    return observed, by_chance, (1 + as_large) / (1 + _DRAWS)


def _bins(y_true: NDArray[np.bool_], p: NDArray[np.float64]) -> tuple[ScoreBin, ...]:
    place = np.minimum((p * _BINS).astype(np.int8), _BINS - 1)
    n = np.bincount(place, minlength=_BINS)
    positives = np.bincount(place, y_true, minlength=_BINS).astype(np.int64)
    totals = np.bincount(place, p, minlength=_BINS)
    columns = zip(n.tolist(), positives.tolist(), totals.tolist(), strict=True)
    return tuple(ScoreBin(n=a, positives=b, total=c) for a, b, c in columns)
