"""From whatever columns people hand over to labelled cases in groups, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgefair.audit.groups import By, group_by
from edgefair.audit.inputs import (
    columns_of,
    decisions,
    names_of,
    outcomes,
    patient_numbers,
    scores,
)
from edgefair.audit.selection import Rows
from edgefair.audit.tally import Cases
from edgefair.errors import BadTable, NotEnoughData
from edgefair.records import Exclusion

__all__ = ["Columns", "Prepared", "prepared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of an audit, as `edgefair.audit.audit` takes them."""

    y_true: Any
    y_score: Any = None
    y_pred: Any = None
    sensitive_features: Any
    patients: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What an audit counts.

    Attributes
    ----------
    findings : tuple of Cases
    exclusions : tuple of Exclusion
        Rows that are not among the cases, and why.
    rows : int
        Rows that came in.
    """

    findings: tuple[Cases, ...]
    exclusions: tuple[Exclusion, ...]
    rows: int


def prepared(
    columns: Columns,
    *,
    by: Sequence[str] | None = None,
    threshold: float | None = None,
    finding: str | None = None,
) -> Prepared:
    """Return the labelled cases of every finding, in groups; as `edgefair.audit.audit` does.

    Raises
    ------
    BadTable, NotEnoughData, InputError
        As there.
    """
    truths = columns_of(columns.y_true, unnamed=finding or "the finding")
    if finding and len(truths) == 1:
        truths = {finding: next(iter(truths.values()))}
    features = columns_of(columns.sensitive_features, unnamed="group")
    predicted = _matched("y_pred", columns.y_pred, truths)
    scored = _matched("y_score", columns.y_score, truths)
    called = names_of(columns.y_score)
    patients = columns.patients
    of_patients = {} if patients is None else columns_of(patients, unnamed="patients")
    length = _common_length(truths, scored, predicted, features, of_patients)
    own = patient_numbers(next(iter(of_patients.values()))) if of_patients else None
    ways = [By.parse(text, columns=tuple(features)) for text in by or features]
    groupings = group_by(ways, features)
    table = [
        Rows(
            finding=name,
            y_true=outcomes(column, f"The outcome of {name}"),
            y_score=scores(scored[name], f"The score of {name}", said_to_be=called[0])
            if scored
            else None,
            y_pred=decisions(predicted[name], f"The decision on {name}") if predicted else None,
            patients=own,
        )
        for name, column in truths.items()
    ]
    findings = tuple(rows.cases(groupings, threshold=threshold) for rows in table)
    exclusions = tuple(e for rows in table for e in rows.exclusions(named=len(table) > 1))
    if not any(len(cases.y_true) for cases in findings):
        raise _nothing_left(length, exclusions)
    return Prepared(findings=findings, exclusions=exclusions, rows=length)


def _nothing_left(rows: int, exclusions: Sequence[Exclusion]) -> NotEnoughData:
    """Return the refusal to audit no row at all, with the reason."""
    why = "; ".join(f"{e.rows:,} have {e.reason}" for e in exclusions) or "there is none"
    if not rows or any(e.reason.startswith("no outcome") for e in exclusions):
        hint = "Enter outcomes first: `edgefair outcomes template` writes the list."
    else:
        hint = "Name the column that holds what the model said."
    return NotEnoughData(f"None of the {rows:,} rows can be judged: {why}.", hint=hint)


def _matched(
    what: str, values: Any, truths: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return one column per finding; empty if nothing was given."""
    if values is None:
        return {}
    columns = columns_of(values, unnamed=what)
    if len(columns) == len(truths) == 1:
        return dict(zip(truths, columns.values(), strict=True))
    missing = [name for name in truths if name not in columns]
    if missing:
        raise BadTable(
            f"{what} has no column for {', '.join(missing)}.",
            hint="Name its columns as those of y_true.",
        )
    return {name: columns[name] for name in truths}


def _common_length(*tables: Mapping[str, NDArray[Any]]) -> int:
    # truth, score and decision of one finding bear one name
    lengths = [(name, len(column)) for table in tables for name, column in table.items()]
    if len({length for _, length in lengths}) > 1:
        raise BadTable(
            "The columns differ in length: " + ", ".join(f"{n} {k}" for n, k in lengths) + ".",
            hint="Give one value per case in each.",
        )
    return lengths[0][1]
