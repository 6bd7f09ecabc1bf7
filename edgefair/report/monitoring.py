"""What a re-check says: each watched cell with its evidence, its verdict and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from edgefair.records import Group, Interval, Verdict

__all__ = ["CellHistory", "MonitoredCell", "MonitoringReport", "PlanIdentity", "StandingAlarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanIdentity:
    """Which plan is in force, and since when.

    Attributes
    ----------
    digest : str
        SHA-256 of the plan, hexadecimal.
    number : int
        1 for the first plan of this ledger on this model.
    derived : str
        Where it comes from, in words.
    frozen_by, frozen_at : str
        Who put it in force here, and when (UTC, ISO 8601).
    groups_by : tuple of str
    alpha : float
        Chance that harm is ever shown where there is none, over all cells and looks.
    minimum_audit : int
        As in `MonitoringPlan`.
    """

    digest: str
    number: int
    derived: str
    frozen_by: str
    frozen_at: str
    groups_by: tuple[str, ...]
    alpha: float
    minimum_audit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingAlarm:
    """An alarm that was raised once; it stands until another plan is in force.

    Attributes
    ----------
    kind : str
        ``e-process``: harm is shown. ``change`` and ``chart``: a warning that the errors became
        more, which comes without a cause now and then.
    raised_at : str
        UTC, ISO 8601.
    errors, n : int
        What was counted when it was raised.
    note : str
        What became of the evidence under it since; empty if nothing.
    """

    finding: str
    metric: str
    group: Group
    kind: str
    raised_at: str
    errors: int
    n: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellHistory:
    """What one step left of a cell.

    Attributes
    ----------
    taken_at : str
        UTC, ISO 8601.
    errors, n : int
    e_value : float
        Largest evidence up to then.
    interval : Interval
        Holds at all times together.
    chart : int
        Value of the CUSUM chart.
    recounted : bool
        Whether all was counted anew in this step: counts may have fallen.
    """

    taken_at: str
    errors: int
    n: int
    e_value: float
    interval: Interval
    chart: int
    recounted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoredCell:
    """One error rate of one finding in one group, as far as it is known today.

    Attributes
    ----------
    metric : str
        ``false_negative_rate`` or ``false_positive_rate``.
    errors, n : int
        Errors among the labelled positives, or negatives, that count as evidence.
    e_value : float
        Largest evidence so far that the rate lies above the limit; 1 is none.
    alarm_at : float
        Evidence at which harm would be shown now, with all other cells as they are.
    interval : Interval
        Limits of the rate that hold for all cells and at all times together.
    chart, chart_limit : int
        Value of the CUSUM chart, and where it warns.
    audited : int
        Verified cases that the model called negative; what `PlanIdentity.minimum_audit` asks for.
    verdict : Verdict
    labels_per_month : float
        At which further labels came in lately.
    months : float or None
        Until an answer can be expected at that pace; None if decided or out of reach.
    alarms : tuple of StandingAlarm
    history : tuple of CellHistory
        Oldest first; empty if it was not asked for.
    """

    finding: str
    metric: str
    group: Group
    errors: int
    n: int
    e_value: float
    alarm_at: float
    interval: Interval
    chart: int
    chart_limit: int
    audited: int
    verdict: Verdict
    labels_per_month: float
    months: float | None
    alarms: tuple[StandingAlarm, ...] = ()
    history: tuple[CellHistory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringReport:
    """Everything a re-check found; no renderer adds to it.

    Attributes
    ----------
    ledger : str
        As the user called it.
    model, bundle_digest : str
    plan : PlanIdentity
    cells : tuple of MonitoredCell
        Missed cases first; everybody first in each.
    earlier_alarms : tuple of StandingAlarm
        Raised under plans that are no longer in force.
    steps : int
        How often there was something new to look at.
    step_taken_at : str
        Of the last step, UTC, ISO 8601; empty if there was none.
    outcome_id : int
        The last outcome of the ledger that was looked at.
    new_evidence : int
        Cases that this very re-check counted for the first time, or anew.
    recounted : str
        Why this re-check counted all anew; empty if it did not.
    made_at : str
        UTC, ISO 8601.
    edgefair_version : str
    notes : tuple of str
        Sentences the reader must know.
    """

    ledger: str
    model: str
    bundle_digest: str
    plan: PlanIdentity
    cells: tuple[MonitoredCell, ...]
    earlier_alarms: tuple[StandingAlarm, ...]
    steps: int
    step_taken_at: str
    outcome_id: int
    new_evidence: int
    recounted: str
    made_at: str
    edgefair_version: str
    notes: tuple[str, ...]

    @property
    def alarms(self) -> tuple[StandingAlarm, ...]:
        """Every alarm that stands under the plan in force."""
        return tuple(alarm for cell in self.cells for alarm in cell.alarms)

    @property
    def shows_harm(self) -> bool:
        """Whether harm was shown in any cell: warnings alone do not count."""
        return any(alarm.kind == "e-process" for alarm in self.alarms)
