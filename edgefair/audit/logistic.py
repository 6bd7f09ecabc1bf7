"""Logistic fits of outcomes to a logit, many at once, with likelihood intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import two_sided_z
from edgefair.records import Interval

__all__ = ["fit_intercepts", "fit_lines", "intercept_interval", "logit", "slope_interval"]

_Loss: TypeAlias = Callable[[float], float]
_STEPS: Final = 40
_CLOSE: Final = 1e-10
_FARTHEST: Final = 30.0
"""A slope or an intercept beyond this is that of classes that a threshold parts."""
_NEAREST_TO_CERTAIN: Final = 1e-6
_HALVINGS: Final = 40


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``log(p / (1 - p))``, of probabilities kept 1e-6 away from 0 and 1."""
    p = np.clip(probability, _NEAREST_TO_CERTAIN, 1 - _NEAREST_TO_CERTAIN)
    return np.log(p) - np.log1p(-p)


def fit_intercepts(
    hits: NDArray[np.float64], offset: NDArray[np.float64], *, ridge: float = 0.0
) -> NDArray[np.float64]:
    """Return for each of r samples the `a` that makes ``expit(a + offset)`` sum to the hits.

    Parameters
    ----------
    hits : ndarray of float64, shape (r,)
        Positives in each sample.
    offset : ndarray of float64, shape (n,)
        Logits, the same in all samples.
    ridge : float, default=0
        Precision of a normal law around 0 that holds `a`.

    Returns
    -------
    ndarray of float64, shape (r,)
        -inf and inf where all outcomes are alike and nothing holds `a`.
    """
    from scipy.special import expit

    low, high = np.full(hits.shape, -2 * _FARTHEST), np.full(hits.shape, 2 * _FARTHEST)
    a = np.zeros(hits.shape)
    for _ in range(_STEPS):
        p = expit(offset + a[:, np.newaxis])
        surplus = hits - p.sum(axis=1) - ridge * a
        # Newton's step, kept between what is known to be too low and too high
        low, high = np.where(surplus > 0, a, low), np.where(surplus > 0, high, a)
        step = a + surplus / np.maximum((p * (1 - p)).sum(axis=1) + ridge, 1e-300)
        moved = np.where((step > low) & (step < high), step, (low + high) / 2)
        if np.max(np.abs(moved - a), initial=0) < _CLOSE:
            break
        a = moved
    if ridge:
        return a
    return np.where(hits <= 0, -np.inf, np.where(hits >= len(offset), np.inf, a))


