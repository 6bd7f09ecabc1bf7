"""`edgefair compress datasheet`: who is in the data, who is not, and what misleads a model."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.compress.progress import stage_progress
from edgefair.interop.files import replaced_whole

if TYPE_CHECKING:
    from edgefair.compress.datasheet import Brief, Curation, Datasheet
    from edgefair.compress.recipe import CatchmentShare, DataSource

__all__ = ["command"]

_NARROWEST: Final = 80
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@click.command("datasheet")
@click.argument("source", metavar="RECIPE.toml|MANIFEST.csv", type=_FILE)
@click.option("--data", type=_FOLDER, help="Folder of the manifest and the images.")
@click.option(
    "-o", "--output", "path", type=_FILE, metavar="FILE.html", help="Write the page to FILE.html."
)
@click.option("--json", "json_path", type=_FILE, metavar="FILE", help="Write it as JSON to FILE.")
@click.option(
    "--fix", type=_FILE, metavar="FILE.csv", help="Write a curated manifest, and what was changed."
)
@click.option(
    "--label", "labels", multiple=True, metavar="COLUMN", help="Of a CSV: a label; repeatable."
)
@click.option(
    "--group", "groups", multiple=True, metavar="GROUPS", help="Of a CSV: groups; repeatable."
)
@click.option("--image", default="image", metavar="COLUMN", help="Of a CSV: the file name.")
@click.option("--patient", default="patient_id", metavar="COLUMN", help="Of a CSV: the patient.")
@click.option(
    "--split", metavar="COLUMN", help="Of a CSV: train, val or test.  [default: split, if there]"
)
@click.option(
    "--images", metavar="FOLDER", help="Of a CSV: where images are.  [default: images, if there]"
)
@click.option(
    "--catchment",
    type=_FILE,
    metavar="FILE.csv",
    help="Shares of the people the model is meant for: columns by, group, share.",
)
def command(
    *,
    source: Path,
    data: Path | None,
    path: Path | None,
    json_path: Path | None,
    fix: Path | None,
    labels: tuple[str, ...],
    groups: tuple[str, ...],
    image: str,
    patient: str,
    split: str | None,
    images: str | None,
    catchment: Path | None,
) -> None:
    """Say who is in the data and who is not, and what would mislead a model trained on them.

    \b
    Examples:
      edgefair compress datasheet recipe.toml -o datasheet.html --json datasheet.json
      edgefair compress datasheet recipe.toml --data ~/radiographs --fix curated.csv
      edgefair compress datasheet manifest.csv --label pneumonia --group sex --group age:0,18,60
      edgefair compress datasheet manifest.csv --label tb --group sex --catchment census.csv

    Found are patients in several splits, the same picture twice (stored anew, too), images that
    cannot be read, groups that are missing or too small, and every other column and measure that
    predicts the label by itself. Faults are findings, not errors.

    With --fix, copies and unusable rows go, and all images of a patient come into one split;
    FILE.changes.csv lists what was changed. GROUPS are as in `edgefair audit`.

    Needs no extra. Research use only; not a medical device.
    """
    is_csv = source.suffix.lower() != ".toml"
    _check_usage(source, path, fix, labels, is_csv=is_csv)

    from edgefair.compress.datasheet import curate, examine, render_datasheet_text, write_up

    if is_csv:
        folder = data or source.parent
        brief = _brief_of_csv(
            source,
            folder,
            labels=labels,
            groups=groups,
            columns=(image, patient, split),
            images=images,
        )
    else:
        brief, folder = _brief_of_recipe(source, data)
    if catchment is not None:
        brief = _with_catchment(brief, catchment)
    examined = examine(brief, folder, on_image=partial(stage_progress(), "reading images"))
    datasheet = write_up(examined)
    curation = curate(examined) if fix else None

    width = max(_NARROWEST, shutil.get_terminal_size().columns)
    click.echo(render_datasheet_text(datasheet, width=width), nl=False)
    _write(datasheet, path, json_path)
    if curation and fix:
        _write_curated(curation, fix)


def _check_usage(
    source: Path, path: Path | None, fix: Path | None, labels: tuple[str, ...], *, is_csv: bool
) -> None:
    if is_csv and not labels:
        raise click.UsageError("A manifest needs --label; a recipe names its own.")
    if labels and not is_csv:
        raise click.UsageError("--label is about a manifest; a recipe names its own labels.")
    if path and path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter("name a file that ends in .html.", param_hint="-o")
    if fix and fix.resolve() == source.resolve():
        raise click.BadParameter("name another file than the manifest itself.", param_hint="--fix")


def _brief_of_recipe(source: Path, data: Path | None) -> tuple[Brief, Path]:
    from edgefair.compress.datasheet import brief_of
    from edgefair.compress.recipe_reader import read_recipe

    recipe = read_recipe(source)
    if data is None and not recipe.data.folder:
        raise click.UsageError(
            "This recipe draws its own phantoms: make them with `edgefair phantom`, and name "
            "their folder with --data."
        )
    return brief_of(recipe), data or source.parent / recipe.data.folder


def _brief_of_csv(
    source: Path,
    folder: Path,
    *,
    labels: tuple[str, ...],
    groups: tuple[str, ...],
    columns: tuple[str, str, str | None],
    images: str | None,
) -> Brief:
    from edgefair.compress.datasheet import Brief
    from edgefair.compress.recipe import DataSource
    from edgefair.interop.tables import read_table

    image, patient, split = columns
    if split is None and "split" in read_table(source):
        split = "split"
    if images is None:
        images = "images" if (folder / "images").is_dir() else ""
    described = DataSource(
        folder=str(folder),
        manifest=str(source.resolve()),  # an absolute path stays itself when joined to a folder
        images=images,
        image_column=image,
        patient_column=patient,
        labels=labels,
        groups=groups,
        split_column=split,
    )
    return Brief(name=source.stem, data=described)


def _with_catchment(brief: Brief, path: Path) -> Brief:
    """Return the brief with the population that a table states.

    Raises
    ------
    BadTable
        If a share is no number in [0, 1], or those of one attribute do not add up to 1.
    """
    from dataclasses import replace

    from edgefair.compress.datasheet.catchment import read_catchment

    shares: tuple[CatchmentShare, ...] = read_catchment(path)
    data: DataSource = replace(brief.data, catchment=shares)
    return replace(brief, data=data)


def _write(datasheet: Datasheet, path: Path | None, json_path: Path | None) -> None:
    from edgefair.compress.datasheet import datasheet_to_json, render_datasheet_html

    if path:
        with replaced_whole(path) as stream:
            stream.write(render_datasheet_html(datasheet))
        click.echo(f"The datasheet is in {path}", err=True)
    if json_path:
        with replaced_whole(json_path) as stream:
            stream.write(datasheet_to_json(datasheet).decode())
        click.echo(f"The datasheet as JSON is in {json_path}", err=True)


def _write_curated(curation: Curation, path: Path) -> None:
    changes = curation.write(path)
    click.echo("\nWhat the curated manifest changes")
    for told in curation.summary:
        click.echo(f"  {told}")
    click.echo(f"The curated manifest is in {path}, each change in {changes}", err=True)
