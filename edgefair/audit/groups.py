"""From the columns that describe patients to groups: values, bins and intersections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isnan
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.errors import InputError
from edgefair.records import UNKNOWN, Attribute, Group

__all__ = ["By", "Grouping", "Term", "group_by"]

_Labelled: TypeAlias = tuple[list[str], NDArray[np.int32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One attribute to group by, numbers in bins.

    Attributes
    ----------
    name : str
        Column.
    edges : tuple of float
        Rising; each bin holds its lower edge, the last has no upper one. Empty for an attribute
        whose values are the groups.
    """

    name: str
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """One way to part everybody: by one attribute, or by several crossed.

    Examples
    --------
    >>> str(By.parse("sex+age:0,18,60"))
    'sex x age'
    """

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " x ".join(term.name for term in self.terms)

    @classmethod
    def parse(cls, text: str, *, columns: Sequence[str] = ()) -> Self:
        """Return what the text asks for.

        Parameters
        ----------
        text : str
            ``sex``, ``age:0,18,40,60,80`` (bins 0-17, 18-39, 40-59, 60-79, 80+), or several such
            joined by ``+``, which crosses them.
        columns : sequence of str
            Names that exist; a text that is one of these as a whole is taken as that name,
            whatever signs it holds.

        Raises
        ------
        InputError
            If a name is missing, an attribute is crossed with itself, or edges are no rising
            numbers.
        """
        if text in columns:
            return cls(terms=(Term(name=text),))
        terms = tuple(_term(part, text) for part in text.split("+"))
        if len({term.name for term in terms}) < len(terms):
            raise _misread(text, "names an attribute twice")
        return cls(terms=terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Everybody, parted into groups.

    Attributes
    ----------
    attribute : str
        What the groups differ in, e.g. ``sex`` or ``sex x age``.
    groups : tuple of Group
        In the order to be shown; every row is in exactly one.
    codes : ndarray of a signed integer, shape (n,)
        Index into `groups` of each row; `group_by` uses int32.
    """

    attribute: str
    groups: tuple[Group, ...]
    codes: NDArray[np.signedinteger[Any]]

    def of_rows(self, chosen: NDArray[np.bool_]) -> Grouping:
        """Return the same groups over some of the rows; those left without any stay."""
        return replace(self, codes=self.codes[chosen])


def group_by(
    ways: Sequence[By], features: Mapping[str, NDArray[np.generic]]
) -> tuple[Grouping, ...]:
    """Return for each way to part everybody the groups, and to which of them each row belongs.

    Values are sorted, bins rise, and Unknown (empty, missing, nan, or no number where numbers
    are binned) comes last. Bins that were asked for are there even if empty; of crossed
    attributes only the combinations that occur are.

    Parameters
    ----------
    ways : sequence of By
    features : mapping of str to ndarray of shape (n,)
        One array per column.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> ages = np.array([5, 70, float("nan")])
    >>> (by_age,) = group_by([By.parse("age:0,18,60")], {"age": ages})
    >>> [str(group) for group in by_age.groups], by_age.codes.tolist()
    (['age 0-17', 'age 18-59', 'age 60+', 'age Unknown'], [0, 2, 3])
    """
    terms = dict.fromkeys(term for by in ways for term in by.terms)
    labelled = {term: _labelled(term, features) for term in terms}
    return tuple(_crossed(by, labelled) for by in ways)


def _crossed(by: By, labelled: Mapping[Term, _Labelled]) -> Grouping:
    labels, codes = labelled[by.terms[0]]
    attributes: list[tuple[Attribute, ...]] = [
        (Attribute(name=by.terms[0].name, value=label),) for label in labels
    ]
    for term in by.terms[1:]:
        labels, further = labelled[term]
        occurring, codes = _renumbered(codes.astype(np.int64) * len(labels) + further)
        attributes = [
            (
                *attributes[pair // len(labels)],
                Attribute(name=term.name, value=labels[pair % len(labels)]),
            )
            for pair in occurring
        ]
    return Grouping(
        attribute=str(by), groups=tuple(Group(attributes=a) for a in attributes), codes=codes
    )


def _renumbered(codes: NDArray[np.int64]) -> tuple[list[int], NDArray[np.int32]]:
    """Return which codes occur, and each row's index among these."""
    size = int(codes.max(initial=-1)) + 1
    if size > len(codes):
        distinct, inverse = np.unique(codes, return_inverse=True)
        return distinct.tolist(), inverse.astype(np.int32)
    occurring = np.flatnonzero(np.bincount(codes, minlength=size))  # linear, without the sort
    place = np.zeros(size, dtype=np.int32)
    place[occurring] = np.arange(len(occurring))
    return occurring.tolist(), place[codes]


def _labelled(term: Term, features: Mapping[str, NDArray[np.generic]]) -> _Labelled:
    """Return the labels of one attribute's groups, and the index of each row's."""
    if term.name not in features:
        raise InputError(
            f"There is no column {term.name!r} to group by.",
            hint=f"The columns are: {', '.join(features)}.",
        )
    values = features[term.name]
    return _binned(term.edges, values) if term.edges else _valued(values)


def _binned(edges: tuple[float, ...], values: NDArray[np.generic]) -> _Labelled:
    numbers = _numbers(values)
    labels = [f"under {edges[0]:g}", *(_bin(low, high) for low, high in pairwise(edges))]
    labels += [f"{edges[-1]:g}+", UNKNOWN]
    codes = np.searchsorted(np.asarray(edges), numbers, side="right")
    codes[np.isnan(numbers)] = len(labels) - 1
    present = np.bincount(codes, minlength=len(labels)) > 0
    shown = [i for i in range(len(labels)) if 0 < i < len(labels) - 1 or present[i]]
    renumbered = np.zeros(len(labels), dtype=np.int32)
    renumbered[shown] = np.arange(len(shown))
    return [labels[i] for i in shown], renumbered[codes]


def _bin(low: float, high: float) -> str:
    if low.is_integer() and high.is_integer():
        return f"{low:g}" if high == low + 1 else f"{low:g}-{high - 1:g}"
    return f"{low:g} to under {high:g}"


def _numbers(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the values as numbers, nan for what is none."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    rows = values.tolist()
    try:
        return np.fromiter(map(float, rows), np.float64, len(rows))
    except (TypeError, ValueError):
        return np.fromiter(map(_number, rows), np.float64, len(rows))


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # whatever is no number ends below
    except (TypeError, ValueError):
        return float("nan")


def _valued(values: NDArray[np.generic]) -> _Labelled:
    if values.dtype.kind in "biuf":
        distinct, inverse = np.unique(values, return_inverse=True)
        raw: list[object] = distinct.tolist()
        of_raw = inverse
    else:
        rows = values.tolist()
        index = {value: i for i, value in enumerate(dict.fromkeys(rows))}
        raw, of_raw = list(index), np.fromiter(map(index.__getitem__, rows), np.int32, len(rows))
    names = [_name(value) for value in raw]
    labels = sorted(set(names), key=_place)
    place = {label: i for i, label in enumerate(labels)}
    return labels, np.array([place[name] for name in names], dtype=np.int32)[of_raw]


def _name(value: object) -> str:
    """Return a value as a group's name: 1.0 is 1, and whatever says nothing is Unknown."""
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    # None, nan, and what data frames call a missing value or a missing date
    return UNKNOWN if text.casefold() in ("", "none", "nan", "<na>", "nat", "unknown") else text


def _place(label: str) -> tuple[bool, float, str]:
    """Return a key that sorts numbers by size, then words, Unknown last."""
    number = _number(label)
    if isnan(number):
        return label == UNKNOWN, inf, label
    return False, number, label


def _term(part: str, text: str) -> Term:
    name, colon, listed = part.strip().partition(":")
    if not name:
        raise _misread(text, "names no column")
    try:
        edges = tuple(float(edge) for edge in listed.split(",")) if colon else ()
    except ValueError:
        raise _misread(text, "has bins that are no numbers") from None
    if any(not low < high for low, high in pairwise(edges)):
        raise _misread(text, "has bins that do not rise")
    return Term(name=name, edges=edges)


def _misread(text: str, why: str) -> InputError:
    return InputError(
        f"The grouping {text!r} {why}.",
        hint="Write a column, 'age:0,18,40,60,80' for bins, or 'sex+age:0,60' to cross two.",
    )
