"""The whole audit in a few sentences, the verdict first.

The words follow three rules: harm that was shown comes before everything; what was not shown is
never called fair; and a group that cannot be judged is counted, not passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING

from edgefair.records import VerdictKind
from edgefair.report.words import capitalised, in_sentence, metric_words, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgefair.records import AuditResult, Cell

__all__ = ["Headline", "findings", "headline", "judged_cells"]

_NAMED_IN_A_SENTENCE = 3
_TALLY_WORDS = (
    (VerdictKind.HARM_SHOWN, "harm shown"),
    (VerdictKind.NOT_ENOUGH_DATA, "not enough data"),
    (VerdictKind.SHOWN_OK, "shown ok"),
)


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


def headline(result: AuditResult) -> Headline:
    """Return the verdict over all cells in words.

    Parameters
    ----------
    result : AuditResult

    Returns
    -------
    Headline
        Harm with the group it is surest for; or that none was shown, and for how many groups
        that rests on too little data. Never that the model is fair.
    """
    cells = judged_cells(result)
    if not cells:
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence="Nothing could be judged: the data hold no group and decision to compare.",
            further=(),
        )
    harmed = _of_kind(cells, VerdictKind.HARM_SHOWN)
    said = _harm(harmed, cells) if harmed else _no_harm(cells)
    refused, groups = len({c.group for c in cells if c.refused}), len({c.group for c in cells})
    if not refused:
        return said
    return replace(
        said,
        further=(
            *said.further,
            f"For {refused} of {groups} groups rates are refused: too few of the cases that the "
            "model cleared were drawn by lot and verified. `edgefair outcomes next` draws them.",
        ),
    )


def _of_kind(cells: Sequence[Cell], kind: VerdictKind) -> list[Cell]:
    return [cell for cell in cells if cell.verdict and cell.verdict.kind is kind]


def _by_check(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Yield the cells of each finding and metric, in the order in which they first occur."""
    for finding, metric in dict.fromkeys((cell.finding, cell.metric) for cell in cells):
        yield [cell for cell in cells if (cell.finding, cell.metric) == (finding, metric)]


def _harm(harmed: Sequence[Cell], cells: Sequence[Cell]) -> Headline:
    """Return the headline where harm was shown: for whom, and how bad where it is surest."""
    said = []
    for checked in _by_check(harmed):
        surest, *others = sorted(checked, key=_least_certain)
        shown = (
            f"{capitalised(in_sentence(surest.finding))}: harm by "
            f"{metric_words(surest.metric).errors} is shown for {_named([surest, *others])}."
        )
        which = f"surest for {in_sentence(str(surest.group))}: " if others else ""
        said.append((shown, capitalised(which + _how_bad(surest))))
    (shown, how_bad), *more = said
    further = [f"{also_shown} {also_bad}" for also_shown, also_bad in more]
    if len(harmed) == 1:
        shown = f"{shown} {how_bad}"
    else:
        further.insert(0, how_bad)
    return Headline(
        kind=VerdictKind.HARM_SHOWN, sentence=shown, further=(*further, *_tallies(cells))
    )


def _no_harm(cells: Sequence[Cell]) -> Headline:
    """Return the headline where none was shown: what is missing, or what was shown instead."""
    open_cells = _of_kind(cells, VerdictKind.NOT_ENOUGH_DATA)
    total, missing = (len({c.group for c in some}) for some in (cells, open_cells))
    if len(open_cells) == len(cells):
        which = f"any of the {total} groups" if total > 1 else "the one group"
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence=f"There is not enough data yet to say anything about {which}.",
            further=("This is not a sign that the model works equally well for all.",),
        )
    if open_cells:
        which = f"{missing} of {total} groups" if total > 1 else "the one group"
        return Headline(
            kind=VerdictKind.NOT_ENOUGH_DATA,
            sentence=f"No harm was shown, but for {which} there is not enough data yet.",
            further=_tallies(cells),
        )
    which = f"in all {total} groups" if total > 1 else "in the one group"
    return Headline(
        kind=VerdictKind.SHOWN_OK,
        sentence=f"No harm was shown: {which} the errors were shown to stay within the limit.",
        further=("This holds for these groups, this data and this limit, and no further.",),
    )


def _tallies(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return for each finding and metric how many groups ended in each verdict."""
    several = len({cell.finding for cell in cells}) > 1
    sentences = []
    for checked in _by_check(cells):
        spoken = metric_words(checked[0].metric).errors
        name = f"{in_sentence(checked[0].finding)}, {spoken}" if several else spoken
        counted = [
            f"{word} for {count}"
            for kind, word in _TALLY_WORDS
            if (count := len(_of_kind(checked, kind)))
        ]
        counted[0] += " group" if counted[0].endswith(" 1") else " groups"
        sentences.append(capitalised(f"{name}: {', '.join(counted)}."))
    return tuple(sentences)


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
