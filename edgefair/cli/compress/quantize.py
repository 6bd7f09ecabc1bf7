"""`edgefair compress quantize`: find the fastest INT8 form that holds for every group."""

from __future__ import annotations

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("quantize")
@recipe_options
def command(*, asked: Asked) -> None:
    """Find the fastest INT8 form that holds for every group, and print where it lies.

    \b
    Example:
      edgefair compress quantize models/chest-xray/recipe.toml

    Makes the stages before it where they are not there yet.
    """
    make(asked, until="quantize")
