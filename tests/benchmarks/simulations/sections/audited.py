"""A clinic that confirms the flagged by routine, and some of the missed as they come back ill.

Beside that it works through drawn lists. Does the re-check's evidence stay valid, whatever the
routine prefers, and does it come at all? Two years, 60 cases a week, 20 drawn every other week as
`edgefair outcomes next` draws them; women, men, and everybody are watched, for missed cases and
for false alarms, an alpha of .05 each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.fair_order import fair_order
from edgefair.audit.sampling import allocate, draw, strata_of
from edgefair.audit.sequential import running_log_e
from edgefair.audit.verification import verified_counts
from edgefair.records import Attribute, Group
from tests.benchmarks.simulations.figure import Figure, share_of

ALPHA: Final = 0.05
WEEKS, PER_WEEK, EVERY, BUDGET = 104, 60, 2, 20
MISSED, FALSE_ALARMS = 0.2, 0.1
GROUPS: Final = tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in "FM")

_Ints = NDArray[np.int64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """What comes, in [0, 1]; the rates are at their limits unless said otherwise."""

    prevalence: tuple[float, float] = (0.2, 0.2)
    missed_in_women: float = MISSED
    confirmed: tuple[float, float] = (0.7, 1.0)
    come_back: float = 0.0


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield how often there are alarms, false and due, by what is counted."""
    runs = max(50, repetitions // 4)
    biased = Clinic(come_back=0.3)
    for name, clinic, is_harm in (
        ("all flagged confirmed", Clinic(confirmed=(1.0, 1.0)), False),
        ("the flagged who are ill confirmed more often, missed ones come back", biased, False),
        ("the same, prevalence falls from 40 % to 5 %", replace(biased, prevalence=(0.4, 0.05)),
         False),
        ("all flagged confirmed, half missed in women from month 7",
         Clinic(confirmed=(1.0, 1.0), missed_in_women=0.5), True),
    ):  # fmt: skip
        found = [_alarms(clinic, seed * 100_000 + run) for run in range(runs)]
        bar = "" if is_harm else "at most .05"
        for place, what in enumerate(("missed cases", "false alarms")):
            said = f"{what} shown above the limit, {name}"
            hits = sum(one[0][place] for one in found)
            yield share_of(said, hits, runs, bar="" if is_harm and place else bar)
            hits = sum(one[1][place] for one in found)
            yield share_of(f"the same, counting all that is known: {what}", hits, runs)


def _alarms(clinic: Clinic, seed: int) -> tuple[list[bool], list[bool]]:
    """Return whether missed cases and false alarms were shown: as counted, and naively."""
    stream = _Stream.of(clinic, np.random.default_rng(seed))
    told: _Ints = np.concatenate(
        [stream.draw(week, seed) for week in range(EVERY, WEEKS + 1, EVERY)]
    )
    naive = np.flatnonzero(stream.known | stream.listed)
    return _shown(stream, told), _shown(stream, naive)


@dataclass(slots=True, kw_only=True)
class _Stream:
    ill: _Bools
    flagged: _Bools
    sex: _Ints
    known: _Bools
    listed: _Bools
    met: _Bools

    @classmethod
    def of(cls, clinic: Clinic, rng: np.random.Generator) -> _Stream:
        n = WEEKS * PER_WEEK
        late = np.arange(n) >= n // 4
        sex = rng.integers(0, 2, n)
        ill = rng.random(n) < np.where(late, clinic.prevalence[1], clinic.prevalence[0])
        missed = np.where(late & (sex == 0), clinic.missed_in_women, MISSED)
        flagged = rng.random(n) < np.where(ill, 1 - missed, FALSE_ALARMS)
        confirmed = flagged & (rng.random(n) < np.where(ill, *clinic.confirmed[::-1]))
        back = ill & ~flagged & (rng.random(n) < clinic.come_back)
        nobody = np.zeros(n, bool)
        return cls(ill=ill, flagged=flagged, sex=sex, known=confirmed | back, listed=nobody,
                   met=nobody.copy())  # fmt: skip

    def draw(self, week: int, seed: int) -> _Ints:
        """Return which cases become evidence by the draw of a week, in their order."""
        here = np.arange(len(self.ill)) < week * PER_WEEK
        truth = np.where(self.listed | (self.flagged & self.known), self.ill, -1)[here]
        counts = verified_counts(truth, self.flagged[here], self.sex[here], 2)
        able = here & ~self.known & ~self.listed
        frame = np.flatnonzero(here & ~self.met)
        order = fair_order(able[frame], BUDGET // 2, rng=np.random.default_rng([seed, week]))
        met = frame[order.met]
        self.listed[met[able[met]]] = True
        able &= ~self.listed
        members = [np.flatnonzero(able & (2 * self.sex + ~self.flagged == h)) for h in range(4)]
        strata = [
            replace(one, unverified=len(its))
            for one, its in zip(strata_of(counts, GROUPS, finding="it"), members, strict=True)
        ]
        more = draw(members, allocate(strata, BUDGET - BUDGET // 2), seed=seed * 1000 + week)
        self.listed[more.indices] = True
        self.met[met] = True
        return met


def _shown(stream: _Stream, cases: _Ints) -> list[bool]:
    """Return whether evidence that a rate lies above its limit was ever enough in any group."""
    ill, flagged, sex = stream.ill[cases], stream.flagged[cases], stream.sex[cases]
    enough = log(3 / ALPHA)
    shown = []
    for of_it, errors, limit in ((ill, ~flagged, MISSED), (~ill, flagged, FALSE_ALARMS)):
        streams = [errors[of_it & rows] for rows in (sex == 0, sex == 1, sex >= 0)]
        shown.append(
            any(bool((running_log_e(one, limit=limit) >= enough).any()) for one in streams)
        )
    return shown
