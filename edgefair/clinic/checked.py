"""What a re-check hands over: the report, and all that it was computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.asides import (
    CalibrationAside,
    ThresholdAside,
    calibration_aside,
    threshold_aside,
)
from edgefair.audit.columns import Criteria
from edgefair.audit.evidence import GroupingEvidence
from edgefair.audit.inputs import several_of_one
from edgefair.audit.powered_prevalence import PoweredAside
from edgefair.audit.tally import Cases, everybody
from edgefair.audit.thresholds import Costs
from edgefair.ledger import LedgerPosition
from edgefair.report import Report

__all__ = ["SEED", "Asked", "Checked", "Roles", "asides_of", "of_rows", "powered_asides"]

SEED: Final = 0
"""Of whatever is drawn by lot in a re-check: the same data give the same report."""

_Asides: TypeAlias = tuple[tuple[ThresholdAside, ...], tuple[CalibrationAside, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which columns of a table mean what.

    Attributes
    ----------
    label : str
        Whether the finding was there.
    positive : str or None
        The value of `label` that counts as yes, every other as no. None if the column holds 0
        and 1, and nothing where nobody knows yet.
    score : str or None
        The model's score, on any scale, larger for more suspicious.
    prediction : str or None
        The model's decision.
    threshold : float or None
        Where there is no `prediction`: a score of at least this is flagged.
    finding : str or None
        What the label is about; the label's column if None.
    patient : str or None
        Whose case it is; None if every row counts as another patient's.
    costs : Costs or None
        What screening costs, for the table of thresholds.
    """

    label: str
    positive: str | None = None
    score: str | None = None
    prediction: str | None = None
    threshold: float | None = None
    finding: str | None = None
    patient: str | None = None
    costs: Costs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a re-check was asked for: enough to ask for it again.

    Attributes
    ----------
    roles : Roles or None
        Of a table's columns; None for a ledger.
    by : tuple of str
        As it was written.
    finding : str or None
        The one that was asked for; None for all.
    criteria : Criteria
    seed : int
    """

    roles: Roles | None
    by: tuple[str, ...]
    finding: str | None
    criteria: Criteria
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A report, and all that it was computed from.

    Attributes
    ----------
    report : Report
    evidence : tuple of GroupingEvidence
        Everything counted, everybody first.
    asked : Asked
    position : LedgerPosition or None
        How far the ledger had come; None for a table.
    """

    report: Report
    evidence: tuple[GroupingEvidence, ...]
    asked: Asked
    position: LedgerPosition | None


def asides_of(
    findings: Sequence[Cases],
    *,
    level: float,
    costs: Costs | None = None,
    threshold: float | None = None,
) -> _Asides:
    """Return what a report shows of thresholds and of calibration.

    Parameters
    ----------
    findings : sequence of Cases
    level : float
        Of the intervals, in (0, 1).
    costs : Costs, optional
    threshold : float, optional
        The one in force, to be among those shown.
    """
    thresholds = (
        threshold_aside(one, level=level, costs=costs, also=threshold) for one in findings
    )
    curves = (calibration_aside(one, level=level, seed=SEED) for one in findings)
    return (
        tuple(one for one in thresholds if one is not None),
        tuple(one for one in curves if one is not None),
    )


def powered_asides(findings: Sequence[Cases], *, level: float) -> tuple[PoweredAside, ...]:
    """Return how many have each finding that was verified in part, with the help of the scores."""
    asides = (
        PoweredAside(
            finding=one.finding,
            groups=tuple(
                found
                for grouping in (everybody(len(one.partly.y_true)), *one.of_all)
                for found in one.partly.powered(grouping, level=level)
            ),
        )
        for one in findings
        if one.partly
    )
    return tuple(one for one in asides if one.groups)


def of_rows(cases: Cases, chosen: NDArray[np.bool_]) -> Cases:
    """Return some of the cases, in the same groups."""
    return replace(
        cases,
        y_true=cases.y_true[chosen],
        flagged=None if cases.flagged is None else cases.flagged[chosen],
        y_score=None if cases.y_score is None else cases.y_score[chosen],
        groupings=tuple(grouping.of_rows(chosen) for grouping in cases.groupings),
        patients=None if cases.patients is None else several_of_one(cases.patients[chosen]),
    )
