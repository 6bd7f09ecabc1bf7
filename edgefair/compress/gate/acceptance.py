"""Who may pass the gate: nobody with a shown harm, and conditions only in somebody's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edgefair.compress.gate.records import AcceptedConditions, GateCell, GateResult
from edgefair.compress.gate.sentences import cell_sentence
from edgefair.errors import GateFailed, InputError

__all__ = ["accept", "parse_acceptance", "require_passed"]

_FEWEST_WORDS: Final = 3
_FORM: Final = (
    'Write "NAME: REASON", e.g. "Dr. A. Okafor: no child is examined here, and labels of women '
    'over 80 are being collected".'
)


def parse_acceptance(text: str) -> AcceptedConditions:
    """Return who accepts the conditions of a gate, and why.

    Parameters
    ----------
    text : str
        ``NAME: REASON``.

    Raises
    ------
    InputError
        If there is no name, or a reason of fewer than three words.

    Examples
    --------
    >>> parse_acceptance("A. Okafor: no child is examined here").by
    'A. Okafor'
    """
    name, colon, reason = (part.strip() for part in text.partition(":"))
    if not colon or not any(letter.isalpha() for letter in name):
        raise InputError("Conditions can only be accepted by a named person.", hint=_FORM)
    if len(reason.split()) < _FEWEST_WORDS:
        raise InputError(
            f"{name} gives no reason for accepting the conditions that somebody else could judge.",
            hint=_FORM,
        )
    return AcceptedConditions(by=" ".join(name.split()), reason=" ".join(reason.split()))


def accept(result: GateResult, accepted: AcceptedConditions | None) -> GateResult:
    """Return the result with somebody's acceptance; without conditions there is nothing to accept.

    Parameters
    ----------
    result : GateResult
    accepted : AcceptedConditions or None
    """
    return replace(result, accepted=accepted if result.conditions else None)


def require_passed(result: GateResult) -> None:
    """Return only if the bundle may be released.

    Raises
    ------
    GateFailed
        If harm is shown anywhere, or conditions are outstanding that nobody accepted; the
        message names the worst group with its figures.
    """
    if result.failures:
        worst = max(result.failures, key=lambda cell: cell.loss.estimate)
        others = len(result.failures) - 1
        more = f" So it is in {others} more." if others else ""
        raise GateFailed(
            f"Compression harms a group. {cell_sentence(worst, margin=result.margin)}{more}",
            hint="No bundle is written and nobody can accept this. Train or quantise with that "
            "group in mind (training.groups, quantization.candidates), then try again.",
        )
    if not result.passed:
        first = _largest(result)
        count = len(result.conditions)
        raise GateFailed(
            f"The gate cannot say for {count} of {_binding(result)} comparisons whether "
            f"compression did harm. {cell_sentence(first, margin=result.margin)}",
            hint="Add labelled cases to the test split, or let a named person answer for it: "
            '--accept-conditions "NAME: REASON".',
        )


def _binding(result: GateResult) -> int:
    return sum(cell.comparison.is_binding for cell in result.cells)


def _largest(result: GateResult) -> GateCell:
    """Return the open cell whose loss may be largest."""
    conditions = {(c.comparison, c.finding, c.group, c.metric) for c in result.conditions}
    still_open = [
        cell
        for cell in result.cells
        if (cell.comparison, cell.finding, cell.group, cell.metric) in conditions
    ]
    # an empty group says nothing at all, and a group with cases says what may have been lost
    return max(still_open, key=lambda cell: (cell.n > 0, cell.loss.upper))
