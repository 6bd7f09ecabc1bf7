"""Labelled cases counted: by group, and among the others of each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.adjusted import Adjusted
from edgefair.audit.auroc import Aurocs, aurocs
from edgefair.audit.clustered_auroc import design_effects
from edgefair.audit.clusters import ByPatient
from edgefair.audit.estimates import Estimates, Rates, Worth
from edgefair.audit.groups import Grouping
from edgefair.audit.partly_verified import PartlyVerified
from edgefair.audit.placements import Moments, RankedScores
from edgefair.audit.rates import (
    DECISION_RATES,
    DENOMINATORS,
    Counts,
    counts_by_group,
    denominator_of,
)
from edgefair.audit.reader_disagreement import DisputedRates, LabelErrors
from edgefair.records import Group

__all__ = [
    "Cases",
    "Tally",
    "disputed",
    "everybody",
    "everybody_of",
    "tally",
    "tally_with_everybody",
]


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
    patients : ndarray of int64, shape (n,), or None
        Number of each case's patient, from 0; None if every case is of another one.
    partly : PartlyVerified or None
        The stream that these cases are the verified ones of; None if they stand for it.
    of_all : tuple of Grouping
        The same groupings over that stream.
    disagreements : tuple of (int, int) or None
        Cases on which two readers differ, and all that two read; None if labels stand.
    """

    finding: str
    y_true: NDArray[np.bool_]
    flagged: NDArray[np.bool_] | None
    y_score: NDArray[np.float64] | None
    groupings: tuple[Grouping, ...]
    patients: NDArray[np.int64] | None = None
    partly: PartlyVerified | None = None
    of_all: tuple[Grouping, ...] = ()
    disagreements: tuple[int, int] | None = None


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
    worths : mapping of str to pair of Worth, or None
        For each denominator what its cases are worth, in each group and among all others; None
        where all cases are independent.
    adjusted : Adjusted or None
        What stands for the plain rates where these would mislead.
    disagreements : tuple of (int, int) or None
        Cases on which two readers differ, and all that two read, where that is the reason.
    moments : pair of Moments, or None
        What the areas were made of, in each group and among all others; None where there were no
        scores.
    """

    finding: str
    grouping: Grouping
    decided: bool
    counts: Counts
    rest: Counts
    areas: Aurocs | None
    areas_of_rest: Aurocs | None
    worths: Mapping[str, tuple[Worth, Worth]] | None = None
    adjusted: Adjusted | None = None
    disagreements: tuple[int, int] | None = None
    moments: tuple[Moments, Moments] | None = None

    def rates(self, metric: str) -> Rates:
        """Return one rate in every group."""
        rates = self.counts.rates(metric)
        return rates if self.worths is None else self._with_worth(rates, metric, 0)

    def rates_of_rest(self, metric: str) -> Rates:
        """Return one rate among all others of every group."""
        rates = self.rest.rates(metric)
        return rates if self.worths is None else self._with_worth(rates, metric, 1)

    def _with_worth(self, rates: Rates, metric: str, which: int) -> Rates:
        assert self.worths is not None
        return replace(rates, worth=self.worths[denominator_of(metric)][which])

    def estimates(self, metric: str) -> Estimates:
        """Return one metric in every group.

        Raises
        ------
        ValueError
            If there is no such metric, or not what it needs: decisions, or scores for auroc.
        """
        if self.adjusted and metric in self.adjusted.value:
            return self.adjusted.value[metric]
        if metric == "auroc" and self.areas:
            return self.areas
        if metric == "prevalence" or (self.decided and metric in DECISION_RATES):
            return self.rates(metric)
        raise ValueError(f"{metric} cannot be computed from what the audit was given")


def tally(
    cases: Cases, groupings: Sequence[Grouping], of_all: Sequence[Grouping] = ()
) -> tuple[Tally, ...]:
    """Return the counts and areas by each grouping; the scores are sorted once for all.

    Parameters
    ----------
    cases : Cases
    groupings : sequence of Grouping
        Over the cases.
    of_all : sequence of Grouping
        The same over the stream they were verified from, where `Cases.partly` has one.
    """
    ranked = None if cases.y_score is None else RankedScores.of(cases.y_true, cases.y_score)
    flagged = np.zeros_like(cases.y_true) if cases.flagged is None else cases.flagged
    counted = [_tally(cases, flagged, ranked, grouping) for grouping in groupings]
    if cases.partly:
        return tuple(
            replace(one, adjusted=cases.partly.adjusted(grouping))
            for one, grouping in zip(counted, of_all, strict=True)
        )
    if cases.disagreements:
        return tuple(disputed(one, cases.disagreements) for one in counted)
    return tuple(counted)


def disputed(one: Tally, disagreements_and_pairs: tuple[int, int]) -> Tally:
    """Return a tally with what readers' disagreement leaves of its rates.

    Parameters
    ----------
    one : Tally
    disagreements_and_pairs : tuple of (int, int)
        Cases on which two readers differ, and all that two read.
    """
    disagreements, pairs = disagreements_and_pairs

    def of(counts: Counts) -> dict[str, Estimates]:
        k = len(counts.n)
        return {
            metric: DisputedRates(
                counts=counts,
                metric=metric,
                disagreements=np.full(k, disagreements),
                pairs=np.full(k, pairs),
                assumed=LabelErrors.ANYWHERE
                if metric in ("ppv", "npv")
                else LabelErrors.INDEPENDENT,
            )
            for metric in DECISION_RATES
        }

    return replace(
        one,
        adjusted=Adjusted(value=of(one.counts), rest=of(one.rest)),
        disagreements=disagreements_and_pairs,
    )


def _tally(
    cases: Cases,
    flagged: NDArray[np.bool_],
    ranked: RankedScores | None,
    grouping: Grouping,
) -> Tally:
    codes, k = grouping.codes, len(grouping.groups)
    counts = counts_by_group(cases.y_true, flagged, codes, k)
    moments = None if ranked is None else ranked.moments(codes, k)
    areas, areas_of_rest = _areas(cases, ranked, moments, codes)
    worths = None
    if cases.patients is not None:
        by_patient = ByPatient.of(cases.y_true, flagged, cases.patients, codes, k)
        worths = {denominator: by_patient.worth(denominator) for denominator in DENOMINATORS}
    return Tally(
        finding=cases.finding,
        grouping=grouping,
        decided=cases.flagged is not None,
        counts=counts,
        rest=counts.rest(),
        areas=areas,
        areas_of_rest=areas_of_rest,
        worths=worths,
        moments=moments,
    )


def _areas(
    cases: Cases,
    ranked: RankedScores | None,
    moments: tuple[Moments, Moments] | None,
    codes: NDArray[np.signedinteger[Any]],
) -> tuple[Aurocs, Aurocs] | tuple[None, None]:
    if ranked is None or moments is None:
        return None, None
    within, among_others = (aurocs(one) for one in moments)
    if cases.patients is None:
        return within, among_others
    k = len(within.estimate)
    of_groups, of_rests = design_effects(ranked, codes, cases.patients, k)
    return within.with_design_effect(of_groups), among_others.with_design_effect(of_rests)


def tally_with_everybody(cases: Cases) -> tuple[Tally, ...]:
    """Return the counts and areas over all cases, then those by each of their groupings."""
    of_all = (everybody(len(cases.partly.y_true)), *cases.of_all) if cases.partly else ()
    return tally(cases, (everybody(len(cases.y_true)), *cases.groupings), of_all)


def everybody_of(cases: Cases) -> Grouping:
    """Return all cases as one group."""
    return everybody(len(cases.y_true))


def everybody(n: int) -> Grouping:
    """Return so many cases as one group."""
    codes = np.zeros(n, dtype=np.int8)
    return Grouping(attribute="everybody", groups=(Group(),), codes=codes)
