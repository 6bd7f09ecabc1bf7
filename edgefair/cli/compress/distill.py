"""`edgefair compress distill`: let the student learn the teacher's embedding, without labels."""

from __future__ import annotations

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("distill")
@recipe_options
def command(*, asked: Asked) -> None:
    """Let the student learn the teacher's embedding, without labels, and print where it lies.

    \b
    Example:
      edgefair compress distill models/chest-xray/recipe.toml

    Makes the stages before it where they are not there yet.
    """
    make(asked, until="distill")
