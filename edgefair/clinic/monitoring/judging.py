"""From counts to alarms and verdicts, all cells of a metric together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, isnan, log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.e_values import e_holm
from edgefair.audit.outlook import labels_to_answer
from edgefair.audit.sequential import confidence_sequence
from edgefair.bundle.plan import MonitoringPlan
from edgefair.clinic.monitoring.cells import CellCount, WatchedCell, watched_cells
from edgefair.clinic.monitoring.pace import Pace
from edgefair.clinic.monitoring.wording import sentence
from edgefair.ledger import Alarm, NewAlarm
from edgefair.records import Attribute, Group, Interval, Verdict, VerdictKind
from edgefair.report import MonitoredCell, StandingAlarm

__all__ = ["HARM", "alarms_due", "e_value", "interval_of", "judged", "standing_alarm"]

HARM: Final = "e-process"
"""The kind of alarm that shows harm; the others warn."""

_LARGEST_LOG: Final = 690.0


def alarms_due(plan: MonitoringPlan, counts: Mapping[str, CellCount]) -> tuple[NewAlarm, ...]:
    """Return every alarm that the counts give cause for.

    Missed cases of a group raise none before its minimum audit: without cases that the model
    called negative, and that were verified all the same, nobody knows whom it misses.
    """
    due = []
    for cells in _families(plan):
        found = [counts.get(cell.name, CellCount()) for cell in cells]
        shown = _shown(plan, cells, found)
        for cell, count, is_shown in zip(cells, found, shown.tolist(), strict=True):
            if _awaits_audit(plan, cell, count):
                continue
            causes = (
                (HARM, is_shown, count.state.alarm_at),
                ("change", count.state.change_at is not None, count.state.change_at),
                ("chart", count.state.chart_at is not None, count.state.chart_at),
            )
            due += [
                NewAlarm(cell=cell.name, kind=kind, evidence=_evidence(count, at_label))
                for kind, holds, at_label in causes
                if holds
            ]
    return tuple(due)


def judged(
    plan: MonitoringPlan,
    counts: Mapping[str, CellCount],
    alarms: Sequence[Alarm],
    pace: Pace,
) -> tuple[MonitoredCell, ...]:
    """Return every cell of a plan with its verdict.

    Parameters
    ----------
    plan : MonitoringPlan
    counts : mapping of str to CellCount
        By the cells' names.
    alarms : sequence of Alarm
        All that stand under the plan.
    pace : Pace
        At which labels come in.
    """
    due = {(alarm.cell, alarm.kind) for alarm in alarms_due(plan, counts)}
    standing = {
        cell.name: tuple(
            standing_alarm(alarm, is_due=(alarm.cell, alarm.kind) in due)
            for alarm in alarms
            if alarm.cell == cell.name
        )
        for cell in watched_cells(plan)
    }
    return tuple(
        _monitored(_Basis(plan=plan, alarms=standing[cell.name], pace=pace), cell, count, needed)
        for cells in _families(plan)
        for cell, count, needed in _with_needs(plan, cells, counts)
    )


def interval_of(plan: MonitoringPlan, cell: WatchedCell, errors: int, n: int) -> Interval:
    """Return limits of a cell's rate that hold at all times and for all cells of the plan."""
    level = 1 - plan.alpha
    if not n:
        return Interval.vacuous(level=level)
    alpha = plan.alpha_of(cell.rate.metric) / plan.cells_of(cell.rate.metric)
    lower, upper = confidence_sequence(errors, n, alpha=alpha)
    return Interval(errors / n, float(lower), float(upper), level, n)


def e_value(log_e: float) -> float:
    """Return evidence as a number that JSON can hold."""
    return exp(min(log_e, _LARGEST_LOG))


