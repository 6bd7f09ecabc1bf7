"""A clinic that works through drawn lists, week by week: are its corrected rates right?

Four groups of unequal size, the smallest missed most. The flagged get confirmed because they are,
some of the missed because they look ill; beside that, so many cases a week are drawn as
`edgefair outcomes next` draws them, each draw from what was seen until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.fair_order import fair_order
from edgefair.audit.groups import Grouping
from edgefair.audit.partly_verified import REASONS, PartlyVerified
from edgefair.audit.sampling import allocate, draw, strata_of
from edgefair.audit.verification import verified_counts
from edgefair.records import Attribute, Group, VerifiedBecause
from tests.benchmarks.simulations.figure import Figure, mean_of, share_of

CASES: Final = 3000
SHARES: Final = (0.4, 0.4, 0.15, 0.05)
MISSED: Final = (0.10, 0.15, 0.20, 0.40)
GROUPS: Final = tuple(
    Group(attributes=(Attribute(name="group", value=f"{share:.0%}"),)) for share in SHARES
)
AI_POSITIVE, CLINICAL, RANDOM_AUDIT = (
    REASONS.index(reason)
    for reason in (
        VerifiedBecause.AI_POSITIVE,
        VerifiedBecause.CLINICAL,
        VerifiedBecause.RANDOM_AUDIT,
    )
)

_Ints = NDArray[np.int64]


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield coverage and bias after lists of 20 a week for half a year, and for a year."""
    runs = max(20, repetitions // 8)
    for weeks in (25, 50):
        clinics = [Clinic.of(seed * 100_000 + run) for run in range(runs)]
        yield from _after(weeks, [clinic.after(weeks, 20) for clinic in clinics])


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """The whole truth of one stream; arrays of shape (CASES,)."""

    group: _Ints
    truth: _Ints
    flagged: NDArray[np.bool_]
    because: _Ints
    seed: int

    @classmethod
    def of(cls, seed: int) -> Clinic:
        rng = np.random.default_rng(seed)
        group = rng.choice(len(SHARES), CASES, p=SHARES)
        truth = (rng.random(CASES) < 0.15).astype(np.int64)
        missed = rng.random(CASES) < np.array(MISSED)[group]
        flagged = np.where(truth == 1, ~missed, rng.random(CASES) < 0.1)
        ill = ~flagged & (truth == 1) & (rng.random(CASES) < 0.1)
        because = np.where(flagged & (rng.random(CASES) < 0.8), AI_POSITIVE, -1)
        return cls(
            group=group,
            truth=truth,
            flagged=flagged,
            because=np.where(ill, CLINICAL, because),
            seed=seed,
        )

    def after(self, weeks: int, budget: int) -> PartlyVerified:
        """Return what is verified after so many lists."""
        because, met = self.because.copy(), np.zeros(CASES, bool)
        for week in range(weeks):
            frame = np.flatnonzero(~met)
            rng = np.random.default_rng([self.seed, week])
            alike = frame[fair_order((because < 0)[frame], budget // 2, rng=rng).met]
            met[alike] = True
            because[alike[because[alike] < 0]] = RANDOM_AUDIT
            known = because >= 0
            stands = (because == RANDOM_AUDIT) | (because == AI_POSITIVE)
            counts = verified_counts(
                np.where(stands, self.truth, -1), self.flagged, self.group, len(GROUPS)
            )
            strata, members = [], []
            for place, one in enumerate(strata_of(counts, GROUPS, finding="it")):
                here = (self.group == place // 2) & (self.flagged == one.flagged)
                members.append(np.flatnonzero(here & ~known))
                verified = int((here & stands).sum())
                strata.append(replace(one, unverified=len(members[-1]), verified=verified))
            further = allocate(strata, budget - budget // 2)
            drawn = draw(members, further, seed=self.seed * 100 + week)
            because[drawn.indices] = RANDOM_AUDIT
        return PartlyVerified(
            y_true=np.where(because >= 0, self.truth, -1),
            flagged=self.flagged,
            because=because,
            drawn_from=self.group,
        )


def _after(weeks: int, streams: list[PartlyVerified]) -> Iterator[Figure]:
    covered: list[list[bool]] = [[] for _ in MISSED]
    estimates: list[list[float]] = [[] for _ in MISSED]
    naive: list[list[float]] = [[] for _ in MISSED]
    for stream in streams:
        codes = stream.drawn_from
        rates = stream.adjusted(Grouping(attribute="group", groups=GROUPS, codes=codes))
        found = rates.value["false_negative_rate"]
        lower, upper = found.limits(1.959963984540054)
        for k, missed in enumerate(MISSED):
            ill = (stream.y_true == 1) & (codes == k)
            naive[k].append(float((~stream.flagged[ill]).mean()) if ill.any() else 0.0)
            if np.isfinite(found.estimate[k]):  # else it was refused, and said nothing
                covered[k].append(bool(lower[k] <= missed <= upper[k]))
                estimates[k].append(float(found.estimate[k]))
    for k, missed in enumerate(MISSED):
        what = f"{weeks} lists of 20, group {'ABCD'[k]} of {SHARES[k]:.0%}: "
        hits, shown = sum(covered[k]), len(covered[k])
        yield share_of(f"{what}shown, not refused", shown, len(streams))
        if not shown:
            continue
        yield share_of(
            f"{what}coverage of the missed", hits, shown, expected=0.95, bar="at least .93"
        )
        yield mean_of(f"{what}missed, corrected", estimates[k], expected=missed)
        yield mean_of(f"{what}missed, of the verified alone", naive[k])
