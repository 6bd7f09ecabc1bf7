"""What could be changed, and what each change would do for each group: to be signed by a person.

A proposal is fitted on all labels; what it would do is judged by cross-fitting: the patients are
parted into folds, and each fold's cases are decided by a proposal fitted on the other folds. So
each case is judged by what did not see it, no label is left unused, and few suffice. The figures
are those of the way of proposing, from somewhat fewer labels than the proposal itself has.

One rule for all comes first. One a group treats patients by what group they are in, which may be
unlawful, and asks for a reason in writing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.effects import Effect, Judged, calibration_effects, decision_effects
from edgefair.audit.groups import Grouping
from edgefair.audit.logistic import fit_lines, logit
from edgefair.audit.recalibration import recalibrated, shrunk_shifts, variance_between
from edgefair.records import Group

__all__ = [
    "LEAST_POSITIVES",
    "Aim",
    "HeldOut",
    "RecalibrationProposal",
    "ThresholdProposal",
    "propose_group_intercepts",
    "propose_group_thresholds",
    "propose_recalibration",
    "propose_threshold",
]

LEAST_POSITIVES: Final = 20
"""Cases of the kind an aim counts from which on a group's own threshold is looked at."""

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]
_Fit: TypeAlias = Callable[[_Bools], _Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a threshold is to reach.

    Attributes
    ----------
    metric : str
        ``sensitivity`` or ``specificity``.
    at_least : float
        In (0, 1).
    """

    metric: str
    at_least: float

    def __post_init__(self) -> None:
        if self.metric not in ("sensitivity", "specificity"):
            raise ValueError(f"metric must be sensitivity or specificity, got {self.metric}")
        if not 0 < self.at_least < 1:
            raise ValueError(f"at_least must be in (0, 1), got {self.at_least}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Labelled cases, and how they are parted for cross-fitting.

    Attributes
    ----------
    y_true : ndarray of bool, shape (n,)
    score : ndarray of float64, shape (n,)
        Finite; a probability in [0, 1] where it is to be recalibrated.
    grouping : Grouping
        Over the same cases.
    patients : ndarray of int64, shape (n,), or None
        Whose case it is: no patient is both fitted on and judged. None if each is another's.
    folds : int
    seed : int
        Of the parting.
    """

    y_true: _Bools
    score: _Floats
    grouping: Grouping
    patients: NDArray[np.int64] | None = None
    folds: int = 5
    seed: int

    def __post_init__(self) -> None:
        if not np.isfinite(self.score).all():
            raise ValueError("scores must be finite")
        if self.folds < 2 or len(np.unique(self.units)) < self.folds:
            raise ValueError(f"there are too few patients for {self.folds} folds")

    @property
    def units(self) -> NDArray[np.int64]:
        """Number of the patient of each case."""
        if self.patients is None:
            return np.arange(len(self.y_true))
        return np.unique(self.patients, return_inverse=True)[1]

    def cross_fitted(self, fit: _Fit) -> _Floats:
        """Return for each case what `fit` gives it from the cases of other folds.

        Parameters
        ----------
        fit : callable
            From the cases to fit on, ndarray of bool of shape (n,), to a value for each case.
        """
        units = self.units
        place = np.random.default_rng(self.seed).permutation(int(units.max()) + 1) % self.folds
        fold = place[units]
        given = np.full(len(units), nan)
        for i in range(self.folds):
            held = fold == i
            given[held] = fit(~held)[held]
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdProposal:
    """A threshold, or one a group, and what it would change.

    Attributes
    ----------
    aim : Aim
    lawful_because : str
        Why groups may be treated apart; empty for one threshold for all.
    thresholds : tuple of (Group, float)
        In the order of the groups. A score of at least this is flagged; infinite where there is
        no case to reach the aim with.
    effects : tuple of Effect
        Sensitivity and specificity of each group, everybody first.
    """

    aim: Aim
    lawful_because: str
    thresholds: tuple[tuple[Group, float], ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalibrationProposal:
    """What to make of the logits, and what it would change.

    Attributes
    ----------
    lawful_because : str
        Why groups may be treated apart; empty for one rule for all.
    slope : float
        To multiply logits with.
    intercepts : tuple of (Group, float)
        To add then.
    effects : tuple of Effect
        Brier and in_the_large of each group, everybody first.
    """

    lawful_because: str
    slope: float
    intercepts: tuple[tuple[Group, float], ...]
    effects: tuple[Effect, ...]


def propose_threshold(
    cases: HeldOut, aim: Aim, *, current: float, level: float = 0.95
) -> ThresholdProposal:
    """Return the one threshold that reaches an aim over everybody.

    The strictest at which the aim holds among the labels; that it then holds among others is no
    more likely than not, which is why the effects are judged on held-out cases.

    Parameters
    ----------
    cases : HeldOut
    aim : Aim
    current : float
        The threshold in use.
    level : float, default=0.95
        Of the effects' intervals, each on its own.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(400) < 0.3
    >>> wards = Grouping(
    ...     attribute="ward", groups=(Group(), Group()), codes=rng.integers(0, 2, 400)
    ... )
    >>> cases = HeldOut(y_true=truth, score=rng.normal(truth), grouping=wards, seed=1)
    >>> proposal = propose_threshold(cases, Aim(metric="sensitivity", at_least=0.9), current=1.0)
    >>> sensitivity = proposal.effects[0]
    >>> f"{sensitivity.before.estimate:.2f} -> {sensitivity.after.estimate:.2f}"
    '0.40 -> 0.89'
    """

    def fit(rows: _Bools) -> _Floats:
        one = _threshold(cases.y_true[rows], cases.score[rows], aim)
        return np.full(len(cases.grouping.groups), one)

    return _threshold_proposal(cases, aim, fit, (current, level), lawful_because="")


def propose_group_thresholds(
    cases: HeldOut, aim: Aim, *, current: float, lawful_because: str, level: float = 0.95
) -> ThresholdProposal:
    """Return a threshold for each group that brings it toward the aim, held to that of all.

    Each group's own threshold is an order statistic of its cases, and so is its error; empirical
    Bayes holds it to the one of all by as much as the groups do not differ beyond that. With
    fewer than 20 cases of the kind that the aim counts a group gets the one of all.

    Parameters
    ----------
    cases, aim, current, level
        As for `propose_threshold`.
    lawful_because : str
        On what ground patients may be treated by the group they are in. It stands in the
        proposal.

    Raises
    ------
    ValueError
        If no ground is given.

    References
    ----------
    .. [1] R. C. Paule, J. Mandel, "Consensus values and weighting factors", Journal of Research
       of the National Bureau of Standards 87 (1982) 377-385.
    """
    _check_lawful(lawful_because)
    codes, k = cases.grouping.codes, len(cases.grouping.groups)

    def fit(rows: _Bools) -> _Floats:
        y, score, of = cases.y_true[rows], cases.score[rows], codes[rows]
        for_all = _threshold(y, score, aim)
        own, variance = np.full(k, nan), np.full(k, inf)
        for code in range(k):
            counted = score[(of == code) & (y == (aim.metric == "sensitivity"))]
            if len(counted) >= LEAST_POSITIVES:
                own[code] = _threshold(y[of == code], score[of == code], aim)
                variance[code] = _variance_of_threshold(counted, aim)
        usable = np.isfinite(own) & (variance > 0)
        between = variance_between(own[usable], variance[usable])
        weight = np.where(usable, between / (between + np.where(usable, variance, 1)), 0)
        return np.where(usable, for_all + weight * (np.nan_to_num(own) - for_all), for_all)

    return _threshold_proposal(cases, aim, fit, (current, level), lawful_because=lawful_because)


def propose_recalibration(
    cases: HeldOut, *, with_slope: bool = True, level: float = 0.95
) -> RecalibrationProposal:
    """Return the slope and intercept that put the probabilities right over everybody.

    Parameters
    ----------
    cases : HeldOut
        With probabilities as scores.
    with_slope : bool, default=True
        False leaves the slope at 1, which takes fewer labels. It stays 1 in any case where a
        threshold parts the outcomes.
    level : float, default=0.95
        Of the effects' intervals, each on its own.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", Advances in large margin classifiers, MIT Press 1999.
    """
    x, groups = logit(cases.score), cases.grouping.groups

    def line(rows: _Bools) -> tuple[float, float]:
        if with_slope:
            found = fit_lines(cases.y_true[rows][np.newaxis].astype(np.float64), x[rows])
            intercept, slope = (float(column[0]) for column in found)
            if np.isfinite(slope):
                return intercept, slope
        return shrunk_shifts(cases.y_true[rows], cases.score[rows], _alone(rows))[0].of_all, 1.0

    def fit(rows: _Bools) -> _Floats:
        intercept, slope = line(rows)
        return recalibrated(_expit(slope * x), intercept)

    intercept, slope = line(np.ones(len(x), dtype=np.bool_))
    return RecalibrationProposal(
        lawful_because="",
        slope=slope,
        intercepts=tuple((group, intercept) for group in groups),
        effects=calibration_effects(_judged(cases), (cases.score, cases.cross_fitted(fit)), level),
    )


def propose_group_intercepts(
    cases: HeldOut, *, lawful_because: str, level: float = 0.95
) -> RecalibrationProposal:
    """Return an intercept for each group, held to that of all: from 50 labels a group on.

    Parameters
    ----------
    cases : HeldOut
        With probabilities as scores.
    lawful_because : str
        On what ground patients may be treated by the group they are in. It stands in the
        proposal.
    level : float, default=0.95
        Of the effects' intervals, each on its own.

    Raises
    ------
    ValueError
        If no ground is given.
    """
    _check_lawful(lawful_because)
    codes = cases.grouping.codes

    def shifts(rows: _Bools) -> _Floats:
        found = shrunk_shifts(cases.y_true[rows], cases.score[rows], cases.grouping.of_rows(rows))
        return np.array([one.shift for one in found])

    def fit(rows: _Bools) -> _Floats:
        return recalibrated(cases.score, shifts(rows)[codes])

    of_all = shifts(np.ones(len(codes), dtype=np.bool_))
    return RecalibrationProposal(
        lawful_because=lawful_because,
        slope=1.0,
        intercepts=tuple(zip(cases.grouping.groups, of_all.tolist(), strict=True)),
        effects=calibration_effects(_judged(cases), (cases.score, cases.cross_fitted(fit)), level),
    )


def _check_lawful(lawful_because: str) -> None:
    if not lawful_because.strip():
        raise ValueError("say why patients may be treated by the group they are in")


def _alone(rows: _Bools) -> Grouping:
    codes = np.zeros(int(rows.sum()), dtype=np.int64)
    return Grouping(attribute="everybody", groups=(Group(),), codes=codes)


def _expit(x: _Floats) -> _Floats:
    from scipy.special import expit

    return np.asarray(expit(x), dtype=np.float64)


def _threshold(y: _Bools, score: _Floats, aim: Aim) -> float:
    """Return the strictest threshold at which the aim holds in the cases given."""
    if aim.metric == "sensitivity":
        ill = np.sort(score[y])
        return float(ill[int((1 - aim.at_least) * len(ill) + 1e-9)]) if len(ill) else inf
    well = np.sort(score[~y])
    cleared = int(np.ceil(aim.at_least * len(well) - 1e-9))
    return float(np.nextafter(well[cleared - 1], inf)) if len(well) else inf


def _variance_of_threshold(counted: _Floats, aim: Aim) -> float:
    """Return the variance of an order statistic, from those one standard error to its sides."""
    share = 1 - aim.at_least if aim.metric == "sensitivity" else aim.at_least
    n, sorted_ = len(counted), np.sort(counted)
    reach = np.sqrt(n * share * (1 - share))
    low, high = (
        sorted_[int(np.clip(np.rint(n * share + side * reach), 0, n - 1))] for side in (-1, 1)
    )
    return float(((high - low) / 2) ** 2)


def _threshold_proposal(
    cases: HeldOut, aim: Aim, fit: _Fit, how: tuple[float, float], *, lawful_because: str
) -> ThresholdProposal:
    current, level = how
    codes = cases.grouping.codes
    found = fit(np.ones(len(codes), dtype=np.bool_))
    after = cases.score >= cases.cross_fitted(lambda rows: fit(rows)[codes])
    before = cases.score >= current
    return ThresholdProposal(
        aim=aim,
        lawful_because=lawful_because,
        thresholds=tuple(zip(cases.grouping.groups, found.tolist(), strict=True)),
        effects=decision_effects(_judged(cases), (before, after), level),
    )


def _judged(cases: HeldOut) -> Judged:
    return Judged(y_true=cases.y_true, grouping=cases.grouping, units=cases.units)
