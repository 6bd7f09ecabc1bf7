"""One cell of the gate in one sentence, with the counts it rests on."""

from __future__ import annotations

from edgefair.compress.gate.records import SENSITIVITY, GateCell
from edgefair.records import VerdictKind

__all__ = ["cell_sentence", "condition_sentence"]


def cell_sentence(cell: GateCell, *, margin: float) -> str:
    """Return what the gate found of one rate in one group, for a reader.

    Parameters
    ----------
    cell : GateCell
    margin : float
        Largest acceptable loss.
    """
    does, which = _in_words(cell)
    where = f"In {cell.group}, {cell.comparison.after}"
    if not cell.n:
        return f"In {cell.group} there is no case {which}: nothing can be said of what was lost."
    seen = (
        f"{where} {does} {_wrong(cell.after.estimate, cell.n)} of {cell.n} cases {which}, "
        f"{cell.comparison.before} {_wrong(cell.before.estimate, cell.n)}"
    )
    return f"{seen}; {_concluded(cell, margin)}"


def condition_sentence(cell: GateCell, *, margin: float) -> str:
    """Return the same of a cell without a verdict, with what is missing."""
    said = cell_sentence(cell, margin=margin)
    if cell.labels_needed is None:
        return f"{said} No number of further cases that could be had would tell."
    return f"{said} About {cell.labels_needed} more such cases would tell."


def _in_words(cell: GateCell) -> tuple[str, str]:
    if cell.metric == SENSITIVITY:
        return "misses", f"with {cell.finding}"
    return "wrongly flags", f"without {cell.finding}"


def _wrong(rate: float, n: int) -> int:
    return n - round(rate * n)


def _concluded(cell: GateCell, margin: float) -> str:
    lower, upper, limit = 100 * cell.loss.lower, 100 * cell.loss.upper, f"{100 * margin:g}"
    if cell.verdict is VerdictKind.HARM_SHOWN:
        return f"at least {lower:.1f} points of {cell.metric} are lost, beyond {limit}: harm."
    if cell.verdict is VerdictKind.SHOWN_OK:
        return f"at most {upper:.1f} points of {cell.metric} are lost, within {limit}: ok."
    return (
        f"the loss of {cell.metric} may be anything from {lower:+.1f} to {upper:+.1f} points, on "
        f"either side of {limit}: not enough data to tell."
    )
