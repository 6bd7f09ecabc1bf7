"""`edgefair compress students`: what each student costs on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.compress.progress import stage_progress
from edgefair.cli.output import Output, output_options
from edgefair.compress.students.names import NAMES, OUTSIDE, is_known
from edgefair.errors import EdgefairError, InputError
from edgefair.interop.rows import Value

if TYPE_CHECKING:
    from edgefair.compress.students.table import StudentRow

__all__ = ["command"]

_COLUMNS: Final = (
    "student",
    "parameters_m",
    "macs_g",
    "fp32_ms",
    "int8_ms",
    "ratio",
    "fp32_mb",
    "int8_mb",
    "fp32_peak_mb",
    "int8_peak_mb",
)


@click.command("students")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--side-px",
    type=click.IntRange(32, 1024),
    default=224,
    show_default=True,
    help="Height and width of the image.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads that one image is read with.",
)
@output_options
def command(names: tuple[str, ...], side_px: int, threads: int, output: Output) -> None:
    """Print latency, size and memory of students on this machine, in full precision and INT8.

    \b
    Examples:
      edgefair compress students
      edgefair compress students efficientnet-lite0 resnet-18 --threads 2 --json
      edgefair compress students timm:convnext_atto transformers:dinov2

    All that edgefair builds by itself are measured where none is named. Milliseconds are of one
    image through the network, the median over rounds in which the students take turns; peak is
    the memory that a fresh process needs for the model. Weights are random: the table does not
    say how well a student answers.
    """
    _check_known(names)
    # torch takes seconds to import: not for --help, and only where the extra is installed
    try:
        from edgefair.compress.students.table import Conditions, in_words, measure_students
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"Building students needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error

    rows = measure_students(
        names or NAMES,
        Conditions(side_px=side_px, threads=threads),
        progress=stage_progress(),
    )
    output.write(_COLUMNS, [_cells(row) for row in rows])
    for sentence in in_words(rows):
        click.echo(sentence, err=True)


def _check_known(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if not is_known(name)]
    if unknown:
        raise InputError(
            f"There is no student {unknown[0]}.",
            hint=f"There are {', '.join(NAMES)}, and "
            + " and ".join(f"{package}:ARCHITECTURE" for package in OUTSIDE)
            + " where these are installed.",
        )


def _cells(row: StudentRow) -> tuple[Value, ...]:
    return (
        row.name,
        round(row.parameters / 1e6, 3),
        round(row.macs / 1e9, 3),
        round(row.full_precision_ms, 3),
        round(row.int8_ms, 3),
        round(row.speedup, 2),
        round(row.full_precision_bytes / 1e6, 2),
        round(row.int8_bytes / 1e6, 2),
        _mb(row.full_precision_peak_bytes),
        _mb(row.int8_peak_bytes),
    )


def _mb(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else round(size_bytes / 1e6, 1)
