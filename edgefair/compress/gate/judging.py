"""The gate's judgement: every comparison, rate, finding and group, none left out.

Binding are the comparisons of the model to be released with every other: INT8 with the student
in full precision says what quantisation cost, INT8 with the teacher what the clinic loses in all.
The student in full precision is compared with the teacher to inform: what distillation cost.
For each comparison and rate, all groups and findings are one family. Several images of one
patient count as the fewer independent cases that they are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isnan

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.columns import intervals_of
from edgefair.audit.estimates import Rates
from edgefair.audit.groups import Grouping
from edgefair.audit.inputs import patient_numbers
from edgefair.audit.intervals import two_sided_z
from edgefair.audit.multiplicity import holm
from edgefair.audit.paired import PairedCounts, paired_counts
from edgefair.audit.paired_auroc import PairedAurocs, paired_aurocs
from edgefair.audit.paired_tests import even_flips_p_values
from edgefair.audit.paired_verdict import LossJudgement, judge_losses
from edgefair.compress.data.cases import Cases
from edgefair.compress.gate.records import (
    SENSITIVITY,
    SPECIFICITY,
    Answered,
    Comparison,
    Condition,
    EncodingRow,
    Flip,
    GateCell,
    GateResult,
    ScoreChange,
)
from edgefair.compress.gate.sentences import condition_sentence
from edgefair.compress.recipe import GatePlan, Recipe
from edgefair.records import Attribute, Group, Interval, VerdictKind

__all__ = ["comparisons_of", "gate_ways", "judge_gate"]

_LEVEL = 0.95
_SURE = 1e-6
"""Distance from 0 and 1 at which a probability's logit ends."""


def gate_ways(recipe: Recipe, plan: GatePlan) -> tuple[str, ...]:
    """Return the ways to part the cases: the plan's own, or else all that the data report by."""
    return plan.groups or recipe.data.groups


def comparisons_of(names: Sequence[str]) -> tuple[Comparison, ...]:
    """Return which models to compare, given them in the order they were made from each other.

    Examples
    --------
    >>> for made in comparisons_of(["teacher", "student fp32", "student INT8"]):
    ...     print(made, made.is_binding)
    student fp32 -> student INT8 True
    teacher -> student INT8 True
    teacher -> student fp32 False
    """
    *earlier, last = names
    binding = [Comparison(before=name, after=last, is_binding=True) for name in earlier[::-1]]
    informing = [
        Comparison(before=before, after=after, is_binding=False)
        for before, after in pairwise(earlier)
    ]
    return (*binding, *informing)


