"""`edgefair compress embed`: compute the teacher's embedding of every image."""

from __future__ import annotations

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("embed")
@recipe_options
def command(*, asked: Asked) -> None:
    """Compute the teacher's embedding of every image, and print where it lies.

    \b
    Example:
      edgefair compress embed models/chest-xray/recipe.toml

    The embeddings are computed once and kept in shards; a killed run goes on where it was.
    """
    make(asked, until="embed")
