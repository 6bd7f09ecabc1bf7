"""Probabilities put right: one intercept for all, or one a group, held to that of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.logistic import fit_intercepts, logit
from edgefair.records import Group

__all__ = ["LEAST_LABELS", "GroupShift", "recalibrated", "shrunk_shifts", "variance_between"]

LEAST_LABELS: Final = 50
"""Labels from which on a group gets a shift of its own."""

_FARTHEST: Final = 10.0
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShift:
    """What to add to the logits of one group.

    Attributes
    ----------
    group : Group
    n : int
        Labels it was fitted on.
    shift : float
        What to add: held to that of all.
    own : float
        What its own labels alone would say; infinite where all its outcomes are alike.
    of_all : float
        What all labels together say.
    own_share : float
        How far the shift lies from that of all to its own, in [0, 1]: 0 where the group has too
        few labels, or the groups do not differ by more than chance.
    """

    group: Group
    n: int
    shift: float
    own: float
    of_all: float
    own_share: float


def shrunk_shifts(
    y_true: NDArray[np.bool_],
    probability: NDArray[np.float64],
    grouping: Grouping,
    *,
    least: int = LEAST_LABELS,
) -> tuple[GroupShift, ...]:
    """Return for each group the shift of the logits that puts its probabilities right.

    Empirical Bayes: the groups' own shifts are taken as drawn from a normal law around that of
    all, whose variance is Paule and Mandel's; each group's shift is the most likely one under
    that law and its own outcomes. With fewer labels than `least` it is the one of all.

    Parameters
    ----------
    y_true : ndarray of bool, shape (n,)
    probability : ndarray of float64, shape (n,)
        In [0, 1].
    grouping : Grouping
        Over the same cases.
    least : int, default=50

    References
    ----------
    .. [1] R. C. Paule, J. Mandel, "Consensus values and weighting factors", Journal of Research
       of the National Bureau of Standards 87 (1982) 377-385.
    .. [2] B. Efron, C. Morris, "Data analysis using Stein's estimator and its generalizations",
       JASA 70 (1975) 311-319.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1, 2], [300, 300, 20])
    >>> groups = (Group(), Group(), Group())
    >>> p = rng.uniform(0.1, 0.9, 620)
    >>> truth = 1 / (1 + np.exp(-logit(p) - np.array([0.0, 1.0, 0.0])[codes]))
    >>> found = shrunk_shifts(
    ...     rng.random(620) < truth, p, Grouping(attribute="ward", groups=groups, codes=codes)
    ... )
    >>> [f"{one.shift:.2f}" for one in found], f"{found[0].of_all:.2f}"
    (['-0.09', '1.18', '0.50'], '0.50')
    """
    x = logit(probability)
    k = len(grouping.groups)
    n = np.bincount(grouping.codes, minlength=k)
    of_all = _shift(y_true, x) if len(y_true) else 0.0
    members = [grouping.codes == code for code in range(k)]
    own = np.array([_shift(y_true[rows], x[rows]) if rows.any() else np.nan for rows in members])
    variance = np.array(
        [_variance(x[rows] + of_all) if rows.any() else np.inf for rows in members]
    )
    usable = (n >= least) & np.isfinite(own)
    between = variance_between(own[usable], variance[usable])
    shifts = []
    for code, group in enumerate(grouping.groups):
        apart = 0.0
        if between > 0 and n[code] >= least:
            rows = members[code]
            hits = np.array([float(y_true[rows].sum())])
            (apart,) = fit_intercepts(hits, x[rows] + of_all, ridge=1 / between).tolist()
        shifts.append(
            GroupShift(
                group=group,
                n=int(n[code]),
                shift=of_all + apart,
                own=float(own[code]),
                of_all=of_all,
                own_share=_share(apart, float(own[code]) - of_all),
            )
        )
    return tuple(shifts)


def recalibrated(
    probability: NDArray[np.float64], shift: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probabilities with `shift` added to their logits, one for all or one a case."""
    from scipy.special import expit

    return np.asarray(expit(logit(probability) + shift), dtype=np.float64)


def _shift(y: NDArray[np.bool_], x: NDArray[np.float64]) -> float:
    (found,) = fit_intercepts(np.array([float(y.sum())]), x).tolist()
    return float(found)


def _variance(eta: NDArray[np.float64]) -> float:
    """Return the variance of a group's own shift, by the information in its logits."""
    from scipy.special import expit

    p = expit(np.clip(eta, -_FARTHEST, _FARTHEST))
    return float(1 / np.sum(p * (1 - p)))


def variance_between(own: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    """Return Paule and Mandel's variance between groups; 0 if they differ no more than chance."""
    if len(own) < 2:
        return 0.0

    def excess(between: float) -> float:
        weights = 1 / (variance + between)
        mean = np.sum(weights * own) / weights.sum()
        return float(np.sum(weights * (own - mean) ** 2) - (len(own) - 1))

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, 1.0
    while excess(high) > 0:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high


def _share(apart: float, fully: float) -> float:
    if not apart or np.isnan(fully) or not fully:
        return 0.0
    return float(np.clip(apart / fully, 0, 1))
