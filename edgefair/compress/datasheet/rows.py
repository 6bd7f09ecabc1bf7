"""The manifest as it is: every fault becomes a note, and only an unusable table an error."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import By, Grouping, group_by
from edgefair.compress.data.splits import SPLITS, split_patients
from edgefair.compress.recipe import DataSource, Recipe
from edgefair.errors import BadTable
from edgefair.interop.tables import Table, read_table

__all__ = ["Brief", "Rows", "brief_of", "read_rows", "split_names"]

_LABELS: Final = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What is known of the data before they are looked at.

    Attributes
    ----------
    name : str
    data : DataSource
        What the columns mean.
    seed : int
        For folds and splits.
    title, purpose, source, licence, citation, acknowledgement : str
        As the recipe says; empty where nobody did.
    """

    name: str
    data: DataSource
    seed: int = 0
    title: str = ""
    purpose: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    acknowledgement: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """The classes, or else the label columns."""
        return self.data.classes or self.data.labels


def brief_of(recipe: Recipe) -> Brief:
    """Return what a recipe says of its data."""
    return Brief(
        name=recipe.name,
        data=recipe.data,
        seed=recipe.seed,
        title=recipe.about.title,
        purpose=recipe.intended_use,
        source=recipe.about.source,
        licence=recipe.about.licence,
        citation=recipe.about.citation,
        acknowledgement=recipe.about.acknowledgement,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a manifest, n of them, whatever they hold.

    Attributes
    ----------
    paths : tuple of Path
        Where each image should be; the folder itself where a row names none.
    images, patients, splits : tuple of str
        Empty where a row does not say.
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows or the cell holds something else.
    faulty : ndarray of bool, shape (n, findings)
        Where the cell holds something that is no label.
    """

    brief: Brief
    table: Table = field(repr=False)
    paths: tuple[Path, ...] = field(repr=False)
    images: tuple[str, ...] = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)
    splits: tuple[str, ...] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    faulty: NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def persons(self) -> NDArray[np.int64]:
        """A number for each row's patient, rows without one being one each, shape (n,)."""
        index: dict[tuple[str, int], int] = {}
        return np.array(
            [
                index.setdefault((patient, -1 if patient else row), len(index))
                for row, patient in enumerate(self.patients)
            ],
            dtype=np.int64,
        )

    @property
    def twice(self) -> NDArray[np.bool_]:
        """Which rows name an image that an earlier row names, shape (n,)."""
        seen: set[str] = set()
        again = []
        for name in self.images:
            again.append(bool(name) and name in seen)
            seen.add(name)
        return np.array(again, dtype=bool)

    def grouped(self, way: str) -> Grouping:
        """Return the groups that one way parts the rows into.

        Raises
        ------
        BadTable
            If the manifest has no such column.
        """
        by = By.parse(way, columns=self.table.columns)
        features = {term.name: np.array(self.table.column(term.name)) for term in by.terms}
        return group_by([by], features)[0]


def read_rows(brief: Brief, folder: Path) -> Rows:
    """Return the rows of the manifest in a folder.

    Parameters
    ----------
    brief : Brief
    folder : Path
        Where the manifest and the images are.

    Raises
    ------
    BadTable
        If the manifest cannot be read, has no rows, or lacks a column that the recipe names.
    """
    data = brief.data
    table = read_table(folder / data.manifest)
    if not len(table):
        raise BadTable(f"The manifest {table.name} has no rows.", hint="List one image a row.")
    patients = table.column(data.patient_column)
    labels, faulty = _labels(table, data)
    images = table.column(data.image_column)
    rows = Rows(
        brief=brief,
        table=table,
        paths=tuple(folder / data.images / name for name in images),
        images=images,
        patients=patients,
        splits=_splits(brief, table, patients, labels),
        labels=labels,
        faulty=faulty,
    )
    for way in (*data.groups, *(share.by for share in data.catchment)):
        rows.grouped(way)  # names a missing column before any image is read
    return rows


def _labels(table: Table, data: DataSource) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if data.classes:
        cells = table.column(data.labels[0])
        known = np.array([cell in data.classes for cell in cells])
        labels = np.array(
            [[float(cell == name) for name in data.classes] for cell in cells], dtype=np.float32
        )
        labels[~known] = np.nan
        wrong = np.array([bool(cell) for cell in cells]) & ~known
        return labels, np.repeat(wrong[:, np.newaxis], len(data.classes), axis=1)
    columns = [table.column(name) for name in data.labels]
    read = [[_LABELS.get(cell, np.nan) for cell in cells] for cells in columns]
    faulty = [[cell not in _LABELS for cell in cells] for cells in columns]
    return np.array(read, dtype=np.float32).T, np.array(faulty, dtype=bool).T


def _splits(
    brief: Brief, table: Table, patients: tuple[str, ...], labels: NDArray[np.float32]
) -> tuple[str, ...]:
    data = brief.data
    if data.split_column is not None:
        return table.column(data.split_column)
    if data.split_fractions is not None:
        return split_patients(patients, labels, data.split_fractions, seed=brief.seed)
    return ("",) * len(table)


def split_names(rows: Rows) -> tuple[str, ...]:
    """Return the splits that occur: the known ones in their order, then any others."""
    counted = Counter(rows.splits)
    others = sorted(set(counted) - set(SPLITS))
    return (*(name for name in SPLITS if counted[name]), *others)
