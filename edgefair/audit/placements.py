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

from dataclasses import dataclass
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

    def replace(self, group: np.intp, by: Moments) -> None:
        """Put the moments of one other group, of shape (1,), in the place of one of these."""
        for name in ("placed", "positives_squared", "negatives_squared"):
            getattr(self, name)[group] = getattr(by, name)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Cases of one group that share one score, sorted by group, then score; shape (r,) each.

    `positives_above` and `negatives_below` count cases of the same group.
    """

    group: NDArray[np.int64]
    level: NDArray[np.int64]
    positives: _Floats
    negatives: _Floats
    positives_above: _Floats
    negatives_below: _Floats

    @property
    def placement_of_positives(self) -> _Floats:
        return self.negatives_below + self.negatives / 2

    @property
    def placement_of_negatives(self) -> _Floats:
        return self.positives_above + self.positives / 2


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

    @classmethod
    def of(cls, y_true: ArrayLike, y_score: ArrayLike) -> Self:
        """Return the cases sorted; scores are finite, larger for more suspicious."""
        scores = np.asarray(y_score)
        order = np.argsort(scores, kind="stable")
        scores = scores[order]
        steps = np.empty(scores.shape, dtype=np.int64)
        steps[:1] = 0
        steps[1:] = scores[1:] != scores[:-1]
        return cls(order, np.cumsum(steps), np.asarray(y_true, dtype=bool)[order])

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
        within = _within(runs, groups)
        return within, self._among_others(codes, runs, within)

    def _runs(self, codes: NDArray[np.int64], groups: int) -> _Runs:
        # sorting small integers stably takes linear time (radix sort) up to 16 bits
        small = codes.astype(np.int16) if groups <= np.iinfo(np.int16).max else codes
        by_group = np.argsort(small, kind="stable")
        group, level = codes[by_group], self.level[by_group]
        opens = np.ones(group.shape, dtype=bool)
        opens[1:] = (group[1:] != group[:-1]) | (level[1:] != level[:-1])
        starts = np.flatnonzero(opens)
        positives = np.add.reduceat(self.y_true[by_group].astype(np.float64), starts)
        negatives = np.diff(starts, append=group.size) - positives
        group, level = group[starts], level[starts]
        of_group = _summed(group, positives, groups)
        return _Runs(
            group=group,
            level=level,
            positives=positives,
            negatives=negatives,
            positives_above=of_group[group] - positives - _below(positives, group, of_group),
            negatives_below=_below(negatives, group, _summed(group, negatives, groups)),
        )

    def _among_others(self, codes: NDArray[np.int64], runs: _Runs, within: Moments) -> Moments:
        """Return the moments among all cases outside of each group."""
        others = _by_exclusion(_Everybody.of(self.level, self.y_true), runs, within)
        # A group of more than half of all leaves a small rest: taking large sums from larger ones
        # would leave rounding errors in it, and the rest itself is quickly sorted.
        sizes = within.positives + within.negatives
        for group in np.flatnonzero(sizes > len(codes) / 2):
            outside = codes != group
            alone = RankedScores.of(self.y_true[outside], self.level[outside])
            moments = _within(alone._runs(np.zeros(outside.sum(), dtype=np.int64), 1), 1)
            others.replace(group, moments)
        return others


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everybody:
    """All cases by level; shape (levels,) each.

    The two sums are of the placements among everybody: of positives scored higher, and of
    negatives scored lower, half of those at the level itself included.
    """

    positives: _Floats
    negatives: _Floats
    positives_above: _Floats
    negatives_below: _Floats
    placed_above: _Floats
    placed_below: _Floats

    @classmethod
    def of(cls, level: NDArray[np.int64], y_true: NDArray[np.bool_]) -> Self:
        positives = np.bincount(level, y_true).astype(np.float64)
        negatives = np.bincount(level) - positives
        positives_above = positives.sum() - np.cumsum(positives)
        negatives_below = np.cumsum(negatives) - negatives
        placed_pos = positives * (negatives_below + negatives / 2)
        placed_neg = negatives * (positives_above + positives / 2)
        return cls(
            positives=positives,
            negatives=negatives,
            positives_above=positives_above,
            negatives_below=negatives_below,
            placed_above=placed_pos.sum() - np.cumsum(placed_pos) + placed_pos / 2,
            placed_below=np.cumsum(placed_neg) - placed_neg / 2,
        )

    @property
    def placement_of_positives(self) -> _Floats:
        return self.negatives_below + self.negatives / 2

    @property
    def placement_of_negatives(self) -> _Floats:
        return self.positives_above + self.positives / 2


def _below(counts: _Floats, group: NDArray[np.int64], of_group: _Floats) -> _Floats:
    """Return how many of the counts stand in earlier runs of the same group."""
    in_earlier_groups = np.cumsum(of_group) - of_group
    return np.asarray(np.cumsum(counts) - counts - in_earlier_groups[group])


def _summed(group: NDArray[np.int64], terms: _Floats, groups: int) -> _Floats:
    return np.bincount(group, terms, groups).astype(np.float64, copy=False)


def _within(runs: _Runs, groups: int) -> Moments:
    def summed(terms: _Floats) -> _Floats:
        return _summed(runs.group, terms, groups)

    return Moments(
        positives=summed(runs.positives).astype(np.int64),
        negatives=summed(runs.negatives).astype(np.int64),
        placed=summed(runs.positives * runs.placement_of_positives),
        positives_squared=summed(runs.positives * runs.placement_of_positives**2),
        negatives_squared=summed(runs.negatives * runs.placement_of_negatives**2),
    )


def _by_exclusion(everybody: _Everybody, runs: _Runs, within: Moments) -> Moments:
    """Return the moments among others: with N for placements, sums of (N_all - N_group)^2."""
    groups = len(within.placed)
    a, b, at = runs.positives, runs.negatives, runs.level
    of_positives = everybody.placement_of_positives[at]
    of_negatives = everybody.placement_of_negatives[at]

    def summed(terms: _Floats) -> _Floats:
        return _summed(runs.group, terms, groups)

    # sum over all positives of N_group^2: pairs of the group's negatives, both below the positive,
    # counted at the higher of the two; a tie with the positive counts half for each negative tied
    below, above = runs.negatives_below, runs.positives_above
    group_squared = summed(
        b * (2 * below + b) * everybody.positives_above[at]
        + b * (below + b / 4) * everybody.positives[at]
    )
    group_squared_negatives = summed(
        a * (2 * above + a) * everybody.negatives_below[at]
        + a * (above + a / 4) * everybody.negatives[at]
    )
    crossed = summed(
        b * everybody.placed_above[at] - a * of_positives * runs.placement_of_positives
    )
    crossed_negatives = summed(
        a * everybody.placed_below[at] - b * of_negatives * runs.placement_of_negatives
    )
    all_placed = everybody.positives * everybody.placement_of_positives
    all_placed_negatives = everybody.negatives * everybody.placement_of_negatives
    return Moments(
        positives=within.positives.sum() - within.positives,
        negatives=within.negatives.sum() - within.negatives,
        placed=all_placed.sum() - summed(a * of_positives + b * of_negatives) + within.placed,
        positives_squared=(all_placed * everybody.placement_of_positives).sum()
        - summed(a * of_positives**2)
        - 2 * crossed
        + group_squared
        - within.positives_squared,
        negatives_squared=(all_placed_negatives * everybody.placement_of_negatives).sum()
        - summed(b * of_negatives**2)
        - 2 * crossed_negatives
        + group_squared_negatives
        - within.negatives_squared,
    )
