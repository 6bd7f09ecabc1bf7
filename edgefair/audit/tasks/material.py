"""The columns of a task made ready: who has an answer and a truth, in which groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Rates
from edgefair.audit.groups import By, Grouping, group_by
from edgefair.audit.inputs import columns_of
from edgefair.audit.tasks.judging import Measure, TaskCriteria, cells_by_group, cells_overall
from edgefair.errors import BadTable, NotEnoughData
from edgefair.records import AuditResult, Exclusion

__all__ = [
    "NO_ANSWER",
    "NO_OUTCOME",
    "Material",
    "audited",
    "is_missing",
    "one_column",
    "ready",
    "share_of",
    "words_of",
]

NO_OUTCOME: Final = "no outcome yet"
NO_ANSWER: Final = "no answer by the model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Which rows can be audited.

    Attributes
    ----------
    kept : ndarray of bool, shape (rows,)
    groupings : tuple of Grouping
        Over the rows that are kept; a group that is left without any stays.
    exclusions : tuple of Exclusion
    rows : int
        Rows that came in.
    """

    kept: NDArray[np.bool_]
    groupings: tuple[Grouping, ...]
    exclusions: tuple[Exclusion, ...]
    rows: int


def one_column(values: Any, name: str) -> NDArray[Any]:
    """Return the only column of `values`.

    Raises
    ------
    BadTable
        If there are several.
    """
    columns = columns_of(values, unnamed=name)
    if len(columns) != 1:
        raise BadTable(
            f"{name} has {len(columns)} columns instead of one.",
            hint="This task is audited one finding at a time.",
        )
    return next(iter(columns.values()))


def words_of(column: NDArray[Any]) -> NDArray[np.object_]:
    """Return the values as words, empty where there is none: 1.0 is 1, as in groups' names.

    Other than of a group, ``none`` and ``unknown`` are words: a grade or a class may be called so.
    """
    values = column.tolist()
    words = {value: _word(value) for value in dict.fromkeys(values)}
    return np.array([words[value] for value in values], dtype=object)


def _word(value: object) -> str:
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:g}"
    text = "" if value is None else str(value).strip()
    return "" if text.casefold() in ("nan", "<na>", "nat") else text


def ready(
    missing: Mapping[str, NDArray[np.bool_]], sensitive_features: Any, by: Sequence[str] | None
) -> Material:
    """Return the rows of which nothing is missing, in their groups.

    Parameters
    ----------
    missing : mapping of str to ndarray of bool, shape (n,)
        For each reason to leave a row out, the rows; a row counts for the first reason.
    sensitive_features : column or columns
        What to group by.
    by : sequence of str or None
        As `edgefair.audit` takes it.

    Raises
    ------
    BadTable
        If columns differ in length.
    NotEnoughData
        If no row is left.
    """
    features = columns_of(sensitive_features, unnamed="group")
    lengths = {len(column) for column in (*missing.values(), *features.values())}
    if len(lengths) > 1:
        raise BadTable(
            f"The columns differ in length: {', '.join(map(str, sorted(lengths)))} rows.",
            hint="Give one value per case in each.",
        )
    (rows,) = lengths
    left_out = np.zeros(rows, dtype=bool)
    exclusions = []
    for reason, which in missing.items():
        count = int(np.sum(which & ~left_out))
        left_out |= which
        if count:
            exclusions.append(Exclusion(reason=reason, rows=count))
    if left_out.all():
        raise NotEnoughData(
            f"None of the {rows} rows has an outcome together with what the model said.",
            hint="Enter outcomes first: `edgefair outcomes template` writes the list.",
        )
    ways = [By.parse(text, columns=tuple(features)) for text in by or features]
    return Material(
        kept=~left_out,
        groupings=tuple(grouping.of_rows(~left_out) for grouping in group_by(ways, features)),
        exclusions=tuple(exclusions),
        rows=rows,
    )


def audited(
    finding: str, measures: Sequence[Measure], material: Material, criteria: TaskCriteria
) -> AuditResult:
    """Return every measure for everybody and in every group, with the verdicts."""
    n = int(material.kept.sum())
    return AuditResult(
        overall=tuple(cells_overall(finding, measures, n, criteria.level)),
        by_group=tuple(cells_by_group(finding, measures, material.groupings, criteria)),
        confusion=(),
        spreads=(),
        exclusions=material.exclusions,
        rows=material.rows,
        level=criteria.level,
        margin=float(criteria.margin),
        alpha=criteria.alpha,
    )


def is_missing(words: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return where `words_of` found nothing."""
    return np.asarray(words == "", dtype=np.bool_)


def share_of(hits: NDArray[np.bool_]) -> Rates:
    """Return the share of the cases of one group that are hits, as k = 1."""
    return Rates(np.array([hits.sum()]), np.array([len(hits)]))