def fit_lines(
    y: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intercept and slope of the logistic fit of each of r samples to one covariate.

    Parameters
    ----------
    y : ndarray of float64, shape (r, n)
        Outcomes, 0 or 1.
    x : ndarray of float64, shape (n,)

    Returns
    -------
    intercept, slope : ndarray of float64, shape (r,)
        Of largest likelihood. Where a threshold on `x` parts the classes there is none: the slope
        is then -inf or inf, and both are nan where all outcomes are alike or all `x` equal.

    References
    ----------
    .. [1] A. Albert, J. A. Anderson, "On the existence of maximum likelihood estimates in
       logistic regression models", Biometrika 71 (1984) 1-10.

    Examples
    --------
    >>> y, x = np.array([[0.0, 0, 1, 0, 1, 1]]), np.arange(6.0)
    >>> intercept, slope = fit_lines(y, x)
    >>> f"{intercept[0]:.3f} {slope[0]:.3f}"
    '-3.035 1.214'
    """
    from scipy.special import expit

    centre, scale = x.mean(), x.std() or 1.0
    standard = (x - centre) / scale
    side = _parted(y, x)
    a, b = np.zeros(len(y)), np.zeros(len(y))
    to_fit = np.flatnonzero(side == 0)
    for _ in range(_STEPS):
        if not len(to_fit):
            break
        p = expit(a[to_fit, np.newaxis] + b[to_fit, np.newaxis] * standard)
        w, rest = p * (1 - p), y[to_fit] - p
        g0, g1 = rest.sum(axis=1), rest @ standard
        h00, h01, h11 = w.sum(axis=1), w @ standard, w @ standard**2
        determinant = np.maximum(h00 * h11 - h01**2, 1e-300)
        da, db = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        # a step of more than 2 is one that overshoots on a nearly parted sample
        shrink = np.minimum(1, 2 / np.maximum(np.hypot(da, db), 1e-300))
        a[to_fit] += shrink * da
        b[to_fit] += shrink * db
        to_fit = to_fit[np.hypot(da, db) > _CLOSE]
    b = b / scale
    a = a - b * centre
    found = side == 0
    without = np.select([side == 1, side == -1], [np.inf, -np.inf], np.nan)
    return np.where(found, a, np.nan), np.where(found, b, without)


def _parted(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return 1 or -1 where a threshold parts the classes, 2 where nothing can be fit, else 0."""
    ill, well = y > 0.5, y < 0.5
    lowest_ill = np.where(ill, x, np.inf).min(axis=1)
    highest_ill = np.where(ill, x, -np.inf).max(axis=1)
    lowest_well = np.where(well, x, np.inf).min(axis=1)
    highest_well = np.where(well, x, -np.inf).max(axis=1)
    alike = ~(ill.any(axis=1) & well.any(axis=1)) | (np.ptp(x) == 0)
    side = np.where(lowest_ill >= highest_well, 1, np.where(highest_ill <= lowest_well, -1, 0))
    return np.where(alike, 2, side)


def intercept_interval(
    y: NDArray[np.bool_], offset: NDArray[np.float64], *, level: float
) -> Interval:
    """Return the intercept beside an offset, with its likelihood interval.

    The limits are where twice the log likelihood has fallen by the chi-squared quantile:
    asymptotic, but fit for few cases, and open to one side where all outcomes are alike.

    References
    ----------
    .. [1] D. R. Cox, "Two further applications of a model for binary regression", Biometrika 45
       (1958) 562-565.
    """
    n, hits = len(y), float(y.sum())
    if not n:
        return _nothing(level, n)
    (best,) = fit_intercepts(np.array([hits]), offset).tolist()
    if np.isinf(best):
        best = float(np.sign(best) * _FARTHEST)

    def loss(a: float) -> float:
        return _loss(a + offset, y)

    return _interval(loss, float(best), (n, level), estimable=0 < hits < n)


def slope_interval(y: NDArray[np.bool_], x: NDArray[np.float64], *, level: float) -> Interval:
    """Return the slope of a logistic fit, with its profile likelihood interval.

    nan where classes are parted, outcomes alike, or all `x` equal.
    """
    n = len(y)
    if not n:
        return _nothing(level, n)
    _, (slope,) = fit_lines(y[np.newaxis].astype(np.float64), x)
    if not np.isfinite(slope):
        return _nothing(level, n)
    hits = np.array([float(y.sum())])

    def loss(b: float) -> float:
        (a,) = fit_intercepts(hits, b * x)
        return _loss(float(a) + b * x, y)

    return _interval(loss, float(slope), (n, level), estimable=True)


def _loss(eta: NDArray[np.float64], y: NDArray[np.bool_]) -> float:
    return float(np.logaddexp(0, np.where(y, -eta, eta)).sum())


def _interval(loss: _Loss, best: float, of: tuple[int, float], *, estimable: bool) -> Interval:
    n, level = of
    allowed = loss(best) + two_sided_z(level) ** 2 / 2
    lower, upper = (_crossing(loss, best, side, allowed) for side in (-1.0, 1.0))
    return Interval(best if estimable else float("nan"), lower, upper, level, n)


def _crossing(loss: _Loss, best: float, side: float, allowed: float) -> float:
    """Return where the loss reaches what is allowed, to one side; infinite where it does not."""
    reach = 0.1
    while loss(best + side * reach) < allowed:
        reach *= 2
        if reach > 4 * _FARTHEST:
            return side * float("inf")
    near, far = 0.0, reach
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if loss(best + side * middle) < allowed:
            near = middle
        else:
            far = middle
    return best + side * far


def _nothing(level: float, n: int) -> Interval:
    return Interval.vacuous(level=level, n=n, lower=-np.inf, upper=np.inf)
