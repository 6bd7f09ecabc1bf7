"""What a group's rate could be if everybody's demographics were known: bounds, no guesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.estimates import Rates
from edgefair.records import UNKNOWN, Group

__all__ = ["Maybe", "RateBounds", "maybe_of", "rate_bounds"]

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBounds:
    """What the rates of k groups, and their differences to all others, could at most be.

    Sharp: each bound is reached by some assignment of the unknown cases. They are bounds of what
    these very cases would show, not confidence limits.

    Attributes
    ----------
    lowest, highest : ndarray of float64, shape (k,)
        Of the rate; nan where even then the group would have no case.
    difference_lowest, difference_highest : ndarray of float64, shape (k,)
        Of the rate less that of all others; nan where either would have no case.
    unknown : ndarray of int64, shape (k,)
        Cases that might belong to the group, and of which nobody knows.
    """

    lowest: _Floats
    highest: _Floats
    difference_lowest: _Floats
    difference_highest: _Floats
    unknown: NDArray[np.int64]


def rate_bounds(rates: Rates, maybe: Maybe) -> RateBounds:
    """Return the sharp bounds of each group's rate over all that the unknown could be.

    A rate is highest if all unknown errors, and none of the other unknown cases, are the group's,
    and lowest the other way round. The same two assignments bound the difference to all others:
    an error moved into the group raises its rate and lowers that of the rest.

    Parameters
    ----------
    rates : Rates
        Hits and cases of all k groups, those of unknown demographics among them.
    maybe : Maybe
        As `maybe_of` returns it for the groups.

    References
    ----------
    .. [1] J. L. Horowitz, C. F. Manski, "Nonparametric analysis of randomized experiments with
       missing covariate and outcome data", JASA 95 (2000) 77-84.

    Examples
    --------
    Of 10 women 2 were missed, of 20 men 2, of 4 whose sex nobody wrote down 1:

    >>> rates = Rates(np.array([2, 2, 1]), np.array([10, 20, 4]))
    >>> maybe = Maybe(of=np.array([[True], [True], [False]]), unknown=np.array([2]))
    >>> found = rate_bounds(rates, maybe)
    >>> found.lowest.round(3).tolist(), found.highest.round(3).tolist()
    ([0.154, 0.087, 0.25], [0.273, 0.143, 0.25])
    >>> found.difference_highest.round(3).tolist()[0]  # 3 of 11 women, 2 of 23 others
    0.186
    """
    hits, n = rates.hits.astype(np.float64), rates.n.astype(np.float64)
    errors, cases = maybe.of @ hits[maybe.unknown], maybe.of @ n[maybe.unknown]
    others = cases - errors
    sure_rest, sure_rest_n = hits.sum() - hits - errors, n.sum() - n - cases
    highest, lowest = _share(hits + errors, n + errors), _share(hits, n + others)
    return RateBounds(
        lowest=lowest,
        highest=highest,
        difference_lowest=lowest - _share(sure_rest + errors, sure_rest_n + errors),
        difference_highest=highest - _share(sure_rest, sure_rest_n + others),
        unknown=cases.astype(np.int64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Maybe:
    """Of which groups cases might be whose demographics are not known in full.

    Attributes
    ----------
    of : ndarray of bool, shape (k, u)
        Whether cases of the column's unknown group might be of the row's group: True where the
        unknown one leaves open whatever of its attributes differs. A group that is itself not
        known in full has no True in its row, as nobody asks what it is.
    unknown : ndarray of int64, shape (u,)
        Index of each unknown group.
    """

    of: NDArray[np.bool_]
    unknown: NDArray[np.int64]


def maybe_of(groups: Sequence[Group]) -> Maybe:
    """Return of which of k groups, all of one grouping, the unknown cases might be.

    Examples
    --------
    >>> from edgefair.records import Attribute
    >>> sexes = [Group(attributes=(Attribute(name="sex", value=v),)) for v in ("F", UNKNOWN)]
    >>> maybe_of(sexes).of.tolist()
    [[True], [False]]
    """
    values = [[attribute.value for attribute in group.attributes] for group in groups]
    known = np.array([UNKNOWN not in value for value in values], dtype=bool)
    unknown = np.flatnonzero(~known)
    of = np.zeros((len(groups), len(unknown)), dtype=bool)
    for column, which in enumerate(unknown.tolist()):
        fixed = [(i, theirs) for i, theirs in enumerate(values[which]) if theirs != UNKNOWN]
        alike = [all(value[i] == theirs for i, theirs in fixed) for value in values]
        of[:, column] = known & np.array(alike, dtype=bool)
    return Maybe(of=of, unknown=unknown)


def _share(hits: _Floats, n: _Floats) -> _Floats:
    return np.where(n > 0, hits / np.maximum(n, 1), np.nan)
