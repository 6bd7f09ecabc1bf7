"""What corrected rates are made of, as plain records, and the rates made of them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.adjusted import Adjusted
from edgefair.audit.corrected_clusters import Alike
from edgefair.audit.corrected_prevalence import CorrectedPrevalence
from edgefair.audit.corrected_rates import CorrectedRates
from edgefair.audit.estimates import Estimates
from edgefair.audit.rates import DECISION_RATES
from edgefair.audit.verification_state import VerificationState
from edgefair.audit.weighted_auroc import WeightedAurocs

__all__ = [
    "AlikeOf",
    "CorrectedArea",
    "CorrectedGroup",
    "CorrectedRate",
    "adjusted_of",
    "corrected_groups",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeOf:
    """How alike the cases of one patient are in one group, as in `Alike`.

    Attributes
    ----------
    effect : float
    freedom : float or None
        None where every case is of another patient.
    """

    effect: float
    freedom: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedRate:
    """One rate of one group; the numbers as in `CorrectedRates`, None for what nobody knows."""

    metric: str
    n: int
    flagged: int
    cleared: int
    p_flagged: float | None
    p_cleared: float | None
    n_flagged: float
    n_cleared: float
    alike: AlikeOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedArea:
    """The area under the curve of one group; the numbers as in `WeightedAurocs`."""

    positives: int
    negatives: int
    effective_positives: float
    effective_negatives: float
    area: float | None
    slope: float | None
    variance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedGroup:
    """What one group's rates were corrected with.

    Attributes
    ----------
    rates : tuple of CorrectedRate
        One for each of `DECISION_RATES`.
    state : VerificationState
        Whether sensitivity may be shown.
    prevalence : AlikeOf or None
        How alike the cases of one patient are for prevalence.
    area : CorrectedArea or None
        None where there were no scores.
    """

    rates: tuple[CorrectedRate, ...]
    state: VerificationState
    prevalence: AlikeOf | None = None
    area: CorrectedArea | None = None


def corrected_groups(
    adjusted: Adjusted | None, groups: int
) -> tuple[Sequence[CorrectedGroup | None], Sequence[CorrectedGroup | None]]:
    """Return what each group's rates, and those of its rest, were corrected with."""
    if adjusted is None or not adjusted.states:
        return (None,) * groups, (None,) * groups
    return _groups(adjusted.value, adjusted.states), _groups(
        adjusted.rest, adjusted.states_of_rest
    )


def adjusted_of(
    groups: Sequence[CorrectedGroup | None],
    rests: Sequence[CorrectedGroup | None],
    verified: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Adjusted | None:
    """Return the corrected rates that records describe; None where nothing was corrected.

    Parameters
    ----------
    groups, rests : sequence of CorrectedGroup or None, length k
    verified : pair of ndarray of int64, shape (k,)
        Verified cases of each group, and of its rest.
    """
    there = [one for one in groups if one]
    others = [one for one in rests if one]
    if not there or len(there) < len(groups) or len(others) < len(rests):
        return None
    return Adjusted(
        value=_rates(there, verified[0]),
        rest=_rates(others, verified[1]),
        states=tuple(one.state for one in there),
        states_of_rest=tuple(one.state for one in others),
    )


def _groups(
    rates: Mapping[str, Estimates], states: Sequence[VerificationState]
) -> list[CorrectedGroup]:
    return [
        CorrectedGroup(
            rates=tuple(_rate(rates[metric], row) for metric in DECISION_RATES),
            state=state,
            prevalence=_alike_of_prevalence(rates["prevalence"], row),
            area=_area(rates["auroc"], row) if "auroc" in rates else None,
        )
        for row, state in enumerate(states)
    ]


def _rate(rates: Estimates, row: int) -> CorrectedRate:
    assert isinstance(rates, CorrectedRates)
    return CorrectedRate(
        metric=rates.metric,
        n=int(rates.n[row]),
        flagged=int(rates.flagged[row]),
        cleared=int(rates.cleared[row]),
        p_flagged=_known(rates.p_flagged[row]),
        p_cleared=_known(rates.p_cleared[row]),
        n_flagged=float(rates.n_flagged[row]),
        n_cleared=float(rates.n_cleared[row]),
        alike=_alike(rates.alike, row),
    )


def _area(areas: Estimates, row: int) -> CorrectedArea:
    assert isinstance(areas, WeightedAurocs)
    return CorrectedArea(
        positives=int(areas.positives[row]),
        negatives=int(areas.negatives[row]),
        effective_positives=float(areas.effective_positives[row]),
        effective_negatives=float(areas.effective_negatives[row]),
        area=_known(areas.area[row]),
        slope=_known(areas.slope[row]),
        variance=_known(areas.variance[row]),
    )


def _areas(areas: Sequence[CorrectedArea], sensitivity: Estimates) -> WeightedAurocs:
    assert isinstance(sensitivity, CorrectedRates)
    return WeightedAurocs(
        positives=np.array([one.positives for one in areas], np.int64),
        negatives=np.array([one.negatives for one in areas], np.int64),
        effective_positives=np.array([one.effective_positives for one in areas]),
        effective_negatives=np.array([one.effective_negatives for one in areas]),
        area=np.array([_or_nan(one.area) for one in areas]),
        slope=np.array([_or_nan(one.slope) for one in areas]),
        variance=np.array([_or_nan(one.variance) for one in areas]),
        sensitivity=sensitivity,
    )


def _alike_of_prevalence(prevalence: Estimates, row: int) -> AlikeOf | None:
    assert isinstance(prevalence, CorrectedPrevalence)
    return _alike(prevalence.shares.alike, row)


def _alike(alike: Alike | None, row: int) -> AlikeOf | None:
    if alike is None:
        return None
    freedom = float(alike.freedom[row])
    return AlikeOf(effect=float(alike.effect[row]), freedom=freedom if isfinite(freedom) else None)


def _as_alike(records: Sequence[AlikeOf | None]) -> Alike | None:
    return Alike.joined([(_one_alike(one) if one else None, 1) for one in records])


def _one_alike(record: AlikeOf) -> Alike:
    freedom = inf if record.freedom is None else record.freedom
    return Alike(effect=np.array([record.effect]), freedom=np.array([freedom]))


def _rates(groups: Sequence[CorrectedGroup], verified: NDArray[np.int64]) -> dict[str, Estimates]:
    rates: dict[str, Estimates] = {
        metric: _joined([one.rates[place] for one in groups])
        for place, metric in enumerate(DECISION_RATES)
    }
    rates["prevalence"] = CorrectedPrevalence.of(
        rates["npv"], verified, _as_alike([one.prevalence for one in groups])
    )
    areas = [one.area for one in groups if one.area]
    if len(areas) == len(groups):
        rates["auroc"] = _areas(areas, rates["sensitivity"])
    return rates


def _joined(rates: Sequence[CorrectedRate]) -> CorrectedRates:
    return CorrectedRates(
        metric=rates[0].metric,
        n=np.array([rate.n for rate in rates], np.int64),
        flagged=np.array([rate.flagged for rate in rates], np.int64),
        cleared=np.array([rate.cleared for rate in rates], np.int64),
        p_flagged=np.array([_or_nan(rate.p_flagged) for rate in rates]),
        p_cleared=np.array([_or_nan(rate.p_cleared) for rate in rates]),
        n_flagged=np.array([rate.n_flagged for rate in rates]),
        n_cleared=np.array([rate.n_cleared for rate in rates]),
        alike=_as_alike([rate.alike for rate in rates]),
    )


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)


def _or_nan(value: float | None) -> float:
    return nan if value is None else value
