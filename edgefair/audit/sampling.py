"""Which cases to verify next: a random sample, larger where more is to be learnt.

Strata are groups crossed with decisions. In each of them every case has the same, known chance,
so that whatever is found can be weighted back to all cases (`edgefair.audit.verification`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.verification import VerifiedCounts
from edgefair.records import Group

__all__ = ["AuditDraw", "Design", "Objective", "Stratum", "allocate", "draw", "strata_of"]

_PRIOR_CASES: Final = 10.0
"""Verified cases that what is known of all groups together, or beforehand, counts for."""

_NONE_YET: Final = 0.5
"""Cases that a stratum without any verified one counts as: much to learn, but not infinitely."""

_Floats: TypeAlias = NDArray[np.float64]
_Ints: TypeAlias = NDArray[np.int64]


class Objective(StrEnum):
    """What the next labels are to make narrow.

    WIDEST: the widest interval of any group, so that no group is left behind; TOTAL: the sum of
    all variances, Neyman's objective, which large groups profit from.
    """

    WIDEST = "widest"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Cases of one finding, group and decision.

    Attributes
    ----------
    finding : str
    group : Group
    flagged : bool
        Whether the model flagged them.
    unverified : int
        Cases that can be drawn, N_h.
    verified : int
        Cases whose truth is known already and stands for the stratum.
    share : float
        Expected share with the finding, in [0, 1].
    weight : float
        How much the group's rate moves for each unit of `share`, W_h; at least 0.
    """

    finding: str
    group: Group
    flagged: bool
    unverified: int
    verified: int
    share: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a sample was drawn: all that is needed to recompute every probability.

    Attributes
    ----------
    sizes, drawn : tuple of int
        Cases there were in each stratum, N_h, and cases drawn, n_h.
    seed : int
    """

    sizes: tuple[int, ...]
    drawn: tuple[int, ...]
    seed: int

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Chance of each case of a stratum to be drawn, n_h / N_h; 0 in an empty one."""
        return tuple(
            n / size if size else 0.0 for n, size in zip(self.drawn, self.sizes, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDraw:
    """Cases drawn for verification, each array of shape (drawn,).

    Attributes
    ----------
    indices : ndarray of int64
        What was given as members, by stratum and then in rising order.
    strata : ndarray of int64
        Stratum of each.
    probability : ndarray of float64
        Its chance to be drawn, n_h / N_h.
    design : Design
    """

    indices: _Ints
    strata: _Ints
    probability: _Floats
    design: Design


def strata_of(
    counts: VerifiedCounts,
    groups: Sequence[Group],
    *,
    finding: str,
    confirmed: float = 0.5,
    missed: float = 0.05,
) -> tuple[Stratum, ...]:
    """Return the flagged and the cleared of each group, weighted for the false negative rate.

    With T_1 and T_0 cases that have the finding among the N_1 flagged and N_0 cleared, the rate
    is ``T_0 / (T_0 + T_1)``, and moves by ``N_0 T_1 / (T_0 + T_1)^2`` for each unit of the share
    among the cleared, by ``N_1 T_0 / (T_0 + T_1)^2`` for that among the flagged. The shares are
    those seen so far, shrunk toward that of all groups.

    Parameters
    ----------
    counts : VerifiedCounts
        Of k groups.
    groups : sequence of Group, length k
    finding : str
    confirmed, missed : float
        Share with the finding to expect among the flagged and the cleared before anything was
        verified, in (0, 1): from the model's reference, or a guess.

    Returns
    -------
    tuple of Stratum, length 2 k
        Flagged, then cleared, of each group in turn.

    Examples
    --------
    >>> from edgefair.audit.verification import verified_counts
    >>> seen = verified_counts([1] * 8 + [-1] * 92, [True] * 10 + [False] * 90, [0] * 100, 1)
    >>> for one in strata_of(seen, [Group()], finding="tb"):
    ...     print(one.flagged, one.unverified, one.verified, f"{one.share:.2f} {one.weight:.2f}")
    True 2 8 0.85 0.27
    False 90 0 0.05 4.53
    """
    among_flagged = _expected(counts.true_positives, counts.false_positives, confirmed)
    among_cleared = _expected(counts.false_negatives, counts.true_negatives, missed)
    found, overlooked = counts.flagged * among_flagged, counts.cleared * among_cleared
    squared = np.maximum(found + overlooked, 1e-9) ** 2
    verified = (
        counts.true_positives + counts.false_positives,
        counts.true_negatives + counts.false_negatives,
    )
    sides = (
        (True, counts.flagged, verified[0], among_flagged, counts.flagged * overlooked / squared),
        (False, counts.cleared, verified[1], among_cleared, counts.cleared * found / squared),
    )
    return tuple(
        Stratum(
            finding=finding,
            group=group,
            flagged=is_flagged,
            unverified=int(cases[k] - known[k]),
            verified=int(known[k]),
            share=float(share[k]),
            weight=float(weight[k]),
        )
        for k, group in enumerate(groups)
        for is_flagged, cases, known, share, weight in sides
    )


def allocate(
    strata: Sequence[Stratum], budget: int, *, objective: Objective = Objective.WIDEST
) -> tuple[int, ...]:
    """Return how many cases to draw from each stratum.

    One from each while the budget lasts, then one case at a time to where it narrows most. The
    variance of a rate is ``sum_h W_h^2 p_h (1 - p_h) / (m_h + n_h)`` with m_h verified and n_h
    drawn cases, so that Neyman's ``n_h ~ W_h sd_h`` is met as nearly as whole numbers allow,
    exactly so within the sizes of the strata and beside what is verified already [2]_.

    Parameters
    ----------
    strata : sequence of Stratum
    budget : int
        Cases that somebody has time to verify, at least 0.
    objective : Objective, default=WIDEST
        WIDEST gives each case to the finding and group whose rate is least certain at that
        moment; TOTAL to the stratum that lowers the sum of all variances most.

    Returns
    -------
    tuple of int
        Never above a stratum's `unverified`; their sum is the budget, or all there are.

    References
    ----------
    .. [1] J. Neyman, "On the two different aspects of the representative method", Journal of the
       Royal Statistical Society 97 (1934) 558-625.
    .. [2] T. Wright, "The equivalence of Neyman optimum allocation for sampling and equal
       proportions for apportioning the U.S. House of Representatives", The American Statistician
       66 (2012) 217-224.

    Examples
    --------
    >>> common = {"finding": "tb", "flagged": False, "verified": 0, "share": 0.05}
    >>> one = Stratum(group=Group(), unverified=900, weight=4.0, **common)
    >>> other = Stratum(group=Group(), unverified=30, weight=4.0, **common)
    >>> allocate([one, other], 50), allocate([one, other], 100)
    ((25, 25), (70, 30))
    """
    if budget < 0:
        raise ValueError(f"budget must not be negative, got {budget}")
    sizes = np.array([one.unverified for one in strata], dtype=np.int64)
    verified = np.array([one.verified for one in strata], dtype=np.float64)
    spread = np.array([one.weight**2 * one.share * (1 - one.share) for one in strata])
    drawn = _one_of_each(sizes, _gain(spread, verified), budget)
    cells = _cells(strata)
    for _ in range(min(budget, int(sizes.sum())) - int(drawn.sum())):
        gain = np.where(drawn < sizes, _gain(spread, verified + drawn), -1.0)
        if objective is Objective.WIDEST:
            gain = _only_widest(gain, spread / np.maximum(verified + drawn, _NONE_YET), cells)
        drawn[int(np.argmax(gain))] += 1
    return tuple(drawn.tolist())


def draw(members: Sequence[ArrayLike], allocation: Sequence[int], *, seed: int) -> AuditDraw:
    """Draw a simple random sample without replacement from each stratum.

    What is drawn from a stratum depends on its place, its members and the seed alone, not on the
    other strata.

    Parameters
    ----------
    members : sequence of array_like of int
        The unverified cases of each stratum, in an order that does not change.
    allocation : sequence of int
        Cases to draw from each, as `allocate` returns them.
    seed : int
        Not negative; the same seed draws the same cases.

    Raises
    ------
    ValueError
        If more are to be drawn than there are, or fewer than none.

    Examples
    --------
    >>> drawn = draw([[3, 5, 8, 9], [1, 2]], [2, 1], seed=0)
    >>> len(drawn.indices), drawn.probability.tolist(), drawn.design.probabilities
    (3, [0.5, 0.5, 0.5], (0.5, 0.5))
    """
    cases = [np.asarray(one, dtype=np.int64) for one in members]
    sizes = tuple(len(one) for one in cases)
    if any(not 0 <= n <= size for n, size in zip(allocation, sizes, strict=True)):
        raise ValueError(f"cannot draw {tuple(allocation)} from strata of {sizes}")
    design = Design(sizes=sizes, drawn=tuple(allocation), seed=seed)
    chosen = [
        one[np.sort(np.random.default_rng([seed, h]).permutation(len(one))[:n])]
        for h, (one, n) in enumerate(zip(cases, allocation, strict=True))
    ]
    strata = np.repeat(np.arange(len(cases)), allocation)
    return AuditDraw(
        indices=np.concatenate([np.zeros(0, dtype=np.int64), *chosen]),
        strata=strata,
        probability=np.array(design.probabilities, dtype=np.float64)[strata],
        design=design,
    )


def _expected(with_finding: _Ints, without: _Ints, beforehand: float) -> _Floats:
    """Return the share with the finding in each group, shrunk to all, they to `beforehand`."""
    if not 0 < beforehand < 1:
        raise ValueError(f"an expected share must be in (0, 1), got {beforehand}")
    n = with_finding + without
    everybody = (with_finding.sum() + _PRIOR_CASES * beforehand) / (n.sum() + _PRIOR_CASES)
    return np.asarray((with_finding + _PRIOR_CASES * everybody) / (n + _PRIOR_CASES))


def _gain(spread: _Floats, cases: _Floats) -> _Floats:
    """Return by how much one more case lowers each stratum's part of the variance."""
    return np.asarray(spread / np.maximum(cases, _NONE_YET) - spread / (cases + 1))


def _one_of_each(sizes: _Ints, gain: _Floats, budget: int) -> _Ints:
    """Return 1 for strata that have cases, those with most to learn first, within the budget."""
    order = np.argsort(-gain, kind="stable")
    first = order[sizes[order] > 0][:budget]
    drawn = np.zeros(len(sizes), dtype=np.int64)
    drawn[first] = 1
    return drawn


def _cells(strata: Sequence[Stratum]) -> _Ints:
    """Return for each stratum the index of its finding and group, in order of appearance."""
    index: dict[tuple[str, Group], int] = {}
    places = [index.setdefault((one.finding, one.group), len(index)) for one in strata]
    return np.array(places, dtype=np.int64)


def _only_widest(gain: _Floats, variance: _Floats, cells: _Ints) -> _Floats:
    """Return the gains in the cell of largest variance that can still be narrowed, else -1."""
    can_gain = np.bincount(cells, gain >= 0) > 0
    of_cell = np.where(can_gain, np.bincount(cells, variance), -1.0)
    return np.where(cells == np.argmax(of_cell), gain, -1.0)
