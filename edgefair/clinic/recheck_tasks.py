"""The re-check of tables whose models say no yes or no: classes, grades, quantities, outlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from edgefair import __version__
from edgefair.audit.groups import By
from edgefair.audit.tasks.judging import TaskCriteria
from edgefair.audit.tasks.multiclass import audit_multiclass
from edgefair.audit.tasks.ordinal import audit_ordinal
from edgefair.audit.tasks.regression import audit_regression
from edgefair.audit.tasks.segmentation import audit_segmentation
from edgefair.interop.tables import Table
from edgefair.records import AuditResult
from edgefair.report import DataIdentity, Report

__all__ = ["TaskRoles", "recheck_task"]

_Features: TypeAlias = Mapping[str, tuple[str, ...]]

_FEW_GRADES: Final = (
    "Kappa depends on how the grades are spread in a group: look at the shares graded too low and "
    "too high before a difference is called the model's."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRoles:
    """Which columns of a table mean what, and what the task needs to know beside them.

    Attributes
    ----------
    task : str
        ``multiclass``, ``ordinal``, ``regression`` or ``segmentation``.
    label, prediction : str or None
        Truth and the model's answer; both but for outlines.
    score : str or None
        Of outlines, the Dice coefficient of each image.
    grades : str or None
        From the lowest to the highest, joined by commas; None if they are whole numbers.
    unit : str or None
        What the quantity is measured in.
    tolerance : float or None
        An estimate at most this far off is close enough.
    finding : str or None
        What it is about; the label's column, or that of the score, if None.
    """

    task: str
    label: str | None = None
    prediction: str | None = None
    score: str | None = None
    grades: str | None = None
    unit: str | None = None
    tolerance: float | None = None
    finding: str | None = None

    @property
    def subject(self) -> str:
        """What the cells of the audit are about."""
        return self.finding or self.label or self.score or self.task


def recheck_task(
    table: Table,
    roles: TaskRoles,
    *,
    by: Sequence[str],
    made_at: datetime,
    criteria: TaskCriteria,
) -> Report:
    """Return for whom the answers in a table are right.

    Parameters
    ----------
    table : Table
    roles : TaskRoles
    by : sequence of str
        ``sex``, ``age:0,18,40,60,80`` for bins, ``sex+age:0,60`` to cross two.
    made_at : datetime
        With a time zone: the report's date.
    criteria : TaskCriteria

    Raises
    ------
    BadTable
        If a column is missing, or holds what does not fit the task.
    InputError
        If `by` cannot be read.
    NotEnoughData
        If no row has an outcome.
    """
    ways = [By.parse(text, columns=table.columns) for text in by]
    names = dict.fromkeys(term.name for way in ways for term in way.terms)
    features = {name: table.column(name) for name in names}
    job = _Job(table=table, roles=roles, features=features, by=by, criteria=criteria)
    return Report(
        title=f"For whom are the answers in {Path(table.name).name} right?",
        result=_AUDITS[roles.task](job),
        operating_point=None,
        data=DataIdentity(name=table.name, sha256=table.sha256, rows=len(table)),
        groups_by=tuple(str(way) for way in ways),
        made_at=made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        edgefair_version=__version__,
        notes=(_FEW_GRADES,) if roles.task == "ordinal" else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A table and what is asked of it."""

    table: Table
    roles: TaskRoles
    features: _Features
    by: Sequence[str]
    criteria: TaskCriteria

    @property
    def answers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns of the truth and of what the model said."""
        if self.roles.label is None or self.roles.prediction is None:
            raise ValueError(f"{self.roles.task} needs label and prediction")
        return self.table.column(self.roles.label), self.table.column(self.roles.prediction)


_Audit: TypeAlias = Callable[[_Job], AuditResult]


def _multiclass(job: _Job) -> AuditResult:
    truth, said = job.answers
    return audit_multiclass(
        y_true=truth,
        y_pred=said,
        sensitive_features=job.features,
        by=job.by,
        margin=job.criteria.margin,
        level=job.criteria.level,
        alpha=job.criteria.alpha,
    )


def _ordinal(job: _Job) -> AuditResult:
    truth, said = job.answers
    grades = job.roles.grades
    return audit_ordinal(
        y_true=truth,
        y_pred=said,
        sensitive_features=job.features,
        grades=[grade.strip() for grade in grades.split(",")] if grades else None,
        margin=job.criteria.margin,
        by=job.by,
        finding=job.roles.subject,
        level=job.criteria.level,
        alpha=job.criteria.alpha,
    )


def _regression(job: _Job) -> AuditResult:
    truth, said = job.answers
    return audit_regression(
        y_true=truth,
        y_pred=said,
        sensitive_features=job.features,
        margin=job.criteria.margin,
        unit=job.roles.unit or "",
        tolerance=job.roles.tolerance,
        by=job.by,
        finding=job.roles.subject,
        level=job.criteria.level,
        alpha=job.criteria.alpha,
    )


def _segmentation(job: _Job) -> AuditResult:
    if job.roles.score is None:
        raise ValueError("segmentation needs a score")
    return audit_segmentation(
        dice=job.table.column(job.roles.score),
        sensitive_features=job.features,
        margin=job.criteria.margin,
        by=job.by,
        finding=job.roles.subject,
        level=job.criteria.level,
        alpha=job.criteria.alpha,
    )


_AUDITS: Final[Mapping[str, _Audit]] = MappingProxyType(
    {
        "multiclass": _multiclass,
        "ordinal": _ordinal,
        "regression": _regression,
        "segmentation": _segmentation,
    }
)
