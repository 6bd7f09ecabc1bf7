"""Refer bands to be signed by a person, checked on cases that they were not set on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.conformal import ReferBand, refer_bands
from edgefair.audit.effects import Effect, Judged, decision_effects
from edgefair.audit.groups import Grouping
from edgefair.audit.intervals import clopper_pearson
from edgefair.audit.proposals import HeldOut
from edgefair.records import UNKNOWN, Group, Interval

__all__ = ["BandProposal", "BandShares", "propose_bands"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandShares:
    """What bands did in one group, on cases that they were not set on.

    Attributes
    ----------
    missed, false_alarms : Interval
        Share of those with the finding that were cleared, and of those without that were flagged
        and not merely referred: exact limits, each case for itself.
    referred : Interval
        Share of all cases.
    """

    group: Group
    missed: Interval
    false_alarms: Interval
    referred: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class BandProposal:
    """Bands, and what they would do.

    Attributes
    ----------
    coverage : float
        At least this share of those with the finding is not cleared, and of those without not
        flagged, on average over the samples that bands are set on.
    lawful_because : str
        Why groups may be treated apart; empty for one band for all.
    everybody : ReferBand
    by_group : tuple of ReferBand
        In the order of the groups; empty for one band for all.
    shares : tuple of BandShares
        Everybody first, then each group.
    effects : tuple of Effect
        Sensitivity and specificity where a person looks at what is referred.
    """

    coverage: float
    lawful_because: str
    everybody: ReferBand
    by_group: tuple[ReferBand, ...]
    shares: tuple[BandShares, ...]
    effects: tuple[Effect, ...]


def propose_bands(
    cases: HeldOut,
    *,
    coverage: float,
    current: float | _Floats,
    lawful_because: str = "",
    level: float = 0.95,
) -> BandProposal:
    """Return the band for all, or one a group, with the coverage that each group gets.

    A band for all promises its coverage over everybody, and nothing to any group: the shares say
    what each gets. Bands by group promise it to each (Mondrian conformal prediction), and a group
    that is not known, or has too few cases for any promise, gets what follows from that: the
    band for all, or referral of everybody.

    Parameters
    ----------
    cases : HeldOut
        Verified whatever the model had said of them, so that each stands for itself.
    coverage : float
        In (0, 1).
    current : float or ndarray of float64, shape (n,)
        The threshold in use.
    lawful_because : str, optional
        On what ground patients may be treated by the group they are in; empty for one band.
    level : float, default=0.95

    Raises
    ------
    ValueError
        If cases stand for more than themselves: the promise takes exchangeable ones.

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, "Algorithmic learning in a random world", Springer
       2005, section 4.5 (Mondrian prediction).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(400) < 0.5
    >>> one = Grouping(attribute="all", groups=(Group(),), codes=np.zeros(400, np.int64))
    >>> cases = HeldOut(y_true=truth, score=rng.normal(2 * truth), grouping=one, seed=1)
    >>> proposal = propose_bands(cases, coverage=0.95, current=1.0)
    >>> f"{proposal.shares[0].missed.estimate:.2f} {proposal.shares[0].referred.estimate:.2f}"
    '0.04 0.29'
    """
    if cases.weights is not None:
        raise ValueError("bands take cases that were verified with equal chances")
    grouping = cases.grouping

    def bands(rows: _Bools) -> tuple[ReferBand, ...]:
        return _bands(cases, rows, coverage, by_group=bool(lawful_because.strip()))

    def ends(side: str) -> _Floats:
        return cases.cross_fitted(
            lambda rows: np.array([getattr(b, side) for b in bands(rows)])[grouping.codes]
        )

    lower, upper = ends("lower"), ends("upper")
    every_row = np.ones(len(cases.y_true), dtype=np.bool_)
    found = bands(every_row)
    judged = Judged(y_true=cases.y_true, grouping=grouping, units=cases.units)
    return BandProposal(
        coverage=coverage,
        lawful_because=lawful_because,
        everybody=_band_for_all(cases, every_row, coverage),
        by_group=found if lawful_because.strip() else (),
        shares=_shares(cases, (lower, upper), level),
        effects=decision_effects(judged, (cases.score >= current, cases.score >= lower), level),
    )


def _bands(
    cases: HeldOut, rows: _Bools, coverage: float, *, by_group: bool
) -> tuple[ReferBand, ...]:
    """Return the band of each group."""
    for_all = _band_for_all(cases, rows, coverage)
    groups = cases.grouping.groups
    if not by_group:
        return (for_all,) * len(groups)
    risk = 1 - coverage
    own = refer_bands(
        cases.y_true[rows],
        cases.score[rows],
        cases.grouping.of_rows(rows),
        miss=risk,
        false_alarm=risk,
    )
    return tuple(
        for_all if any(a.value == UNKNOWN for a in group.attributes) else band
        for group, band in zip(groups, own, strict=True)
    )


def _band_for_all(cases: HeldOut, rows: _Bools, coverage: float) -> ReferBand:
    alone = np.zeros(int(rows.sum()), dtype=np.int64)
    everybody = Grouping(attribute="everybody", groups=(Group(),), codes=alone)
    risk = 1 - coverage
    (band,) = refer_bands(
        cases.y_true[rows], cases.score[rows], everybody, miss=risk, false_alarm=risk
    )
    return band


def _shares(cases: HeldOut, ends: tuple[_Floats, _Floats], level: float) -> tuple[BandShares, ...]:
    lower, upper = ends
    y, cleared, flagged = cases.y_true, cases.score < lower, cases.score > upper
    everybody = (Group(), np.ones(len(y), dtype=np.bool_))
    parts = [(g, cases.grouping.codes == i) for i, g in enumerate(cases.grouping.groups)]
    return tuple(
        BandShares(
            group=group,
            missed=_share(cleared, rows & y, level),
            false_alarms=_share(flagged, rows & ~y, level),
            referred=_share(~cleared & ~flagged, rows, level),
        )
        for group, rows in (everybody, *parts)
    )


def _share(hits: _Bools, among: _Bools, level: float) -> Interval:
    n = int(among.sum())
    if not n:
        return Interval.vacuous(level=level)
    return clopper_pearson(int(np.sum(hits & among)), n, level=level)
