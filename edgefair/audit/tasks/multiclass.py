"""Several classes, one of which is true: which are mistaken more often, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.columns import Criteria
from edgefair.audit.groups import Grouping
from edgefair.audit.inputs import columns_of, scores
from edgefair.audit.recheck import recheck
from edgefair.audit.tally import Cases
from edgefair.audit.tasks.agreement import Lack, MeanRecalls
from edgefair.audit.tasks.judging import Measure, TaskCriteria
from edgefair.audit.tasks.material import (
    NO_ANSWER,
    NO_OUTCOME,
    Material,
    audited,
    is_missing,
    one_column,
    ready,
    share_of,
    words_of,
)
from edgefair.audit.tasks.wording import Spoken
from edgefair.errors import BadTable
from edgefair.records import AuditResult

__all__ = ["ALL_CLASSES", "audit_multiclass", "confusion_matrices"]

ALL_CLASSES: Final = "all classes"
"""What the cells over all classes are about."""


def audit_multiclass(  # noqa: PLR0913 - the face: each argument is a column or a criterion
    *,
    y_true: Any,
    y_pred: Any,
    y_score: Any = None,
    sensitive_features: Any,
    by: Sequence[str] | None = None,
    margin: float = 0.10,
    level: float = 0.95,
    alpha: float = 0.05,
    seed: int = 0,
) -> AuditResult:
    """Return for whom a model that names one of several classes is mistaken more often.

    Each class is audited as a finding of its own against all other classes, as by
    `edgefair.audit.audit`: its false negative rate is 1 less its recall, and all classes and
    groups together are the family of the verdicts. Beside these stand, over all classes, the
    share of wrong answers and the mean over the classes of the share missed, in which a rare
    class counts as much as a common one; both are judged too, each a family of its own.

    Parameters
    ----------
    y_true, y_pred : column
        The true class and the model's, as words or numbers.
    y_score : mapping or data frame, optional
        A column of scores for each class, larger for more likely: for the AUROC of each class
        against the others.
    sensitive_features : column or columns
        What to group by. Missing is a group of its own, Unknown.
    by, margin, level, alpha, seed
        As for `edgefair.audit.audit`.

    Returns
    -------
    AuditResult
        The findings are the classes, in the order of their names, then `ALL_CLASSES`.

    Raises
    ------
    BadTable
        If columns differ in length, or scores lack a class.
    NotEnoughData
        If no row has both a true class and the model's.

    Examples
    --------
    >>> found = audit_multiclass(
    ...     y_true=["benign", "benign", "melanoma", "melanoma", "nevus", "nevus"],
    ...     y_pred=["benign", "nevus", "melanoma", "melanoma", "nevus", "nevus"],
    ...     sensitive_features={"skin": ["light", "dark"] * 3},
    ... )
    >>> for cell in found.overall:
    ...     if cell.metric in ("false_negative_rate", "wrong_answers"):
    ...         print(cell.finding, cell.metric, round(cell.value.estimate, 2))
    benign false_negative_rate 0.5
    melanoma false_negative_rate 0.0
    nevus false_negative_rate 0.0
    all classes wrong_answers 0.17
    """
    truth = words_of(one_column(y_true, "y_true"))
    said = words_of(one_column(y_pred, "y_pred"))
    missing = {NO_OUTCOME: is_missing(truth), NO_ANSWER: is_missing(said)}
    scored = columns_of(y_score, unnamed="y_score") if y_score is not None else {}
    numbers = {name: scores(column, f"The score of {name}") for name, column in scored.items()}
    if numbers:
        missing["no score by the model"] = np.logical_or.reduce(
            [np.isnan(column) for column in numbers.values()]
        )
    material = ready(missing, sensitive_features, by)
    truth, said = truth[material.kept], said[material.kept]
    classes = _classes(truth, said)
    lacking = [name for name in classes if name not in numbers] if numbers else []
    if lacking:
        raise BadTable(
            f"y_score has no column for {', '.join(lacking)}.",
            hint="Name its columns as the classes.",
        )
    cases = [
        Cases(
            finding=name,
            y_true=np.asarray(truth == name, dtype=np.bool_),
            flagged=np.asarray(said == name, dtype=np.bool_),
            y_score=numbers[name][material.kept] if numbers else None,
            groupings=material.groupings,
        )
        for name in classes
    ]
    one_by_one = recheck(
        cases,
        exclusions=material.exclusions,
        rows=material.rows,
        criteria=Criteria(level=level, margin=margin, alpha=alpha),
        seed=seed,
    ).result
    together = _together(
        truth, said, classes, material, TaskCriteria(level=level, margin=margin, alpha=alpha)
    )
    return replace(
        one_by_one,
        overall=one_by_one.overall + together.overall,
        by_group=one_by_one.by_group + together.by_group,
    )


def confusion_matrices(
    y_true: Any, y_pred: Any, grouping: Grouping
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return how often each class was taken for which, in each group.

    Parameters
    ----------
    y_true, y_pred : column
        Rows without either are left out.
    grouping : Grouping
        Over the same rows.

    Returns
    -------
    classes : tuple of str, length c
    counts : ndarray of int64, shape (k, c, c)
        Group, true class, the model's class.

    Examples
    --------
    >>> from edgefair.audit.groups import By, group_by
    >>> (by_sex,) = group_by([By.parse("sex")], {"sex": np.array(list("FFM"))})
    >>> confusion_matrices(list("aba"), list("bba"), by_sex)[1].tolist()
    [[[0, 1], [0, 1]], [[1, 0], [0, 0]]]
    """
    truth = words_of(one_column(y_true, "y_true"))
    said = words_of(one_column(y_pred, "y_pred"))
    kept = ~(is_missing(truth) | is_missing(said))
    truth, said, codes = truth[kept], said[kept], grouping.codes[kept]
    classes = _classes(truth, said)
    c, k = len(classes), len(grouping.groups)
    place = {name: i for i, name in enumerate(classes)}
    rows, columns = (np.array([place[x] for x in names], np.int64) for names in (truth, said))
    counts = np.bincount((codes * c + rows) * c + columns, minlength=k * c * c)
    return classes, counts.reshape(k, c, c)


