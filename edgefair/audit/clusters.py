"""Several images of one patient: what fewer independent cases would tell as much.

Images of one patient are alike, so that a thousand of them tell less than a thousand patients
would. For every rate the variance is taken over patients instead of images, and the rate's cases
are counted as that many independent ones as would leave the same variance. Whatever interval or
test follows is then Wilson's and Newcombe's on these.

A bootstrap over patients was tried beside it and covers less: of 95 % intervals of a rate of .15,
half alike, 91.7 % against 94.4 % with 50 patients of 1 to 4 images, 93.6 % against 94.2 % with 200
(2000 simulated clinics; images as independent: 85.6 % and 85.3 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.estimates import Worth

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ByPatient",
    "ClusterSums",
    "cluster_variance",
    "effective_n",
]

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_COLUMNS: Final[Mapping[str, tuple[list[int], list[int]]]] = MappingProxyType(
    {
        "positives": ([2], [2, 3]),
        "negatives": ([1], [0, 1]),
        "flagged": ([3], [1, 3]),
        "cleared": ([0], [0, 2]),
        "n": ([2, 3], [0, 1, 2, 3]),
    }
)
"""Columns of `ByPatient.table` that make some rate's hits, and its cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPatient:
    """Decisions against truth of each patient in each group, as counts of images.

    Attributes
    ----------
    patient, group : ndarray of int64, shape (p,)
        The pairs that occur, each once.
    table : ndarray of int64, shape (p, 4)
        True negatives, false positives, false negatives and true positives of each pair.
    groups : int
        Number of groups, with those that have no case.
    """

    patient: _Counts
    group: _Counts
    table: _Counts
    groups: int

    @classmethod
    def of(
        cls, y_true: ArrayLike, flagged: ArrayLike, patients: _Counts, codes: _Counts, groups: int
    ) -> Self:
        """Return the counts of n cases.

        Parameters
        ----------
        y_true, flagged : array_like of bool, shape (n,)
        patients : ndarray of int64, shape (n,)
            Number of each case's patient, from 0.
        codes : ndarray of int64, shape (n,)
            Group of each case, in ``[0, groups)``.
        groups : int
        """
        pairs, pair = np.unique(patients * groups + codes, return_inverse=True)
        kind = 2 * np.asarray(y_true, np.int64) + np.asarray(flagged, np.int64)
        table = np.bincount(4 * pair + kind, minlength=4 * len(pairs)).reshape(-1, 4)
        return cls(patient=pairs // groups, group=pairs % groups, table=table, groups=groups)

    def worth(self, denominator: str) -> tuple[Worth, Worth]:
        """Return what the cases of one denominator are worth, within each group and in its rest.

        Parameters
        ----------
        denominator : str
            One of `edgefair.audit.rates.DENOMINATORS`; any rate that is a share of it, and that
            rate's complement, have the same variance.
        """
        hits, cases = _COLUMNS[denominator]
        k = self.table[:, hits].sum(axis=1).astype(np.float64)
        n = self.table[:, cases].sum(axis=1).astype(np.float64)
        # pairs are sorted by patient
        of_patient = np.cumsum(np.diff(self.patient, prepend=self.patient[:1]) > 0, dtype=np.int64)
        k_all, n_all = _summed(of_patient, k), _summed(of_patient, n)
        within = ClusterSums.over(k, n, self.group, self.groups)
        everybody = ClusterSums.over(k_all, n_all, np.zeros(len(n_all), np.int64), 1)
        # a patient of whom the group has some counts among the others with what is left
        k_all, n_all = k_all[of_patient], n_all[of_patient]
        moved = ClusterSums.over(k_all, n_all, self.group, self.groups)
        left = ClusterSums.over(k_all - k, n_all - n, self.group, self.groups)
        return within.worth(), everybody.less(moved).plus(left).worth()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSums:
    """Sums over the patients of each group, each of shape (groups,).

    Attributes
    ----------
    patients : ndarray of float64
        Those who have trials.
    k, n, kk, kn, nn : ndarray of float64
        Of their successes k, their trials n, and products of the two.
    """

    patients: _Floats
    k: _Floats
    n: _Floats
    kk: _Floats
    kn: _Floats
    nn: _Floats

    @classmethod
    def over(cls, k: _Floats, n: _Floats, group: _Counts, groups: int) -> Self:
        """Return the sums of p pairs of a patient and a group; each argument of shape (p,)."""

        def summed(terms: _Floats) -> _Floats:
            return _summed(group, terms, groups)

        return cls(
            patients=summed((n > 0).astype(np.float64)),
            k=summed(k),
            n=summed(n),
            kk=summed(k * k),
            kn=summed(k * n),
            nn=summed(n * n),
        )

    def less(self, other: ClusterSums) -> ClusterSums:
        """Return the sums without those of `other`, whose patients are among these."""
        return self._with(other, -1)

    def plus(self, other: ClusterSums) -> ClusterSums:
        """Return the sums with those of `other`, who are other patients."""
        return self._with(other, 1)

    def _with(self, other: ClusterSums, sign: int) -> ClusterSums:
        return ClusterSums(
            patients=self.patients + sign * other.patients,
            k=self.k + sign * other.k,
            n=self.n + sign * other.n,
            kk=self.kk + sign * other.kk,
            kn=self.kn + sign * other.kn,
            nn=self.nn + sign * other.nn,
        )

    def variance(self) -> _Floats:
        """Return the linearised variance of k / n; nan with fewer than two patients."""
        with np.errstate(divide="ignore", invalid="ignore"):
            p = self.k / self.n
            squares = np.maximum(self.kk - 2 * p * self.kn + p * p * self.nn, 0)
            return self.patients / (self.patients - 1) * squares / self.n**2

    @property
    def at_worst(self) -> _Floats:
        """What the trials are worth if those of a patient are wholly alike; 0 without any."""
        return np.where(self.n > 0, self.n**2 / np.maximum(self.nn, 1), 0.0)

    def worth(self) -> Worth:
        """Return the cases' worth in independent ones."""
        at_worst = self.at_worst
        with np.errstate(divide="ignore", invalid="ignore"):
            p = self.k / self.n
            found = p * (1 - p) / self.variance()
        # No spread between patients to be seen, or one patient only: all images of one patient
        # alike, which is the worst there can be.
        seen = (self.patients > 1) & np.isfinite(found) & (self.k > 0) & (self.k < self.n)
        several = self.patients < self.n
        worth = np.where(seen & several, np.minimum(found, self.n), at_worst)
        return Worth(
            effective=np.where(self.n > 0, worth, 0.0),
            freedom=np.where(seen & several, self.patients - 1, np.inf),
        )


def cluster_variance(hits: ArrayLike, n: ArrayLike) -> float:
    """Return the variance of a rate whose cases come in clusters.

    That of a ratio of sums by linearisation, ``m / (m - 1) sum (k_i - p n_i)^2 / (sum n_i)^2``:
    Liang and Zeger's under working independence. Consistent as the clusters grow many; with few
    it is itself unsure.

    Parameters
    ----------
    hits, n : array_like of int, shape (m,)
        Successes and trials of each cluster.

    Returns
    -------
    float
        nan with fewer than two clusters that have trials.

    References
    ----------
    .. [1] K.-Y. Liang, S. L. Zeger, "Longitudinal data analysis using generalized linear models",
       Biometrika 73 (1986) 13-22.
    .. [2] J. N. K. Rao, A. J. Scott, "A simple method for the analysis of clustered binary data",
       Biometrics 48 (1992) 577-585.

    Examples
    --------
    Two images each of four patients, always alike, are worth four:

    >>> variance = cluster_variance([2, 0, 2, 0], [2, 2, 2, 2])
    >>> f"{variance:.4f}", f"{0.5 * 0.5 / (4 - 1):.4f}"
    ('0.0833', '0.0833')
    """
    return float(_one(hits, n).variance()[0])


def effective_n(hits: ArrayLike, n: ArrayLike) -> float:
    """Return how many independent cases would leave a rate the variance that its clusters do.

    The cases over their design effect, never more than the cases: Wilson's interval on this many
    is what Korn and Graubard propose for surveys, and what held best of many in Dean and Pagano's
    comparison. Where all cases of all clusters agree no spread can be seen: the cases of a
    cluster are then taken to be wholly alike.

    Parameters
    ----------
    hits, n : array_like of int, shape (m,)
        Successes and trials of each cluster.

    References
    ----------
    .. [1] E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data", Survey Methodology 24 (1998)
       193-201.
    .. [2] N. Dean, M. Pagano, "Evaluating confidence interval methods for binomial proportions in
       clustered surveys", Journal of Survey Statistics and Methodology 3 (2015) 484-503.

    Examples
    --------
    >>> f"{effective_n([2, 0, 2, 0], [2, 2, 2, 2]):.2f} of 8"
    '3.00 of 8'
    >>> f"{effective_n([0, 0, 0], [3, 1, 2]):.2f} of 6"
    '2.57 of 6'
    """
    return float(_one(hits, n).worth().effective[0])


def _summed(at: _Counts, terms: _Floats, places: int = 0) -> _Floats:
    return np.bincount(at, terms, minlength=places).astype(np.float64, copy=False)


def _one(hits: ArrayLike, n: ArrayLike) -> ClusterSums:
    k, m = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    return ClusterSums.over(k, m, np.zeros(len(m), np.int64), 1)
