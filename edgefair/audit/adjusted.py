"""Rates that are no plain shares of the verified: corrected, refused, or in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Final

from edgefair.audit.estimates import Estimates
from edgefair.audit.mixed_rates import MixedRates
from edgefair.audit.verification_state import VerificationState
from edgefair.audit.wording import refused_sentence, sentence_of_corrected
from edgefair.records import Cell, Interval, Refusal, Verdict, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Adjusted", "as_mixed", "marked"]

_NEEDS_CLEARED: Final = frozenset(
    (
        "sensitivity",
        "false_negative_rate",
        "specificity",
        "false_positive_rate",
        "npv",
        "prevalence",
        "auroc",
    )
)
"""Metrics that need the truth of cases that the model cleared; ppv does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """What stands for the plain rates of the k groups of one grouping, and of their rests.

    Attributes
    ----------
    value, rest : mapping of str to Estimates
        By metric; nan where refused.
    states, states_of_rest : tuple of VerificationState, length k
        Whether sensitivity may be shown; both empty where every case counts as verified.
    """

    value: Mapping[str, Estimates]
    rest: Mapping[str, Estimates]
    states: tuple[VerificationState, ...] = ()
    states_of_rest: tuple[VerificationState, ...] = ()


def as_mixed(
    rates: Estimates, adjusted: Mapping[str, Estimates] | None, metric: str
) -> MixedRates:
    """Return a metric's rates fit to be joined with those of others: adjusted where they are."""
    return MixedRates(((adjusted or {}).get(metric, rates),))


def marked(
    cells: Sequence[Cell], naive: Sequence[Interval], adjusted: Adjusted, *, margin: float
) -> list[Cell]:
    """Return the cells of one metric in k groups with what was done to them.

    Parameters
    ----------
    cells : sequence of Cell, length k
        Of the adjusted rates.
    naive : sequence of Interval, length k
        Of the verified cases alone.
    adjusted : Adjusted
        With states.
    margin : float
        Largest acceptable difference, for the sentences.
    """
    return [
        _marked(cell, plain, state, state_of_rest, margin)
        for cell, plain, state, state_of_rest in zip(
            cells, naive, adjusted.states, adjusted.states_of_rest, strict=True
        )
    ]


def _marked(
    cell: Cell,
    naive: Interval,
    state: VerificationState,
    state_of_rest: VerificationState,
    margin: float,
) -> Cell:
    if cell.metric not in _NEEDS_CLEARED:
        return replace(cell, naive=naive)
    if not state.allowed:
        return _without_numbers(replace(cell, naive=naive), _refusal(state))
    verdict = cell.verdict
    if verdict and not state_of_rest.allowed:
        verdict = replace(
            _open(cell, verdict, _refusal(state_of_rest)), labels_of="ai_negatives_of_others"
        )
    elif verdict:
        verdict = replace(
            verdict, sentence=sentence_of_corrected(cell, verdict.kind, margin=margin)
        )
    return replace(cell, naive=naive, verdict=verdict)


def _without_numbers(cell: Cell, refusal: Refusal) -> Cell:
    level, n = cell.value.level, cell.value.n
    nothing = Interval.vacuous(level=level, n=n)
    apart = Interval.vacuous(level=cell.difference.level, n=n, lower=-1.0)
    return replace(
        cell,
        value=nothing,
        difference=apart,
        rest=Interval.vacuous(level=level, n=cell.rest.n),
        p_value=nan,
        refused=refusal,
        verdict=cell.verdict and _open(cell, cell.verdict, refusal),
        independent=None,
    )


def _open(cell: Cell, verdict: Verdict, refusal: Refusal) -> Verdict:
    return replace(
        verdict,
        kind=VerdictKind.NOT_ENOUGH_DATA,
        sentence=refused_sentence(cell, refusal),
        labels_needed=refusal.missing,
        labels_of="ai_negatives",
    )


def _refusal(state: VerificationState) -> Refusal:
    return Refusal(why=state.why, instead=state.instead, missing=state.missing)
