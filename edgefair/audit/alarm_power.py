"""How many labels it takes until evidence sounds the alarm, if a rate is truly worse."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from edgefair.audit.power import POWER
from edgefair.audit.sequential import UNIFORM, log_e_value

__all__ = ["labels_until_alarm"]

_MOST: Final = 5000


@cache
def labels_until_alarm(
    rate: float,
    *,
    limit: float,
    log_alarm: float,
    so_far: tuple[int, int] = (0, 0),
    power: float = POWER,
    prior: tuple[float, float] = UNIFORM,
) -> int | None:
    """Return within how many further labels the alarm comes, if the true rate is `rate`.

    Computed exactly: the chance of every count of errors is followed from label to label.

    Parameters
    ----------
    rate : float
        True error rate from now on, in [0, 1].
    limit : float
        Largest acceptable error rate, in (0, 1).
    log_alarm : float
        Logarithm of the evidence that sounds the alarm, above 0: ``log(groups / alpha)``.
    so_far : tuple of two ints, default=(0, 0)
        Errors and labels before now, without an alarm.
    power : float, default=0.8
        Chance that the alarm has come by then, in (0, 1).
    prior : tuple of two floats, default=(1, 1)
        See `sequential.log_e_value`.

    Returns
    -------
    int or None
        None where 5,000 labels do not suffice.

    Examples
    --------
    One of four groups, looked at after every label, the false-negative rate .35 and not .2:

    >>> log_alarm = np.log(4 / 0.05)
    >>> [labels_until_alarm(0.35, limit=0.2, log_alarm=log_alarm, power=p) for p in (0.5, 0.8)]
    [84, 145]

    After a long good time it takes longer; for that there are charts:

    >>> labels_until_alarm(0.35, limit=0.2, log_alarm=log_alarm, so_far=(45, 300))
    439
    """
    if not 0 <= rate <= 1 or not 0 < power < 1 or log_alarm <= 0:
        raise ValueError("rate must be in [0, 1], power in (0, 1) and log_alarm above 0")
    errors, n = so_far
    going = np.ones(1)  # chance of each number of further errors, without an alarm so far
    enough = 0  # the fewest errors in all that sound the alarm
    for more in range(1, _MOST + 1):
        # another label never asks for fewer, and for one more at most
        while enough <= n + more and not _sounds(enough, n + more, limit, log_alarm, prior):
            enough += 1
        going = np.append(going, 0.0) * (1 - rate) + np.append(0.0, going) * rate
        going[max(enough - errors, 0) :] = 0
        if np.sum(going) <= 1 - power:
            return more
    return None


def _sounds(
    errors: int, n: int, limit: float, log_alarm: float, prior: tuple[float, float]
) -> bool:
    return bool(log_e_value(errors, n, limit=limit, prior=prior) >= log_alarm)
