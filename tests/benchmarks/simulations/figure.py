"""One figure of a simulation, beside the one that was published or planned for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

__all__ = ["Figure", "mean_of", "share_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What came out, how sure that is, and what should have.

    Attributes
    ----------
    what : str
        E.g. ``coverage of Wilson's interval, n = 10, p = .95``.
    measured : float
    error : float
        Monte Carlo standard error; 0 where computed exactly.
    expected : float
        The figure to land near; nan where there is none.
    bar : str
        What must hold, e.g. ``at most .05``; empty if nothing.
    """

    what: str
    measured: float
    error: float
    expected: float = nan
    bar: str = ""


def share_of(what: str, hits: int, runs: int, *, expected: float = nan, bar: str = "") -> Figure:
    """Return the figure of a share of runs, with its binomial standard error."""
    share = hits / runs
    error = sqrt(share * (1 - share) / runs)
    return Figure(what=what, measured=share, error=error, expected=expected, bar=bar)


def mean_of(what: str, values: Sequence[float], *, expected: float = nan, bar: str = "") -> Figure:
    """Return the figure of a mean over runs, with its standard error."""
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
    error = sqrt(variance / len(values))
    return Figure(what=what, measured=mean, error=error, expected=expected, bar=bar)
