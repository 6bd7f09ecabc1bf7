"""Many tests at once: p-values that hold for all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["benjamini_hochberg", "holm"]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values: the chance of any false rejection stays below alpha.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        Of any dependence on each other; nan marks a test that was not made and is not counted.

    Returns
    -------
    ndarray of float64, shape (m,)
        In the same order; nan where it was nan.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
       Journal of Statistics 6 (1979) 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03]).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(np.isfinite(p))
    order = made[np.argsort(p[made], kind="stable")]
    stepped = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Benjamini and Hochberg's adjusted p-values, for what is explored and not judged.

    Of those at most q, a share of at most q is expected to be false, if the tests are independent
    or depend on each other positively; in families of groups held against their rests, some
    dependence is negative, and the bound is approximate.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        nan marks a test that was not made and is not counted.

    Returns
    -------
    ndarray of float64, shape (m,)
        In the same order; nan where it was nan.

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate: a practical and
       powerful approach to multiple testing", Journal of the Royal Statistical Society B 57
       (1995) 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    p = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(np.isfinite(p))
    order = made[np.argsort(-p[made], kind="stable")]
    stepped = p[order] * len(order) / np.arange(len(order), 0, -1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped), 1.0)
    return adjusted
