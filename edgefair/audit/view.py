"""What an audit found, to be asked in Fairlearn's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from edgefair.audit.estimates import Estimates
from edgefair.audit.evidence import GroupingEvidence, evidence_of
from edgefair.audit.ranges import (
    largest_difference,
    largest_value,
    smallest_ratio,
    smallest_value,
)
from edgefair.audit.tally import Tally
from edgefair.records import AuditResult, Cell, Interval, Verdict

__all__ = ["Audit"]

_Summary: TypeAlias = Callable[[Estimates, float], Interval]


@dataclass(frozen=True, slots=True)
class Audit:
    """For whom the model works, and how sure that is.

    Every number is an `Interval`, whatever went in; every metric is named as in `Cell.metric`.

    Attributes
    ----------
    result : AuditResult
        Everything, as reports and files take it.

    Examples
    --------
    >>> from edgefair.audit import audit
    >>> found = audit(
    ...     y_true=[1, 1, 1, 1, 0, 0], y_pred=[1, 0, 0, 0, 0, 0], sensitive_features=list("MFFFMF")
    ... )
    >>> for cell in found.by_group:
    ...     if cell.metric == "sensitivity":
    ...         print(cell.group, cell.value.estimate, cell.value.n)
    group F 0.0 3
    group M 1.0 1
    >>> found.difference("sensitivity").estimate
    1.0
    """

    result: AuditResult
    _tallies: tuple[Tally, ...] = field(repr=False)
    _everybody: tuple[Tally, ...] = field(repr=False, default=())

    @property
    def evidence(self) -> tuple[GroupingEvidence, ...]:
        """All that was counted: from these numbers alone `result` can be computed again."""
        return tuple(evidence_of(one) for one in (*self._everybody, *self._tallies))

    @property
    def overall(self) -> tuple[Cell, ...]:
        """One cell per finding and metric, for everybody."""
        return self.result.overall

    @property
    def by_group(self) -> tuple[Cell, ...]:
        """One cell per finding, group and metric, in the order the groups were asked for."""
        return self.result.by_group

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of all judged cells, in the order of `by_group`."""
        return tuple(cell.verdict for cell in self.by_group if cell.verdict)

    def difference(
        self, metric: str, *, attribute: str | None = None, finding: str | None = None
    ) -> Interval:
        """Return the largest difference between any two groups.

        The interval holds for all pairs together, so that picking the largest is paid for; its
        lower limit above 0 means that not all groups are alike.

        Parameters
        ----------
        metric : str
        attribute : str, optional
            What the groups differ in, e.g. ``sex`` or ``sex x age``; needed if there are several.
        finding : str, optional
            Needed if there are several.

        Raises
        ------
        ValueError
            If there is no such metric, attribute or finding, or more than one and none named.
        """
        return self._summarised(largest_difference, metric, attribute, finding)

    def ratio(
        self, metric: str, *, attribute: str | None = None, finding: str | None = None
    ) -> Interval:
        """Return the smallest group's value over the largest one's; parameters as `difference`."""
        return self._summarised(smallest_ratio, metric, attribute, finding)

    def group_min(
        self, metric: str, *, attribute: str | None = None, finding: str | None = None
    ) -> Interval:
        """Return the smallest value of any group; parameters as `difference`."""
        return self._summarised(smallest_value, metric, attribute, finding)

    def group_max(
        self, metric: str, *, attribute: str | None = None, finding: str | None = None
    ) -> Interval:
        """Return the largest value of any group; parameters as `difference`."""
        return self._summarised(largest_value, metric, attribute, finding)

    def _summarised(
        self, summary: _Summary, metric: str, attribute: str | None, finding: str | None
    ) -> Interval:
        attributes = tuple(dict.fromkeys(one.grouping.attribute for one in self._tallies))
        findings = tuple(dict.fromkeys(one.finding for one in self._tallies))
        attribute = _the_one("attribute", attribute, attributes)
        finding = _the_one("finding", finding, findings)
        chosen = next(
            one
            for one in self._tallies
            if one.finding == finding and one.grouping.attribute == attribute
        )
        return summary(chosen.estimates(metric), self.result.level)


def _the_one(what: str, asked: str | None, known: tuple[str, ...]) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked is None or asked not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {asked}")
    return asked
