"""What else than the disease predicts the label: every column and every measure, tried alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.auroc import auroc
from edgefair.compress.datasheet.looks import MEASURES, NAMED_IN_FILE, Looks
from edgefair.compress.datasheet.records import Shortcut, ShortcutKind, ValueShare
from edgefair.compress.datasheet.rows import Rows
from edgefair.records import UNKNOWN

__all__ = ["try_shortcuts"]

_RESTATES_FROM: Final = 0.98
_STRONG_FROM: Final = 0.75
_SHOWN_FROM: Final = 0.55
"""Smallest AUROC worth a word, given that its whole interval lies above .5, the coin toss."""

_ALPHA: Final = 0.05
_FOLDS: Final = 5
_SMOOTHING: Final = 1.0
_BINS: Final = 16
_ROWS_A_BIN: Final = 20
_FEW_VALUES: Final = 12
_MOST_SHOWN: Final = 8
_OUTSIDE: Final = 0.5
_SEPARATORS: Final = ("|", ";")
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attribute:
    """One attribute of n images as evidence: which image bears which value.

    Attributes
    ----------
    rows, codes : ndarray of int64, shape (m,)
        Image and value of each of the m pairs; an image may bear several terms.
    names : tuple of str
        Of the values.
    numbers : ndarray of float64, shape (n,), or None
        Where the values are bins or blocks of these.
    """

    name: str
    origin: str
    encoding: str
    rows: NDArray[np.int64] = field(repr=False)
    codes: NDArray[np.int64] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    numbers: NDArray[np.float64] | None = field(repr=False, default=None)


def try_shortcuts(
    rows: Rows, looks: Looks, *, seed: int
) -> tuple[tuple[Shortcut, ...], tuple[str, ...]]:
    """Return what each attribute alone says of each finding, and which could not be tried.

    Evidence is the logarithm of how much more often a value occurs with the finding than without
    it, in an order that the patients of the other folds set, so that the value of one patient
    tells nothing of that patient's own images. Its AUROC has DeLong's interval,
    Bonferroni-corrected over all attributes and findings.

    Parameters
    ----------
    rows : Rows
    looks : Looks
        Of the same images.
    seed : int
        Of the folds.
    """
    attributes = list(_attributes(rows, looks))
    tried = [one for one in attributes if len(one.names) > 1]
    idle = tuple(one.name for one in attributes if len(one.names) < 2)
    findings = rows.brief.findings
    level = 1 - _ALPHA / max(1, len(tried) * len(findings))
    found = [
        _tried(one, finding, labels, _folds(rows.persons, labels, seed), level)
        for finding, labels in zip(findings, rows.labels.T, strict=True)
        for one in tried
    ]
    found.sort(key=lambda s: -s.auroc.estimate if s.auroc.is_estimable else 1.0)
    return tuple(found), idle


def _attributes(rows: Rows, looks: Looks) -> Iterator[_Attribute]:
    data = rows.brief.data
    named = {data.image_column, data.split_column, *data.labels}
    for column in rows.table.columns:
        if column and column not in named:
            is_patient = column == data.patient_column
            yield _of_cells(column, "manifest", rows.table.column(column), is_id=is_patient)
    for name, cells in zip(NAMED_IN_FILE, looks.named, strict=True):
        if any(cells):
            yield _of_cells(name, "file", cells, is_id=False)
    for name in MEASURES:
        yield _of_numbers(name, "pixels", "bins", looks.measure(name))


def _of_cells(name: str, origin: str, cells: tuple[str, ...], *, is_id: bool) -> _Attribute:
    told = [cell for cell in cells if cell]
    distinct = len(set(told))
    if is_id or distinct > max(len(told) / 2, _FEW_VALUES):
        numbers = np.array([_last_number(cell) for cell in cells])
        if np.isfinite(numbers).sum() >= 0.9 * len(told):
            encoding = "blocks of numbers" if is_id or not _are_numbers(told) else "bins"
            return _of_numbers(name, origin, encoding, numbers)
    if distinct > _FEW_VALUES and _are_numbers(told):
        return _of_numbers(name, origin, "bins", np.array([_number(cell) for cell in cells]))
    return _of_terms(name, origin, cells)


def _are_numbers(told: list[str]) -> bool:
    return sum(isfinite(_number(cell)) for cell in told) >= 0.95 * len(told)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _last_number(cell: str) -> float:
    """Return a number as it is, and of a code such as ``P-0012`` its last run of digits."""
    as_it_is = _number(cell)
    runs = _NUMBER.findall(cell)
    return as_it_is if isfinite(as_it_is) or not runs else float(runs[-1])


def _of_terms(name: str, origin: str, cells: tuple[str, ...]) -> _Attribute:
    """Return an attribute of names; cells that list several of them count for each."""
    told = sum(bool(cell) for cell in cells)
    separator = next(
        (s for s in _SEPARATORS if sum(s in cell for cell in cells) >= 0.1 * max(told, 1)), None
    )
    index: dict[str, int] = {}
    pairs = []
    for row, cell in enumerate(cells):
        terms = cell.split(separator) if separator else [cell]
        for term in dict.fromkeys(term.strip() or UNKNOWN for term in terms):
            pairs.append((row, index.setdefault(term, len(index))))
    places = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return _Attribute(
        name=name,
        origin=origin,
        encoding="terms" if separator else "values",
        rows=places[:, 0],
        codes=places[:, 1],
        names=tuple(index),
    )


def _of_numbers(name: str, origin: str, encoding: str, numbers: NDArray[np.float64]) -> _Attribute:
    """Return an attribute of numbers in bins that hold equally many images."""
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    told = numbers[np.isfinite(numbers)]
    bins = int(np.clip(len(told) // _ROWS_A_BIN, 2, _BINS))
    quantiles = np.quantile(told, np.arange(1, bins) / bins) if len(told) else np.zeros(0)
    edges = np.unique(quantiles[quantiles > told.min()]) if len(told) else quantiles
    codes = np.searchsorted(edges, numbers, side="right")
    codes[np.isnan(numbers)] = len(edges) + 1
    present, renumbered = np.unique(codes, return_inverse=True)
    names = tuple(
        UNKNOWN if code > len(edges) else _range(numbers[codes == code])
        for code in present.tolist()
    )
    return _Attribute(
        name=name,
        origin=origin,
        encoding=encoding,
        rows=np.arange(len(numbers), dtype=np.int64),
        codes=renumbered.astype(np.int64),
        names=names,
        numbers=numbers,
    )


def _range(numbers: NDArray[np.float64]) -> str:
    low, high = _spelled(numbers.min()), _spelled(numbers.max())
    return low if low == high else f"{low} to {high}"


def _spelled(number: float) -> str:
    """Return a number as a manifest has it: patients' numbers whole, measures in four digits."""
    is_whole = float(number).is_integer() and abs(number) < 1e15
    return f"{number:.0f}" if is_whole else f"{number:.4g}"


