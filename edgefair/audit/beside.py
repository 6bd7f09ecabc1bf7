"""What stands beside a judged rate and decides nothing: bounds, borrowed strength, worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgefair.audit.auroc import Aurocs
from edgefair.audit.estimates import Estimates, Rates
from edgefair.audit.mixed_rates import MixedRates
from edgefair.audit.shrinkage import fit_beta_prior, shrink
from edgefair.audit.unknowns import maybe_of, rate_bounds
from edgefair.records import Group, Interval, Shrunken, UnknownBounds

__all__ = ["bounds_if_known", "independent_cases", "shrunken_cells"]


def bounds_if_known(groups: Sequence[Group], rates: Rates) -> list[UnknownBounds | None]:
    """Return for each group what its rate could be if the unknown were known.

    None for a group that no unknown case might be of.

    Parameters
    ----------
    groups : sequence of Group, length k
        All of one grouping.
    rates : Rates
        Of these groups.
    """
    maybe = maybe_of(groups)
    if not len(maybe.unknown):
        return [None] * len(groups)
    bounds = rate_bounds(rates, maybe)
    rows = zip(
        bounds.unknown.tolist(),
        bounds.lowest.tolist(),
        bounds.highest.tolist(),
        bounds.difference_lowest.tolist(),
        bounds.difference_highest.tolist(),
        strict=True,
    )
    return [
        UnknownBounds(
            unknown=unknown,
            lowest=lowest,
            highest=highest,
            difference_lowest=difference_lowest,
            difference_highest=difference_highest,
        )
        if unknown
        else None
        for unknown, lowest, highest, difference_lowest, difference_highest in rows
    ]


def shrunken_cells(
    groups: Sequence[Group], rates: Rates, *, level: float
) -> list[Shrunken | None]:
    """Return the rates of an intersection's cells, drawn towards each other.

    None for groups of one attribute, which are large enough to be shown as they are, and where
    the cells make no family: fewer than three, or not one error.

    Parameters
    ----------
    groups : sequence of Group, length k
        All of one grouping.
    rates : Rates
        Of these groups; where several cases are of one patient, they count as what they are
        worth.
    level : float
        Of the intervals, in (0, 1).
    """
    alone: list[Shrunken | None] = [None] * len(groups)
    if not groups or len(groups[0].attributes) < 2:
        return alone
    effective = rates.effective
    hits = effective * rates.hits / np.maximum(rates.n, 1)
    prior = fit_beta_prior(hits, effective)
    if prior is None:
        return alone
    found = shrink(hits, effective, prior, level=level)
    rows = zip(
        found.estimate.tolist(),
        found.lower.tolist(),
        found.upper.tolist(),
        rates.n.tolist(),
        found.borrowed.tolist(),
        strict=True,
    )
    return [
        Shrunken(value=Interval(estimate, lower, upper, level, n), borrowed=borrowed)
        for estimate, lower, upper, n, borrowed in rows
    ]


def independent_cases(estimates: Estimates) -> list[float | None]:
    """Return how many independent cases each estimate's are worth; None where all are."""
    worth: list[float | None] = [None] * len(estimates.n)
    if isinstance(estimates, MixedRates):
        worth[:] = [one for part in estimates.parts for one in independent_cases(part)]
    if isinstance(estimates, Rates) and estimates.worth is not None:
        worth[:] = estimates.worth.effective.tolist()
    if isinstance(estimates, Aurocs) and estimates.design_effect is not None:
        worth[:] = (estimates.n / estimates.design_effect).tolist()
    return worth