def standing_alarm(alarm: Alarm, *, is_due: bool) -> StandingAlarm:
    """Return an alarm as a reader is told of it.

    Parameters
    ----------
    alarm : Alarm
    is_due : bool
        Whether the counts of today would raise it as well.
    """
    named: dict[str, Any] = json.loads(alarm.cell)
    evidence = json.loads(alarm.evidence)
    return StandingAlarm(
        finding=named["finding"],
        metric=named["metric"],
        group=_group(named["group"]),
        kind=alarm.kind,
        raised_at=alarm.raised_at,
        errors=evidence["errors"],
        n=evidence["n"],
        note=""
        if is_due
        else "Evidence under it was corrected since and would not raise it now; it stands until "
        "a new plan is put in force.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What a verdict rests on beside the counts."""

    plan: MonitoringPlan
    alarms: tuple[StandingAlarm, ...]
    pace: Pace


def _monitored(
    basis: _Basis, cell: WatchedCell, count: CellCount, needed: _Needs
) -> MonitoredCell:
    state, plan = count.state, basis.plan
    interval = interval_of(plan, cell, state.errors, state.n)
    awaits_audit = _awaits_audit(plan, cell, count)
    kind = _kind(basis, cell, interval, awaits_audit=awaits_audit)
    is_open = kind is VerdictKind.NOT_ENOUGH_DATA
    missing_audit = max(0, plan.minimum_audit - count.audited) if awaits_audit else 0
    return MonitoredCell(
        finding=cell.rate.finding,
        metric=cell.rate.metric,
        group=cell.group,
        errors=state.errors,
        n=state.n,
        e_value=e_value(state.max_log_e),
        alarm_at=needed.alarm_at,
        interval=interval,
        chart=state.cusum,
        chart_limit=cell.rule.chart.height,
        audited=count.audited,
        verdict=Verdict(
            kind=kind,
            sentence=sentence(
                cell, count, kind, interval=interval, alarms=basis.alarms, missing=missing_audit
            ),
            limit=cell.rate.limit,
            labels_needed=needed.labels if is_open else None,
            labels_of="positives" if cell.counts_missed else "negatives",
        ),
        labels_per_month=basis.pace.labels_per_month(cell.name),
        months=basis.pace.months(cell.name, needed.labels, missing_audit) if is_open else None,
        alarms=basis.alarms,
    )


def _kind(
    basis: _Basis, cell: WatchedCell, interval: Interval, *, awaits_audit: bool
) -> VerdictKind:
    if any(alarm.kind == HARM for alarm in basis.alarms):
        return VerdictKind.HARM_SHOWN
    if awaits_audit or basis.alarms or not interval.is_estimable:
        return VerdictKind.NOT_ENOUGH_DATA
    is_below = interval.upper < cell.rate.limit
    return VerdictKind.SHOWN_OK if is_below else VerdictKind.NOT_ENOUGH_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """What a cell still needs: evidence for an alarm, and labels for any answer."""

    alarm_at: float
    labels: int | None


def _with_needs(
    plan: MonitoringPlan, cells: Sequence[WatchedCell], counts: Mapping[str, CellCount]
) -> Iterator[tuple[WatchedCell, CellCount, _Needs]]:
    found = [counts.get(cell.name, CellCount()) for cell in cells]
    shown, alpha = _shown(plan, cells, found), plan.alpha_of(cells[0].rate.metric)
    labels = labels_to_answer(
        [count.state.errors for count in found],
        [count.state.n for count in found],
        expected=[c.rate.reference_errors / max(c.rate.reference_n, 1) for c in cells],
        limit=[cell.rate.limit for cell in cells],
        alpha=alpha / len(cells),
    )
    for cell, count, is_shown, needed in zip(cells, found, shown, labels.tolist(), strict=True):
        others = int(shown.sum()) - int(is_shown)
        yield (
            cell,
            count,
            _Needs(
                alarm_at=(len(cells) - others) / alpha,
                labels=None if isnan(needed) else int(needed),
            ),
        )


def _families(plan: MonitoringPlan) -> Iterator[list[WatchedCell]]:
    """Yield the cells of each metric: they share its part of the chance of a false alarm."""
    cells = watched_cells(plan)
    for _, family in groupby(cells, key=lambda cell: cell.rate.metric):
        yield list(family)


def _shown(
    plan: MonitoringPlan, cells: Sequence[WatchedCell], counts: Sequence[CellCount]
) -> NDArray[np.bool_]:
    """Return for which cells of one metric the evidence is enough, all taken together."""
    log_e = e_holm([count.state.max_log_e for count in counts])
    return np.asarray(log_e >= log(1 / plan.alpha_of(cells[0].rate.metric)))


def _awaits_audit(plan: MonitoringPlan, cell: WatchedCell, count: CellCount) -> bool:
    return cell.counts_missed and count.audited < plan.minimum_audit


def _evidence(count: CellCount, at_label: int | None) -> str:
    state = count.state
    evidence = {
        "errors": state.errors,
        "n": state.n,
        "max_log_e": state.max_log_e,
        "first_at_label": at_label,
        "audited": count.audited,
    }
    return json.dumps(evidence, allow_nan=False)


def _group(pairs: list[list[str]]) -> Group:
    return Group(attributes=tuple(Attribute(name=name, value=value) for name, value in pairs))
