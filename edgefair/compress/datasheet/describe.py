"""From a manifest and its images to the datasheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgefair import __version__
from edgefair.compress.datasheet.collection import collect
from edgefair.compress.datasheet.composition import compose
from edgefair.compress.datasheet.copies import Copies, find_copies
from edgefair.compress.datasheet.findings import find
from edgefair.compress.datasheet.looks import Looks, OnImage, look_at
from edgefair.compress.datasheet.records import Datasheet, Distribution, Motivation, Uses
from edgefair.compress.datasheet.rows import Brief, Rows, brief_of, read_rows
from edgefair.compress.datasheet.shortcuts import try_shortcuts
from edgefair.compress.recipe import Recipe

__all__ = ["Examined", "describe", "examine", "write_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The rows of a manifest, what their images look like, and which are the same."""

    rows: Rows
    looks: Looks
    copies: Copies


def describe(
    recipe: Recipe, folder: Path, *, on_image: OnImage = lambda done, total: None
) -> Datasheet:
    """Return the datasheet of a recipe's data.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Where the manifest and the images are.
    on_image : callable, optional
        Called with the number of images read so far, and how many there are.

    Raises
    ------
    BadTable
        If the manifest cannot be read, has no rows, or lacks a column that the recipe names.
        Any other fault of the data is a finding.
    """
    return write_up(examine(brief_of(recipe), folder, on_image=on_image))


def examine(
    brief: Brief, folder: Path, *, on_image: OnImage = lambda done, total: None
) -> Examined:
    """Return what there is to be described: the rows, and their images, each read once.

    Raises
    ------
    BadTable
        As `describe`.
    """
    rows = read_rows(brief, folder)
    looks = look_at(rows.paths, on_image=on_image)
    return Examined(rows=rows, looks=looks, copies=find_copies(looks))


def write_up(examined: Examined) -> Datasheet:
    """Return the datasheet of what was examined."""
    rows, brief = examined.rows, examined.rows.brief
    composition = compose(rows, examined.looks, examined.copies)
    collection = collect(rows, examined.looks)
    shortcuts, not_tried = try_shortcuts(rows, examined.looks, seed=brief.seed)
    uses = Uses(
        intended=brief.purpose, findings=brief.findings, shortcuts=shortcuts, not_tried=not_tried
    )
    return Datasheet(
        name=brief.name,
        manifest=Path(rows.table.name).name,
        manifest_sha256=rows.table.sha256,
        edgefair_version=__version__,
        findings=find(composition, collection, uses),
        motivation=Motivation(title=brief.title, purpose=brief.purpose),
        composition=composition,
        collection_process=collection,
        uses=uses,
        distribution=Distribution(
            licence=brief.licence,
            citation=brief.citation,
            acknowledgement=brief.acknowledgement,
        ),
    )
