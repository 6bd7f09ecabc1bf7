"""Quantities: whether the model is further off for some, and to which side."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np

from edgefair.audit.inputs import scores
from edgefair.audit.tasks.judging import Measure, TaskCriteria
from edgefair.audit.tasks.material import (
    NO_ANSWER,
    NO_OUTCOME,
    audited,
    one_column,
    ready,
    share_of,
)
from edgefair.audit.tasks.means import Means
from edgefair.audit.tasks.wording import Spoken
from edgefair.records import AuditResult

__all__ = ["audit_regression"]


def audit_regression(  # noqa: PLR0913 - the face: each argument is a column or a criterion
    *,
    y_true: Any,
    y_pred: Any,
    sensitive_features: Any,
    margin: float,
    unit: str = "",
    tolerance: float | None = None,
    by: Sequence[str] | None = None,
    finding: str = "the quantity",
    level: float = 0.95,
    alpha: float = 0.05,
) -> AuditResult:
    """Return for whom a model that estimates a quantity, such as bone age, is further off.

    Judged is the mean absolute error, each group against all others. Shown beside it are the
    bias, the mean of estimate less truth, whose sign tells the side; and the share within the
    tolerance. Rows without truth or estimate are left out and counted.

    Parameters
    ----------
    y_true, y_pred : column
        Truth and the model's estimate, in one unit.
    sensitive_features : column or columns
        What to group by. Missing is a group of its own, Unknown.
    margin : float
        How much larger than in all others the mean absolute error may be, in that unit.
    unit : str, optional
        Its name, e.g. ``months``.
    tolerance : float, optional
        An estimate at most this far off is close enough.
    by : sequence of str, optional
        As for `edgefair.audit.audit`.
    finding : str, optional
        What is estimated.
    level, alpha : float
        As for `edgefair.audit.audit`.

    Returns
    -------
    AuditResult
        Its intervals are asymptotic: see `edgefair.audit.tasks.means.Means`.

    Raises
    ------
    BadTable
        If columns differ in length or hold what is no number.
    NotEnoughData
        If no row has both truth and estimate.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sex = np.repeat(["F", "M"], 150)
    >>> truth = rng.uniform(24, 200, 300)
    >>> off = rng.normal(0, np.where(sex == "F", 12.0, 6.0))
    >>> found = audit_regression(
    ...     y_true=truth, y_pred=truth + off, sensitive_features={"sex": sex},
    ...     margin=2.0, unit="months", finding="bone age",
    ... )
    >>> print(found.by_group[0].verdict.sentence)
    In sex F the mean absolute error is 8.83 months (150 cases, 95% interval 7.87 to 9.87); in \
all others 4.95 months (150 cases). The difference is at least 2.72 months, beyond the limit of \
2: harm is shown.
    """
    truth = scores(one_column(y_true, "y_true"), "The truth")
    said = scores(one_column(y_pred, "y_pred"), "The estimate")
    material = ready(
        {NO_OUTCOME: np.isnan(truth), NO_ANSWER: np.isnan(said)}, sensitive_features, by
    )
    off = (said - truth)[material.kept]
    named = f" [{unit}]" if unit else ""
    measures = [
        Measure(
            metric=f"mean_absolute_error{named}",
            of_rows=lambda rows: Means.of(np.abs(off[rows]), lowest=0.0),
            lowest=nan,
            highest=nan,
            judged_as=Spoken(what="the mean absolute error", unit=unit),
        ),
        Measure(
            metric=f"bias{named}",
            of_rows=lambda rows: Means.of(off[rows]),
            lowest=nan,
            highest=nan,
        ),
    ]
    if tolerance is not None:
        within = np.abs(off) <= tolerance
        measures.append(
            Measure(metric="within_tolerance", of_rows=lambda rows: share_of(within[rows]))
        )
    criteria = TaskCriteria(level=level, margin=margin, alpha=alpha)
    return audited(finding, measures, material, criteria)
