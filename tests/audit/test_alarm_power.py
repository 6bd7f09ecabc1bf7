"""Labels until an alarm: the planned figures, simulation, laws, refusals."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgefair.audit.alarm_power import labels_until_alarm
from edgefair.audit.sequential import log_e_value, running_log_e


@pytest.mark.parametrize(("power", "planned"), [(0.5, 80), (0.8, 142)])
def test_an_alarm_of_one_in_four_groups_comes_as_soon_as_planned_for(
    power: float, planned: int
) -> None:
    needed = labels_until_alarm(0.35, limit=0.2, log_alarm=log(4 / 0.05), power=power)

    assert needed == pytest.approx(planned, abs=5)


def test_as_many_labels_sound_the_alarm_at_as_many_simulated_sites() -> None:
    needed = labels_until_alarm(0.3, limit=0.1, log_alarm=log(20))
    assert needed is not None

    errors = np.random.default_rng(1).random((4000, needed)) < 0.3
    alarmed = np.mean(running_log_e(errors, limit=0.1).max(axis=1) >= log(20))
    assert alarmed == pytest.approx(0.8, abs=0.02 + 3 * 0.0063)


def test_if_every_label_is_an_error_it_takes_as_many_as_the_evidence_does() -> None:
    needed = labels_until_alarm(1.0, limit=0.2, log_alarm=log(80), so_far=(2, 20))
    assert needed is not None

    errors, n = 2 + np.arange(needed + 1), 20 + np.arange(needed + 1)
    evidence = log_e_value(errors, n, limit=0.2)
    assert evidence[-1] >= log(80) > evidence[-2]


@settings(max_examples=20)
@given(st.floats(0.1, 0.5), st.floats(0.1, 0.3), st.integers(0, 30))
def test_a_good_time_before_and_more_certainty_take_more_labels(
    limit: float, gap: float, good: int
) -> None:
    rate, log_alarm = limit + gap, log(20)

    def needed(power: float, labels: int) -> int:
        found = labels_until_alarm(
            rate, limit=limit, log_alarm=log_alarm, power=power, so_far=(0, labels)
        )
        return 5001 if found is None else found

    assert needed(0.5, 0) <= needed(0.9, 0)
    assert needed(0.5, 0) <= needed(0.5, good)


def test_without_any_error_no_alarm_is_waited_for() -> None:
    assert labels_until_alarm(0.0, limit=0.2, log_alarm=log(20)) is None


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="log_alarm above 0"):
        labels_until_alarm(0.3, limit=0.2, log_alarm=0.0)
