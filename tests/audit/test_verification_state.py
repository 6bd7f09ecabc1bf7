"""Whether sensitivity may be shown: only what was drawn without looking counts."""

import pytest

from edgefair.audit.verification_state import (
    VerificationState,
    is_representative,
    sensitivity_allowed,
)
from edgefair.records import VerifiedBecause

RANDOM, ROUTINE = VerifiedBecause.RANDOM_AUDIT, VerifiedBecause.ROUTINE
CLINICAL, FLAGGED = VerifiedBecause.CLINICAL, VerifiedBecause.AI_POSITIVE


@pytest.mark.parametrize("because", [CLINICAL, FLAGGED, ROUTINE])
def test_cases_that_somebody_chose_do_not_count(because: VerifiedBecause) -> None:
    state = sensitivity_allowed({because: 400}, unverified=600)

    assert not state.allowed
    assert (state.counted, state.missing) == (0, 50)
    assert "50 more AI-negative cases" in state.instead


def test_a_random_audit_of_the_size_asked_for_is_enough() -> None:
    state = sensitivity_allowed({RANDOM: 50, CLINICAL: 3}, unverified=10_000)

    assert state == VerificationState(
        allowed=True,
        counted=50,
        missing=0,
        why="50 AI-negative cases were drawn at random and verified.",
        instead="",
    )


def test_routine_that_reaches_nearly_everybody_is_enough() -> None:
    assert sensitivity_allowed({ROUTINE: 19}, unverified=1).allowed
    assert not sensitivity_allowed({ROUTINE: 18}, unverified=2).allowed


def test_a_small_group_is_not_asked_for_more_than_there_are() -> None:
    state = sensitivity_allowed({RANDOM: 4}, unverified=6)

    assert state.missing == 6
    assert sensitivity_allowed({RANDOM: 10}, unverified=0).allowed


def test_whoever_cleared_nobody_missed_nobody() -> None:
    assert sensitivity_allowed({}, unverified=0).allowed


def test_one_missing_case_is_spoken_of_as_one() -> None:
    state = sensitivity_allowed({RANDOM: 29}, unverified=100, minimum_random_audit=30)

    assert "1 more AI-negative case, drawn" in state.instead


@pytest.mark.parametrize("flagged", [True, False])
def test_only_cases_picked_without_looking_stand_for_others(flagged: bool) -> None:
    standing = {b for b in VerifiedBecause if is_representative(b, flagged=flagged)}

    assert standing == ({RANDOM, FLAGGED} if flagged else {RANDOM})