def judge_gate(
    answers: Sequence[Answered],
    cases: Cases,
    findings: tuple[str, ...],
    *,
    plan: GatePlan,
    ways: tuple[str, ...],
    encodings: tuple[EncodingRow, ...] = (),
) -> GateResult:
    """Return what compression cost whom, on the same cases.

    Parameters
    ----------
    answers : sequence of Answered
        Two models or more, in the order they were made from each other; the last is the one to
        be released.
    cases : Cases
        The n cases that all models answered.
    findings : tuple of str
        Names of the columns of labels and answers.
    plan : GatePlan
    ways : tuple of str
        Columns, with bins where numeric, and crossed columns; everybody comes in addition.
    encodings : tuple of EncodingRow
        Further evidence, passed on.

    Returns
    -------
    GateResult
        Without anybody's acceptance of its conditions.
    """
    by_name = {one.name: one for one in answers}
    everybody = Grouping(
        attribute="", groups=(Group(),), codes=np.zeros(len(cases), dtype=np.int64)
    )
    groupings = (everybody, *cases.grouped(ways))
    patients = patient_numbers(cases.patients)
    compared = [
        _Compared(
            comparison=comparison,
            before=by_name[comparison.before],
            after=by_name[comparison.after],
            labels=cases.labels,
            findings=findings,
            groupings=groupings,
            patients=patients,
        )
        for comparison in comparisons_of([one.name for one in answers])
    ]
    cells = tuple(
        cell
        for one in compared
        for metric in (SENSITIVITY, SPECIFICITY)
        for cell in _cells(one, metric, plan)
    )
    return GateResult(
        cases=len(cases),
        patients=len(set(cases.patients)),
        margin=plan.margin,
        alpha=plan.alpha,
        cells=cells,
        scores=tuple(change for one in compared for change in _score_changes(one)),
        flips=tuple(flip for one in compared for flip in _flips(one, cases)),
        encodings=encodings,
        conditions=tuple(_conditions(cells, plan)),
        accepted=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """Two models' answers with all that is needed to judge them.

    Attributes
    ----------
    labels : ndarray of float32, shape (n, findings)
    groupings : tuple of Grouping
        Everybody first.
    patients : ndarray of int64, shape (n,), or None
        Number of each case's patient; None if each has one case.
    """

    comparison: Comparison
    before: Answered
    after: Answered
    labels: NDArray[np.float32] = field(repr=False)
    findings: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    patients: NDArray[np.int64] | None = field(repr=False)

    def places(self) -> list[tuple[str, Group]]:
        """Return finding and group of each cell, in the order of all the arrays here."""
        return [
            (finding, group)
            for finding in self.findings
            for grouping in self.groupings
            for group in grouping.groups
        ]

    def blocks(self) -> Iterator[tuple[int, Grouping]]:
        """Yield the column of each finding with each grouping."""
        for column in range(len(self.findings)):
            for grouping in self.groupings:
                yield column, grouping


def _cells(one: _Compared, metric: str, plan: GatePlan) -> list[GateCell]:
    counts = PairedCounts.joined([_counts(one, metric, *block) for block in one.blocks()])
    judged = judge_losses(counts, margin=plan.margin, alpha=plan.alpha)
    # flips of a group without cases were not tested, and do not count among the tests
    mcnemar_p = holm(even_flips_p_values(counts)).tolist()
    worth = counts.worth
    columns = (
        _shares(counts.before),
        _shares(counts.after),
        _losses(counts, judged, plan),
        _shares(counts.to_wrong),
        [None] * len(counts.n) if worth is None else worth.effective.tolist(),
    )
    return [
        GateCell(
            comparison=one.comparison,
            finding=finding,
            group=group,
            metric=metric,
            before=columns[0][i],
            after=columns[1][i],
            loss=columns[2][i],
            flips_to_wrong=int(counts.lost[i]),
            flips_to_right=int(counts.gained[i]),
            to_wrong=columns[3][i],
            p_harm=float(judged.p_harm[i]),
            p_ok=float(judged.p_ok[i]),
            mcnemar_p=mcnemar_p[i],
            verdict=judged.kind[i],
            labels_needed=None if isnan(judged.needed[i]) else int(judged.needed[i]),
            independent=columns[4][i],
        )
        for i, (finding, group) in enumerate(one.places())
    ]


def _counts(one: _Compared, metric: str, column: int, grouping: Grouping) -> PairedCounts:
    """Return how right decisions went together over the cases that a rate counts."""
    is_positive = metric == SENSITIVITY
    rows = one.labels[:, column] == (1 if is_positive else 0)
    return paired_counts(
        one.before.flagged[rows, column] == is_positive,
        one.after.flagged[rows, column] == is_positive,
        grouping.codes[rows],
        len(grouping.groups),
        patients=None if one.patients is None else one.patients[rows],
    )


def _shares(rates: Rates) -> list[Interval]:
    return intervals_of(rates.estimate, rates.limits(two_sided_z(_LEVEL)), rates.n, _LEVEL)


def _losses(counts: PairedCounts, judged: LossJudgement, plan: GatePlan) -> list[Interval]:
    limits = (judged.lower, judged.upper)
    return intervals_of(counts.loss, limits, counts.n, 1 - plan.alpha, lowest=-1.0)


def _score_changes(one: _Compared) -> list[ScoreChange]:
    areas = PairedAurocs.joined([_areas(one, *block) for block in one.blocks()])
    changes = [value for block in one.blocks() for value in _logit_changes(one, *block)]
    z = two_sided_z(_LEVEL)
    n = areas.before.n
    before = intervals_of(areas.before.estimate, areas.before.limits(z), n, _LEVEL)
    after = intervals_of(areas.after.estimate, areas.after.limits(z), n, _LEVEL)
    loss = intervals_of(areas.loss, areas.limits(z), n, _LEVEL, lowest=-1.0)
    p_values = holm(areas.p_values).tolist()
    return [
        ScoreChange(
            comparison=one.comparison,
            finding=finding,
            group=group,
            positives=int(areas.before.positives[i]),
            negatives=int(areas.before.negatives[i]),
            before=before[i],
            after=after[i],
            loss=loss[i],
            p_value=p_values[i],
            logit_change_p95=changes[i],
        )
        for i, (finding, group) in enumerate(one.places())
    ]


def _areas(one: _Compared, column: int, grouping: Grouping) -> PairedAurocs:
    labels = one.labels[:, column]
    rows = ~np.isnan(labels)
    return paired_aurocs(
        labels[rows] == 1,
        one.before.probabilities[rows, column],
        one.after.probabilities[rows, column],
        grouping.codes[rows],
        len(grouping.groups),
        patients=None if one.patients is None else one.patients[rows],
    )


def _logit_changes(one: _Compared, column: int, grouping: Grouping) -> list[float]:
    before, after = (
        np.clip(answered.probabilities[:, column], _SURE, 1 - _SURE)
        for answered in (one.before, one.after)
    )
    change = np.abs(np.log(before / (1 - before)) - np.log(after / (1 - after)))
    by_group = [change[grouping.codes == code] for code in range(len(grouping.groups))]
    return [float(np.quantile(some, 0.95)) if len(some) else np.nan for some in by_group]


def _flips(one: _Compared, cases: Cases) -> Iterator[Flip]:
    for column, finding in enumerate(one.findings):
        before, after = one.before.flagged[:, column], one.after.flagged[:, column]
        for row in np.flatnonzero(before != after).tolist():
            label = float(cases.labels[row, column])
            yield Flip(
                comparison=one.comparison,
                image=cases.images[row].name,
                finding=finding,
                group=_known_of(row, one.groupings),
                label=None if isnan(label) else label == 1,
                flagged_after=bool(after[row]),
                probability_before=float(one.before.probabilities[row, column]),
                probability_after=float(one.after.probabilities[row, column]),
            )


def _known_of(row: int, groupings: tuple[Grouping, ...]) -> Group:
    """Return all attributes of one case, each once."""
    found: dict[str, Attribute] = {}
    for grouping in groupings:
        for attribute in grouping.groups[grouping.codes[row]].attributes:
            found.setdefault(attribute.name, attribute)
    return Group(attributes=tuple(found.values()))


def _conditions(cells: Sequence[GateCell], plan: GatePlan) -> Iterator[Condition]:
    for cell in cells:
        if cell.comparison.is_binding and cell.verdict is VerdictKind.NOT_ENOUGH_DATA:
            yield Condition(
                comparison=cell.comparison,
                finding=cell.finding,
                group=cell.group,
                metric=cell.metric,
                n=cell.n,
                needed=cell.labels_needed,
                sentence=condition_sentence(cell, margin=plan.margin),
            )
