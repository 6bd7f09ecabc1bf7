"""What looks odd in the data of an audit, and might be a slip: said, and not put right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from edgefair.audit.groups import By
from edgefair.audit.tally import Cases
from edgefair.errors import InputError
from edgefair.interop.tables import Table
from edgefair.records import UNKNOWN, AuditResult, Group

__all__ = [
    "MOST_GROUPS",
    "check_groups",
    "notes_on_copies",
    "notes_on_lone_groups",
    "notes_on_scale",
]

MOST_GROUPS: Final = 1000
"""Values beyond which a column names people or images, and is nothing to group by."""

_NAMING: Final = ("image", "case")
_WITHIN: Final = ("frame", "finding")

_ROWS_COMPARED: Final = 200_000
"""Rows up to which whole rows are compared with each other, which takes about a second."""


def check_groups(ways: Sequence[By], columns: Mapping[str, Iterable[object]]) -> None:
    """Pass if the columns to group by are such that a report can be read.

    Raises
    ------
    InputError
        If a column that is not put in bins has more than `MOST_GROUPS` values.
    """
    for name in dict.fromkeys(term.name for way in ways for term in way.terms if not term.edges):
        values = len(set(columns.get(name, ())))
        if values > MOST_GROUPS:
            raise InputError(
                f"The column {name!r} has {values:,} values, too many for groups of anything.",
                hint=f"Group by what many share, at most {MOST_GROUPS:,} values; numbers go in "
                "bins: 'age:0,18,40,60,80'.",
            )


def notes_on_copies(table: Table) -> tuple[str, ...]:
    """Return a note if cases seem to stand in a table twice; each row was counted.

    Known by their image or case, where there is a column of that name. Else by the whole row, if
    hardly any rows are alike: where all columns are coarse, equal rows mean nothing.
    """
    naming = [name for name in _NAMING if name in table.columns]
    if naming:
        within = [name for name in (*naming, *_WITHIN) if name in table.columns]
        extra = len(table) - _distinct(table, within)
        alike = f"have the {' and '.join(within)} of another row"
    elif len(table) <= _ROWS_COMPARED:
        extra = len(table) - _distinct(table, table.columns)
        alike = "are in every column like another row"
    else:
        return ()
    if not extra or (not naming and 2 * extra > len(table)):
        return ()
    return (f"{extra:,} of {len(table):,} rows {alike}: a case in twice counts twice.",)


def _distinct(table: Table, columns: Sequence[str]) -> int:
    if len(columns) == 1:
        return len(set(table.column(columns[0])))
    return len(set(zip(*(table.column(name) for name in columns), strict=True)))


def notes_on_lone_groups(result: AuditResult) -> tuple[str, ...]:
    """Return a note for whatever everybody is alike in, so that nobody is left to compare."""
    by_attributes: dict[tuple[str, ...], set[Group]] = {}
    for cell in result.by_group:
        names = tuple(attribute.name for attribute in cell.group.attributes)
        by_attributes.setdefault(names, set()).add(cell.group)
    notes = []
    for names, groups in by_attributes.items():
        if len(groups) > 1:
            continue
        (group,) = groups
        if all(attribute.value == UNKNOWN for attribute in group.attributes):
            known = " and ".join(names)
            notes.append(f"For nobody is {known} recorded: it tells no groups apart.")
        else:
            notes.append(f"Everybody is of one group, {group}: there are no others to compare.")
    return tuple(notes)


def notes_on_scale(findings: Sequence[Cases]) -> tuple[str, ...]:
    """Return a note for scores that can be no probabilities; their order was used all the same."""
    scores = [cases.y_score for cases in findings if cases.y_score is not None]
    outside = sum(int(np.count_nonzero((of_one < 0) | (of_one > 1))) for of_one in scores)
    if not outside:
        return ()
    return (
        f"{outside:,} of {sum(map(len, scores)):,} scores lie outside [0, 1]: they were taken for "
        "scores of a scale of their own, and not checked as probabilities.",
    )
