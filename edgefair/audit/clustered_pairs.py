"""Two models on images of which several are of one patient: what the pairs are worth.

Images of one patient tend to flip together, so that the loss of a rate is less sure than as many
patients would make it. Its variance is taken over patients (Obuchowski's for clustered pairs,
with the loss that was seen in the place of none), and the images are counted as that many
independent pairs as would leave the same variance, as `edgefair.audit.clusters` does for rates.
Whatever test or interval follows is then Tango's on these.

Flips are rare, and few of them say little of how alike a patient's images are. So what is seen
is drawn toward the worst case, all images of a patient wholly alike, with the weight of two
patients; tests take Student's quantile, whose freedom is the patients with a flip less one; and
no cases are worth less than in the worst case, unless they were seen to be. All three were
needed: in simulation (`python -m tests.benchmarks.simulations pairs`: 15 to 100 patients of 1 to
12 images, a true loss at the margin) a nominal 5 % of false verdicts were up to 33 % with images
as independent, up to 29 % with the plain variance and all patients for freedom, and at most
4.8 % so. The error rates are approximate all the same. Fewer than about 29 patients, at a margin
of 10 points, are never enough for an all-clear, however many images they have.

References
----------
.. [1] N. A. Obuchowski, "On the comparison of correlated proportions for clustered data",
   Statistics in Medicine 17 (1998) 1495-1507.
.. [2] Z. Yang, X. Sun, J. W. Hardin, "Testing non-inferiority for clustered matched-pair binary
   data in diagnostic medicine", Computational Statistics & Data Analysis 56 (2012) 1301-1320.
.. [3] J. N. K. Rao, A. J. Scott, "A simple method for the analysis of clustered binary data",
   Biometrics 48 (1992) 577-585: effective counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.clusters import ClusterSums
from edgefair.audit.estimates import Worth

__all__ = ["PairsWorth", "PatientPairs", "clustered_mcnemar"]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_WEIGHT_OF_WORST: Final = 2
"""Patients with a flip that the worst case counts for, in how alike a patient's images are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsWorth:
    """How many independent pairs would tell as much of a loss, in k groups, each of shape (k,).

    Attributes
    ----------
    seen : Worth
        By how patients differed.
    at_worst : ndarray of float64
        If all images of a patient were wholly alike; at most what is seen.
    """

    seen: Worth
    at_worst: _Floats

    @property
    def effective(self) -> _Floats:
        """The number by how patients differed, before any allowance for how few told it."""
        return self.seen.effective

    def at(self, z: float | _Floats) -> _Floats:
        """Return the number for limits at the normal quantile `z`, as in `Worth.at`."""
        return np.maximum(self.seen.at(z), self.at_worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPairs:
    """Decisions of two models on the images of each patient in each group, as counts.

    Attributes
    ----------
    group : ndarray of int64, shape (p,)
        Of each pair of a patient and a group that occurs; each patient's once for each group.
    table : ndarray of int64, shape (p, 4)
        Images that neither model decided right, only the model after, only the one before, both.
    groups : int
        Number of groups, with those that have no case.
    """

    group: _Counts
    table: _Counts
    groups: int

    @classmethod
    def of(cls, kind: _Counts, patients: ArrayLike, codes: _Counts, groups: int) -> Self:
        """Return the counts of n cases.

        Parameters
        ----------
        kind : ndarray of int64, shape (n,)
            Column of `table` that the case counts in.
        patients : array_like of int, shape (n,)
            Number of each case's patient, from 0.
        codes : ndarray of int64, shape (n,)
            Group of each case, in ``[0, groups)``.
        groups : int
        """
        pairs, pair = np.unique(
            np.asarray(patients, np.int64) * groups + codes, return_inverse=True
        )
        table = np.bincount(4 * pair + kind, minlength=4 * len(pairs)).reshape(-1, 4)
        return cls(group=pairs % groups, table=table, groups=groups)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the groups of all parts as one."""
        before = np.cumsum([0, *(part.groups for part in parts)])
        return cls(
            group=np.concatenate(
                [part.group + start for part, start in zip(parts, before[:-1], strict=True)]
            ),
            table=np.concatenate([part.table for part in parts]),
            groups=int(before[-1]),
        )

    def as_if_all(self, column: int) -> Self:
        """Return the same patients if all their images counted in one column of `table`."""
        table = np.zeros_like(self.table)
        table[:, column] = self.table.sum(axis=1)
        return type(self)(group=self.group, table=table, groups=self.groups)

    def worth_of_share(self, columns: Sequence[int]) -> Worth:
        """Return what the images are worth for the share of them that count in some columns."""
        return self._sums(self.table[:, list(columns)].sum(axis=1)).worth()

    def worth(self) -> PairsWorth:
        """Return what the pairs of images are worth for the loss, in each group."""
        lost, gained = self.table[:, 2], self.table[:, 1]
        sums, flips = self._sums(lost - gained), self._sums(lost + gained).k
        flipped = np.bincount(self.group, lost + gained > 0, minlength=self.groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = np.maximum(flips - sums.k**2 / sums.n, 0) / sums.n**2
            seen = np.maximum(sums.variance() / alone, 1)
            at_worst = sums.at_worst
            worst = sums.n / at_worst
            # without a flip, or one that tells, nothing is known but the worst
            is_seen = np.isfinite(seen) & (flipped > 0) & (sums.patients > 1)
            drawn = (flipped * seen + _WEIGHT_OF_WORST * worst) / (flipped + _WEIGHT_OF_WORST)
            effect = np.where(is_seen, drawn, worst)
            effective = np.where(sums.n > 0, sums.n / effect, 0.0)
        # one image of each patient: nothing is to be estimated
        several = sums.patients < sums.n
        return PairsWorth(
            seen=Worth(
                effective=np.where(several, effective, sums.n),
                freedom=np.where(several & is_seen, np.maximum(flipped - 1, 1), np.inf),
            ),
            at_worst=np.where(several, np.minimum(effective, at_worst), sums.n),
        )

    def _sums(self, k: _Counts) -> ClusterSums:
        n = self.table.sum(axis=1).astype(np.float64)
        return ClusterSums.over(k.astype(np.float64), n, self.group, self.groups)


def clustered_mcnemar(pairs: PatientPairs) -> _Floats:
    """Return the exact two-sided p-values of "a patient's flips go either way alike", by group.

    McNemar's test by patient: each patient counts with the flips to wrong less those to right,
    and every sign of these differences is as likely as its opposite if the two models do not
    differ. The chance of a sum as far from 0 is summed over all signs. With one image a patient
    it is McNemar's exact test; with many patients Obuchowski's for clustered pairs, which divides
    the same sum by the same variance.

    References
    ----------
    .. [1] R. A. Fisher, "The Design of Experiments", 1935, section 21: the test by signs.
    .. [2] N. A. Obuchowski, "On the comparison of correlated proportions for clustered data",
       Statistics in Medicine 17 (1998) 1495-1507.

    Examples
    --------
    Five patients with two flips each, all to wrong; the last may have one to right:

    >>> kind = np.array([2] * 10)
    >>> pairs = PatientPairs.of(kind, np.arange(10) // 2, np.zeros(10, np.int64), 1)
    >>> clustered_mcnemar(pairs).tolist()
    [0.0625]
    """
    apart = pairs.table[:, 2] - pairs.table[:, 1]
    return np.array([_sign_p_value(apart[pairs.group == group]) for group in range(pairs.groups)])


def _sign_p_value(apart: _Counts) -> float:
    sizes, times = np.unique(np.abs(apart[apart != 0]), return_counts=True)
    chance = np.ones(1)
    for size, count in zip(sizes.tolist(), times.tolist(), strict=True):
        chance = np.convolve(chance, _of_signs(size, count))
    # place i of the 2 s + 1 is the sum i - s
    reach = len(chance) // 2
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(apart.sum()))
    return min(1.0, float(chance[far].sum()))


def _of_signs(size: int, count: int) -> _Floats:
    """Return the chances of all sums of `count` numbers of one size and any sign."""
    from scipy.special import gammaln

    positive = np.arange(count + 1)
    log_ways = gammaln(count + 1) - gammaln(positive + 1) - gammaln(count - positive + 1)
    chance = np.zeros(2 * size * count + 1)
    chance[2 * size * positive] = np.exp(log_ways - count * np.log(2))
    return chance
