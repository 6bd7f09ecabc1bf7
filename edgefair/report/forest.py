"""Where the marks of a forest plot go: estimates and limits as positions on an axis.

Positions are per cent of the plot's width, so that one drawing fits a phone and a page alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import ceil, floor, isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edgefair.records import Cell

__all__ = ["Axis", "Marks", "axis_over", "difference_marks"]

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_LARGER = (1, 2, 5)
_MOST_STEPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis from `lower` to `upper` with a tick every `step`."""

    lower: float
    upper: float
    step: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """Values of the ticks, from `lower` to `upper`."""
        steps = round((self.upper - self.lower) / self.step)
        return tuple(round(self.lower + i * self.step, 10) for i in range(steps + 1))

    def at(self, value: float) -> float:
        """Return where `value` lies, in per cent of the width, kept on the axis.

        Examples
        --------
        >>> Axis(lower=0.0, upper=0.5, step=0.1).at(0.41)
        82.0
        """
        share = (value - self.lower) / (self.upper - self.lower)
        return round(100 * min(1.0, max(0.0, share)), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What one row draws, each in per cent of the width.

    Attributes
    ----------
    estimate, lower, upper : float
        The group's estimate and its interval.
    others : float
        Where all others lie.
    limit : float
        From where on harm begins.
    """

    estimate: float
    lower: float
    upper: float
    others: float
    limit: float


def axis_over(values: Iterable[float], *, include: float) -> Axis:
    """Return a round axis over all `values` and over `include`.

    Parameters
    ----------
    values : iterable of float
        Whatever is to be drawn; nan is passed over.
    include : float
        A value the axis must reach in any case, e.g. 0.

    Returns
    -------
    Axis
        With about five steps of a round size.

    Examples
    --------
    >>> axis_over([0.12, 0.47], include=0.0)
    Axis(lower=0.0, upper=0.5, step=0.1)
    """
    drawn = [value for value in values if not isnan(value)] + [include]
    low, high = min(drawn), max(drawn)
    step = next(s for s in _steps() if (high - low) / s <= _MOST_STEPS)
    lower, upper = (floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step)
    return Axis(lower=lower, upper=max(upper, lower + step), step=step)


def _steps() -> Iterator[float]:
    """Yield round step sizes, without end."""
    yield from _STEPS
    for power in count():
        yield from (digit * 10.0**power for digit in _LARGER)


def difference_marks(cell: Cell, axis: Axis, *, limit: float) -> Marks | None:
    """Return where a group's rate lies, with the interval of its difference to all others.

    Parameters
    ----------
    cell : Cell
    axis : Axis
        Of the rate itself: a difference is laid on it from the others' rate on.
    limit : float
        Largest acceptable difference.

    Returns
    -------
    Marks or None
        None where the difference cannot be estimated.
    """
    if not cell.difference.is_estimable:
        return None
    others = cell.rest.estimate
    return Marks(
        estimate=axis.at(cell.value.estimate),
        lower=axis.at(others + cell.difference.lower),
        upper=axis.at(others + cell.difference.upper),
        others=axis.at(others),
        limit=axis.at(others + limit),
    )
