"""The card's table of models: teacher, student without it, distilled student, its INT8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.reference import (
    groups_of,
    interval_of_auroc,
    numbered_patients,
)
from edgefair.records import Interval

__all__ = ["AurocCell", "ModelRow", "auroc_cells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AurocCell:
    """What one model reaches on one finding in one group.

    Attributes
    ----------
    n : int
        Cases of the group whose label is known.
    auroc : Interval or None
        None where one class is missing.
    """

    finding: str
    group: str
    n: int
    auroc: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model's row: everybody and each group, for each finding.

    Attributes
    ----------
    name : str
        E.g. ``teacher + linear probe``.
    command : str
        What measured the row.
    size_bytes : int or None
        Of the file that answers; None where nothing is stored as one.
    """

    name: str
    command: str
    aurocs: tuple[AurocCell, ...]
    size_bytes: int | None


def auroc_cells(
    cases: Cases,
    scores: NDArray[np.float64],
    findings: tuple[str, ...],
    ways: tuple[str, ...],
) -> tuple[AurocCell, ...]:
    """Return what one model reaches on everybody and in each group, finding by finding.

    Parameters
    ----------
    cases : Cases
    scores : ndarray, shape (n, findings)
        Logits or probabilities: an area minds the order alone.
    findings : tuple of str
        Names of the columns.
    ways : tuple of str
        As `groups_of`; crossed ones are left out, for a table of models has to stay readable.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgefair.compress.data.cases import Column
    >>> cases = Cases(
    ...     images=(Path("a.png"),) * 4, patients=tuple("abcd"), splits=("test",) * 4,
    ...     labels=np.array([[1], [0], [1], [0]], dtype=np.float32),
    ...     columns=(Column(name="sex", values=("F", "F", "F", "M")),),
    ... )
    >>> cells = auroc_cells(cases, np.array([[0.9], [0.2], [0.6], [0.7]]), ("opacity",), ("sex",))
    >>> [(cell.group, cell.n, cell.auroc and cell.auroc.estimate) for cell in cells]
    [('everybody', 4, 0.75), ('sex F', 3, 1.0), ('sex M', 1, None)]
    """
    plain_ways = tuple(way for way in ways if "+" not in way)
    answers, patients = np.asarray(scores, dtype=np.float64), numbered_patients(cases)
    return tuple(
        AurocCell(
            finding=finding,
            group=str(group),
            n=int((~np.isnan(cases.labels[rows, column])).sum()),
            auroc=interval_of_auroc(
                cases.labels[rows, column], answers[rows, column], patients[rows]
            ),
        )
        for column, finding in enumerate(findings)
        for group, rows in groups_of(cases, plain_ways)
    )
