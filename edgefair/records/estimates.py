"""What is counted, of whom, and how sure a rate is: what a bundle and an audit both speak of."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

from edgefair.records.readings import Attribute
from edgefair.records.record import record

__all__ = [
    "Confusion",
    "Group",
    "Interval",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence limits, ``lower <= estimate <= upper`` where estimable.

    Attributes
    ----------
    estimate, lower, upper : float
        Point estimate and limits; the estimate is nan where nothing can be said.
    level : float
        Nominal coverage, e.g. 0.95.
    n : int
        Number of cases the estimate rests on: the metric's own denominator.

    Examples
    --------
    >>> Interval(0.8, 0.49, 0.94, 0.95, 10).is_estimable
    True
    >>> Interval.vacuous(level=0.95).is_estimable
    False
    """

    estimate: float
    lower: float
    upper: float
    level: float
    n: int

    @classmethod
    def vacuous(
        cls, *, level: float, n: int = 0, lower: float = 0.0, upper: float = 1.0
    ) -> Interval:
        """Return the interval of a quantity of which nothing is known: its whole range."""
        return cls(nan, lower, upper, level, n)

    @property
    def is_estimable(self) -> bool:
        """Whether there is a point estimate at all."""
        return not isnan(self.estimate)


@record(frozen=True, slots=True, kw_only=True)
class Group:
    """A subgroup: one attribute's value, or an intersection of several; none is everybody.

    Examples
    --------
    >>> women = Attribute(name="sex", value="F")
    >>> str(Group(attributes=(women, Attribute(name="age", value="60-79"))))
    'sex F, age 60-79'
    >>> str(Group())
    'everybody'
    """

    attributes: tuple[Attribute, ...] = ()

    def __str__(self) -> str:
        if not self.attributes:
            return "everybody"
        return ", ".join(f"{a.name} {a.value}" for a in self.attributes)


@record(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The four counts of decisions against truth."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def positives(self) -> int:
        """Cases in which the finding was there."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Cases in which it was not."""
        return self.true_negatives + self.false_positives

    @property
    def n(self) -> int:
        """All labelled cases."""
        return self.positives + self.negatives
