"""Which cases to confirm next: drawn with known chances, and on record before they are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isnan, nan
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import By, Grouping, Term, group_by
from edgefair.audit.sampling import AuditDraw, Objective, Stratum, allocate, draw, strata_of
from edgefair.audit.verification import verified_counts
from edgefair.audit.verification_state import MINIMUM_RANDOM_AUDIT, is_representative
from edgefair.clinic.subjects import features_of
from edgefair.errors import NotEnoughData
from edgefair.ledger import Case, Draw, DrawnCase, Ledger, ScoredCases
from edgefair.records import Decision, Group

__all__ = ["DESIGN", "Asked", "Worklist", "crossed", "next_cases"]

DESIGN: Final = "edgefair-draw/1"
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
        earlier = len(ledger.draws())
        listed = waiting if asked.beside_open else waiting[: asked.budget]
        wanted = asked.budget - (0 if asked.beside_open else len(listed))
        frame = _Frame.of(scored, findings, {(case.case, case.finding) for case in _drawn(ledger)})
        made = _draw(frame, asked, wanted, earlier) if wanted else None
        if made is None:
            return Worklist(
                model=scored.model,
                waiting=listed,
                drawn=(),
                notes=_notes(waiting, listed, wanted, None),
            )
        record = _as_record(made, frame, asked, now)
        ledger.record_draw(record, earlier=earlier)
        by_key = {(case.code, case.finding): case for case in ledger.open_draws()}
    return Worklist(
        model=scored.model,
        waiting=listed,
        drawn=tuple(by_key[(one.case, one.finding)] for one in record.cases),
        notes=_notes(waiting, listed, wanted, made),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The stream as the sampler needs it, each array of shape (n,)."""

    scored: ScoredCases
    findings: tuple[str, ...]
    of_finding: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    truth: NDArray[np.int64]
    waits: NDArray[np.bool_]

    @classmethod
    def of(
        cls, scored: ScoredCases, findings: tuple[str, ...], drawn: set[tuple[str, str]]
    ) -> _Frame:
        """Return the stream, with the pairs of a case and a finding that were drawn before."""
        number = {name: i for i, name in enumerate(findings)}
        was_drawn = np.array(
            [key in drawn for key in zip(scored.case, scored.finding, strict=True)], bool
        )
        return cls(
            scored=scored,
            findings=findings,
            of_finding=np.array([number.get(name, -1) for name in scored.finding], np.int64),
            flagged=np.array([one is not Decision.NEGATIVE for one in scored.y_pred], bool),
            truth=np.array([-1 if one is None else one for one in scored.y_true], np.int64),
            waits=was_drawn,
        )

    @property
    def can_be_drawn(self) -> NDArray[np.bool_]:
        """Cases of a finding in question whose truth nobody knows or was asked for."""
        return (self.of_finding >= 0) & (self.truth < 0) & ~self.waits

    def telling(self) -> NDArray[np.int64]:
        """Return the truth where it stands for others too, else -1."""
        stands = [
            because is not None and is_representative(because, flagged=flagged)
            for because, flagged in zip(
                self.scored.verified_because, self.flagged.tolist(), strict=True
            )
        ]
        return np.where(np.array(stands, bool) | self.waits, self.truth, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    drawn: AuditDraw
    strata: tuple[Stratum, ...]
    open_shares: tuple[float, ...]
    by: tuple[str, ...]
    left_out: tuple[str, ...]
    seed: int

    @property
    def empty_handed(self) -> int:
        """How many strata have cases, and none was drawn."""
        sizes = zip(self.drawn.design.sizes, self.drawn.design.drawn, strict=True)
        return sum(size > 0 and not n for size, n in sizes)

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


def _drawn(ledger: Ledger) -> list[DrawnCase]:
    return [case for draw in ledger.draws() for case in draw.cases]


def _draw(frame: _Frame, asked: Asked, wanted: int, earlier: int) -> _Made | None:
    """Return a draw from strata that are few enough; None if nothing is left to draw."""
    if not frame.can_be_drawn.any():
        return None
    seed = earlier if asked.seed is None else asked.seed
    by, grouping = _groups(frame, asked.by, wanted)
    strata, members, open_shares = _strata(frame, grouping)
    drawn = draw(members, allocate(strata, wanted, objective=Objective.WIDEST), seed=seed)
    return _Made(
        drawn=drawn,
        strata=strata,
        open_shares=open_shares,
        by=by,
        left_out=asked.by[len(by) :],
        seed=seed,
    )


def _groups(
    frame: _Frame, asked: Sequence[str], wanted: int
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


def _strata(
    frame: _Frame, grouping: Grouping | None
) -> tuple[tuple[Stratum, ...], list[NDArray[np.int64]], tuple[float, ...]]:
    """Return the strata of all findings, which cases can be drawn from each, and their share.

    The share of a stratum is 0 if any of its cases is known without having been drawn, and nan
    if it has none.
    """
    everybody = np.zeros(len(frame.flagged), np.int64)
    codes = everybody if grouping is None else grouping.codes
    groups = (Group(),) if grouping is None else grouping.groups
    strata: list[Stratum] = []
    members: list[NDArray[np.int64]] = []
    open_shares: list[float] = []
    chosen = (frame.truth >= 0) & ~frame.waits
    telling, able = frame.telling(), frame.can_be_drawn
    for number, finding in enumerate(frame.findings):
        rows = frame.of_finding == number
        counts = verified_counts(telling[rows], frame.flagged[rows], codes[rows], len(groups))
        for place, one in enumerate(strata_of(counts, groups, finding=finding)):
            here = rows & (codes == place // 2) & (frame.flagged == one.flagged)
            its = np.flatnonzero(here & able)
            stands = int((here & ((telling >= 0) | (frame.waits & (frame.truth < 0)))).sum())
            strata.append(replace(one, unverified=len(its), verified=stands))
            members.append(its)
            share = len(its) / here.sum() if here.any() else nan
            open_shares.append(0.0 if (here & chosen).any() else share)
    return tuple(strata), members, tuple(open_shares)


def _least(made: _Made) -> list[float]:
    """Return for each stratum the chance that leaves all cases of a finding as likely to be in.

    A case was not drawn before with about the chance that is the share of its stratum still to be
    drawn from, so that this share times its chance now is what it is in by. The smallest of these
    products over all strata, groups and decisions alike, can be had in each by a second lot. It is
    0 where some cases could not be drawn: those known for a reason of their own, or a stratum
    without any draw. Then nothing makes the drawn ones stand for all without weights.
    """
    parts = list(zip(made.strata, made.drawn.design.probabilities, made.open_shares, strict=True))
    common = {
        finding: min(
            share * p for one, p, share in parts if one.finding == finding and not isnan(share)
        )
        for finding in {one.finding for one in made.strata}
    }
    return [min(p, common[one.finding] / share) if share > 0 else 0.0 for one, p, share in parts]


def _as_record(made: _Made, frame: _Frame, asked: Asked, now: datetime) -> Draw:
    """Return the draw as the ledger keeps it, its cases in random order."""
    chance = made.drawn.design.probabilities
    least = _least(made)
    scored, cases = frame.scored, []
    order = np.random.default_rng([made.seed, len(made.strata)]).permutation(
        len(made.drawn.indices)
    )
    for place in order.tolist():
        index, of_stratum = int(made.drawn.indices[place]), int(made.drawn.strata[place])
        stratum = made.strata[of_stratum]
        cases.append(
            DrawnCase(
                case=scored.case[index],
                finding=scored.finding[index],
                stratum=_name(stratum),
                probability=chance[of_stratum],
                least=least[of_stratum],
            )
        )
    return Draw(
        drawn_at=now.isoformat(timespec="seconds"),
        design=json.dumps(_design(made, frame, asked), sort_keys=True, ensure_ascii=False),
        cases=tuple(cases),
    )


def _design(made: _Made, frame: _Frame, asked: Asked) -> dict[str, Any]:
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
