"""Two readers, one case, two truths: how far they agree, and what that leaves of a rate.

A label is a reader's word. Where some cases were read twice, the share on which the readers differ
bounds the share of labels that are wrong, and that bound is carried into the interval of a rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.intervals import two_sided_z, wilson, wilson_limits
from edgefair.audit.rates import Counts
from edgefair.errors import NotEnoughData
from edgefair.records import Interval

__all__ = ["Agreement", "DisputedRates", "LabelErrors", "agreement", "label_error"]

_NOT_READ: Final = -1
_BY_TRUTH: Final = ("sensitivity", "specificity", "false_negative_rate", "false_positive_rate")
_STEPS: Final = 9

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]
_Limits: TypeAlias = tuple[_Floats, _Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far readers of the same cases agree.

    Attributes
    ----------
    observed : Interval
        Share of pairs of readers that agree, averaged over the cases read by at least two.
    kappa : Interval
        Cohen's kappa (with more than two readers Fleiss's), in [-1, 1]; vacuous where everybody
        said the same of every case.
    ac1 : Interval
        Gwet's AC1, in [-1, 1], which does not collapse where the finding is rare.
    """

    observed: Interval
    kappa: Interval
    ac1: Interval


def agreement(ratings: ArrayLike, *, level: float = 0.95) -> Agreement:
    """Return how far readers agree, beyond what chance would make them.

    Parameters
    ----------
    ratings : array_like of int, shape (n, readers)
        1 where the reader saw the finding, 0 where not, -1 where the reader did not read the
        case. Cases read by fewer than two are left out.
    level : float, default=0.95

    Raises
    ------
    NotEnoughData
        If no case was read twice.

    Notes
    -----
    Wilson's interval for the observed agreement (conservative with more than two readers);
    linearised variances for kappa and AC1, asymptotic. These limits are never drawn closer than
    Wilson's of the observed agreement, carried over at the agreement to expect by chance, so that
    a few cases of perfect agreement prove nothing.

    References
    ----------
    .. [1] J. L. Fleiss, J. Cohen, B. S. Everitt, "Large sample standard errors of kappa and
       weighted kappa", Psychological Bulletin 72 (1969) 323-327.
    .. [2] K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high
       agreement", British Journal of Mathematical and Statistical Psychology 61 (2008) 29-48.

    Examples
    --------
    >>> found = agreement([(0, 0)] * 85 + [(1, 1)] * 5 + [(0, 1)] * 5 + [(1, 0)] * 5)
    >>> [f"{one.estimate:.2f}" for one in (found.observed, found.kappa, found.ac1)]
    ['0.90', '0.44', '0.88']
    """
    table = np.asarray(ratings, dtype=np.int64)
    table = table[(table != _NOT_READ).sum(axis=1) >= 2]
    if not len(table):
        raise NotEnoughData(
            "No case was read by two readers.", hint="Have a second reader look at a sample."
        )
    read = (table != _NOT_READ).sum(axis=1).astype(np.float64)
    yes = (table == 1).sum(axis=1)
    agreed = (yes * (yes - 1) + (read - yes) * (read - yes - 1)) / (read * (read - 1))
    n, z = len(table), two_sided_z(level)
    lower, upper = (float(one) for one in wilson_limits(agreed.sum(), n, z))
    observed = Interval(float(agreed.mean()), lower, upper, level, n)
    share = yes / read
    mean = float(share.mean())
    # what each case adds to the agreement by chance, and that agreement itself
    gwet = 2 * (share * (1 - mean) + (1 - share) * mean), 2 * mean * (1 - mean)
    kappa = _by_two(table) if table.shape[1] == 2 else _by_many(share, mean)
    return Agreement(
        observed=observed,
        kappa=_beyond_chance(agreed, *kappa, observed, z),
        ac1=_beyond_chance(agreed, *gwet, observed, z),
    )


def _by_two(table: _Ints) -> tuple[_Floats, float]:
    """Return each case's part in, and the agreement by chance of two readers with own habits."""
    first, second = table.mean(axis=0)
    given_first = np.where(table[:, 0] == 1, second, 1 - second)
    given_second = np.where(table[:, 1] == 1, first, 1 - first)
    return given_first + given_second, float(first * second + (1 - first) * (1 - second))


def _by_many(share: _Floats, mean: float) -> tuple[_Floats, float]:
    """Return the same for readers who are taken to have one habit."""
    return 2 * (share * mean + (1 - share) * (1 - mean)), mean**2 + (1 - mean) ** 2


def _beyond_chance(
    agreed: _Floats, part: _Floats, by_chance: float, observed: Interval, z: float
) -> Interval:
    """Return ``(observed - chance) / (1 - chance)``, linearised in both."""
    n, level = observed.n, observed.level
    if by_chance >= 1:
        return Interval.vacuous(level=level, n=n, lower=-1.0)
    room = 1 - by_chance
    estimate = (observed.estimate - by_chance) / room
    influence = (agreed - observed.estimate) / room - (1 - estimate) / room * (part - part.mean())
    half = z * sqrt(float((influence**2).sum()) / n / max(n - 1, 1))
    lower = min(estimate - half, (observed.lower - by_chance) / room)
    upper = max(estimate + half, (observed.upper - by_chance) / room)
    return Interval(estimate, max(lower, -1.0), min(upper, 1.0), level, n)


