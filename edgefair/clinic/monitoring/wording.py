"""A cell's verdict in words, with its counts, for a reader who knows no statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgefair.records import Interval, VerdictKind

if TYPE_CHECKING:
    from edgefair.clinic.monitoring.cells import CellCount, WatchedCell
    from edgefair.report import StandingAlarm

__all__ = ["sentence"]


def sentence(
    cell: WatchedCell,
    count: CellCount,
    kind: VerdictKind,
    *,
    interval: Interval,
    alarms: Sequence[StandingAlarm],
    missing: int,
) -> str:
    """Return the verdict on one cell in words.

    Parameters
    ----------
    cell : WatchedCell
    count : CellCount
    kind : VerdictKind
    interval : Interval
        Of the cell's rate.
    alarms : sequence of StandingAlarm
        Of the cell.
    missing : int
        Audited cases that the plan asks for and that are not there yet.
    """
    seen = _seen(cell, count)
    limit = f"the limit of {_percent(cell.rate.limit)}"
    if kind is VerdictKind.HARM_SHOWN:
        first = next(alarm for alarm in alarms if alarm.kind == "e-process")
        noted = f" {first.note}" if first.note else ""
        return (
            f"{seen} On {first.raised_at[:10]}, at {first.errors} of {first.n}, the evidence that "
            f"the rate lies above {limit} was enough: harm is shown.{noted}"
        )
    if missing:
        return (
            f"{seen} Whom it misses cannot be judged before {missing} more cases that it called "
            "negative are verified: draw cases by lot, and verify them whatever the model said."
        )
    if kind is VerdictKind.SHOWN_OK:
        return f"{seen} The rate is at most {_percent(interval.upper)}, below {limit}: shown ok."
    return f"{seen} {_open(interval, limit, alarms)}"


def _open(interval: Interval, limit: str, alarms: Sequence[StandingAlarm]) -> str:
    if alarms:
        noted = f" {alarms[0].note}" if alarms[0].note else ""
        return (
            f"Since {alarms[0].raised_at[:10]} the chart warns that errors became more often, "
            f"which is no proof of harm: look into the missed cases, and at the scanner.{noted}"
        )
    if not interval.is_estimable:
        return f"Nothing can be said yet; {limit} holds."
    return (
        f"The rate may be anything from {_percent(interval.lower)} to "
        f"{_percent(interval.upper)}, on either side of {limit}: not enough data to tell."
    )


def _seen(cell: WatchedCell, count: CellCount) -> str:
    does, which = ("misses", "with") if cell.counts_missed else ("wrongly flags", "without")
    state = count.state
    what = f"cases {which} {cell.rate.finding}"
    if not state.n:
        return f"In {cell.group} there are no verified {what} yet."
    rate = _percent(state.errors / state.n)
    return f"In {cell.group} the model {does} {state.errors} of {state.n} {what} ({rate})."


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
