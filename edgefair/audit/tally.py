"""Labelled cases counted: by group, and among the others of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.auroc import Aurocs, aurocs
from edgefair.audit.estimates import Estimates
from edgefair.audit.groups import Grouping
from edgefair.audit.placements import RankedScores
from edgefair.audit.rates import DECISION_RATES, Counts, counts_by_group
from edgefair.records import Group

__all__ = ["Cases", "Tally", "tally", "tally_everybody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Labelled cases of one finding.

    Attributes
    ----------
    finding : str
    y_true : ndarray of bool, shape (n,)
        Whether the finding was there.
    flagged : ndarray of bool, shape (n,), or None
        Whether the model wanted somebody to look; None if there are no decisions.
    y_score : ndarray of float64, shape (n,), or None
        Finite, larger for more suspicious; None if there are no scores.
    groupings : tuple of Grouping
        Each over the same n cases.
    """

    finding: str
    y_true: NDArray[np.bool_]
    flagged: NDArray[np.bool_] | None
    y_score: NDArray[np.float64] | None
    groupings: tuple[Grouping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One finding in the groups of one grouping, counted.

    Attributes
    ----------
    finding : str
    grouping : Grouping
    decided : bool
        Whether there were decisions; without them every case is counted as cleared, and only
        prevalence can be made of the counts.
    counts, rest : Counts
        In each group, and among all others of each.
    areas, areas_of_rest : Aurocs or None
        The same for areas under the curve; None where there were no scores.
    """

    finding: str
    grouping: Grouping
    decided: bool
    counts: Counts
    rest: Counts
    areas: Aurocs | None
    areas_of_rest: Aurocs | None

    def estimates(self, metric: str) -> Estimates:
        """Return one metric in every group.

        Raises
        ------
        ValueError
            If there is no such metric, or not what it needs: decisions, or scores for auroc.
        """
        if metric == "auroc" and self.areas:
            return self.areas
        if metric == "prevalence" or (self.decided and metric in DECISION_RATES):
            return self.counts.rates(metric)
        raise ValueError(f"{metric} cannot be computed from what the audit was given")


def tally(cases: Cases, groupings: Sequence[Grouping]) -> tuple[Tally, ...]:
    """Return the counts and areas by each grouping; the scores are sorted once for all."""
    ranked = None if cases.y_score is None else RankedScores.of(cases.y_true, cases.y_score)
    flagged = np.zeros_like(cases.y_true) if cases.flagged is None else cases.flagged
    tallies = []
    for grouping in groupings:
        k = len(grouping.groups)
        counts = counts_by_group(cases.y_true, flagged, grouping.codes, k)
        within, among_others = ranked.moments(grouping.codes, k) if ranked else (None, None)
        tallies.append(
            Tally(
                finding=cases.finding,
                grouping=grouping,
                decided=cases.flagged is not None,
                counts=counts,
                rest=counts.rest(),
                areas=aurocs(within) if within else None,
                areas_of_rest=aurocs(among_others) if among_others else None,
            )
        )
    return tuple(tallies)


def tally_everybody(cases: Cases) -> tuple[Tally, ...]:
    """Return the counts and areas over all cases, as those of one group without a rest."""
    codes = np.zeros(len(cases.y_true), dtype=np.int64)
    return tally(cases, [Grouping(attribute="everybody", groups=(Group(),), codes=codes)])
