"""The cells of a plan: what each is held to, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.change import Chart, worse_rates
from edgefair.audit.monitor import CellRule, CellState, updated
from edgefair.audit.planning import planned_rows
from edgefair.bundle.plan import MonitoringPlan, WatchedRate
from edgefair.ledger import Evidence
from edgefair.records import UNKNOWN, Group, Subject

__all__ = ["CellCount", "WatchedCell", "counted", "tallied", "watched_cells"]

MISSED = "false_negative_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCount:
    """What is remembered of one cell.

    Attributes
    ----------
    state : CellState
    audited : int
        Cases of the group that the model called negative and that were verified for a reason
        which does not depend on that, of this finding, whatever turned out; counted where missed
        cases are.
    """

    state: CellState = field(default_factory=CellState)
    audited: int = 0

    def to_json(self) -> str:
        """Return the count as JSON, which gives back the same bits."""
        return json.dumps({"audited": self.audited, **asdict(self.state)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> CellCount:
        """Return what `to_json` wrote."""
        tree: dict[str, Any] = json.loads(text)
        audited = tree.pop("audited")
        tree["log_shiryaev_roberts"] = tuple(tree["log_shiryaev_roberts"])
        return cls(state=CellState(**tree), audited=audited)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCell:
    """One error rate in one group of a plan.

    Attributes
    ----------
    name : str
        JSON; what the ledger calls it.
    """

    name: str
    rate: WatchedRate
    group: Group
    rule: CellRule = field(repr=False)

    @property
    def counts_missed(self) -> bool:
        """Whether its errors are missed cases."""
        return self.rate.metric == MISSED


def watched_cells(plan: MonitoringPlan) -> tuple[WatchedCell, ...]:
    """Return the cells of a plan, in its order."""
    return tuple(
        WatchedCell(name=_name(rate, group), rate=rate, group=group, rule=_rule(plan, rate))
        for rate in plan.rates
        for group in plan.groups
    )


def counted(
    plan: MonitoringPlan,
    before: Mapping[str, CellCount],
    evidence: Iterable[Evidence],
) -> dict[str, CellCount]:
    """Return the cells that further evidence changed; all others are as before.

    However the evidence is cut into parts, the same bits come of it.

    Parameters
    ----------
    plan : MonitoringPlan
    before : mapping of str to CellCount
        By the cells' names; one that is missing holds nothing yet.
    evidence : iterable of Evidence
        In its order.
    """
    columns = _columns(plan, list(evidence))
    changed = {}
    for cell in watched_cells(plan) if columns.finding.size else ():
        old = before.get(cell.name, CellCount())
        errors, audited = _labels(columns, cell)
        new = CellCount(state=updated(old.state, errors, cell.rule), audited=old.audited + audited)
        if new != old:
            changed[cell.name] = new
    return changed


def tallied(plan: MonitoringPlan, evidence: Iterable[Evidence]) -> dict[str, tuple[int, int]]:
    """Return how many labels each cell got, and how many audited cases, by the cells' names."""
    columns = _columns(plan, list(evidence))
    tally = {}
    for cell in watched_cells(plan) if columns.finding.size else ():
        errors, audited = _labels(columns, cell)
        tally[cell.name] = (len(errors), audited)
    return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Evidence, column by column."""

    finding: NDArray[np.object_]
    outcome: NDArray[np.bool_]
    flagged: NDArray[np.bool_]
    rows: Mapping[Group, NDArray[np.bool_]]


def _columns(plan: MonitoringPlan, evidence: list[Evidence]) -> _Columns:
    if not evidence:
        nobody = np.zeros(0, np.bool_)
        return _Columns(finding=np.empty(0, object), outcome=nobody, flagged=nobody, rows={})
    return _Columns(
        finding=np.array([item.finding for item in evidence], object),
        outcome=np.array([item.outcome for item in evidence], np.bool_),
        flagged=np.array([item.flagged for item in evidence], np.bool_),
        rows=planned_rows(plan.groups, plan.groups_by, _features([e.subject for e in evidence])),
    )


def _labels(columns: _Columns, cell: WatchedCell) -> tuple[NDArray[np.bool_], int]:
    """Return whether each label of a cell was an error, in order, and how many were audited."""
    mine = (columns.finding == cell.rate.finding) & columns.rows[cell.group]
    if cell.counts_missed:
        cleared = ~columns.flagged
        return cleared[mine & columns.outcome], int(np.sum(cleared[mine]))
    return columns.flagged[mine & ~columns.outcome], 0


def _features(subjects: list[Subject]) -> dict[str, NDArray[Any]]:
    known = [{a.name: a.value for a in subject.attributes} for subject in subjects]
    further = dict.fromkeys(name for attributes in known for name in attributes)
    ages = [nan if s.age_years is None else s.age_years for s in subjects]
    return {
        **{name: np.array([a.get(name, UNKNOWN) for a in known], object) for name in further},
        "sex": np.array([subject.sex for subject in subjects], object),
        "age": np.array(ages, np.float64),
    }


def _name(rate: WatchedRate, group: Group) -> str:
    named = {
        "finding": rate.finding,
        "metric": rate.metric,
        "group": [[a.name, a.value] for a in group.attributes],
    }
    return json.dumps(named, ensure_ascii=False, separators=(",", ":"))


def _rule(plan: MonitoringPlan, rate: WatchedRate) -> CellRule:
    chart = rate.chart
    return CellRule(
        limit=rate.limit,
        alpha=plan.alpha_of(rate.metric),
        groups=plan.cells_of(rate.metric),
        run_length=plan.chart.labels_to_false_alarm,
        rates=worse_rates(rate.limit),
        chart=Chart(up=chart.up, down=chart.down, height=chart.height),
    )
