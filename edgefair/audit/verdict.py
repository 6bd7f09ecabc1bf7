"""The three verdicts: decided by corrected one-sided tests, said in words with their counts.

For each group and each judged error rate two questions are asked of the difference to all others:
is it above the margin (harm), is it below (ok)? Each kind of question is one family over all
groups and findings and is corrected by Holm's method, so that the chance of any false alarm stays
below alpha, and so does the chance of any false all-clear. What neither answers is not enough
data, never "no difference".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import (
    Estimates,
    JudgedRates,
    Rates,
    difference_limits,
    signed_z,
)
from edgefair.audit.exact import exact_p_values
from edgefair.audit.multiplicity import benjamini_hochberg, holm
from edgefair.audit.power import cases_for_verdict
from edgefair.records import VerdictKind

__all__ = [
    "JUDGED",
    "Judgement",
    "corrected_exact_p_values",
    "corrected_p_values",
    "explored_p_values",
    "judge",
    "simultaneous_limits",
]

JUDGED: Final = ("false_negative_rate", "false_positive_rate")
"""The primary family, then the secondary one; each is corrected on its own."""

_OUT_OF_REACH: Final = 10
"""Times the cases planned for, or those there are, beyond which a number is no plan any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was decided of each of m cells.

    Attributes
    ----------
    kind : tuple of VerdictKind, length m
    lower, upper : ndarray of float64, shape (m,)
        Limits of the difference, as `simultaneous_limits` returns them, except that they never
        lie on the other side of the margin than the verdict: where Holm's method decides and the
        plain correction just does not, the limit is the margin itself, which is as far as Holm's
        method carries.
    needed : ndarray of float64, shape (m,)
        Further cases of the rate's denominator that the group needs for a verdict; nan where it
        is decided or no number of its own would do.

    References
    ----------
    .. [1] O. Guilbaud, "Simultaneous confidence regions corresponding to Holm's step-down
       procedure and other closed-testing procedures", Biometrical Journal 50 (2008) 678-692.
    """

    kind: tuple[VerdictKind, ...]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    needed: NDArray[np.float64]


def judge(value: JudgedRates, rest: JudgedRates, *, margin: float, alpha: float) -> Judgement:
    """Return a verdict on each of m differences ``value - rest`` of error rates.

    Parameters
    ----------
    value, rest : JudgedRates
        Errors in m groups, and among all others of each; all groups and findings of the family.
    margin : float
        Largest acceptable difference, in (0, 1).
    alpha : float
        Chance of any false alarm, and chance of any false all-clear, in the family.
    """
    z = signed_z(value, rest, margin)
    harmed = holm(_upper_tail(z)) <= alpha
    fine = holm(_upper_tail(-z)) <= alpha
    lower, upper = simultaneous_limits(value, rest, alpha=alpha)
    kinds = np.where(harmed, 2, np.where(fine, 1, 0))
    ordered = (VerdictKind.NOT_ENOUGH_DATA, VerdictKind.SHOWN_OK, VerdictKind.HARM_SHOWN)
    return Judgement(
        kind=tuple(ordered[kind] for kind in kinds.tolist()),
        lower=np.where(harmed, np.maximum(lower, margin), lower),
        upper=np.where(fine, np.minimum(upper, margin), upper),
        needed=np.where(kinds == 0, _needed(value, rest, margin=margin, alpha=alpha), np.nan),
    )


def simultaneous_limits(
    value: Estimates, rest: Estimates, *, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits of m differences, all lower ones right together with chance 1 - alpha.

    And all upper ones likewise: Bonferroni's correction, alpha over the number of differences on
    either side. For an attribute of two groups, whose differences mirror each other, this is the
    ordinary two-sided interval at level 1 - alpha.
    """
    z = NormalDist().inv_cdf(1 - alpha / _comparisons(value, rest))
    return difference_limits(value, rest, z)


def corrected_p_values(value: Estimates, rest: Estimates) -> NDArray[np.float64]:
    """Return two-sided p-values of "no difference", corrected by Holm over the m of them."""
    return holm(_two_sided(value, rest))


def corrected_exact_p_values(value: Estimates, rest: Estimates) -> list[float | None]:
    """Return exact two-sided p-values of "no difference", corrected by Holm over the m of them.

    Where a pair has too many cases to be tested exactly (`edgefair.audit.exact`), that of
    `corrected_p_values` stands in. None throughout where any rate is no plain share of
    independent cases, which is all that the exact tests know.
    """
    if not (isinstance(value, Rates) and isinstance(rest, Rates)):
        return [None] * len(value.n)
    if value.worth is not None or rest.worth is not None:
        return [None] * len(value.n)
    exact = exact_p_values(value.hits, value.n, rest.hits, rest.n)
    return list(holm(np.where(np.isnan(exact), _two_sided(value, rest), exact)).tolist())


def explored_p_values(value: Estimates, rest: Estimates) -> NDArray[np.float64]:
    """Return the same for what is shown and not judged, by Benjamini and Hochberg's method."""
    return benjamini_hochberg(_two_sided(value, rest))


def _two_sided(value: Estimates, rest: Estimates) -> NDArray[np.float64]:
    return np.minimum(1, 2 * _upper_tail(np.abs(signed_z(value, rest, 0.0))))


def _comparisons(value: Estimates, rest: Estimates) -> int:
    """Return how many differences can be estimated at all, at least 1."""
    return max(1, int(np.sum(np.isfinite(value.estimate) & np.isfinite(rest.estimate))))


def _upper_tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([erfc(x / sqrt(2)) / 2 for x in z.tolist()], dtype=np.float64)


def _needed(
    value: JudgedRates, rest: JudgedRates, *, margin: float, alpha: float
) -> NDArray[np.float64]:
    """Return how many more cases each group needs, the others growing at the present mix.

    Planned for a group as far below the margin as one without any difference, or, where the
    data so far point above the margin, for one as far above it. Where that many cases are there
    and left the verdict open, the difference seen so far is planned for instead, unless it lies
    so close to the margin that no number that could be had would tell.
    """
    one_sided = alpha / _comparisons(value, rest)
    difference = value.estimate - rest.estimate
    planned = np.where(difference > margin, margin, -margin)
    # a rate of 0 of n is no promise of 0 for the next: Laplace's rule
    rest_rate = (rest.hits + 1) / (rest.n + 2)
    here = value.effective
    per_case = np.maximum(rest.effective, 1) / np.maximum(here, 1)

    def total(distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return cases_for_verdict(rest_rate, distance, per_case, margin=margin, alpha=one_sided)

    at_first = total(planned)
    exhausted = (at_first <= here) & np.isfinite(difference)
    in_all = np.where(exhausted, total(difference - margin), at_first)
    out_of_reach = in_all > _OUT_OF_REACH * np.maximum(at_first, here)
    nobody_to_compare = (rest.n == 0) & (value.n > 0)
    further = np.maximum(in_all - here, 1)
    if value.worth is not None:  # as many more images as are worth that many cases
        further = np.ceil(further * np.where(here > 0, value.n / np.where(here > 0, here, 1), 1))
    return np.where(out_of_reach | nobody_to_compare, np.nan, further)
