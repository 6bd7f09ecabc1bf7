"""What a reader of a re-check must know beside the figures, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from edgefair.bundle.plan import MonitoringPlan
from edgefair.ledger import FrozenPlan, Step, Surroundings
from edgefair.records import VerifiedBecause

__all__ = ["notes"]

_ONE_DAY = timedelta(days=1)
_ORDINALS = ("1st", "2nd", "3rd")


def notes(
    frozen: FrozenPlan,
    plan: MonitoringPlan,
    surroundings: Surroundings,
    *,
    earlier: int,
    before: Step | None,
    now: datetime,
) -> tuple[str, ...]:
    """Return the sentences, the gravest first.

    Parameters
    ----------
    frozen : FrozenPlan
    plan : MonitoringPlan
        What it says.
    surroundings : Surroundings
    earlier : int
        Alarms under plans that are no longer in force.
    before : Step or None
        The last step before this re-check.
    now : datetime
    """
    return (
        *_of_the_clock(surroundings, before, now),
        *_of_the_plan(frozen, plan, earlier),
        *_of_the_truth(surroundings),
    )


def _of_the_clock(surroundings: Surroundings, before: Step | None, now: datetime) -> Iterator[str]:
    shown = now.isoformat(timespec="minutes").replace("+00:00", " UTC").replace("T", " ")
    order = "Evidence is ordered by when it was recorded, so nothing is lost"
    if before and now < _moment(before.taken_at):
        yield (
            f"This computer's clock reads {shown}, earlier than the last re-check "
            f"({before.taken_at}): it was set back, or was ahead then. {order}."
        )
    elif surroundings.newest > (now + _ONE_DAY).date().isoformat():
        yield (
            f"This computer's clock reads {shown}, but the newest record is of "
            f"{surroundings.newest}: one of the two is wrong. {order}."
        )


def _of_the_plan(frozen: FrozenPlan, plan: MonitoringPlan, earlier: int) -> Iterator[str]:
    if frozen.number > 1:
        which = _ORDINALS[frozen.number - 1] if frozen.number <= 3 else f"{frozen.number}th"
        alarms = f"{earlier or 'no'} alarm{'' if earlier == 1 else 's'}"
        those = "the 1st plan" if frozen.number == 2 else "the plans before it"
        yield (
            f"This is the {which} plan; its evidence starts on {frozen.frozen_at[:10]}, and what "
            f"was recorded before does not count. Under {those} there were {alarms}."
        )
    elif frozen.starts_after:
        yield (
            f"The plan was made on {frozen.frozen_at[:10]}, when outcomes were there already: "
            "these do not count, as the plan could have been chosen by them."
        )
    yield f"The plan was {plan.derived}; put in force by {frozen.frozen_by}."
    yield from plan.unwatched


def _of_the_truth(surroundings: Surroundings) -> Iterator[str]:
    because, total = surroundings.because, sum(surroundings.because.values())
    if biased := because.get(VerifiedBecause.AI_POSITIVE, 0):
        yield (
            f"{biased:,} of {total:,} outcomes are known only because the model said positive. "
            f"They say nothing of whom it misses and {_counted(surroundings)}."
        )
    if surroundings.drawn and (routine := because.get(VerifiedBecause.ROUTINE, 0)):
        yield (
            f"Cases are drawn by lot here: the {routine:,} of {total:,} outcomes that were "
            "verified by routine count only where they were drawn, as a routine may reach some "
            "patients and not others."
        )
    if clinical := because.get(VerifiedBecause.CLINICAL, 0):
        yield (
            f"{clinical:,} of {total:,} outcomes were shown by the course of the illness. It "
            f"tells of missed cases more often than of others: they {_counted(surroundings)}, but "
            "look into each."
        )
    if unequal := surroundings.unequal:
        yield (
            f"{unequal:,} verified cases were drawn more likely than others: they correct the "
            "rates of an audit, and none of them counts here unless a second lot, or a later "
            "draw, makes it as likely as all others."
        )
    if early := surroundings.told_before:
        yield (
            f"{early:,} outcome{' is' if early == 1 else 's are'} dated before the prediction: "
            "check that the images are the right ones. Counted all the same."
        )


def _counted(surroundings: Surroundings) -> str:
    return (
        f"are not counted{', except where they were drawn by lot' if surroundings.drawn else ''}"
    )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
