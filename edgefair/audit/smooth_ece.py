"""Smooth calibration error: how far probabilities lie off, without bins."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["WAVES", "cosines", "smooth_errors"]

WAVES: Final = 256
"""Cosines that residuals are written in: enough down to the narrowest kernel."""

_NARROWEST: Final = 0.005
_HALVINGS: Final = 12
_POINTS: Final = 257


def cosines(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``cos(k pi p)`` for k from 0 on, shape (n, WAVES), to multiply residuals with."""
    return np.cos(np.pi * np.outer(probability, np.arange(WAVES)))


def smooth_errors(waves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smooth calibration error of r samples.

    With the kernel of width s, the error is ``int |mean_i K_s(t, p_i) (y_i - p_i)| dt`` over
    [0, 1]; the smooth error is the one width at which both are equal, so that no width is chosen.
    On [0, 1] with reflection the Gaussian kernel is ``1 + 2 sum_k exp(-(s k pi)^2 / 2)
    cos(k pi t) cos(k pi p)``, so that each residual enters once, in its cosines, and exactly.
    Errors below 0.005, the narrowest kernel, are those at that kernel.

    Parameters
    ----------
    waves : ndarray of float64, shape (r, WAVES)
        Mean over the cases of ``(y - p) * cosines(p)``.

    Returns
    -------
    ndarray of float64, shape (r,)
        In [0, 1].

    References
    ----------
    .. [1] J. Blasiok, P. Nakkiran, "Smooth ECE: principled reliability diagrams via kernel
       smoothing", ICLR 2024 (arXiv 2309.12236), definition 4 and section 3.

    Examples
    --------
    Of one probability alone, the error is what it is off by:

    >>> p = np.full(10, 0.3)
    >>> off = np.array([0.7] * 5 + [-0.3] * 5)
    >>> smooth_errors((off @ cosines(p) / 10)[np.newaxis]).round(3).tolist()
    [0.2]
    """
    at = cosines(np.linspace(0, 1, _POINTS)).T
    doubled = np.where(np.arange(WAVES) > 0, 2.0, 1.0)
    frequency = np.pi * np.arange(WAVES)
    weights = np.full(_POINTS, 1 / (_POINTS - 1))
    weights[[0, -1]] /= 2

    def error(width: NDArray[np.float64]) -> NDArray[np.float64]:
        damped = np.exp(-0.5 * (width[:, np.newaxis] * frequency) ** 2) * doubled
        return np.asarray(np.abs((waves * damped) @ at) @ weights)

    low, high = np.full(len(waves), _NARROWEST), np.ones(len(waves))
    narrowest = error(low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_narrow = error(middle) > middle  # the error falls as the kernel widens
        low, high = np.where(too_narrow, middle, low), np.where(too_narrow, high, middle)
    return np.where(narrowest <= _NARROWEST, narrowest, error((low + high) / 2))
