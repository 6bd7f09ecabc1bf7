"""Sums of placements: all that DeLong's variance needs, for every group and for all others.

The placement of a positive is the number of negatives that score below it, ties counting half;
that of a negative the number of positives above it. An area under the curve and its variance are
made of their sums and sums of squares. For one group these follow from its own cases; for all
cases outside of it they follow from the sums over everybody, by inclusion and exclusion, so that
the whole takes one sort and a few passes whatever the number of groups.

References
----------
.. [1] E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more
   correlated receiver operating characteristic curves", Biometrics 44 (1988) 837-845.
.. [2] X. Sun, W. Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters
   21 (2014) 1389-1393: mid-ranks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Moments", "RankedScores"]

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What an area and its variance are made of, in k groups; each of shape (k,).

    Attributes
    ----------
    positives, negatives : ndarray of int64
        Cases of either class.
    placed : ndarray of float64
        Sum of the positives' placements: pairs in the right order.
    positives_squared, negatives_squared : ndarray of float64
        Sums of the squares of the placements of either class.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    placed: _Floats
    positives_squared: _Floats
    negatives_squared: _Floats

    def with_group(self, group: np.intp, one: Moments) -> Moments:
        """Return these with the sums of one group taken from moments of shape (1,)."""
        sums = {}
        for name in ("placed", "positives_squared", "negatives_squared"):
            sums[name] = getattr(self, name).copy()
            sums[name][group] = getattr(one, name)[0]
        return replace(self, **sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everybody:
    """What a case of a given score meets among everybody; each of shape (levels,).

    Attributes
    ----------
    positives, negatives : ndarray of float64
        Cases at the level.
    of_positive, of_negative : ndarray of float64
        Placement of a positive and of a negative at the level.
    above, below : ndarray of float64
        Sum of the placements of all positives above the level, and of all negatives below it,
        those at the level counting half.
    """

    positives: _Floats
    negatives: _Floats
    of_positive: _Floats
    of_negative: _Floats
    above: _Floats
    below: _Floats

    @classmethod
    def of(cls, level: NDArray[np.int64], y_true: NDArray[np.bool_]) -> Self:
        """Return the sums over n cases, from the dense rank of each score and the truth."""
        positives = np.bincount(level, y_true).astype(np.float64)
        negatives = np.bincount(level) - positives
        of_positive = np.cumsum(negatives) - negatives / 2
        of_negative = positives.sum() - np.cumsum(positives) + positives / 2
        placed, placed_negatives = positives * of_positive, negatives * of_negative
        return cls(
            positives=positives,
            negatives=negatives,
            of_positive=of_positive,
            of_negative=of_negative,
            above=placed.sum() - np.cumsum(placed) + placed / 2,
            below=np.cumsum(placed_negatives) - placed_negatives / 2,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Cases of one group that share one score, sorted by group, then score.

    Attributes
    ----------
    opens : ndarray of int64, shape (present,)
        Where the runs of each group begin, for groups that have any.
    present : ndarray of int64, shape (present,)
        Which groups these are.
    level : ndarray of int64, shape (r,)
    positives, negatives : ndarray of float64, shape (r,)
        Cases in the run.
    of_positive, of_negative : ndarray of float64, shape (r,)
        Placement of a positive and of a negative of the run within its group.
    groups : int
        Number of groups, with those that have no case.
    """

    opens: NDArray[np.int64]
    present: NDArray[np.int64]
    level: NDArray[np.int64]
    positives: _Floats
    negatives: _Floats
    of_positive: _Floats
    of_negative: _Floats
    groups: int

    def summed(self, terms: _Floats) -> _Floats:
        """Return the sum of the terms over each group, of shape (groups,)."""
        sums = np.zeros(self.groups)
        sums[self.present] = np.add.reduceat(terms, self.opens)
        return sums

    def moments(self) -> Moments:
        """Return the moments within every group."""
        a, b = self.positives, self.negatives
        placed = a * self.of_positive
        return Moments(
            positives=self.summed(a).astype(np.int64),
            negatives=self.summed(b).astype(np.int64),
            placed=self.summed(placed),
            positives_squared=self.summed(placed * self.of_positive),
            negatives_squared=self.summed(b * self.of_negative**2),
        )


