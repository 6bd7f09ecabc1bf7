"""`edgefair compress train`: train the student on the labels."""

from __future__ import annotations

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("train")
@recipe_options
def command(*, asked: Asked) -> None:
    """Train the student on the labels, and print where it lies.

    \b
    Example:
      edgefair compress train models/chest-xray/recipe.toml

    Makes the stages before it where they are not there yet.
    """
    make(asked, until="train")