def _folds(
    persons: NDArray[np.int64], labels: NDArray[np.float32], seed: int
) -> NDArray[np.int64]:
    """Return each row's fold, one for all rows of a patient, with like shares of positives."""
    count = int(persons.max()) + 1
    has = np.zeros(count, dtype=bool)
    has[persons[labels == 1]] = True
    shuffled = np.random.default_rng(seed).permutation(count)
    dealt = shuffled[np.argsort(has[shuffled], kind="stable")]
    folds = np.empty(count, dtype=np.int64)
    folds[dealt] = np.arange(count) % _FOLDS
    return np.asarray(folds[persons], dtype=np.int64)


def _tried(
    one: _Attribute,
    finding: str,
    labels: NDArray[np.float32],
    folds: NDArray[np.int64],
    level: float,
) -> Shortcut:
    known = np.isfinite(labels)
    score = _evidence(one, labels, folds)
    reached = auroc(labels[known] == 1, score[known], level=level)
    return Shortcut(
        finding=finding,
        attribute=one.name,
        origin=one.origin,
        encoding=one.encoding,
        kind=_kind(reached.estimate, reached.lower),
        auroc=reached,
        block=_block(one, finding, labels),
        values=_values(one, labels),
    )


def _kind(estimate: float, lower: float) -> ShortcutKind:
    if not (lower > 0.5 and estimate >= _SHOWN_FROM):
        return ShortcutKind.NOT_SHOWN
    if estimate >= _RESTATES_FROM:
        return ShortcutKind.RESTATES
    return ShortcutKind.STRONG if estimate >= _STRONG_FROM else ShortcutKind.SHOWN


