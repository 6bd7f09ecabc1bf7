"""Who of a site is in a group that a bundle names."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.records import UNKNOWN, Group

__all__ = ["are_in"]


def are_in(group: Group, features: Mapping[str, NDArray[Any]], *, n: int) -> NDArray[np.bool_]:
    """Return which of n rows are of a group, shape (n,).

    Parameters
    ----------
    group : Group
    features : mapping of str to ndarray, each of shape (n,)
        As `features_of` gives them; an attribute that is not there is known of nobody.
    n : int

    Examples
    --------
    >>> from edgefair.records import Attribute
    >>> elderly = Group(attributes=(Attribute(name="age", value="60-79"),))
    >>> are_in(elderly, {"age": np.array([59.0, 79.9, nan])}, n=3).tolist()
    [False, True, False]
    """
    within = np.ones(n, bool)
    for attribute in group.attributes:
        column = features.get(attribute.name, np.array([UNKNOWN] * n, object))
        within &= _has_value(column, attribute.value)
    return within


def _has_value(column: NDArray[Any], value: str) -> NDArray[np.bool_]:
    if column.dtype.kind != "f":
        return np.array([str(one) == value for one in column.tolist()], np.bool_)
    if value == UNKNOWN:
        return np.asarray(np.isnan(column), dtype=np.bool_)
    low, high = _bin(value)
    return np.asarray((column >= low) & (column < high), dtype=np.bool_)


def _bin(label: str) -> tuple[float, float]:
    """Return the numbers that a bin's name stands for, the upper one excluded.

    Examples
    --------
    >>> _bin("18-39"), _bin("80+"), _bin("under 5")
    ((18.0, 40.0), (80.0, inf), (-inf, 5.0))
    """
    try:
        if label.endswith("+"):
            return float(label[:-1]), inf
        if label.startswith("under "):
            return -inf, float(label[6:])
        if " to under " in label:
            low, _, high = label.partition(" to under ")
            return float(low), float(high)
        low, _, last = label.partition("-")
        return float(low), float(last or low) + 1
    except ValueError:
        return nan, nan