def _classes(truth: NDArray[np.object_], said: NDArray[np.object_]) -> tuple[str, ...]:
    """Return the names of all classes that occur, numbers by size, then words."""
    both = np.concatenate([truth, said])

    def place(name: str) -> tuple[bool, float, str]:
        try:
            return False, float(name), name
        except ValueError:
            return True, 0.0, name

    return tuple(sorted(set(both.tolist()), key=place))


def _together(
    truth: NDArray[np.object_],
    said: NDArray[np.object_],
    classes: Sequence[str],
    material: Material,
    criteria: TaskCriteria,
) -> AuditResult:
    """Return the cells over all classes."""
    right = np.asarray(truth == said, dtype=np.bool_)
    # only classes that are ever true can be missed
    occurring = [name for name in classes if (truth == name).any()]
    is_of = np.array([truth == name for name in occurring], dtype=np.bool_)

    def recalls(rows: NDArray[np.bool_]) -> MeanRecalls:
        hits = (is_of & right)[:, rows].sum(axis=1)
        return MeanRecalls(hits[np.newaxis], is_of[:, rows].sum(axis=1)[np.newaxis])

    measures = [
        Measure(
            metric="wrong_answers",
            of_rows=lambda rows: share_of(~right[rows]),
            judged_as=Spoken(what="the share of wrong answers", is_share=True),
        ),
        Measure(
            metric="mean_share_missed",
            of_rows=lambda rows: Lack(recalls(rows)),
            judged_as=Spoken(what="the share missed, averaged over the classes,", is_share=True),
        ),
        Measure(metric="accuracy", of_rows=lambda rows: share_of(right[rows])),
        Measure(metric="mean_recall", of_rows=recalls),
    ]
    return audited(ALL_CLASSES, measures, material, criteria)