@dataclass(frozen=True, slots=True)
class RankedScores:
    """Cases in the order of their scores; one sort serves every way to group them.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        What sorts the cases by score.
    level : ndarray of int64, shape (n,)
        Dense rank of each score, in sorted order: equal scores share a level.
    y_true : ndarray of bool, shape (n,)
        Truth, in sorted order.
    """

    order: NDArray[np.int64]
    level: NDArray[np.int64]
    y_true: NDArray[np.bool_]
    _everybody: _Everybody

    @classmethod
    def of(cls, y_true: ArrayLike, y_score: ArrayLike) -> Self:
        """Return the cases sorted; scores are finite, larger for more suspicious."""
        scores = np.asarray(y_score)
        order = np.argsort(scores, kind="stable")
        scores, truth = scores[order], np.asarray(y_true, dtype=bool)[order]
        steps = np.zeros(scores.shape, dtype=np.int64)
        steps[1:] = scores[1:] != scores[:-1]
        level = np.cumsum(steps, dtype=np.int64)
        return cls(order, level, truth, _Everybody.of(level, truth))

    def moments(self, codes: ArrayLike, groups: int) -> tuple[Moments, Moments]:
        """Return the moments within every group, and among all cases outside of it.

        Parameters
        ----------
        codes : array_like of int, shape (n,)
            Group of each case in the original order, in ``[0, groups)``.
        groups : int
            Number of groups, with those that have no case.
        """
        codes = np.asarray(codes, dtype=np.int64)[self.order]
        runs = self._runs(codes, groups)
        within = runs.moments()
        others = self._by_exclusion(runs, within)
        # A group of more than half of all leaves a small rest: taking large sums from larger ones
        # would leave rounding errors in it, and the rest itself is quickly sorted.
        sizes = within.positives + within.negatives
        for group in np.flatnonzero(sizes > len(codes) / 2):
            outside = codes != group
            alone = RankedScores.of(self.y_true[outside], self.level[outside])
            nobody_else = np.zeros(np.count_nonzero(outside), dtype=np.int64)
            others = others.with_group(group, alone._runs(nobody_else, 1).moments())
        return within, others

    def _runs(self, codes: NDArray[np.int64], groups: int) -> _Runs:
        # sorting small integers stably takes linear time (radix sort) up to 16 bits
        small = codes.astype(np.int16) if groups <= np.iinfo(np.int16).max else codes
        by_group = np.argsort(small, kind="stable")
        sizes = np.bincount(codes, minlength=groups)
        present = np.flatnonzero(sizes)
        level = self.level[by_group]
        opens = np.zeros(level.shape, dtype=bool)
        opens[1:] = level[1:] != level[:-1]
        opens[(np.cumsum(sizes) - sizes)[present]] = True
        starts = np.flatnonzero(opens)
        first_runs = np.searchsorted(starts, (np.cumsum(sizes) - sizes)[present])
        positives = np.add.reduceat(self.y_true[by_group], starts, dtype=np.float64)
        negatives = np.diff(starts, append=level.size) - positives
        runs_of_group = np.diff(first_runs, append=starts.size)

        def so_far(counts: _Floats) -> _Floats:
            """Return the counts of the group up to each run, half of its own included."""
            total = np.cumsum(counts)
            before = total[first_runs] - counts[first_runs]
            return total - counts / 2 - np.repeat(before, runs_of_group)

        all_positives = np.add.reduceat(positives, first_runs)
        return _Runs(
            opens=first_runs,
            present=present,
            level=level[starts],
            positives=positives,
            negatives=negatives,
            of_positive=so_far(negatives),
            of_negative=np.repeat(all_positives, runs_of_group) - so_far(positives),
            groups=groups,
        )

    def _by_exclusion(self, runs: _Runs, within: Moments) -> Moments:
        """Return the moments among all cases outside of each group.

        With N(x) for the placement of a positive x among everybody and N_g(x) among a group, the
        sum of ``(N - N_g)^2`` over the positives outside of the group is, over everybody, that of
        N^2, less the same over the group's own positives, less ``2 N N_g - N_g^2`` over all of
        them. The last is a sum over the group's negatives: of the placements N above each of
        them, and of the pairs they make with those below, counted where the positives are.
        """
        everybody, at = self._everybody, runs.level
        a, b, of_positive, of_negative = (
            runs.positives,
            runs.negatives,
            runs.of_positive,
            runs.of_negative,
        )
        n_all, m_all = everybody.of_positive[at], everybody.of_negative[at]
        # pairs that tie with each other and with the case at once count a quarter
        pairs = 2 * of_positive * m_all - b * everybody.positives[at] / 4
        pairs_of_negatives = 2 * of_negative * n_all - a * everybody.negatives[at] / 4
        placed = everybody.positives * everybody.of_positive
        placed_negatives = everybody.negatives * everybody.of_negative
        return Moments(
            positives=within.positives.sum() - within.positives,
            negatives=within.negatives.sum() - within.negatives,
            placed=placed.sum() - runs.summed(a * (n_all - of_positive) + b * m_all),
            positives_squared=placed @ everybody.of_positive
            - runs.summed(a * (n_all - of_positive) ** 2 + b * (2 * everybody.above[at] - pairs)),
            negatives_squared=placed_negatives @ everybody.of_negative
            - runs.summed(
                b * (m_all - of_negative) ** 2 + a * (2 * everybody.below[at] - pairs_of_negatives)
            ),
        )
