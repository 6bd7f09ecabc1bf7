"""Grades in an order: whether the model agrees less with the readers of some groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.inputs import scores
from edgefair.audit.tasks.agreement import Kappas, Lack
from edgefair.audit.tasks.judging import Measure, TaskCriteria
from edgefair.audit.tasks.material import (
    NO_ANSWER,
    NO_OUTCOME,
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

__all__ = ["audit_ordinal"]


def audit_ordinal(  # noqa: PLR0913 - the face: each argument is a column or a criterion
    *,
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    grades: Sequence[str] | None = None,
    margin: float = 0.10,
    by: Sequence[str] | None = None,
    finding: str = "the grade",
    level: float = 0.95,
    alpha: float = 0.05,
) -> AuditResult:
    """Return for whom a model that grades, such as retinopathy 0 to 4, agrees less.

    Judged is the weighted disagreement, which is 1 less the quadratic weighted kappa: the mean
    squared distance between the grades as a share of what chance alone would show. Shown beside
    it are kappa, and the shares of cases graded too low and too high. Rows without either grade
    are left out and counted.

    Kappa depends on how the grades are spread in a group: one that holds few grades has a lower
    kappa at the same errors. So look at the shares too before a difference is called the model's.

    Parameters
    ----------
    y_true, y_pred : column
        Truth and the model's grade: whole numbers, or words of `grades`.
    sensitive_features : column or columns
        What to group by. Missing is a group of its own, Unknown.
    grades : sequence of str, optional
        The scale from the lowest to the highest; its steps count alike. Needed for words.
    margin : float, default=0.10
        How much larger than in all others the weighted disagreement may be.
    by, level, alpha
        As for `edgefair.audit.audit`.
    finding : str, optional
        What is graded.

    Returns
    -------
    AuditResult
        The intervals of kappa are asymptotic: see `edgefair.audit.tasks.agreement.Kappas`.

    Raises
    ------
    BadTable
        If columns differ in length, or hold what is no grade.
    NotEnoughData
        If no row has both grades.

    Examples
    --------
    >>> found = audit_ordinal(
    ...     y_true=[0, 1, 2, 3, 0, 1, 2, 3], y_pred=[0, 1, 2, 3, 0, 1, 3, 3],
    ...     sensitive_features={"sex": list("FFFFMMMM")},
    ... )
    >>> [f"{cell.value.estimate:.2f}" for cell in found.overall[:2]]
    ['0.05', '0.95']
    >>> found.by_group[0].verdict.kind.value
    'NOT ENOUGH DATA'
    """
    truth = _graded(one_column(y_true, "y_true"), "The truth", grades)
    said = _graded(one_column(y_pred, "y_pred"), "The model's grade", grades)
    material = ready(
        {NO_OUTCOME: np.isnan(truth), NO_ANSWER: np.isnan(said)}, sensitive_features, by
    )
    a, b = (column[material.kept].astype(np.int64) for column in (truth, said))
    lowest, highest = min(a.min(), b.min()), max(a.max(), b.max())
    span = float(len(grades) - 1 if grades else highest - lowest)

    def kappa(rows: NDArray[np.bool_]) -> Kappas:
        return Kappas.of(a[rows], b[rows], span=span)

    measures = [
        Measure(
            metric="weighted_disagreement",
            of_rows=lambda rows: Lack(kappa(rows)),
            highest=2.0,
            judged_as=Spoken(what="the weighted disagreement"),
        ),
        Measure(metric="quadratic_kappa", of_rows=kappa, lowest=-1.0),
        Measure(metric="graded_too_low", of_rows=lambda rows: share_of((b < a)[rows])),
        Measure(metric="graded_too_high", of_rows=lambda rows: share_of((b > a)[rows])),
    ]
    criteria = TaskCriteria(level=level, margin=margin, alpha=alpha)
    return audited(finding, measures, material, criteria)


def _graded(column: NDArray[Any], name: str, grades: Sequence[str] | None) -> NDArray[np.float64]:
    """Return each grade as a whole number, nan where there is none."""
    if grades is None:
        numbers = scores(column, name)
        whole = np.isnan(numbers) | (numbers == np.rint(numbers))
        if not whole.all():
            row = int(np.argmin(whole))
            raise BadTable(
                f"{name} is {numbers[row]:g} in row {row + 1}, which is no whole grade.",
                hint="Give whole numbers, or the names of the grades from lowest to highest.",
            )
        return numbers
    place = {grade: float(i) for i, grade in enumerate(grades)}
    words = words_of(column)
    unknown = [word for word in dict.fromkeys(words[~is_missing(words)]) if word not in place]
    if unknown:
        raise BadTable(
            f"{name} holds {unknown[0]!r}, which is none of the grades.",
            hint=f"The grades are: {', '.join(grades)}.",
        )
    return np.array([place.get(word, np.nan) for word in words.tolist()], dtype=np.float64)
