"""How far apart groups lie, beside what chance alone would show."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Rates

__all__ = ["Gap", "gap_between"]

_CHUNK: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The largest difference between any two groups, and whether it is more than chance.

    Attributes
    ----------
    observed : float
        Largest minus smallest rate; nan with fewer than two groups that have cases.
    by_chance : float
        Median of the same if groups meant nothing.
    p_value : float
        Of the largest studentised deviation ``|p_k - p| / se_k``, by permutation.
    """

    observed: float
    by_chance: float
    p_value: float


def gap_between(rates: Rates, *, seed: int, permutations: int = 1999) -> Gap:
    """Return the largest gap between the groups, beside what permuted groups show.

    Largest minus smallest grows with the number of groups and shrinks with their size even where
    there is no disparity at all, so it is never shown alone.

    Parameters
    ----------
    rates : Rates
        Hits and cases of each group.
    seed : int
        The same seed gives the same result.
    permutations : int, default=1999
        The smallest p-value is ``1 / (permutations + 1)``.

    Notes
    -----
    Permuting who belongs to which group leaves the sizes and the total of the hits as they are:
    the hits of the groups are multivariate hypergeometric, and are drawn as such, exactly and
    without shuffling any case. Their standard error under permutation is
    ``sqrt(p (1 - p) (1 / n_k - 1 / n))``, up to a factor that all groups share.

    Examples
    --------
    >>> gap = gap_between(Rates(np.array([2, 18]), np.array([20, 20])), seed=0)
    >>> f"{gap.observed:.2f} {gap.by_chance:.2f} {gap.p_value:.4f}"
    '0.80 0.10 0.0005'
    """
    with_cases = rates.n > 0
    hits, n = rates.hits[with_cases], rates.n[with_cases]
    if len(n) < 2:
        return Gap(observed=nan, by_chance=nan, p_value=nan)
    rng = np.random.default_rng(seed)
    # one draw a case is quicker than one a group where groups are tiny
    method: Literal["count", "marginals"] = "count" if n.sum() < 20 * len(n) else "marginals"
    spans, deviations = [], []
    rows = max(1, _CHUNK // len(n))
    for first in range(0, permutations, rows):
        drawn = rng.multivariate_hypergeometric(
            n, hits.sum(), size=min(rows, permutations - first), method=method
        )
        spans.append(np.ptp(drawn / n, axis=1))
        deviations.append(_largest_deviation(drawn, n))
    observed = _largest_deviation(hits[np.newaxis], n)[0]
    # equal deviations must count as such whatever order they were summed in
    as_large = (np.concatenate(deviations) >= observed - 1e-9).sum()
    return Gap(
        observed=float(np.ptp(hits / n)),
        by_chance=float(np.median(np.concatenate(spans))),
        p_value=float((1 + as_large) / (1 + permutations)),
    )


def _largest_deviation(hits: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``max_k |p_k - p| / se_k`` of each row, the constant ``sqrt(p (1 - p))`` left out."""
    total = n.sum()
    error = np.sqrt(1 / n - 1 / total)
    return np.asarray((np.abs(hits / n - hits.sum(axis=1, keepdims=True) / total) / error).max(1))
