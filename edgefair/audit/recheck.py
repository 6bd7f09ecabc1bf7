"""The re-check itself: from counts to every cell, verdict and spread."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Final

import numpy as np

from edgefair.audit.adjusted import as_mixed, marked
from edgefair.audit.columns import Block, Criteria, intervals_of, judged_cells, shown_cells
from edgefair.audit.disparity import gap_between
from edgefair.audit.estimates import Estimates, Rates
from edgefair.audit.intervals import two_sided_z
from edgefair.audit.mixed_rates import MixedRates
from edgefair.audit.rates import DECISION_RATES
from edgefair.audit.tally import Cases, Tally, tally_with_everybody
from edgefair.audit.verdict import JUDGED
from edgefair.audit.view import Audit
from edgefair.records import AuditResult, Cell, Confusion, Exclusion, Group, Spread

__all__ = ["recheck", "result_of"]

_METRICS: Final = (*DECISION_RATES, "auroc", "prevalence")


def recheck(
    findings: Sequence[Cases],
    *,
    exclusions: Sequence[Exclusion],
    rows: int,
    criteria: Criteria,
    seed: int,
) -> Audit:
    """Return for every finding and group how often the model errs, and the verdicts.

    Parameters
    ----------
    findings : sequence of Cases
    exclusions : sequence of Exclusion
        Rows that are not among the cases, and why.
    rows : int
        Rows that came in, before exclusions.
    criteria : Criteria
    seed : int
        Of the permutations; the same seed gives the same result.
    """
    counted = [tally_with_everybody(cases) for cases in findings]
    everybody = tuple(of_all for of_all, *_ in counted)
    parted = tuple(one for _, *of_groups in counted for one in of_groups)
    result = result_of(
        (*everybody, *parted), exclusions=exclusions, rows=rows, criteria=criteria, seed=seed
    )
    return Audit(result=result, _tallies=parted, _everybody=everybody)


def result_of(
    tallies: Sequence[Tally],
    *,
    exclusions: Sequence[Exclusion],
    rows: int,
    criteria: Criteria,
    seed: int,
) -> AuditResult:
    """Return every cell, verdict and spread that counts make, whoever did the counting.

    Parameters
    ----------
    tallies : sequence of Tally
        Those of everybody, one a finding, among them.
    exclusions, rows, criteria, seed
        As for `recheck`.
    """
    everybody = [one for one in tallies if one.grouping.groups == (Group(),)]
    parted = [one for one in tallies if one.grouping.groups != (Group(),)]
    return AuditResult(
        overall=tuple(_cells(everybody, criteria, judged=())),
        by_group=tuple(_cells(parted, criteria, judged=JUDGED)),
        confusion=tuple(
            row
            for of_all in everybody
            for one in (of_all, *(part for part in parted if part.finding == of_all.finding))
            for row in _confusions(one)
        ),
        spreads=tuple(spread for one in parted for spread in _spreads(one, seed)),
        exclusions=tuple(exclusions),
        rows=rows,
        level=criteria.level,
        margin=criteria.margin,
        alpha=criteria.alpha,
    )


def _cells(tallies: Sequence[Tally], criteria: Criteria, *, judged: Sequence[str]) -> list[Cell]:
    """Return one cell per finding, group and metric; each metric is a family of its own."""
    by_tally: list[list[list[Cell]]] = [[] for _ in tallies]
    for metric in _METRICS:
        having = [i for i, one in enumerate(tallies) if _has(one, metric)]
        if having:
            columns = _column(metric, [tallies[i] for i in having], criteria, judged=judged)
            for i, cells in zip(having, columns, strict=True):
                by_tally[i].append(_marked(cells, tallies[i], metric, criteria))
    return [cell for columns in by_tally for row in zip(*columns, strict=True) for cell in row]


def _has(one: Tally, metric: str) -> bool:
    if metric == "auroc":
        partly = one.adjusted is not None and bool(one.adjusted.states)
        return one.areas is not None and (not partly or _corrected_areas(one) is not None)
    return metric == "prevalence" or one.decided


def _column(
    metric: str, tallies: Sequence[Tally], criteria: Criteria, *, judged: Sequence[str]
) -> list[list[Cell]]:
    """Return the cells of one metric, a list for each tally."""
    if metric == "auroc":
        return shown_cells(metric, [_areas(one) for one in tallies], criteria)
    if any(one.adjusted for one in tallies):
        mixed = [_mixed(one, metric) for one in tallies]
        return (judged_cells if metric in judged else shown_cells)(metric, mixed, criteria)
    rates: list[Block[Rates]] = [
        Block(
            finding=one.finding,
            groups=one.grouping.groups,
            value=one.rates(metric),
            rest=one.rates_of_rest(metric),
        )
        for one in tallies
    ]
    return (judged_cells if metric in judged else shown_cells)(metric, rates, criteria)


def _areas(one: Tally) -> Block[MixedRates]:
    assert one.areas
    assert one.areas_of_rest
    value, rest = _corrected_areas(one) or (one.areas, one.areas_of_rest)
    return Block(
        finding=one.finding,
        groups=one.grouping.groups,
        value=MixedRates((value,)),
        rest=MixedRates((rest,)),
    )


def _corrected_areas(one: Tally) -> tuple[Estimates, Estimates] | None:
    if one.adjusted is None or "auroc" not in one.adjusted.value:
        return None
    return one.adjusted.value["auroc"], one.adjusted.rest["auroc"]


def _mixed(one: Tally, metric: str) -> Block[MixedRates]:
    adjusted = one.adjusted
    return Block(
        finding=one.finding,
        groups=one.grouping.groups,
        value=as_mixed(one.rates(metric), adjusted.value if adjusted else None, metric),
        rest=as_mixed(one.rates_of_rest(metric), adjusted.rest if adjusted else None, metric),
    )


def _marked(cells: list[Cell], one: Tally, metric: str, criteria: Criteria) -> list[Cell]:
    """Return the cells with their naive figures and refusals, where who was verified matters."""
    if not (one.adjusted and one.adjusted.states):
        return cells
    plain: Estimates = one.areas if metric == "auroc" and one.areas else one.rates(metric)
    limits = plain.limits(two_sided_z(criteria.level))
    naive = intervals_of(plain.estimate, limits, plain.n, criteria.level)
    return marked(cells, naive, one.adjusted, margin=criteria.margin)


def _confusions(one: Tally) -> list[tuple[str, Group, Confusion]]:
    if not one.decided:
        return []
    counted = zip(one.grouping.groups, one.counts.confusions(), strict=True)
    return [(one.finding, group, confusion) for group, confusion in counted]


def _spreads(one: Tally, seed: int) -> list[Spread]:
    # chance is told by shuffling whole cases, which corrected rates are not made of
    if not one.decided or (one.adjusted and one.adjusted.states):
        return []
    gaps = {
        metric: gap_between(one.rates(metric).as_independent(), seed=seed) for metric in JUDGED
    }
    return [
        Spread(
            finding=one.finding,
            metric=metric,
            attribute=one.grouping.attribute,
            observed=_gap(one.rates(metric)),
            by_chance=gap.by_chance,
            p_value=gap.p_value,
        )
        for metric, gap in gaps.items()
    ]


def _gap(rates: Rates) -> float:
    estimates = rates.estimate[np.isfinite(rates.estimate)]
    return float(np.ptp(estimates)) if len(estimates) > 1 else nan
