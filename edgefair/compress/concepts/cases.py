"""Labels for a finding that comes later: few of them, from the same manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgefair.compress.data.cases import Cases, read_cases
from edgefair.compress.recipe import Recipe
from edgefair.errors import BadTable, NotEnoughData
from edgefair.interop.tables import read_table

__all__ = ["FEWEST_OF_EACH", "LaterCases", "read_later_cases"]

FEWEST_OF_EACH = 5
"""Cases with and cases without a finding, below which no threshold is chosen."""

_LABELS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterCases:
    """The cases a bundle was made from, labelled for the findings that are added.

    Attributes
    ----------
    findings : tuple of str
        The new ones, in the order of the columns of each part's labels.
    train, val, test : Cases
        Only val needs labels.
    """

    findings: tuple[str, ...]
    train: Cases
    val: Cases
    test: Cases


def read_later_cases(
    recipe: Recipe, folder: Path, *, held: tuple[str, ...], findings: tuple[str, ...]
) -> LaterCases:
    """Return the cases of a recipe with the labels of findings that it does not name.

    Parameters
    ----------
    recipe : Recipe
        That of the bundle.
    folder : Path
        Where the manifest and the images are.
    held : tuple of str
        What the bundle finds already.
    findings : tuple of str
        Columns of the manifest: 1, 0, or empty where nobody knows.

    Raises
    ------
    BadTable
        As `read_cases`; or if there is no such column, or it holds something else.
    NotEnoughData
        If the val split has fewer than 5 cases with, or 5 without, one of the findings.
    """
    data = replace(recipe.data, labels=held, classes=())
    cases = read_cases(replace(recipe, data=data), folder)
    table = read_table(folder / recipe.data.manifest)
    columns = [[_label(value, finding) for value in table.column(finding)] for finding in findings]
    labelled = replace(cases, labels=np.array(columns, dtype=np.float32).T)
    val = labelled.of("val")
    for finding, labels in zip(findings, val.labels.T, strict=True):
        _check_enough(finding, int((labels == 1).sum()), int((labels == 0).sum()))
    return LaterCases(
        findings=findings, train=labelled.of("train"), val=val, test=labelled.of("test")
    )


def _label(value: str, column: str) -> float:
    if value not in _LABELS:
        raise BadTable(
            f"The label column {column} holds {value!r}.",
            hint="A label is 1, 0, or an empty cell where nobody knows.",
        )
    return _LABELS[value]


def _check_enough(finding: str, positives: int, negatives: int) -> None:
    if min(positives, negatives) < FEWEST_OF_EACH:
        raise NotEnoughData(
            f"The val split has {positives} labelled cases with {finding} and {negatives} "
            "without: too few to choose a threshold.",
            hint=f"A concept needs no labels to be found, but its threshold needs at least "
            f"{FEWEST_OF_EACH} of each; fill the column {finding} in some rows of the val split.",
        )
