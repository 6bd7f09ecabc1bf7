"""How many labels a stream that may be looked at any time still needs for its answer."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgefair.audit.sequential import confidence_sequence, log_e_value

__all__ = ["MOST_LABELS", "labels_to_answer"]

MOST_LABELS: Final = 20_000
"""An answer that needs more labels than this is out of reach."""

_PSEUDO_LABELS: Final = 10
_LOOKS: Final = 160


def labels_to_answer(
    errors: ArrayLike,
    n: ArrayLike,
    *,
    expected: ArrayLike,
    limit: ArrayLike,
    alpha: float,
) -> NDArray[np.float64]:
    """Return how many more labels of each stream an answer can be expected from.

    The answer is that the rate lies above the limit (by its evidence) or below it (by its
    confidence sequence), whichever the labels so far point to. Planned for a stream that goes on
    at the rate seen so far, drawn toward the expected one by the weight of ten labels. A plan, not
    a promise: about half of all streams need more. Rounded up by at most one part in fifteen.

    Parameters
    ----------
    errors, n : array_like of int, shape (m,)
    expected : array_like of float, shape (m,)
        The rate that was measured before release.
    limit : array_like of float, shape (m,)
        In (0, 1).
    alpha : float
        Of one stream, after any correction for their number.

    Returns
    -------
    ndarray of float64, shape (m,)
        Whole numbers, at least 1; nan where more than `MOST_LABELS` would be needed.

    Examples
    --------
    >>> labels_to_answer([0, 30], [0, 80], expected=[0.1, 0.1], limit=0.25, alpha=0.0125).tolist()
    [101.0, 176.0]
    """
    s, trials, rate, p0 = np.broadcast_arrays(
        np.asarray(errors, np.int64), np.asarray(n, np.int64), expected, limit
    )
    going_on = (s + _PSEUDO_LABELS * rate) / (trials + _PSEUDO_LABELS)
    more = np.unique(np.ceil(np.geomspace(1, MOST_LABELS, _LOOKS)).astype(np.int64))
    n_then = trials[:, np.newaxis] + more
    s_then = s[:, np.newaxis] + np.rint(going_on[:, np.newaxis] * more).astype(np.int64)
    _, upper = confidence_sequence(s_then, n_then, alpha=alpha)
    log_e = log_e_value(s_then, n_then, limit=p0[:, np.newaxis])
    answered = np.where(
        (going_on > p0)[:, np.newaxis], log_e >= -np.log(alpha), upper < p0[:, np.newaxis]
    )
    first = more[np.argmax(answered, axis=1)].astype(np.float64)
    return np.where(answered.any(axis=1), first, np.nan)
