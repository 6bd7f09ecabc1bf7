"""Which cases to confirm next: drawn with known chances, and on record before they are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.fair_order import FairOrder
from edgefair.audit.groups import By, Grouping, Term, group_by
from edgefair.audit.sampling import AuditDraw, Objective, Stratum
from edgefair.audit.verification_state import MINIMUM_RANDOM_AUDIT
from edgefair.clinic.drawing import Frame, fair_orders, strata_in, topped_up
from edgefair.clinic.subjects import features_of
from edgefair.errors import NotEnoughData
from edgefair.ledger import KNOWN_ALREADY, Case, Draw, DrawnCase, Ledger, ScoredCases
from edgefair.records import Group

__all__ = ["DESIGN", "Asked", "Worklist", "crossed", "next_cases"]

DESIGN: Final = "edgefair-draw/2"
"""Name and version of the design's layout, as the ledger keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody has time for, and whom it is about.

    Attributes
    ----------
    budget : int
        Cases to list, at least 1.
    by : tuple of str
        Groups to draw from one by one, as `edgefair.audit.groups.By` reads them, all crossed.
    finding : str or None
        Only this one; all of the model's if None.
    seed : int or None
        Of the lots; None takes the number of earlier draws.
    beside_open : bool
        Whether to draw the whole budget beside cases that were drawn before and wait still.
    """

    budget: int
    by: tuple[str, ...] = ("sex", "age:0,18,40,60,80")
    finding: str | None = None
    seed: int | None = None
    beside_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """Cases to confirm, and what to know about them; nothing tells what the model said.

    Attributes
    ----------
    model : str
    waiting, drawn : tuple of Case
        Drawn before and not confirmed yet; drawn now. In random order within each draw, so that
        a list that is done from the top and not to its end is a fair sample still.
    notes : tuple of str
        Sentences for who asked.
    """

    model: str
    waiting: tuple[Case, ...]
    drawn: tuple[Case, ...]
    notes: tuple[str, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """All of them, those that wait first."""
        return self.waiting + self.drawn


def next_cases(path: Path, asked: Asked, *, now: datetime) -> Worklist:
    """Return the cases to confirm next; new ones are drawn, and in the ledger when this returns.

    Parameters
    ----------
    path : Path
        The ledger.
    asked : Asked
    now : datetime
        With a time zone: when they were drawn.

    Raises
    ------
    NotEnoughData
        If the model scored nothing, or not that finding.
    InputError
        If `by` cannot be read.
    LedgerError
        If the ledger cannot be read or written, or somebody draws at the same moment.
    """
    with Ledger.open(path) as ledger:
        scored = ledger.scored()
        findings = _findings(path, scored, asked.finding)
        waiting = tuple(case for case in ledger.open_draws() if case.finding in findings)
        draws = ledger.draws()
        listed = waiting if asked.beside_open else waiting[: asked.budget]
        wanted = asked.budget - (0 if asked.beside_open else len(listed))
        frame = Frame.of(scored, findings, [case for draw in draws for case in draw.cases])
        made = _draw(frame, asked, wanted, len(draws)) if wanted else None
        if made is None:
            return Worklist(
                model=scored.model,
                waiting=listed,
                drawn=(),
                notes=_notes(waiting, listed, wanted, None),
            )
        record = _as_record(made, frame, asked, now)
        ledger.record_draw(record, earlier=len(draws))
        by_key = {(case.code, case.finding): case for case in ledger.open_draws()}
    return Worklist(
        model=scored.model,
        waiting=listed,
        drawn=tuple(by_key[(one.case, one.finding)] for one in record.cases if not one.was_known),
        notes=_notes(waiting, listed, wanted, made),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    drawn: AuditDraw
    strata: tuple[Stratum, ...]
    orders: tuple[tuple[NDArray[np.int64], FairOrder], ...]
    by: tuple[str, ...]
    left_out: tuple[str, ...]
    seed: int

    @property
    def empty_handed(self) -> int:
        """How many strata have cases, and none was drawn."""
        sizes = zip(self.drawn.design.sizes, self.drawn.design.drawn, strict=True)
        return sum(size > 0 and not n for size, n in sizes)

    @property
    def met_for_nothing(self) -> int:
        """How many cases are evidence from now on that nobody has to verify for it."""
        met = [rows[order.met] for rows, order in self.orders]
        return int((~np.isin(np.concatenate(met), self.drawn.indices)).sum())

    @property
    def still_missing(self) -> tuple[tuple[Stratum, int], ...]:
        """Which cleared strata need more draws until what was missed there may be told."""
        drawn = zip(self.strata, self.drawn.design.drawn, strict=True)
        missing = (
            (one, min(MINIMUM_RANDOM_AUDIT - one.verified - n, one.unverified - n))
            for one, n in drawn
            if not one.flagged
        )
        return tuple((one, n) for one, n in missing if n > 0)


def _findings(path: Path, scored: ScoredCases, asked: str | None) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(scored.finding))
    wanted = tuple(name for name in known if asked is None or name.casefold() == asked.casefold())
    if not wanted:
        raise NotEnoughData(
            f"{path} holds no score{f' for {asked}' if asked else ''} yet.",
            hint=f"There are scores for: {', '.join(known)}."
            if known
            else f"`edgefair predict IMAGES --ledger {path}` makes some.",
        )
    return wanted


def _draw(frame: Frame, asked: Asked, wanted: int, earlier: int) -> _Made | None:
    """Return a draw from strata that are few enough; None if nothing is left to draw."""
    if not frame.can_be_drawn.any():
        return None
    seed = earlier if asked.seed is None else asked.seed
    by, grouping = _groups(frame, asked.by, wanted)
    codes = np.zeros(len(frame.flagged), np.int64) if grouping is None else grouping.codes
    groups = (Group(),) if grouping is None else grouping.groups
    strata, members = strata_in(frame, codes, groups)
    orders = fair_orders(frame, wanted, seed)
    drawn = topped_up(strata, members, [rows[order.met] for rows, order in orders], wanted, seed)
    return _Made(
        drawn=drawn,
        strata=strata,
        orders=orders,
        by=by,
        left_out=asked.by[len(by) :],
        seed=seed,
    )


def _groups(
    frame: Frame, asked: Sequence[str], wanted: int
) -> tuple[tuple[str, ...], Grouping | None]:
    """Return as many of the groupings, crossed, as leave every stratum at least one case."""
    features = features_of(frame.scored.subject)
    group_by([By.parse(text) for text in asked], features)  # what cannot be read is said at once
    able = frame.can_be_drawn
    for count in range(len(asked), 0, -1):
        by = tuple(asked[:count])
        (grouping,) = group_by([crossed(by)], features)
        codes = (frame.of_finding * len(grouping.groups) + grouping.codes) * 2 + frame.flagged
        if len(np.unique(codes[able])) <= wanted:
            return by, grouping
    return (), None


def crossed(by: Sequence[str]) -> By:
    """Return all of the groupings crossed with each other, each attribute once."""
    terms: dict[str, Term] = {}
    for term in (term for text in by for term in By.parse(text).terms):
        terms.setdefault(term.name, term)
    return By(terms=tuple(terms.values()))


def _as_record(made: _Made, frame: Frame, asked: Asked, now: datetime) -> Draw:
    """Return the draw as the ledger keeps it: each finding's order, all others in among them."""
    chance = dict(zip(made.drawn.indices.tolist(), made.drawn.strata.tolist(), strict=True))
    met = [rows[order.met].tolist() for rows, order in made.orders]
    rng = np.random.default_rng([made.seed, len(made.strata)])
    others = rng.permutation(np.setdiff1d(made.drawn.indices, [i for one in met for i in one]))
    parts = [iter(one) for one in (*met, others.tolist())]
    turns = np.repeat(np.arange(len(parts)), [*(len(one) for one in met), len(others)])
    return Draw(
        drawn_at=now.isoformat(timespec="seconds"),
        design=json.dumps(_design(made, frame, asked), sort_keys=True, ensure_ascii=False),
        cases=tuple(
            _drawn_case(made, frame, next(parts[turn]), chance, is_met=turn < len(met))
            for turn in rng.permutation(turns).tolist()
        ),
    )


