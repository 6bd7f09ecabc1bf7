"""The running re-check of one cell: what is remembered of a stream of labels, and its alarms.

A cell is a finding, a group and an error rate. Three alarms watch it, each with its own promise:

- evidence over the whole life that the rate lies above the limit (`sequential`): false with a
  chance of at most alpha, ever, in any of the groups;
- evidence for a change (`change.running_shiryaev_roberts`): false once in so many labels on
  average, at most;
- the CUSUM chart that quality control knows (`change.Chart`), likewise.

They hold for labels whose choice does not depend on whether the model erred, one a patient, in
the order in which they became known. Where a label is withdrawn or corrected, the state is made
anew from the first label on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.change import (
    Chart,
    chart_for,
    running_cusum,
    running_shiryaev_roberts,
    worse_rates,
)
from edgefair.audit.sequential import UNIFORM, log_e_value

__all__ = ["CellRule", "CellState", "updated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRule:
    """What a cell is held to; laid down before its first label and never changed after.

    A new limit, a new model or a new operating point is a new rule, with a new state.

    Attributes
    ----------
    limit : float
        Largest acceptable error rate, in (0, 1).
    alpha : float
        Chance of a false alarm over the whole life, in all groups together.
    groups : int
        Cells that are watched beside each other, at least 1.
    run_length : float
        Labels of the cell until a false alarm of change, on average, at least.
    rates : tuple of float
        The worse rates that evidence for a change is gathered for.
    chart : Chart
    prior : tuple of two floats
        Of the evidence over the whole life, see `sequential.log_e_value`.
    """

    limit: float
    alpha: float
    groups: int
    run_length: float
    rates: tuple[float, ...]
    chart: Chart
    prior: tuple[float, float] = UNIFORM

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be in (0, 1), got {self.alpha}")
        if self.groups < 1 or self.run_length < 1:
            raise ValueError("groups and run_length must be at least 1")

    @classmethod
    def planned(
        cls, *, limit: float, worse: float, alpha: float, groups: int, run_length: float
    ) -> Self:
        """Return the rule with a chart made to find the rate `worse` soonest.

        Examples
        --------
        >>> rule = CellRule.planned(limit=0.2, worse=0.35, alpha=0.05, groups=4, run_length=1000)
        >>> rule.chart
        Chart(up=8, down=3, height=54)
        """
        return cls(
            limit=limit,
            alpha=alpha,
            groups=groups,
            run_length=run_length,
            rates=worse_rates(limit),
            chart=chart_for(limit, worse, run_length=run_length),
        )

    @property
    def log_alarm(self) -> float:
        """Logarithm of the evidence at which a cell alarms: groups / alpha."""
        return log(self.groups / self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellState:
    """What is remembered of a stream; all that `updated` needs to go on.

    Every number is finite, so that the state can be kept as JSON or in plain columns.

    Attributes
    ----------
    errors, n : int
        Errors and labels so far.
    max_log_e : float
        Largest log-evidence so far that the rate lies above the limit, 0 at first.
    log_shiryaev_roberts : tuple of float
        ``log(1 + M)`` of each rate that a change is looked for; 0 at first.
    cusum : int
        Value of the chart.
    cusum_since : int
        Number of labels after which the chart last stood at 0, until its alarm: the most likely
        time of the change.
    alarm_at, change_at, chart_at : int or None
        Number of labels at which each alarm was first raised: the evidence over the whole life,
        the evidence for a change, the chart. Once raised it stays.
    """

    errors: int = 0
    n: int = 0
    max_log_e: float = 0.0
    log_shiryaev_roberts: tuple[float, ...] = ()
    cusum: int = 0
    cusum_since: int = 0
    alarm_at: int | None = None
    change_at: int | None = None
    chart_at: int | None = None


def updated(state: CellState, errors: Sequence[bool] | ArrayLike, rule: CellRule) -> CellState:
    """Return the state after further labels, the same bits however they are cut into parts.

    The same, that is, on one machine: on another the last digit of a logarithm may differ.

    Parameters
    ----------
    state : CellState
        ``CellState()`` before the first label.
    errors : sequence of bool
        Whether each further label showed an error, in order.
    rule : CellRule
        The same for the whole life of the state.

    Examples
    --------
    >>> rule = CellRule.planned(limit=0.2, worse=0.35, alpha=0.05, groups=1, run_length=500)
    >>> quiet = updated(CellState(), [False, False, True, False, False] * 40, rule)
    >>> quiet.n, quiet.errors, quiet.alarm_at, quiet.change_at, quiet.chart_at
    (200, 40, None, None, None)
    >>> bad = updated(quiet, [True, False] * 30, rule)
    >>> bad.n, bad.alarm_at, bad.change_at, bad.chart_at, bad.cusum_since
    (260, None, 217, 215, 197)
    """
    stream = np.asarray(errors, dtype=np.bool_)
    if stream.ndim != 1:
        raise ValueError(f"the labels of one cell have one axis, got {stream.ndim}")
    if not len(stream):
        return state
    so_far = state.errors + np.cumsum(stream, dtype=np.int64)
    log_e = log_e_value(
        so_far, state.n + np.arange(1, len(stream) + 1), limit=rule.limit, prior=rule.prior
    )
    log_m, detector = running_shiryaev_roberts(
        stream, limit=rule.limit, rates=rule.rates, start=state.log_shiryaev_roberts or 0.0
    )
    cusum = running_cusum(stream, rule.chart, start=state.cusum)
    chart_at = _first(cusum >= rule.chart.height, state.chart_at, state.n)
    return CellState(
        errors=int(so_far[-1]),
        n=state.n + len(stream),
        max_log_e=max(state.max_log_e, float(np.max(log_e))),
        log_shiryaev_roberts=tuple(detector.tolist()),
        cusum=int(cusum[-1]),
        cusum_since=_last_at_zero(cusum, state, chart_at),
        alarm_at=_first(log_e >= rule.log_alarm, state.alarm_at, state.n),
        change_at=_first(log_m >= log(rule.run_length), state.change_at, state.n),
        chart_at=chart_at,
    )


def _first(raised: NDArray[np.bool_], before: int | None, n: int) -> int | None:
    """Return at which label an alarm was first raised: before, or now, or not yet."""
    if before is not None or not np.any(raised):
        return before
    return n + 1 + int(np.argmax(raised))


def _last_at_zero(cusum: NDArray[np.int64], state: CellState, chart_at: int | None) -> int:
    until = len(cusum) if chart_at is None else max(chart_at - state.n, 0)
    at_zero = np.flatnonzero(cusum[:until] == 0)
    return state.n + 1 + int(at_zero[-1]) if len(at_zero) else state.cusum_since
