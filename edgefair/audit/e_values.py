"""Many e-values at once: evidence that adds up, and decisions that hold for all together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["e_benjamini_hochberg", "e_holm", "mean_log_e"]


def mean_log_e(log_e: ArrayLike, *, axis: int = -1) -> NDArray[np.float64]:
    """Return the logarithm of the mean of e-values: evidence against all their nulls together.

    **Guaranteed:** a mean of e-values is an e-value, whatever their dependence. So is the mean of
    e-processes at a time chosen by looking at all of them, if the null of each holds given the
    labels of all before. It is none where the largest values so far are put in.

    Parameters
    ----------
    log_e : array_like of float, shape (..., m)
        Logarithms of e-values; nan marks one that was not computed and is not counted.
    axis : int, default=-1

    Returns
    -------
    ndarray of float64, shape (...)
        0, no evidence, where nothing was computed.

    References
    ----------
    .. [1] V. Vovk, R. Wang, "E-values: calibration, combination and applications", Annals of
       Statistics 49 (2021) 1736-1754.

    Examples
    --------
    >>> float(np.exp(mean_log_e(np.log([1, 2, 9]))).round(9))
    4.0
    """
    x = np.asarray(log_e, dtype=np.float64)
    made = ~np.isnan(x)
    count = np.sum(made, axis=axis)
    known = np.where(made, x, -np.inf)
    top = np.max(known, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(known - top), axis=axis)) + np.squeeze(top, axis=axis)
    return np.where(count > 0, total - np.log(np.maximum(count, 1)), 0.0)


def e_holm(log_e: ArrayLike) -> NDArray[np.float64]:
    """Return log-evidence after Holm's correction: compare each with ``log(1 / alpha)``.

    The largest of m is divided by m (Bonferroni: evidence of ``m / alpha`` is asked for), the next
    by m - 1, and so on, as long as all larger ones hold.

    **Guaranteed:** the chance of any false rejection is at most alpha, whatever the dependence.
    This holds for the largest values so far of e-processes, too, at every time: their inverses are
    p-values at all times together (Ville).

    Parameters
    ----------
    log_e : array_like of float, shape (m,)
        Logarithms of e-values, or of their largest values so far; nan marks a test that was not
        made and is not counted.

    Returns
    -------
    ndarray of float64, shape (m,)
        In the same order; nan where it was nan.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
       Journal of Statistics 6 (1979) 65-70.
    .. [2] V. Vovk, R. Wang, "E-values: calibration, combination and applications", Annals of
       Statistics 49 (2021) 1736-1754.

    Examples
    --------
    >>> np.exp(e_holm(np.log([30, 90, 20]))).round(9).tolist()
    [15.0, 30.0, 15.0]
    """
    x, order = _ordered(log_e)
    stepped = x[order] - np.log(np.arange(len(order), 0, -1))
    adjusted = np.full(x.shape, np.nan)
    adjusted[order] = np.minimum.accumulate(stepped)
    return adjusted


def e_benjamini_hochberg(log_e: ArrayLike) -> NDArray[np.float64]:
    """Return log-evidence after the e-BH correction: compare each with ``log(1 / alpha)``.

    The k largest of m are rejected together if each is at least ``m / (k alpha)``.

    **Guaranteed:** the expected share of false ones among the rejected (false discovery rate) is
    at most alpha times the share of true nulls, whatever the dependence. Of e-processes put in
    the values at one time, not the largest so far; the time may be chosen by looking at all of
    them, if the null of each holds given the labels of all before.

    Parameters
    ----------
    log_e : array_like of float, shape (m,)
        Logarithms of e-values; nan marks a test that was not made and is not counted.

    Returns
    -------
    ndarray of float64, shape (m,)
        In the same order; nan where it was nan.

    References
    ----------
    .. [1] R. Wang, A. Ramdas, "False discovery rate control with e-values", Journal of the Royal
       Statistical Society B 84 (2022) 822-852.

    Examples
    --------
    >>> np.exp(e_benjamini_hochberg(np.log([30, 60, 1]))).round(9).tolist()
    [20.0, 20.0, 1.0]
    """
    x, order = _ordered(log_e)
    count = len(order)
    stepped = x[order] + np.log(np.arange(1, count + 1)) - np.log(max(count, 1))
    adjusted = np.full(x.shape, np.nan)
    adjusted[order] = np.maximum.accumulate(stepped[::-1])[::-1]
    return adjusted


def _ordered(log_e: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the values, and the places of those that are known, from the largest down."""
    x = np.asarray(log_e, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"one row of e-values is corrected at a time, got {x.ndim} axes")
    made = np.flatnonzero(~np.isnan(x))
    return x, made[np.argsort(-x[made], kind="stable")]
