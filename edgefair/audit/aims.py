"""What a threshold is to reach, and the strictest one that reaches it in the cases at hand."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Aim", "threshold_for", "variance_of_threshold"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a threshold is to reach.

    Attributes
    ----------
    metric : str
        ``sensitivity`` or ``specificity``.
    at_least : float
        In (0, 1).
    """

    metric: str
    at_least: float

    def __post_init__(self) -> None:
        if self.metric not in ("sensitivity", "specificity"):
            raise ValueError(f"metric must be sensitivity or specificity, got {self.metric}")
        if not 0 < self.at_least < 1:
            raise ValueError(f"at_least must be in (0, 1), got {self.at_least}")


def threshold_for(y: _Bools, score: _Floats, held: _Floats, aim: Aim) -> float:
    """Return the strictest threshold at which the aim holds in the cases given.

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
    score : ndarray of float64, shape (n,)
    held : ndarray of float64, shape (n,)
        How many people each case stands for, above 0.
    aim : Aim

    Returns
    -------
    float
        Infinite where there is no case of the kind that the aim counts.

    Examples
    --------
    >>> ill, score = np.array([True, True, False]), np.array([0.4, 0.8, 0.1])
    >>> threshold_for(ill, score, np.ones(3), Aim(metric="sensitivity", at_least=0.9))
    0.4
    """
    counted = y == (aim.metric == "sensitivity")
    if not counted.any():
        return inf
    order = np.argsort(score[counted], kind="stable")
    sorted_, mass = score[counted][order], held[counted][order]
    up_to = np.cumsum(mass) * (len(mass) / mass.sum())  # on the scale of a count
    if aim.metric == "sensitivity":
        below = np.concatenate([[0.0], up_to[:-1]])
        allowed = (1 - aim.at_least) * len(mass) + 1e-9
        return float(sorted_[np.searchsorted(below, allowed, side="right") - 1])
    cleared = np.searchsorted(up_to, aim.at_least * len(mass) - 1e-9)
    return float(np.nextafter(sorted_[min(int(cleared), len(mass) - 1)], inf))


def variance_of_threshold(counted: _Floats, held: _Floats, aim: Aim) -> float:
    """Return the variance of an order statistic, from those one standard error to its sides.

    Parameters
    ----------
    counted, held : ndarray of float64, shape (n,)
        Scores of the cases that the aim counts, and how many people each stands for; at least 1.
    aim : Aim
    """
    share = 1 - aim.at_least if aim.metric == "sensitivity" else aim.at_least
    order = np.argsort(counted, kind="stable")
    sorted_, mass = counted[order], held[order]
    n = len(counted)
    effective = float(mass.sum() ** 2 / np.sum(mass**2))
    reach = np.sqrt(share * (1 - share) / effective)
    if np.ptp(mass):
        up_to = np.cumsum(mass) / mass.sum()
        places = [float(np.searchsorted(up_to, share + side * reach)) for side in (-1, 1)]
    else:
        places = [float(np.rint(n * (share + side * reach))) for side in (-1, 1)]
    low, high = (sorted_[int(np.clip(place, 0, n - 1))] for place in places)
    return float(((high - low) / 2) ** 2)