def label_error(disagreements: int, pairs: int, *, level: float = 0.95) -> Interval:
    """Return the share of labels that are wrong, from how often two readers differ.

    Two readers who are each wrong with chance e, independently given the truth, differ with
    chance ``2 e (1 - e)``; so ``e = (1 - sqrt(1 - 2 q)) / 2``, and Wilson's limits of q give
    those of e. Readers who err together, on the same hard cases, differ less and are wrong more
    often than this says; a reader who saw the first reading must not count as a second.

    Parameters
    ----------
    disagreements, pairs : int
        Cases on which the two differ, and all that both read; at least one.
    level : float, default=0.95

    Returns
    -------
    Interval
        In [0, .5]; .5 is a coin.

    Raises
    ------
    NotEnoughData
        If `pairs` is 0.

    References
    ----------
    .. [1] S. L. Hui, X. H. Zhou, "Evaluation of diagnostic tests without gold standards",
       Statistical Methods in Medical Research 7 (1998) 354-370.

    Examples
    --------
    >>> ci = label_error(10, 100)
    >>> f"{ci.estimate:.3f} [{ci.lower:.3f}, {ci.upper:.3f}]"
    '0.053 [0.028, 0.096]'
    """
    q = wilson(disagreements, pairs, level=level)
    estimate, lower, upper = (
        (1 - sqrt(max(0.0, 1 - 2 * one))) / 2 for one in (q.estimate, q.lower, q.upper)
    )
    return Interval(estimate, lower, upper, level, pairs)


class LabelErrors(StrEnum):
    """What is assumed of wrong labels.

    ANYWHERE: nothing but their share; they may all lie where they flatter the model, as when the
    reader has seen its answer. INDEPENDENT: given the truth, whether a label is wrong has nothing
    to do with the model's decision; the reader did not know it.
    """

    ANYWHERE = "anywhere"
    INDEPENDENT = "independent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedRates:
    """One rate in k groups, with limits that allow for wrong labels.

    Attributes
    ----------
    counts : Counts
        Decisions against labels.
    metric : str
        sensitivity, specificity, ppv or npv, or an error rate.
    disagreements, pairs : ndarray of int64, shape (k,)
        Cases on which two readers differ and cases both read; the same for every group where
        double readings are too few to be told apart.
    assumed : LabelErrors
        ANYWHERE is conservative and the default; INDEPENDENT, after Rogan and Gladen, holds for
        sensitivity, specificity and their error rates only.

    Notes
    -----
    The chance of error is split: half goes to the share of wrong labels, whose upper limit is
    taken, half to the rate given that share, so that by Bonferroni's inequality the level is at
    least the nominal one as far as Wilson's limits and `label_error` hold. ANYWHERE takes the
    worst labels to be wrong: the bounds are sharp, as nothing says which are. INDEPENDENT takes
    the union over all shares from 0 to the limit of ``(TP - e flagged) / (positives - e n)``,
    with its linearised variance.

    References
    ----------
    .. [1] W. J. Rogan, B. Gladen, "Estimating prevalence from the results of a screening test",
       American Journal of Epidemiology 107 (1978) 71-76.
    .. [2] M. Staquet, M. Rozencweig, Y. J. Lee, F. M. Muggia, "Methodology for the assessment of
       new dichotomous diagnostic tests", Journal of Chronic Diseases 34 (1981) 599-610.
    .. [3] J. L. Horowitz, C. F. Manski, "Identification and robustness with contaminated and
       corrupted data", Econometrica 63 (1995) 281-302.

    Examples
    --------
    >>> from edgefair.audit.rates import counts_by_group
    >>> truth, flagged = [1] * 50 + [0] * 50, [True] * 45 + [False] * 55
    >>> rates = DisputedRates(
    ...     counts=counts_by_group(truth, flagged, [0] * 100, 1),
    ...     metric="sensitivity",
    ...     disagreements=np.array([2]),
    ...     pairs=np.array([200]),
    ... )
    >>> lower, upper = rates.limits(1.96)
    >>> f"{rates.estimate[0]:.2f} [{lower[0]:.2f}, {upper[0]:.2f}]"
    '0.90 [0.72, 0.98]'
    """

    counts: Counts
    metric: str
    disagreements: _Ints
    pairs: _Ints
    assumed: LabelErrors = LabelErrors.ANYWHERE

    def __post_init__(self) -> None:
        if self.assumed is LabelErrors.INDEPENDENT and self.metric not in _BY_TRUTH:
            raise ValueError(f"independent label errors are not worked out for {self.metric}")

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts, alike in metric and assumption, as one."""

        def column(name: str) -> _Ints:
            return np.concatenate([getattr(part.counts, name) for part in parts])

        return cls(
            counts=Counts(
                true_positives=column("true_positives"),
                false_negatives=column("false_negatives"),
                true_negatives=column("true_negatives"),
                false_positives=column("false_positives"),
            ),
            metric=parts[0].metric,
            disagreements=np.concatenate([part.disagreements for part in parts]),
            pairs=np.concatenate([part.pairs for part in parts]),
            assumed=parts[0].assumed,
        )

    @property
    def estimate(self) -> _Floats:
        """The rate as the labels say it; nan where there is none."""
        return self.counts.rates(self.metric).estimate

    @property
    def n(self) -> _Ints:
        """Labelled cases of the metric's own denominator."""
        return self.counts.rates(self.metric).n

    def limits(self, z: float | _Floats) -> _Limits:
        """Return the limits at the normal quantile `z`; 0 and 1 where there is no estimate."""
        z = np.broadcast_to(np.asarray(z, dtype=np.float64), self.n.shape)
        half = np.array([_halved(one) for one in z.tolist()], dtype=np.float64)
        wrong = self._wrong_at_most(half)
        if self.assumed is LabelErrors.INDEPENDENT:
            lower, upper = self._if_independent(wrong, half)
        else:
            lower, upper = self._if_anywhere(wrong, half)
        known, estimate = self.n > 0, self.estimate
        return (
            np.where(known, np.clip(np.minimum(lower, estimate), 0, 1), 0.0),
            np.where(known, np.clip(np.maximum(upper, estimate), 0, 1), 1.0),
        )

    def _wrong_at_most(self, z: _Floats) -> _Floats:
        _, differing = wilson_limits(self.disagreements, self.pairs, z)
        return np.asarray((1 - np.sqrt(np.maximum(0, 1 - 2 * differing))) / 2)

    def _if_anywhere(self, wrong: _Floats, z: _Floats) -> _Limits:
        labels = wrong * self.counts.n
        if self.metric not in _BY_TRUTH:
            rates = self.counts.rates(self.metric)
            fewest = np.maximum(rates.hits - labels, 0)
            most = np.minimum(rates.hits + labels, rates.n)
            return wilson_limits(fewest, rates.n, z)[0], wilson_limits(most, rates.n, z)[1]
        hits, misses, to_hits, to_misses = self._cells()
        return (
            _lowest(hits, misses, to_misses, labels, z),
            1 - _lowest(misses, hits, to_hits, labels, z),
        )

    def _if_independent(self, wrong: _Floats, z: _Floats) -> _Limits:
        cells = self._cells()
        limits = [_corrected(cells, step * wrong, z) for step in np.linspace(0, 1, _STEPS)]
        return (
            np.min([lower for lower, _ in limits], axis=0),
            np.max([upper for _, upper in limits], axis=0),
        )

    def _cells(self) -> tuple[_Ints, _Ints, _Ints, _Ints]:
        """Return hits and misses, and the cases that the other label would make either."""
        c = self.counts
        tp, fn, tn, fp = c.true_positives, c.false_negatives, c.true_negatives, c.false_positives
        return {
            "sensitivity": (tp, fn, fp, tn),
            "false_negative_rate": (fn, tp, tn, fp),
            "specificity": (tn, fp, fn, tp),
            "false_positive_rate": (fp, tn, tp, fn),
        }[self.metric]