def _drawn_case(
    made: _Made, frame: Frame, index: int, of_stratum: Mapping[int, int], *, is_met: bool
) -> DrawnCase:
    if index in of_stratum:
        place = of_stratum[index]
        stratum, chance = _name(made.strata[place]), made.drawn.design.probabilities[place]
    else:
        stratum = KNOWN_ALREADY
        chance = made.orders[int(frame.of_finding[index])][1].share
    return DrawnCase(
        case=frame.scored.case[index],
        finding=frame.scored.finding[index],
        stratum=stratum,
        probability=chance,
        least=chance if is_met else 0.0,
    )


def _design(made: _Made, frame: Frame, asked: Asked) -> dict[str, Any]:
    sizes, drawn = made.drawn.design.sizes, made.drawn.design.drawn
    return {
        "schema": DESIGN,
        "model": frame.scored.model,
        "bundle_digest": frame.scored.bundle_digest,
        "findings": list(frame.findings),
        "by": list(made.by),
        "asked_by": list(asked.by),
        "budget": asked.budget,
        "objective": Objective.WIDEST.value,
        "seed": made.seed,
        "evidence": [
            {"finding": finding, "frame": order.frame, "met": len(order.met)}
            for finding, (_, order) in zip(frame.findings, made.orders, strict=True)
        ],
        "strata": [
            {
                "finding": stratum.finding,
                "group": str(stratum.group),
                "flagged": stratum.flagged,
                "size": size,
                "drawn": n,
                "stand_already": stratum.verified,
            }
            for stratum, size, n in zip(made.strata, sizes, drawn, strict=True)
        ],
    }


