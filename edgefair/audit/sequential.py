"""Evidence that a rate lies above a limit, which may be looked at after every label.

An e-value is evidence that multiplies: 1 before the first label, and against a true null it grows
20-fold with a chance of at most 1/20, however often one looks and for whatever reason one stops
(Ville's inequality). So a site may look every day and pays nothing for it. Pure functions of
counts; the counts of errors and labels are all there is to remember.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.records import Interval

__all__ = [
    "UNIFORM",
    "anytime_interval",
    "confidence_sequence",
    "log_e_value",
    "running_log_e",
]

UNIFORM: Final = (1.0, 1.0)
"""The Beta prior that prefers no rate to any other."""

_Floats: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_FAR_TAIL: Final = 1e-280
"""Below this a tail is about to underflow, and its logarithm is had another way."""

_HALVINGS: Final = 60
_MOST_TERMS: Final = 10_000


def log_e_value(
    errors: ArrayLike,
    n: ArrayLike,
    *,
    limit: ArrayLike,
    prior: tuple[float, float] = UNIFORM,
) -> _Floats:
    r"""Return the logarithm of the evidence that an error rate lies above a limit.

    The likelihood of the labels under a Beta prior cut off at the limit, against their likelihood
    at the limit, with S errors among n labels:

    .. math:: E_n = \frac{\int_{p_0}^1 p^{S+a-1} (1-p)^{n-S+b-1} dp}
                         {p_0^S (1-p_0)^{n-S} \int_{p_0}^1 p^{a-1} (1-p)^{b-1} dp}

    **Guaranteed, exactly and at any n:** if each label is an error with a chance of at most
    `limit`, given all labels before it, then ``E_1, E_2, ...`` is a supermartingale from 1 (a
    martingale at the limit itself), so that the chance that it *ever* reaches ``1 / alpha`` is at
    most `alpha`. The largest value so far is therefore what an alarm goes by, and ``1 / max E`` is
    a p-value valid at every time; but only the value at a time of one's choice, and not that
    largest value, is an e-value to be averaged.

    For evidence that the rate lies *below* the limit, ask for ``n - errors`` at ``1 - limit``.

    Parameters
    ----------
    errors, n : array_like of int, shape (m,)
        Errors and labels, ``0 <= errors <= n``; any shapes that broadcast.
    limit : array_like of float, shape (m,)
        Largest acceptable error rate, in (0, 1).
    prior : tuple of two floats, default=(1, 1)
        Both parameters of the Beta distribution that is cut off at `limit`, above 0.

    Returns
    -------
    ndarray of float64, shape (m,)
        Natural logarithms; exactly 0 without a label.

    Raises
    ------
    ValueError
        If a count, a limit or the prior is outside its range.

    References
    ----------
    .. [1] J. Ville, "Etude critique de la notion de collectif", Gauthier-Villars (1939).
    .. [2] H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals
       of Mathematical Statistics 41 (1970) 1397-1409.
    .. [3] A. Ramdas, P. Gruenwald, V. Vovk, G. Shafer, "Game-theoretic statistics and safe
       anytime-valid inference", Statistical Science 38 (2023) 576-601.

    Examples
    --------
    One error at a limit of .2 speaks for a rate above it, one hit against:

    >>> np.exp(log_e_value([0, 1, 0], [0, 1, 1], limit=0.2)).round(3).tolist()
    [1.0, 3.0, 0.5]
    """
    from scipy.special import xlog1py, xlogy

    s, trials, p0 = np.broadcast_arrays(*_checked(errors, n, limit, prior))
    a, b = prior
    above = _log_mass_above(p0, a + s, b + (trials - s))
    before = _log_mass_above(p0, np.full(p0.shape, a), np.full(p0.shape, b))
    return np.asarray(above - before - (xlogy(s, p0) + xlog1py(trials - s, -p0)))


def running_log_e(
    errors: ArrayLike, *, limit: float, prior: tuple[float, float] = UNIFORM
) -> _Floats:
    """Return the logarithm of the evidence after each label of a stream.

    An alarm is due once its running maximum, ``np.maximum.accumulate`` along the last axis,
    reaches ``log(groups / alpha)``: see `log_e_value` for what that guarantees.

    Parameters
    ----------
    errors : array_like of bool, shape (..., t)
        Whether each label showed an error, in order; leading axes are streams of their own.
    limit : float
        Largest acceptable error rate, in (0, 1).
    prior : tuple of two floats, default=(1, 1)

    Returns
    -------
    ndarray of float64, shape (..., t)

    Examples
    --------
    >>> np.exp(running_log_e([True, False, True], limit=0.2)).round(2).tolist()
    [3.0, 1.17, 3.17]
    """
    stream = np.asarray(errors, dtype=np.bool_)
    n = np.arange(1, stream.shape[-1] + 1)
    return log_e_value(np.cumsum(stream, axis=-1), n, limit=limit, prior=prior)


def confidence_sequence(
    errors: ArrayLike,
    n: ArrayLike,
    *,
    alpha: float,
    prior: tuple[float, float] = UNIFORM,
) -> tuple[_Floats, _Floats]:
    r"""Return limits of many rates that hold at all times together.

    The rates p with :math:`p^S (1-p)^{n-S} \ge \alpha B(a+S, b+n-S) / B(a, b)`.

    **Guaranteed, exactly:** the chance that the true rate of a stream is *ever* outside, at any n,
    is at most `alpha`. So the intersection of all limits so far holds as well.

    Parameters
    ----------
    errors, n : array_like of int, shape (m,)
        Errors and labels, ``0 <= errors <= n``; any shapes that broadcast.
    alpha : float
        In (0, 1).
    prior : tuple of two floats, default=(1, 1)

    Returns
    -------
    lower, upper : ndarray of float64, shape (m,)
        In [0, 1], rounded outwards; 0 and 1 where `n` is 0.

    References
    ----------
    .. [1] H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals
       of Mathematical Statistics 41 (1970) 1397-1409.
    .. [2] S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric,
       nonasymptotic confidence sequences", Annals of Statistics 49 (2021) 1055-1080.

    Examples
    --------
    >>> lower, upper = confidence_sequence([0, 8, 80], [0, 10, 100], alpha=0.05)
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([0.0, 0.353, 0.652], [1.0, 0.99, 0.907])
    """
    from scipy.special import betaln, xlog1py, xlogy

    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}")
    s, trials, _ = np.broadcast_arrays(*_checked(errors, n, 0.5, prior))
    a, b = prior
    least = np.log(alpha) + betaln(a + s, b + (trials - s)) - betaln(a, b)

    def inside(p: _Floats) -> NDArray[np.bool_]:
        return np.asarray(xlogy(s, p) + xlog1py(trials - s, -p) >= least)

    rate = s / np.maximum(trials, 1)
    out, within = np.zeros(rate.shape), rate.copy()
    over, below = np.ones(rate.shape), np.where(trials > 0, rate, 1.0)
    for _ in range(_HALVINGS):
        middle = (out + within) / 2
        out, within = np.where(inside(middle), [out, middle], [middle, within])
        middle = (over + below) / 2
        over, below = np.where(inside(middle), [over, middle], [middle, below])
    return np.where(s > 0, out, 0.0), np.where(s < trials, over, 1.0)


def anytime_interval(
    errors: int,
    n: int,
    *,
    level: float = 0.95,
    prior: tuple[float, float] = UNIFORM,
) -> Interval:
    """Return the interval of one rate that may be looked at as often as one likes.

    Wider than `wilson`, which holds for one look alone; see `confidence_sequence`. Without a
    label it is the whole range.

    Raises
    ------
    ValueError
        If a count, `level` or the prior is outside its range.

    Examples
    --------
    >>> ci = anytime_interval(8, 10)
    >>> f"{ci.estimate:.2f} [{ci.lower:.2f}, {ci.upper:.2f}] n={ci.n}"
    '0.80 [0.35, 0.99] n=10'
    """
    if n == 0:
        return Interval.vacuous(level=level)
    lower, upper = confidence_sequence(errors, n, alpha=1 - level, prior=prior)
    return Interval(errors / n, float(lower), float(upper), level, n)


def _checked(
    errors: ArrayLike, n: ArrayLike, limit: ArrayLike, prior: tuple[float, float]
) -> tuple[_Counts, _Counts, _Floats]:
    s, trials = np.asarray(errors, dtype=np.int64), np.asarray(n, dtype=np.int64)
    p0 = np.asarray(limit, dtype=np.float64)
    if not np.all((s >= 0) & (s <= trials)):
        raise ValueError("errors must be in [0, n]")
    if not np.all((p0 > 0) & (p0 < 1)):
        raise ValueError("limit must be in (0, 1)")
    if not (0 < prior[0] < np.inf and 0 < prior[1] < np.inf):
        raise ValueError(f"both parameters of the prior must be above 0, got {prior}")
    return s, trials, p0


def _log_mass_above(x: _Floats, a: _Floats, b: _Floats) -> _Floats:
    """Return the log of the integral of ``t^(a-1) (1-t)^(b-1)`` from `x` to 1."""
    from scipy.special import betaincc, betaln, xlogy

    tail = np.asarray(betaincc(a, b, x))
    far = tail < _FAR_TAIL
    # xlogy and not np.log: its bits depend on the number alone, not on its place in an array
    mass = np.asarray(betaln(a, b) + xlogy(1.0, np.where(far, 1.0, tail)))
    if np.any(far):
        mass[far] = _log_mass_far_above(x[far], a[far], b[far])
    return mass


def _log_mass_far_above(x: _Floats, a: _Floats, b: _Floats) -> _Floats:
    """Return the same integral far above the mean, by its continued fraction.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, 8.17.22; evaluated from the front by
       the method of W. J. Lentz, Applied Optics 15 (1976) 668-671.
    """
    from scipy.special import xlog1py, xlogy

    y = 1 - x  # the tail above x is the one below y, with a and b in each other's place
    d = 1 / (1 - (a + b) * y / (b + 1))
    c, fraction, grown = np.ones_like(y), d.copy(), np.ones(y.shape, dtype=np.bool_)
    for m in range(1, _MOST_TERMS):
        even = m * (a - m) * y / ((b + 2 * m - 1) * (b + 2 * m))
        odd = -(b + m) * (a + b + m) * y / ((b + 2 * m) * (b + 2 * m + 1))
        d, c = 1 / (1 + even * d), 1 + even / c
        factor = d * c
        d, c = 1 / (1 + odd * d), 1 + odd / c
        # each number stops on its own, so that its bits do not depend on its neighbours'
        fraction = np.where(grown, fraction * factor * (d * c), fraction)
        grown &= np.abs(d * c - 1) >= 1e-15
        if not np.any(grown):
            break
    return np.asarray(xlogy(a, x) + xlog1py(b, -x) - xlogy(1.0, b) + xlogy(1.0, fraction))
