"""What corrected rates are made of, as plain records, and the rates made of them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.adjusted import Adjusted
from edgefair.audit.corrected_prevalence import CorrectedPrevalence
from edgefair.audit.corrected_rates import CorrectedRates
from edgefair.audit.estimates import Estimates
from edgefair.audit.rates import DECISION_RATES
from edgefair.audit.verification_state import VerificationState

__all__ = ["CorrectedGroup", "CorrectedRate", "adjusted_of", "corrected_groups"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedGroup:
    """What one group's rates were corrected with.

    Attributes
    ----------
    rates : tuple of CorrectedRate
        One for each of `DECISION_RATES`.
    state : VerificationState
        Whether sensitivity may be shown.
    """

    rates: tuple[CorrectedRate, ...]
    state: VerificationState


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
            rates=tuple(_rate(rates[metric], row) for metric in DECISION_RATES), state=state
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
    )


def _rates(groups: Sequence[CorrectedGroup], verified: NDArray[np.int64]) -> dict[str, Estimates]:
    rates: dict[str, Estimates] = {
        metric: _joined([one.rates[place] for one in groups])
        for place, metric in enumerate(DECISION_RATES)
    }
    rates["prevalence"] = CorrectedPrevalence.of(rates["npv"], verified)
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
    )


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)


def _or_nan(value: float | None) -> float:
    return nan if value is None else value