def _evidence(
    one: _Attribute, labels: NDArray[np.float32], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return each image's evidence from the other folds, shape (n,).

    The other folds say in which order the values stand; how far apart, all folds say together,
    since an image must not rank higher only because another fold's figures were used for it.
    """
    levels = np.sort(_log_ratio(one, labels, np.ones(len(labels), dtype=bool)))
    score = np.zeros(len(labels))
    for fold in range(_FOLDS):
        mine = folds == fold
        ratio = _levelled(_log_ratio(one, labels, ~mine), levels)
        ratio[_counts(one, ~mine & np.isfinite(labels)) == 0] = 0.0  # nothing is known of it
        summed = np.bincount(one.rows, weights=ratio[one.codes], minlength=len(labels))
        score[mine] = summed[mine]
    return score


def _log_ratio(
    one: _Attribute, labels: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return by value the logarithm of its share of positives over its share of negatives."""
    positive, negative = chosen & (labels == 1), chosen & (labels == 0)
    little = _SMOOTHING / max(int(positive.sum() + negative.sum()), 1)
    with_it = _counts(one, positive) / max(int(positive.sum()), 1)
    without = _counts(one, negative) / max(int(negative.sum()), 1)
    return np.asarray(np.log(with_it + little) - np.log(without + little))


def _levelled(ratio: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the level at each value's rank; equal values get the mean of theirs."""
    _, places, counts = np.unique(ratio, return_inverse=True, return_counts=True)
    means = np.add.reduceat(levels, np.cumsum(counts) - counts) / counts
    return np.asarray(means[places])


def _counts(one: _Attribute, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    weights = chosen[one.rows].astype(np.float64)
    return np.bincount(one.codes, weights=weights, minlength=len(one.names)).astype(np.float64)


def _values(one: _Attribute, labels: NDArray[np.float32]) -> tuple[ValueShare, ...]:
    """Return the values whose shares of positives and negatives differ most, in their order."""
    with_it, without = _counts(one, labels == 1), _counts(one, labels == 0)
    of_positives = with_it / max(float((labels == 1).sum()), 1)
    of_negatives = without / max(float((labels == 0).sum()), 1)
    telling = np.argsort(-np.abs(of_positives - of_negatives), kind="stable")[:_MOST_SHOWN]
    images = with_it + without
    return tuple(
        ValueShare(
            value=one.names[code],
            images=int(images[code]),
            prevalence=float(with_it[code] / images[code]) if images[code] else float("nan"),
            share_of_positives=float(of_positives[code]),
            share_of_negatives=float(of_negatives[code]),
        )
        for code in (sorted(telling.tolist()) if one.numbers is not None else telling.tolist())
    )


def _block(one: _Attribute, finding: str, labels: NDArray[np.float32]) -> str:
    """Return one sentence if one class lies within a range that the other mostly lies outside."""
    if one.numbers is None:
        return ""
    told = np.isfinite(one.numbers)
    parts = {
        "without": one.numbers[told & (labels == 0)],
        "with": one.numbers[told & (labels == 1)],
    }
    for inside, outside in (("without", "with"), ("with", "without")):
        narrow, wide = parts[inside], parts[outside]
        if min(len(narrow), len(wide)) < _ROWS_A_BIN:
            continue
        beyond = float(((wide < narrow.min()) | (wide > narrow.max())).mean())
        if beyond >= _OUTSIDE:
            return (
                f"All {len(narrow):,} images {inside} {finding} come from {one.name} "
                f"{_range(narrow)}; {100 * beyond:.0f}% of those {outside} it lie outside "
                f"({_range(wide)})."
            )
    return ""
