"""Ledgers of a clinic whose model and truth are known: some verified, for some reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.ledger import Ledger
from edgefair.records import (
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Subject,
    VerifiedBecause,
)

DIGEST = "ab" * 32
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who came, what the model makes of them, and the truth; arrays of shape (n,)."""

    ill: NDArray[np.bool_]
    sex: NDArray[np.str_]
    logit: NDArray[np.float64]

    @property
    def probability(self) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-self.logit)))

    @property
    def flagged(self) -> NDArray[np.bool_]:
        return np.asarray(self.probability >= THRESHOLD)


def people(n: int, *, seed: int, fainter_in_women: float = 0.0) -> People:
    """Return people of whom three in ten are ill; ill women's logits can be lower."""
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.3
    sex = np.where(rng.random(n) < 0.5, "F", "M")
    faint = fainter_in_women * (ill & (sex == "F"))
    return People(ill=ill, sex=sex, logit=rng.normal(3.0 * ill - 2.2 - faint))


Why = Callable[[int, bool], VerifiedBecause | None]


def everybody(number: int, flagged: bool) -> VerifiedBecause | None:
    return VerifiedBecause.ROUTINE


def only_flagged(number: int, flagged: bool) -> VerifiedBecause | None:
    return VerifiedBecause.AI_POSITIVE if flagged else None


def flagged_and_every_fifth(number: int, flagged: bool) -> VerifiedBecause | None:
    if flagged:
        return VerifiedBecause.AI_POSITIVE
    return VerifiedBecause.RANDOM_AUDIT if number % 5 == 0 else None


def write_ledger(
    path: Path, who: People, why: Why, *, digest: str = DIGEST, images_each: int = 1
) -> Path:
    """Return where the ledger is: all read, those verified for whom there is a reason."""
    with Ledger.open(path, create=True) as ledger:
        ledger.record(
            _prediction(i, who, digest, patient=i // images_each) for i in range(len(who.ill))
        )
        outcomes = [
            Outcome(
                case=f"{i}.png",
                finding="effusion",
                outcome=bool(who.ill[i]),
                verified_by="AB",
                verified_because=because,
                date="2026-03-02",
            )
            for i in range(len(who.ill))
            if (because := why(i, bool(who.flagged[i])))
        ]
        ledger.add_outcomes(outcomes, today=date(2026, 3, 3))
    return path


def _prediction(i: int, who: People, digest: str, *, patient: int) -> Prediction:
    probability = float(who.probability[i])
    score = FindingScore(
        finding="effusion",
        logit=float(who.logit[i]),
        probability=probability,
        operating_point="screening",
        threshold=THRESHOLD,
        decision=Decision.POSITIVE if who.flagged[i] else Decision.NEGATIVE,
        reason="probability against threshold",
    )
    return Prediction(
        image=f"{i}.png",
        digest=f"{i:032x}",
        scores=(score,),
        subject=Subject(patient_id=f"P{patient}", sex=str(who.sex[i])),
        model="chest 1.0.0",
        bundle_digest=digest,
        predicted_at="2026-03-01T08:00:00+00:00",
    )