def _name(stratum: Stratum) -> str:
    return f"{stratum.group}: {'flagged' if stratum.flagged else 'cleared'}"


def _notes(
    waiting: tuple[Case, ...], listed: tuple[Case, ...], wanted: int, made: _Made | None
) -> tuple[str, ...]:
    drawn = 0 if made is None else len(made.drawn.indices)
    later = len(waiting) - len(listed)
    notes = (
        (listed, f"{_cases(len(listed))} drawn before and not confirmed yet: first in the list."),
        (later, f"{later:,} more wait beyond the budget."),
        (made, f"{_cases(drawn)} drawn now, and on record."),
        (made and made.by, f"Drawn by lot in every group of {_by(made)}." if made else ""),
        (
            made and made.left_out,
            f"Too few to draw from every group of {_left_out(made)} too: a larger budget would."
            if made
            else "",
        ),
        (
            made and made.empty_handed,
            "The budget is too small to give every case a chance: confirm more at a time, or the "
            "rates cannot be carried over to everybody."
            if made
            else "",
        ),
        (
            made and made.met_for_nothing,
            f"Drawn beside them, though known already: {_cases(made.met_for_nothing)}. They count "
            "in the re-check too, as the others are confirmed."
            if made
            else "",
        ),
        (
            made and made.still_missing,
            f"After these, until the audit may say whom the model misses: {_missing(made)}."
            if made
            else "",
        ),
        (
            drawn < wanted,
            "There are no more cases to draw: all others are confirmed, or in a list already.",
        ),
    )
    return tuple(note for applies, note in notes if applies)


def _cases(n: int) -> str:
    return f"{n:,} case{'' if n == 1 else 's'}"


def _missing(made: _Made) -> str:
    several = len({one.finding for one in made.strata}) > 1
    said = (
        f"{f'{one.finding}, ' if several else ''}{one.group} {n:,} more"
        for one, n in made.still_missing
    )
    return "; ".join(said)


def _by(made: _Made) -> str:
    return str(crossed(made.by))


def _left_out(made: _Made) -> str:
    return " and ".join(str(By.parse(text)) for text in made.left_out)
