"""Where the marks of a cell's history go: evidence on a log scale, the rate with its limits.

Positions are on a drawing of 200 by 60 for each of the two; time runs across.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edgefair.report.monitoring import CellHistory, MonitoredCell

__all__ = ["HistoryPlot", "history_plot", "thinned"]

_WIDTH: Final = 200
_HEIGHT: Final = 60
_MOST_POINTS: Final = 60
_ROOM: Final = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPlot:
    """One cell's small multiple, as paths of SVG.

    Attributes
    ----------
    since, until : str
        Days of the first and the last step.
    evidence, rate, band : str
        Lines of the evidence and of the rate, and the area between the rate's limits.
    alarm_at, limit : int
        Height of the line that means alarm, and of the rate's limit.
    alarms : tuple of int
        Where along the time alarms of the evidence were raised.
    most_evidence, most_rate : str
        What the upper edges stand for.
    """

    since: str
    until: str
    evidence: str
    rate: str
    band: str
    alarm_at: int
    limit: int
    alarms: tuple[int, ...]
    most_evidence: str
    most_rate: str


def thinned(history: Sequence[CellHistory], most: int) -> list[CellHistory]:
    """Return at most `most` entries, evenly chosen, the first and the last among them."""
    if len(history) <= most:
        return list(history)
    step = (len(history) - 1) / (most - 1)
    return [history[round(i * step)] for i in range(most)]


def history_plot(cell: MonitoredCell) -> HistoryPlot | None:
    """Return where a cell's history is drawn; None before its second step with a case."""
    history = thinned([one for one in cell.history if one.n], _MOST_POINTS)
    if len(history) < 2:
        return None
    across = _Across.of(history[0].taken_at, history[-1].taken_at)
    highest = max(max(one.e_value for one in history), cell.alarm_at)
    decades = max(log10(max(highest, 1.0)), 1.0) * _ROOM
    limit = cell.verdict.limit
    most = min(1.0, _ROOM * max(limit, *(one.interval.estimate for one in history)) + 0.1)

    def of_evidence(value: float) -> int:
        return round(_HEIGHT * (1 - log10(max(value, 1.0)) / decades))

    def of_rate(value: float) -> int:
        return round(_HEIGHT * (1 - min(value, most) / most))

    xs = [across.at(one.taken_at) for one in history]
    upper = [(x, of_rate(one.interval.upper)) for x, one in zip(xs, history, strict=True)]
    lower = [(x, of_rate(one.interval.lower)) for x, one in zip(xs, history, strict=True)]
    return HistoryPlot(
        since=history[0].taken_at[:10],
        until=history[-1].taken_at[:10],
        evidence=_path((x, of_evidence(o.e_value)) for x, o in zip(xs, history, strict=True)),
        rate=_path((x, of_rate(o.interval.estimate)) for x, o in zip(xs, history, strict=True)),
        band=f"{_path([*upper, *reversed(lower)])}Z",
        alarm_at=of_evidence(cell.alarm_at),
        limit=of_rate(limit),
        alarms=tuple(across.at(a.raised_at) for a in cell.alarms if a.kind == "e-process"),
        most_evidence=f"{10**decades:,.0f}",
        most_rate=f"{100 * most:.0f}%",
    )


@dataclass(frozen=True, slots=True)
class _Across:
    """Moments as positions."""

    start: datetime
    seconds: float

    @classmethod
    def of(cls, first: str, last: str) -> _Across:
        """Return the way from one moment to another, in ISO 8601; at least a second."""
        start = datetime.fromisoformat(first)
        return cls(start, max((datetime.fromisoformat(last) - start).total_seconds(), 1.0))

    def at(self, moment: str) -> int:
        """Return where a moment lies across the picture; at an end if it is outside."""
        share = (datetime.fromisoformat(moment) - self.start).total_seconds() / self.seconds
        return round(_WIDTH * min(max(share, 0.0), 1.0))


def _path(points: Iterable[tuple[int, int]]) -> str:
    return "M" + " ".join(f"{x} {y}" for x, y in points)
