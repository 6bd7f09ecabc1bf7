"""Labelled cases: the manifest CSV as a recipe understands it, checked row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import By, Grouping, group_by
from edgefair.bundle.manifest import Task
from edgefair.compress.data.splits import SPLITS, split_patients
from edgefair.compress.recipe import Recipe, subset_of
from edgefair.errors import BadTable
from edgefair.interop.tables import Table, read_table

__all__ = ["Cases", "Column", "read_cases"]

_LABELS: Final = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the manifest, as text."""

    name: str
    values: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Labelled images, n of them.

    Attributes
    ----------
    images : tuple of Path
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows.
    splits : tuple of str
        ``train``, ``val`` or ``test``.
    patients : tuple of str
    columns : tuple of Column
        Every column that the recipe groups, tries or selects by.
    """

    images: tuple[Path, ...] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    splits: tuple[str, ...] = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)
    columns: tuple[Column, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)

    def of(self, split: str) -> Cases:
        """Return the cases of one split, in their order."""
        return self.take(np.flatnonzero(np.array(self.splits) == split))

    def take(self, rows: NDArray[np.intp]) -> Cases:
        """Return the cases at these positions."""
        places = rows.tolist()
        return Cases(
            images=tuple(self.images[place] for place in places),
            labels=self.labels[rows],
            splits=tuple(self.splits[place] for place in places),
            patients=tuple(self.patients[place] for place in places),
            columns=tuple(
                Column(name=c.name, values=tuple(c.values[place] for place in places))
                for c in self.columns
            ),
        )

    def grouped(self, ways: Sequence[str]) -> tuple[Grouping, ...]:
        """Return the groups that each way parts the cases into, e.g. ``sex+age:0,18,60``."""
        features = {column.name: np.array(column.values) for column in self.columns}
        return group_by([By.parse(way) for way in ways], features)

    def where(self, subset: str) -> NDArray[np.bool_]:
        """Return which cases a ``column=value`` selects, shape (n,)."""
        name, value = subset_of(subset)
        column = next(column for column in self.columns if column.name == name)
        return np.array([found == value for found in column.values])


def read_cases(recipe: Recipe, folder: Path) -> Cases:
    """Return the cases that a recipe's manifest lists.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Where the manifest and the images are.

    Raises
    ------
    BadTable
        If the manifest cannot be read, lacks a column, lists an image twice or one that is not
        there, has a label outside 0 and 1, a patient in two splits, or a split in which a
        finding has no positives or no negatives.
    """
    data = recipe.data
    table = read_table(folder / data.manifest)
    if not len(table):
        raise _bad(f"The manifest {table.name} has no rows", "List one image a row.")
    labels = _labels(table, recipe)
    patients = _stated(table, data.patient_column)
    if data.split_fractions is not None:
        splits = split_patients(patients, labels, data.split_fractions, seed=recipe.seed)
    else:
        splits = _stated_splits(table, data.split_column or "")
    _check_disjoint(patients, splits)
    _check_both_classes(recipe, labels, splits)
    return Cases(
        images=_images(_stated(table, data.image_column), folder / data.images),
        labels=labels,
        splits=splits,
        patients=patients,
        columns=_columns(table, recipe),
    )


def _columns(table: Table, recipe: Recipe) -> tuple[Column, ...]:
    ways = [*recipe.data.groups, *recipe.evaluation.shortcuts]
    ways += recipe.gate.groups if recipe.gate is not None else ()
    aware = recipe.training.groups
    ways += [aware.by] if aware is not None else []
    names = [term.name for way in ways for term in By.parse(way).terms]
    names += [subset_of(subset)[0] for subset in recipe.evaluation.subsets]
    return tuple(Column(name=name, values=table.column(name)) for name in dict.fromkeys(names))


def _stated(table: Table, name: str) -> tuple[str, ...]:
    values = table.column(name)
    if "" in values:
        raise _bad(
            f"Row {values.index('') + 1} of the manifest has no {name}",
            "Fill the column in every row.",
        )
    return values


def _images(names: tuple[str, ...], folder: Path) -> tuple[Path, ...]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _bad(
            f"The manifest lists {twice[0]} {names.count(twice[0])} times",
            "Give each image one row.",
        )
    images = tuple(folder / name for name in names)
    missing = [path for path in images if not path.is_file()]
    if missing:
        raise _bad(
            f"{len(missing)} of the manifest's {len(images)} images are not in {folder}, "
            f"the first of them {missing[0].name}",
            "Correct data.images in the recipe, or take these rows out.",
        )
    return images


def _labels(table: Table, recipe: Recipe) -> NDArray[np.float32]:
    data = recipe.data
    if data.classes:
        name = data.labels[0]
        rows = [_one_of(value, data.classes, name) for value in table.column(name)]
        return np.array(rows, dtype=np.float32)
    columns = [[_label(value, name) for value in table.column(name)] for name in data.labels]
    labels = np.array(columns, dtype=np.float32).T
    if recipe.task is Task.MULTI_CLASS:
        _check_one_class(labels)
    return labels


def _one_of(value: str, classes: tuple[str, ...], column: str) -> list[float]:
    if not value:
        return [np.nan] * len(classes)
    if value not in classes:
        raise _bad(
            f"The label column {column} holds {value!r}, which is no class of the recipe",
            f"The classes are: {', '.join(classes)}.",
        )
    return [float(value == name) for name in classes]


def _label(value: str, column: str) -> float:
    if value not in _LABELS:
        raise _bad(
            f"The label column {column} holds {value!r}",
            "A label is 1, 0, or an empty cell where nobody knows.",
        )
    return _LABELS[value]


def _check_one_class(labels: NDArray[np.float32]) -> None:
    known = ~np.isnan(labels)
    is_partial = known.any(axis=1) & ~known.all(axis=1)
    is_wrong = known.all(axis=1) & (labels.sum(axis=1) != 1)
    wrong = np.flatnonzero(is_partial | is_wrong)
    if len(wrong):
        raise _bad(
            f"Row {wrong[0] + 1} of the manifest does not have exactly one class",
            "In a multi_class task one label column of a row is 1 and the others are 0.",
        )


def _stated_splits(table: Table, column: str) -> tuple[str, ...]:
    splits = table.column(column)
    strange = sorted(set(splits) - set(SPLITS))
    if strange:
        raise _bad(
            f"The split column {column} holds {strange[0]!r}",
            f"A split is {', '.join(SPLITS)}.",
        )
    return splits


def _check_disjoint(patients: Sequence[str], splits: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for patient, split in zip(patients, splits, strict=True):
        if seen.setdefault(patient, split) != split:
            raise _bad(
                f"Patient {patient} is in both {seen[patient]} and {split}",
                "Put all images of a patient into one split, or let data.split_fractions do it.",
            )


def _check_both_classes(
    recipe: Recipe, labels: NDArray[np.float32], splits: Sequence[str]
) -> None:
    for split in SPLITS:
        part = labels[np.array(splits) == split]
        for finding, column in zip(recipe.findings, part.T, strict=True):
            for value, kind in ((1, "positives"), (0, "negatives")):
                if not (column == value).any():
                    raise _bad(
                        f"The {split} split has no {kind} of {finding}",
                        "Each split needs cases with and without each finding.",
                    )


def _bad(sentence: str, hint: str) -> BadTable:
    return BadTable(f"{sentence}.", hint=hint)
