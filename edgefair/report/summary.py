"""The whole audit in a few sentences, the verdict first.

The words follow three rules: harm that was shown comes before everything; what was not shown is
never called fair; and a group that cannot be judged is counted, not passed over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from edgefair.records import VerdictKind
from edgefair.report.words import capitalised, in_sentence, metric_words, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgefair.records import AuditResult, Cell

__all__ = ["Headline", "findings", "headline", "judged_cells", "unit_of"]

_NAMED_IN_A_SENTENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a reader in a hurry takes away.

    Attributes
    ----------
    kind : VerdictKind
        The gravest verdict of all that matters: harm, else missing data, else shown ok.
    sentence : str
        The verdict in words.
    further : tuple of str
        What else must be known at once, one sentence each.
    """

    kind: VerdictKind
    sentence: str
    further: tuple[str, ...]


def judged_cells(result: AuditResult) -> tuple[Cell, ...]:
    """Return the cells that carry a verdict, in the order the groups were asked for."""
    return tuple(cell for cell in result.by_group if cell.verdict)


def findings(result: AuditResult) -> tuple[str, ...]:
    """Return the findings audited, each once, in their order."""
    return tuple(dict.fromkeys(cell.finding for cell in (*result.overall, *result.by_group)))


def _tally(cells: Sequence[Cell]) -> Counter[VerdictKind]:
    """Return how many of the cells ended in each verdict; a verdict not met counts 0."""
    return Counter(cell.verdict.kind for cell in cells if cell.verdict)


def headline(result: AuditResult) -> Headline:
    """Return the verdict over all cells in words.

    Parameters
    ----------
    result : AuditResult

    Returns
    -------
    Headline
        Harm with the group it is worst for; or that none was shown, and how many groups could
        not be judged. Never that the model is fair.
    """
    cells = judged_cells(result)
    if not cells:
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence="Nothing could be judged: the data hold no group to compare.",
            further=(),
        )
    harmed = [c for c in cells if c.verdict and c.verdict.kind is VerdictKind.HARM_SHOWN]
    return _harm(harmed, cells) if harmed else _no_harm(cells)


def _harm(harmed: Sequence[Cell], cells: Sequence[Cell]) -> Headline:
    """Return the headline where harm was shown: for whom, and how bad where it is surest."""
    said = []
    for finding in dict.fromkeys(cell.finding for cell in harmed):
        surest, *others = sorted(
            (cell for cell in harmed if cell.finding == finding), key=_least_certain
        )
        said.append(
            f"{capitalised(in_sentence(finding))}: harm is shown for {_named([surest, *others])}."
        )
        which = f"surest for {in_sentence(str(surest.group))}: " if others else ""
        said.append(capitalised(which + _how_bad(surest)))
    if len(harmed) == 1:
        said = [" ".join(said)]
    return Headline(
        kind=VerdictKind.HARM_SHOWN,
        sentence=said[0],
        further=(*said[1:], *_rest_of_tally(_tally(cells), unit_of(cells), further=True)),
    )


def _no_harm(cells: Sequence[Cell]) -> Headline:
    """Return the headline where none was shown: what is missing, or what was shown instead."""
    counted, total, unit = _tally(cells), len(cells), unit_of(cells)
    missing = counted[VerdictKind.NOT_ENOUGH_DATA]
    if missing == total:
        which = f"any of the {total} {unit}s" if total > 1 else f"the one {unit}"
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence=f"There is not enough data yet to say anything about {which}.",
            further=("This is not a sign that the model works equally well for all.",),
        )
    if missing:
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence=(
                f"No harm was shown, but for {missing} of {total} {unit}s there is not enough "
                "data yet."
            ),
            further=_rest_of_tally(counted, unit, further=False)[1:],
        )
    which = f"in all {total} {unit}s" if total > 1 else f"in the one {unit}"
    return Headline(
        kind=VerdictKind.SHOWN_OK,
        sentence=f"No harm was shown: {which} the error was shown to stay within the limit.",
        further=(f"This holds for the {unit}s below, this data and this limit, and no further.",),
    )


def _rest_of_tally(counted: Counter[VerdictKind], unit: str, *, further: bool) -> tuple[str, ...]:
    """Return one sentence for each verdict other than harm: missing data first."""
    more = "further " if further else ""

    def of(count: int) -> str:
        return f"{count} {more}{unit}{'' if count == 1 else 's'}"

    missing, ok = counted[VerdictKind.NOT_ENOUGH_DATA], counted[VerdictKind.SHOWN_OK]
    sentences = []
    if missing:
        sentences.append(f"For {of(missing)} there is not enough data yet.")
    if ok:
        sentences.append(f"For {of(ok)} the error was shown to stay within the limit.")
    return tuple(sentences)


def unit_of(cells: Sequence[Cell]) -> str:
    """Return what is counted: group, or check where a group is judged more than once."""
    return "group" if len({cell.group for cell in cells}) == len(cells) else "check"


def _named(cells: Sequence[Cell]) -> str:
    """Return the groups of the cells as a phrase, at most three by name."""
    names = [in_sentence(str(group)) for group in dict.fromkeys(cell.group for cell in cells)]
    if len(names) == 1:
        return names[0]
    shown, more = names[:_NAMED_IN_A_SENTENCE], len(names) - _NAMED_IN_A_SENTENCE
    listed = "; ".join(shown) if more <= 0 else f"{'; '.join(shown)}; and {more} more"
    return f"{len(names)} groups ({listed})"


def _how_bad(cell: Cell) -> str:
    """Return the group's rate beside that of the others, in cases of a hundred."""
    words = metric_words(cell.metric)
    if not words.among:
        value, rest = (share(x.estimate, cell.metric) for x in (cell.value, cell.rest))
        return f"{words.title}: {value}; in all others {rest}."
    in_group, in_rest = (f"{100 * x.estimate:.0f}" for x in (cell.value, cell.rest))
    said = f"of 100 {words.among}, the model {words.happening} {in_group}"
    if not cell.rest.is_estimable:
        return f"{said}."
    return f"{said}; of 100 others {words.among}, {in_rest}."


def _least_certain(cell: Cell) -> float:
    """Return a key that sorts the surest harm first: by the least the difference may be."""
    lower = cell.difference.lower
    return 0.0 if isnan(lower) else -lower
