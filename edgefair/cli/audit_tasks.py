"""`edgefair audit --task ...`: tables of models that do not say yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgefair.audit.tasks.judging import TaskCriteria
    from edgefair.clinic.recheck_tasks import TaskRoles
    from edgefair.report import Report

__all__ = ["FINDING", "TASKS", "check_task", "report_on_task"]

FINDING: Final = "finding"
"""The task that `edgefair audit` was made for: yes or no."""

_NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        FINDING: ("--label",),
        "multiclass": ("--label", "--prediction"),
        "ordinal": ("--label", "--prediction"),
        "regression": ("--label", "--prediction"),
        "segmentation": ("--score",),
    }
)
_TAKES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        FINDING: (
            "--positive",
            "--score",
            "--prediction",
            "--threshold",
            "--patient",
            "--costs",
        ),
        "multiclass": (),
        "ordinal": ("--grades",),
        "regression": ("--unit", "--tolerance"),
        "segmentation": (),
    }
)
TASKS: Final = tuple(_NEEDS)


def check_task(
    task: str, table: Path | None, ledger: Path | None, *, given: Sequence[str], by: Sequence[str]
) -> None:
    """Pass if the options go with the task.

    Raises
    ------
    UsageError
        Naming what is missing, or what is about another task.
    """
    strange = [flag for flag in given if flag not in (*_NEEDS[task], *_TAKES[task])]
    if strange:
        raise click.UsageError(f"{strange[0]} does not go with --task {task}.")
    if task == FINDING:
        return
    if ledger or table is None:
        raise click.UsageError(f"--task {task} is about a table: name one; a ledger has findings.")
    missing = [flag for flag in _NEEDS[task] if flag not in given]
    missing += [] if by else ["--by"]
    if missing:
        raise click.UsageError(f"--task {task} needs {' and '.join(missing)}.")


def report_on_task(
    table: Path | None, roles: TaskRoles, by: Sequence[str], criteria: TaskCriteria
) -> Report:
    """Return the report on a table that `check_task` let pass."""
    from edgefair.clinic.recheck_tasks import recheck_task
    from edgefair.interop.tables import read_table

    assert table is not None
    return recheck_task(
        read_table(table), roles, by=by, made_at=datetime.now(UTC), criteria=criteria
    )
