"""The re-check of a ledger: a step where something is new, and a report on where all stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from edgefair import __version__
from edgefair.bundle.archive import Bundle
from edgefair.bundle.plan import MonitoringPlan, plan_from_json
from edgefair.clinic.monitoring.cells import CellCount, WatchedCell, counted, watched_cells
from edgefair.clinic.monitoring.judging import (
    alarms_due,
    e_value,
    interval_of,
    judged,
    standing_alarm,
)
from edgefair.clinic.monitoring.notes import notes
from edgefair.clinic.monitoring.pace import LOOK_BACK, pace_of
from edgefair.clinic.monitoring.plans import plan_in_force
from edgefair.ledger import Alarm, CellAt, FrozenPlan, Ledger, OpenStep, Step
from edgefair.report import CellHistory, MonitoringReport, PlanIdentity

__all__ = ["recheck", "replayed"]


def recheck(
    path: Path, *, now: datetime, bundle: Bundle | None = None, with_history: bool = False
) -> MonitoringReport:
    """Return where every watched cell stands, after counting what is new in the ledger.

    May be run as often as one likes, by several programs at once: the evidence is valid at every
    look, steps follow one another, and where nothing is new nothing is written. What was counted
    before is counted anew where it was corrected, withdrawn, or is seen otherwise now; the report
    says so. An alarm that was raised stands.

    Parameters
    ----------
    path : Path
        The ledger.
    now : datetime
        With a time zone: the time of the step.
    bundle : Bundle, optional
        Of the model that read last; needed where the ledger has no plan and the bundle is none of
        the carried ones.
    with_history : bool
        Whether the report holds what every step left of each cell.

    Raises
    ------
    LedgerError
        If there is no ledger, it is damaged, busy or read-only, or it has no plan and no bundle
        to draw one from.
    NotEnoughData
        If it holds no prediction.
    """
    with Ledger.open(path) as ledger:
        frozen = plan_in_force(ledger, path, now=now, bundle=bundle)
        plan = plan_from_json(frozen.content)
        with ledger.open_step(frozen) as step:
            before = step.last
            taken = _take(step, plan, now=now)
        earlier = _earlier_alarms(ledger, frozen)
        with ledger.looked_at(frozen) as step:
            look = _Look(frozen=frozen, plan=plan, taken=taken, before=before, now=now)
            report = _report(step, look, str(path), earlier)
            return _with_history(report, step, plan) if with_history else report


def replayed(path: Path) -> Mapping[str, str]:
    """Return the state of every cell, counted from nothing over the whole ledger.

    After a re-check it is what the ledger keeps, to the last bit; cells that hold nothing are
    left out.

    Raises
    ------
    LedgerError
        As for `recheck`, or if no plan is in force.
    """
    with Ledger.open(path, read_only=True) as ledger:
        frozen = ledger.plans()[-1]
        with ledger.looked_at(frozen) as step:
            evidence = tuple(step.evidence(anew=True))
    counts = counted(plan_from_json(frozen.content), {}, evidence)
    return {name: count.to_json() for name, count in counts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What a step did: cases it counted, and why it counted all, if it did."""

    new_evidence: int = 0
    recounted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One run of the re-check."""

    frozen: FrozenPlan
    plan: MonitoringPlan
    taken: _Taken
    before: Step | None
    now: datetime


def _take(step: OpenStep, plan: MonitoringPlan, *, now: datetime) -> _Taken:
    recounted = step.changes().in_words()
    if not (recounted or step.is_news()):
        return _Taken()
    stored = _counts(step.cells())
    before = {name: CellCount() for name in stored} if recounted else stored
    evidence = tuple(step.evidence(anew=bool(recounted)))
    changed = counted(plan, before, evidence)
    after = {**before, **changed}
    raised = {(alarm.cell, alarm.kind) for alarm in step.alarms()}
    written = after if recounted else changed
    step.keep(
        taken_at=_utc(now),
        recounted=recounted,
        cells={name: count.to_json() for name, count in written.items()},
        alarms=[
            alarm for alarm in alarms_due(plan, after) if (alarm.cell, alarm.kind) not in raised
        ],
    )
    return _Taken(new_evidence=len(evidence), recounted=recounted)


def _report(
    step: OpenStep, look: _Look, ledger: str, earlier: Sequence[Alarm]
) -> MonitoringReport:
    frozen, plan, today = look.frozen, look.plan, look.now.date()
    pace = pace_of(plan, step.evidence_since((today - LOOK_BACK).isoformat()), today=today)
    surroundings, last = step.surroundings(), step.last
    return MonitoringReport(
        ledger=ledger,
        model=plan.model,
        bundle_digest=frozen.bundle_digest,
        plan=PlanIdentity(
            digest=frozen.digest,
            number=frozen.number,
            derived=plan.derived,
            frozen_by=frozen.frozen_by,
            frozen_at=frozen.frozen_at,
            groups_by=plan.groups_by,
            alpha=plan.alpha,
            minimum_audit=plan.minimum_audit,
        ),
        cells=judged(plan, _counts(step.cells()), step.alarms(), pace),
        earlier_alarms=tuple(standing_alarm(alarm, is_due=True) for alarm in earlier),
        steps=step.count(),
        step_taken_at=last.taken_at if last else "",
        outcome_id=last.marks.outcome_id if last else 0,
        new_evidence=look.taken.new_evidence,
        recounted=look.taken.recounted,
        made_at=_utc(look.now),
        edgefair_version=__version__,
        notes=notes(
            frozen, plan, surroundings, earlier=len(earlier), before=look.before, now=look.now
        ),
    )


def _with_history(
    report: MonitoringReport, step: OpenStep, plan: MonitoringPlan
) -> MonitoringReport:
    steps = {taken.id: taken for taken in step.steps()}
    by_cell: dict[str, list[CellAt]] = {}
    for left in step.history():
        by_cell.setdefault(left.cell, []).append(left)
    cells = watched_cells(plan)
    return replace(
        report,
        cells=tuple(
            replace(
                shown,
                history=tuple(
                    _history(plan, cell, left, steps[left.step_id])
                    for left in by_cell.get(cell.name, ())
                ),
            )
            for shown, cell in zip(report.cells, cells, strict=True)
        ),
    )


def _history(plan: MonitoringPlan, cell: WatchedCell, left: CellAt, step: Step) -> CellHistory:
    state = CellCount.from_json(left.state).state
    return CellHistory(
        taken_at=step.taken_at,
        errors=state.errors,
        n=state.n,
        e_value=e_value(state.max_log_e),
        interval=interval_of(plan, cell, state.errors, state.n),
        chart=state.cusum,
        recounted=bool(step.recounted),
    )


def _earlier_alarms(ledger: Ledger, frozen: FrozenPlan) -> tuple[Alarm, ...]:
    return tuple(
        alarm
        for plan in ledger.plans()
        if plan.bundle_digest == frozen.bundle_digest and plan.id < frozen.id
        for alarm in ledger.alarms(plan)
    )


def _counts(cells: Sequence[CellAt]) -> dict[str, CellCount]:
    return {left.cell: CellCount.from_json(left.state) for left in cells}


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
