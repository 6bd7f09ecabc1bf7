"""A clinic's years as numbers: scores and outcomes week by week, no images, harm where planted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from edgefair.records import (
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Subject,
    VerifiedBecause,
)

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Harm", "Site", "Week", "weeks"]

_THRESHOLD: Final = 0.5
_ONE_WEEK: Final = timedelta(days=7)
_OLDEST: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """From one week on the model misses more in one sex.

    Attributes
    ----------
    sex : str
    from_week : int
        From 0.
    miss_rate : float
        From then on, in [0, 1].
    """

    sex: str
    from_week: int
    miss_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a simulated site is like.

    Attributes
    ----------
    seed : int
        Decides everything that is left to chance.
    model, bundle_digest, finding : str
        Who reads, and what for.
    weeks, per_week : int
        Length, and images a week.
    prevalence, miss_rate, false_alarm_rate : float
        In [0, 1].
    followed_up : float
        Share of the cases that are drawn by lot and verified, whatever the model said.
    ai_positive : float
        Share of the others that are verified if the model called them positive.
    begins : date
    harm : Harm or None
    """

    seed: int
    model: str
    bundle_digest: str
    finding: str
    weeks: int = 104
    per_week: int = 60
    prevalence: float = 0.3
    miss_rate: float = 0.1
    false_alarm_rate: float = 0.05
    followed_up: float = 0.5
    ai_positive: float = 0.5
    begins: date = date(2024, 1, 1)
    harm: Harm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What one week brings: images that are read, and what turns out to be true by its end."""

    number: int
    ends: date
    predictions: tuple[Prediction, ...] = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(repr=False)


def weeks(site: Site) -> Iterator[Week]:
    """Yield the weeks of a site, the same for the same seed.

    Examples
    --------
    >>> site = Site(seed=1, model="m 1.0.0", bundle_digest="ab" * 32, finding="opacity", weeks=2)
    >>> [(week.number, week.ends.isoformat(), len(week.predictions)) for week in weeks(site)]
    [(0, '2024-01-07', 60), (1, '2024-01-14', 60)]
    """
    rng = np.random.default_rng(site.seed)
    for number in range(site.weeks):
        ends = site.begins + (number + 1) * _ONE_WEEK - timedelta(days=1)
        cases = [_case(site, rng, number, i, ends) for i in range(site.per_week)]
        yield Week(
            number=number,
            ends=ends,
            predictions=tuple(prediction for prediction, _ in cases),
            outcomes=tuple(outcome for _, outcome in cases if outcome),
        )


def _case(
    site: Site, rng: Generator, week: int, number: int, day: date
) -> tuple[Prediction, Outcome | None]:
    sex = "F" if rng.random() < 0.5 else "M"
    age = float(rng.integers(0, _OLDEST))
    has_it = bool(rng.random() < site.prevalence)
    flagged = bool(rng.random() < _flag_rate(site, sex, week, has_it=has_it))
    # every case draws as often, so that what is planted in one leaves the others as they were
    is_followed_up, is_confirmed = rng.random() < site.followed_up, rng.random() < site.ai_positive
    image = f"{week:03d}-{number:04d}.png"
    prediction = Prediction(
        image=image,
        digest=hashlib.sha256(f"{site.seed} {image}".encode()).hexdigest()[:32],
        scores=(_score(site.finding, flagged=flagged),),
        subject=Subject(patient_id=image, sex=sex, age_years=age),
        model=site.model,
        bundle_digest=site.bundle_digest,
        predicted_at=f"{day.isoformat()}T08:00:00Z",
    )
    if not (is_followed_up or (flagged and is_confirmed)):
        return prediction, None
    because = VerifiedBecause.RANDOM_AUDIT if is_followed_up else VerifiedBecause.AI_POSITIVE
    return prediction, Outcome(
        case=image,
        finding=site.finding,
        outcome=has_it,
        verified_by="the simulation",
        verified_because=because,
        date=day.isoformat(),
    )


def _flag_rate(site: Site, sex: str, week: int, *, has_it: bool) -> float:
    if not has_it:
        return site.false_alarm_rate
    harm = site.harm
    is_harmed = harm is not None and sex == harm.sex and week >= harm.from_week
    return 1 - (harm.miss_rate if harm and is_harmed else site.miss_rate)


def _score(finding: str, *, flagged: bool) -> FindingScore:
    probability = 0.75 if flagged else 0.25
    return FindingScore(
        finding=finding,
        logit=1.1 if flagged else -1.1,
        probability=probability,
        operating_point="screening",
        threshold=_THRESHOLD,
        decision=Decision.POSITIVE if flagged else Decision.NEGATIVE,
        reason="probability against threshold",
    )
