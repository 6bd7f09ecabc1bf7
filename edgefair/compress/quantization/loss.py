"""What INT8 costs the group that it costs most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from edgefair.bundle.manifest import Task
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.scoring import Answers

__all__ = ["GroupLoss", "worst_group_loss"]

SHRINKAGE: Final = 10
"""Cases that everybody's loss counts for in a group's: one of five flipped is no loss of .2."""

FEWEST: Final = 5
"""Positives or negatives below which a group's rates are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLoss:
    """How much an INT8 model loses against full precision where it loses most.

    Attributes
    ----------
    loss : float
        The largest loss over groups, findings and measures, shrunk; 0 where nothing is lost.
    group : str
        Which group, e.g. ``sex F``, or ``everybody``.
    passes : bool
        Whether no loss is larger than the margin.
    sentence : str
        The above for a reader.
    """

    loss: float
    group: str
    passes: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One finding in the cases whose label is known, by both models."""

    truth: NDArray[np.bool_]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    threshold: float

    def of(self, chosen: NDArray[np.bool_]) -> _Case:
        return _Case(
            truth=self.truth[chosen],
            before=self.before[chosen],
            after=self.after[chosen],
            threshold=self.threshold,
        )


def worst_group_loss(
    full_precision: Answers,
    int8: Answers,
    cases: Cases,
    ways: Sequence[str],
    *,
    task: Task,
    margin: float,
) -> GroupLoss:
    """Return the loss that a search makes as small as it can.

    Four measures, all in units of a rate, of each finding in each group: the loss of sensitivity
    and of specificity at the threshold where full precision's sum of both is largest on all
    cases, the loss of AUROC, and the mean absolute difference of the probabilities, which
    tells forms apart that flip nobody.

    A loss in a group of m cases counts (m l + 10 L) / (m + 10), L being everybody's: a single
    flip in a group of six is chance more than harm. m are the positives of a sensitivity, the
    negatives of a specificity, the fewer of the two for an AUROC, and all of a difference.
    Rates of fewer than 5 cases are left out, and so are cases with an unknown label; the
    difference needs no label and is taken of every group.

    Parameters
    ----------
    full_precision, int8 : Answers
        Of the same n cases.
    cases : Cases
        The n cases, as a rule the val split.
    ways : sequence of str
        As in the recipe, e.g. ``sex+age:0,18,60``.
    task : Task
        Classes are compared by their softmax, other findings by their sigmoid.
    margin : float
        Largest loss that passes.
    """
    before, after = _probabilities(full_precision, task), _probabilities(int8, task)
    groups = [
        (str(group), grouping.codes == place)
        for grouping in cases.grouped(ways)
        for place, group in enumerate(grouping.groups)
    ]
    worst, where, what = 0.0, "everybody", "nothing is lost"
    for column in range(cases.labels.shape[1]):
        for loss, measure, group in _losses(
            before, after, cases.labels[:, column], column, groups
        ):
            if loss > worst:
                worst, where, what = loss, group, measure
    passes = worst <= margin
    verdict = (
        f"within the margin of {margin:.3f}" if passes else f"over the margin of {margin:.3f}"
    )
    return GroupLoss(
        loss=worst,
        group=where,
        passes=passes,
        sentence=f"At worst {worst:.4f} ({what}, {where}), {verdict}.",
    )


def _losses(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    labels: NDArray[np.float32],
    column: int,
    groups: list[tuple[str, NDArray[np.bool_]]],
) -> Iterator[tuple[float, str, str]]:
    """Yield loss, measure and group of one finding."""
    drift = np.abs(before[:, column] - after[:, column])
    everybodys = float(drift.mean())
    yield everybodys, "difference of probabilities", "everybody"
    for name, rows in groups:
        if rows.any():
            shrunk = _shrunk(float(drift[rows].mean()), int(rows.sum()), everybodys)
            yield shrunk, "difference of probabilities", name
    known = ~np.isnan(labels)
    truth = labels[known] == 1
    if truth.all() or not truth.any():
        return
    scores = before[known, column]
    case = _Case(
        truth=truth,
        before=scores,
        after=after[known, column],
        threshold=_threshold(truth, scores),
    )
    overall = dict(_rates(case))
    for measure, (loss, _) in overall.items():
        yield loss, measure, "everybody"
    for name, rows in groups:
        for measure, (loss, count) in _rates(case.of(rows[known])):
            yield _shrunk(loss, count, overall.get(measure, (0.0, 0))[0]), measure, name


def _rates(case: _Case) -> Iterator[tuple[str, tuple[float, int]]]:
    """Yield each measure with its loss and the number of cases behind it."""
    positives, negatives = int(case.truth.sum()), int((~case.truth).sum())
    lost = (case.before >= case.threshold).astype(int) - (case.after >= case.threshold)
    if positives >= FEWEST:
        yield "sensitivity", (float(lost[case.truth].mean()), positives)
    if negatives >= FEWEST:
        yield "specificity", (-float(lost[~case.truth].mean()), negatives)
    if min(positives, negatives) >= FEWEST:
        fell = roc_auc_score(case.truth, case.before) - roc_auc_score(case.truth, case.after)
        yield "AUROC", (float(fell), min(positives, negatives))


def _shrunk(loss: float, count: int, everybodys: float) -> float:
    return (count * loss + SHRINKAGE * everybodys) / (count + SHRINKAGE)


def _threshold(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the score at and above which the sum of sensitivity and specificity is largest.

    Half way to the score below it, so that the cases at the edge do not sit on it.
    """
    false_positive_rate, sensitivity, reached = roc_curve(truth, scores, drop_intermediate=False)
    best = float(reached[int(np.argmax(sensitivity - false_positive_rate))])
    below = scores[scores < best]
    return (best + float(below.max())) / 2 if len(below) else best


def _probabilities(answers: Answers, task: Task) -> NDArray[np.float64]:
    logits = answers.logits.astype(np.float64)
    if task is Task.MULTI_CLASS:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return np.asarray(1 / (1 + np.exp(-logits)))
