"""`edgefair phantom`: a clinic of invented radiographs whose truth is known."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.cli.progress import with_progress
from edgefair.phantom.clinic import Clinic, Plant, parse_plant

if TYPE_CHECKING:
    from edgefair.phantom.folder import FileFormat

__all__ = ["command"]


@click.command("phantom")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", type=int, default=300, show_default=True, help="Images to make.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same images.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "dicom"]),
    default="png",
    show_default=True,
    help="8-bit PNG, or 12-bit DICOM with demographics in its tags.",
)
@click.option(
    "--prevalence",
    type=float,
    default=0.3,
    show_default=True,
    metavar="SHARE",
    help="Share of the images with an opacity, 0 to 1.",
)
@click.option(
    "--plant",
    metavar="GROUP:SHARE",
    help="In GROUP, make this share of the opacities too faint to be seen well: sex=F:0.6, "
    "view=AP:0.5, device=B:0.5, age=60-95:0.6.",
)
@click.option(
    "--size",
    "size_px",
    type=int,
    default=256,
    show_default=True,
    help="Height and width, pixels.",
)
def command(
    *,
    out: Path,
    count: int,
    seed: int,
    file_format: FileFormat,
    prevalence: float,
    plant: str | None,
    size_px: int,
) -> None:
    """Make a clinic of radiograph-like phantoms in the new folder OUT.

    \b
    Examples:
      edgefair phantom clinic/
      edgefair phantom clinic/ --count 1000 --seed 7 --format dicom
      edgefair phantom unfair/ --count 1000 --plant sex=F:0.6

    No patient's image is used: anatomy, noise and the finding, an opacity in a lung, are drawn
    from the seed. OUT/manifest.csv tells the truth of each file in OUT/images, with patient,
    age, sex, view, device and a split by patient. Some patients' age or sex is missing, as in a
    real clinic. The manifest is written last: a folder without one is not complete.
    """
    planted: Plant | None = None if plant is None else parse_plant(plant)
    clinic = Clinic(
        seed=seed,
        count=count,
        prevalence=prevalence,
        size_px=size_px,
        plant=planted,
    )
    # Late, so that the help does not wait for numpy, OpenCV and pydicom.
    from edgefair.phantom.folder import write_clinic

    manifest = write_clinic(
        clinic,
        out,
        file_format=file_format,
        watched=partial(with_progress, length=count, unit="images"),
    )
    click.echo(manifest)
