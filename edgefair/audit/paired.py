"""Two models on the same cases: flips, the loss of a rate, and its limits.

Tango's limits, not Newcombe's, are shown, because they invert the statistic of the tests in
`edgefair.audit.paired_tests`. Where several images are of one patient, they are those of as many
independent pairs as the images are worth (`edgefair.audit.clustered_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.clustered_pairs import PairsWorth, PatientPairs
from edgefair.audit.estimates import Rates, Worth

__all__ = [
    "PairedCounts",
    "newcombe_paired_limits",
    "paired_counts",
    "tango_limits",
    "tango_statistic",
    "tango_z",
]

_GAINED, _LOST, _BOTH = 1, 2, 3
"""Columns of `PatientPairs.table`."""

_HALVINGS: Final = 60

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCounts:
    """Decisions of two models on the same cases in k groups; each of shape (k,).

    Attributes
    ----------
    both, neither : ndarray of int64
        Cases that both models decided right, and that neither did.
    lost, gained : ndarray of int64
        Cases that only the model before, and only the model after, decided right.
    patients : PatientPairs or None
        The same by patient; None if every case is of another one.
    """

    both: _Counts
    lost: _Counts
    gained: _Counts
    neither: _Counts
    patients: PatientPairs | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one; by patient if each of them is."""
        by_patient = [part.patients for part in parts if part.patients is not None]
        return cls(
            patients=PatientPairs.joined(by_patient) if len(by_patient) == len(parts) else None,
            both=np.concatenate([part.both for part in parts]),
            lost=np.concatenate([part.lost for part in parts]),
            gained=np.concatenate([part.gained for part in parts]),
            neither=np.concatenate([part.neither for part in parts]),
        )

    @property
    def n(self) -> _Counts:
        """All cases."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def before(self) -> Rates:
        """Share of right decisions of the model before."""
        return Rates(self.both + self.lost, self.n, self._worth_of_share(_LOST, _BOTH))

    @property
    def after(self) -> Rates:
        """Share of right decisions of the model after."""
        return Rates(self.both + self.gained, self.n, self._worth_of_share(_GAINED, _BOTH))

    @property
    def to_wrong(self) -> Rates:
        """Share of the cases that flipped to wrong."""
        return Rates(self.lost, self.n, self._worth_of_share(_LOST))

    @property
    def loss(self) -> _Floats:
        """The rate before less the rate after; nan where there is no case."""
        return np.where(self.n > 0, (self.lost - self.gained) / np.maximum(self.n, 1), np.nan)

    @property
    def worth(self) -> PairsWorth | None:
        """How many independent pairs would tell as much of the loss; None if all are that."""
        return None if self.patients is None else self.patients.worth()

    def if_all_were_lost(self) -> PairedCounts:
        """Return the same cases if only the model before had decided them right."""
        return self._if_all(_LOST)

    def if_none_flipped(self) -> PairedCounts:
        """Return the same cases if both models had decided them right."""
        return self._if_all(_BOTH)

    def _if_all(self, column: int) -> PairedCounts:
        neither, gained, lost, both = (self.n if i == column else 0 * self.n for i in range(4))
        by_patient = None if self.patients is None else self.patients.as_if_all(column)
        return PairedCounts(
            both=both, lost=lost, gained=gained, neither=neither, patients=by_patient
        )

    def _worth_of_share(self, *columns: int) -> Worth | None:
        return None if self.patients is None else self.patients.worth_of_share(columns)


def paired_counts(
    right_before: ArrayLike,
    right_after: ArrayLike,
    codes: ArrayLike,
    groups: int,
    *,
    patients: ArrayLike | None = None,
) -> PairedCounts:
    """Return how the decisions of two models on the same cases went together in every group.

    Parameters
    ----------
    right_before, right_after : array_like of bool, shape (n,)
        Whether each model decided the case right.
    codes : array_like of int, shape (n,)
        Group of each case, in ``[0, groups)``.
    groups : int
        Number of groups, with those that have no case.
    patients : array_like of int, shape (n,), or None, default=None
        Number of each case's patient, from 0; None if every case is of another one.

    Examples
    --------
    >>> counts = paired_counts([1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1], 3)
    >>> counts.lost.tolist(), counts.loss.round(2).tolist()
    ([1, 1, 0], [0.33, 1.0, nan])
    """
    kind = 2 * np.asarray(right_before, dtype=np.int64) + np.asarray(right_after, dtype=np.int64)
    group = np.asarray(codes, dtype=np.int64)
    table = np.bincount(4 * group + kind, minlength=4 * groups)
    neither, gained, lost, both = table.reshape(groups, 4).T
    by_patient = None if patients is None else PatientPairs.of(kind, patients, group, groups)
    return PairedCounts(both=both, lost=lost, gained=gained, neither=neither, patients=by_patient)


def tango_z(counts: PairedCounts, loss: float | _Floats) -> _Floats:
    """Return how many standard normal units the loss seen lies above a supposed one.

    The variance is that of the most likely table with the supposed loss, of independent cases.

    Parameters
    ----------
    counts : PairedCounts
    loss : float or ndarray of float64, shape (k,)
        In (-1, 1).

    Returns
    -------
    ndarray of float64, shape (k,)
        Nan where there is no case.

    References
    ----------
    .. [1] T. Tango, "Equivalence test and confidence interval for the difference in proportions
       for the paired-sample design", Statistics in Medicine 17 (1998) 891-908.
    """
    return tango_statistic(counts.lost, counts.gained, counts.n, loss)


def tango_statistic(lost: _Counts, gained: _Counts, n: _Counts, loss: float | _Floats) -> _Floats:
    """Return `tango_z` of flips either way among n cases, each of shape (k,)."""
    b, c = lost.astype(np.float64), gained.astype(np.float64)
    linear = (2 * n - b + c) * loss - b - c
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * loss * (1 - loss), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        gained_share = (root - linear) / (4 * n)
        variance = n * np.maximum(2 * gained_share + loss * (1 - loss), 0)
        excess = b - c - n * loss
        # without any variance what is seen is certain, and anything else is out of the question
        z = np.where(np.abs(excess) < 1e-9, 0.0, excess / np.sqrt(variance))
    return np.where(n > 0, z, np.nan)


def tango_limits(counts: PairedCounts, z: float | _Floats) -> tuple[_Floats, _Floats]:
    """Return the limits of each loss: those that the score statistic reaches `z` at.

    Parameters
    ----------
    counts : PairedCounts
    z : float or ndarray of float64, shape (k,)
        Normal quantile, positive.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        -1 and 1 where there is no case; by patient where the counts are.

    Examples
    --------
    Airway hyper-responsiveness of 21 children before and after a transplantation (Bentur et al.,
    2009), as in Fagerland et al. (2014):

    >>> one = PairedCounts(
    ...     both=np.array([1]), lost=np.array([1]), gained=np.array([7]), neither=np.array([12])
    ... )
    >>> [round(float(limit[0]), 3) for limit in tango_limits(one, 1.959964)]
    [-0.517, -0.026]
    """
    seen = np.where(counts.n > 0, counts.loss, 0.0)
    reach = np.asarray(z, dtype=np.float64)
    worth = counts.worth
    if worth is not None:
        # the statistic of so many fewer cases is so much smaller
        with np.errstate(invalid="ignore"):
            reach = reach * np.sqrt(counts.n / worth.at(reach))

    def within(loss: _Floats) -> NDArray[np.bool_]:
        return np.asarray(np.abs(tango_z(counts, loss)) <= reach)

    lower = _edge(seen, np.full(seen.shape, -1.0), within)
    upper = _edge(seen, np.full(seen.shape, 1.0), within)
    return np.where(counts.n > 0, lower, -1.0), np.where(counts.n > 0, upper, 1.0)


def newcombe_paired_limits(counts: PairedCounts, z: float | _Floats) -> tuple[_Floats, _Floats]:
    """Return Newcombe's limits of each loss, by method 10: Wilson limits, squared and added.

    Of independent cases.

    Parameters
    ----------
    counts : PairedCounts
    z : float or ndarray of float64, shape (k,)
        Normal quantile, positive.

    Returns
    -------
    lower, upper : ndarray of float64, shape (k,)
        -1 and 1 where there is no case.

    References
    ----------
    .. [1] R. G. Newcombe, "Improved confidence intervals for the difference between binomial
       proportions based on paired data", Statistics in Medicine 17 (1998) 2635-2650.

    Examples
    --------
    The table of `tango_limits`:

    >>> one = PairedCounts(
    ...     both=np.array([1]), lost=np.array([1]), gained=np.array([7]), neither=np.array([12])
    ... )
    >>> [round(float(limit[0]), 3) for limit in newcombe_paired_limits(one, 1.959964)]
    [-0.507, -0.026]
    """
    before, after, n = counts.before, counts.after, counts.n
    (lower1, upper1), (lower2, upper2) = before.limits(z), after.limits(z)
    p1, p2 = before.estimate, after.estimate
    correlation = _corrected_correlation(counts)
    below = _added(p1 - lower1, upper2 - p2, correlation)
    above = _added(upper1 - p1, p2 - lower2, correlation)
    return np.where(n > 0, p1 - p2 - below, -1.0), np.where(n > 0, p1 - p2 + above, 1.0)


def _edge(
    inside: _Floats, outside: _Floats, within: Callable[[_Floats], NDArray[np.bool_]]
) -> _Floats:
    """Return where, between a point inside and the end of the range, losses stop being within."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        hit = within(middle)
        inside, outside = np.where(hit, middle, inside), np.where(hit, outside, middle)
    return (inside + outside) / 2


def _corrected_correlation(counts: PairedCounts) -> _Floats:
    """Return phi with Newcombe's correction for continuity; 0 where a margin is empty."""
    a, b, c, d = (
        part.astype(np.float64)
        for part in (counts.both, counts.lost, counts.gained, counts.neither)
    )
    spread = np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    together = a * d - b * c
    corrected = np.where(together > 0, np.maximum(together - counts.n / 2, 0), together)
    return np.where(spread > 0, corrected / np.where(spread > 0, spread, 1), 0.0)


def _added(one: _Floats, other: _Floats, correlation: _Floats) -> _Floats:
    return np.sqrt(np.maximum(one**2 - 2 * correlation * one * other + other**2, 0))
