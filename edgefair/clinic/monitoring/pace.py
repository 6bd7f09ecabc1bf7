"""How fast labels come in at this site, and when an answer can be expected at that pace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf, isinf
from typing import Final

from edgefair.bundle.plan import MonitoringPlan
from edgefair.clinic.monitoring.cells import tallied
from edgefair.ledger import Evidence

__all__ = ["LOOK_BACK", "Pace", "pace_of"]

LOOK_BACK: Final = timedelta(days=182)
"""What the pace is measured on: long enough for a rare group, short enough to be today's."""

_SHORTEST_DAYS: Final = 28
_DAYS_A_MONTH: Final = 365.25 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What came in lately, by the cells' names.

    Attributes
    ----------
    counts : mapping of str to two ints
        Labels, and audited cases, that came within the time.
    months_seen : float
        How long that time was.
    """

    counts: Mapping[str, tuple[int, int]]
    months_seen: float

    def labels_per_month(self, name: str) -> float:
        """Return how many labels of a cell came in per month."""
        return self.counts.get(name, (0, 0))[0] / self.months_seen

    def months(self, name: str, labels: int | None, audited: int) -> float | None:
        """Return in how many months so many more labels and audited cases are there.

        None where none came in lately, or no number of labels would do.
        """
        if labels is None:
            return None
        labels_lately, audited_lately = self.counts.get(name, (0, 0))
        waits = [
            needed / (came / self.months_seen) if came else inf
            for needed, came in ((labels, labels_lately), (audited, audited_lately))
            if needed
        ]
        longest = max(waits, default=0.0)
        return None if isinf(longest) else longest


def pace_of(plan: MonitoringPlan, evidence: Iterable[Evidence], *, today: date) -> Pace:
    """Return the pace of the evidence that came in since `LOOK_BACK` before today."""
    recent = list(evidence)
    first = min((item.recorded_on for item in recent), default=today.isoformat())
    days = max(_SHORTEST_DAYS, (today - date.fromisoformat(first)).days + 1)
    return Pace(counts=tallied(plan, recent), months_seen=days / _DAYS_A_MONTH)