def _lowest(hits: _Ints, misses: _Ints, to_misses: _Ints, labels: _Floats, z: _Floats) -> _Floats:
    """Return the lower limit if that many labels are wrong where it hurts most.

    A wrong label takes a hit away or brings a miss in; the least of a ratio of linear terms lies
    where as many as possible are of one of the two kinds.
    """
    away_first = np.minimum(labels, hits)
    brought_first = np.minimum(labels, to_misses)
    corners = (
        (away_first, np.minimum(labels - away_first, to_misses)),
        (np.minimum(labels - brought_first, hits), brought_first),
    )
    limits = [
        wilson_limits(hits - away, hits - away + misses + brought, z)[0]
        for away, brought in corners
    ]
    return np.minimum(*limits)


def _corrected(cells: tuple[_Ints, _Ints, _Ints, _Ints], wrong: _Floats, z: _Floats) -> _Limits:
    """Return the limits of a rate if labels are wrong at a known, independent rate."""
    hits, misses, to_hits, to_misses = cells
    n = hits + misses
    in_truth = n - wrong * (n + to_hits + to_misses)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.clip((hits - wrong * (hits + to_hits)) / in_truth, 0, 1)
        squares = (
            (hits + misses * (rate / (1 - rate)) ** 2) * (1 - wrong) ** 2
            + (to_hits + to_misses * (rate / (1 - rate)) ** 2) * wrong**2
        ) * (1 - rate) ** 2
        as_sure_as = rate * (1 - rate) * in_truth**2 / squares
    trials = np.where((rate > 0) & (rate < 1), np.minimum(as_sure_as, n), n)
    lower, upper = wilson_limits(np.nan_to_num(rate) * trials, trials, z)
    possible = in_truth > 0
    return np.where(possible, lower, 0.0), np.where(possible, upper, 1.0)


def _halved(z: float) -> float:
    """Return the quantile at which half of the chance of error is left."""
    beyond = NormalDist().cdf(-abs(z))
    return -NormalDist().inv_cdf(beyond / 2) if beyond > 0 else abs(z)
