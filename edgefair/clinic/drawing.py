"""The stream that cases to confirm are drawn from: half from all alike, half where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.fair_order import FairOrder, fair_order
from edgefair.audit.sampling import (
    AuditDraw,
    Design,
    Objective,
    Stratum,
    allocate,
    draw,
    strata_of,
)
from edgefair.audit.verification import verified_counts
from edgefair.audit.verification_state import is_representative
from edgefair.ledger import DrawnCase, ScoredCases
from edgefair.records import Decision, Group, VerifiedBecause

__all__ = ["Frame", "fair_orders", "strata_in", "topped_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The stream as the sampler needs it, each array of shape (n,).

    `waits` are the cases that were drawn to be verified before, `counted` those that are evidence
    of error rates already: met by an earlier draw, or picked by lots of the site's own.
    """

    scored: ScoredCases
    findings: tuple[str, ...]
    of_finding: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    truth: NDArray[np.int64]
    waits: NDArray[np.bool_]
    counted: NDArray[np.bool_]

    @classmethod
    def of(
        cls, scored: ScoredCases, findings: tuple[str, ...], drawn: Sequence[DrawnCase]
    ) -> Frame:
        """Return the stream of some findings; `drawn` are all cases of earlier draws."""
        number = {name: i for i, name in enumerate(findings)}
        listed = {(one.case, one.finding) for one in drawn if not one.was_known}
        met = {(one.case, one.finding) for one in drawn if one.least > 0}
        keys = list(zip(scored.case, scored.finding, strict=True))
        waits = np.array([key in listed for key in keys], bool)
        by_own_lots = [why is VerifiedBecause.RANDOM_AUDIT for why in scored.verified_because]
        return cls(
            scored=scored,
            findings=findings,
            of_finding=np.array([number.get(name, -1) for name in scored.finding], np.int64),
            flagged=np.array([one is not Decision.NEGATIVE for one in scored.y_pred], bool),
            truth=np.array([-1 if one is None else one for one in scored.y_true], np.int64),
            waits=waits,
            counted=np.array([key in met for key in keys], bool)
            | (np.array(by_own_lots, bool) & ~waits),
        )

    @property
    def can_be_drawn(self) -> NDArray[np.bool_]:
        """Which cases nobody knows, nor is about to."""
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


def strata_in(
    frame: Frame, codes: NDArray[np.int64], groups: Sequence[Group]
) -> tuple[tuple[Stratum, ...], list[NDArray[np.int64]]]:
    """Return the strata of all findings, and which cases can be drawn from each."""
    strata: list[Stratum] = []
    members: list[NDArray[np.int64]] = []
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
    return tuple(strata), members


def fair_orders(
    frame: Frame, wanted: int, seed: int
) -> tuple[tuple[NDArray[np.int64], FairOrder], ...]:
    """Return for each finding the cases that were no evidence before, and which are now.

    Half of the draw goes to these, whoever they are, so that the re-check hears of every kind of
    case as often as there are of it.
    """
    rng, findings = np.random.default_rng([seed, wanted, 1]), len(frame.findings)
    half, able = wanted - wanted // 2, frame.can_be_drawn
    parts = [half // findings + (number < half % findings) for number in range(findings)]
    if wanted >= able.sum():  # all of them
        parts = [wanted] * findings
    orders = []
    for number, part in enumerate(parts):
        rows = np.flatnonzero((frame.of_finding == number) & ~frame.counted)
        orders.append((rows, fair_order(able[rows], part, rng=rng)))
    return tuple(orders)


def topped_up(
    strata: Sequence[Stratum],
    members: Sequence[NDArray[np.int64]],
    met: Sequence[NDArray[np.int64]],
    wanted: int,
    seed: int,
) -> AuditDraw:
    """Return those that were met and have to be verified, and more where rates are least sure."""
    everybody_met = np.concatenate(met)
    taken = [its[np.isin(its, everybody_met)] for its in members]
    left = [np.setdiff1d(its, chosen) for its, chosen in zip(members, taken, strict=True)]
    rest = [
        replace(one, unverified=len(its), verified=one.verified + len(chosen))
        for one, its, chosen in zip(strata, left, taken, strict=True)
    ]
    more = draw(
        left,
        allocate(rest, wanted - sum(map(len, taken)), objective=Objective.WIDEST),
        seed=seed,
    )
    of_stratum = np.concatenate([np.repeat(np.arange(len(taken)), [len(t) for t in taken]),
                                 more.strata])  # fmt: skip
    design = Design(
        sizes=tuple(len(its) for its in members),
        drawn=tuple(np.bincount(of_stratum, minlength=len(taken)).tolist()),
        seed=seed,
    )
    return AuditDraw(
        indices=np.concatenate([*taken, more.indices]),
        strata=of_stratum,
        probability=np.array(design.probabilities)[of_stratum],
        design=design,
    )
