"""`edgefair compress run`: every stage of a recipe, from images to a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("run")
@recipe_options
@click.option(
    "--accept-conditions",
    metavar='"NAME: REASON"',
    help="Who releases the bundle although the gate had too few cases of some groups to judge "
    "them, and why; both travel in the bundle. Harm that was shown cannot be accepted.",
)
def command(*, asked: Asked, accept_conditions: str | None) -> None:
    """Make the bundle that RECIPE describes: learn, quantise, calibrate, measure, gate, pack.

    \b
    Examples:
      edgefair compress run models/phantom/recipe.toml --out bundles/
      edgefair compress run recipe.toml --data ~/radiographs --weights ~/wheels
      torchrun --nproc-per-node 2 -m edgefair compress run recipe.toml

    The same recipe and data give the same bundle, bit for bit, on the same machine. Finished
    stages are kept and not made again; a run that was killed goes on where it was. A recipe
    for your own data differs from models/chest-xray/recipe.toml in its text alone. Exit code 7
    and no bundle where the gate does not let it pass.

    Under torchrun several GPUs or machines train together; the folders must be on a disk that
    all of them see. The weights are then those of one process up to rounding, not bit for bit.
    """
    made = make(asked, until="pack", acceptance=accept_conditions)
    if made.is_file():  # only the first of several processes packs
        click.echo(_verdict(made), err=True)


def _verdict(bundle: Path) -> str:
    """Return what the gate said, in a few sentences."""
    from edgefair.bundle.archive import read_bundle
    from edgefair.compress.gate.records import gate_from_json
    from edgefair.compress.gate.words import headline

    found = read_bundle(bundle)
    if not any(part.role == "gate" for part in found.parts):
        return "The recipe has no [gate] table: what compression cost whom was not judged."
    return headline(gate_from_json(found.content("gate")))
