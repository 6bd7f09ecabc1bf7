"""`edgefair compress gate`: whether one version of a model costs any group more than it may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.errors import EdgefairError, InputError
from edgefair.interop.files import replaced_whole

if TYPE_CHECKING:
    from edgefair.compress.gate.records import GateResult
    from edgefair.compress.recipe import GatePlan, Recipe

__all__ = ["command"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("gate")
@click.argument("before")
@click.argument("after")
@click.option(
    "--recipe",
    "recipe_path",
    type=_FILE,
    required=True,
    help="Says which labelled images, which groups, and what may be lost.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the manifest and the images, in place of the one in the recipe.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Largest acceptable loss of sensitivity or specificity; default: the recipe's gate.",
)
@click.option(
    "--accept-conditions",
    "acceptance",
    metavar="NAME: REASON",
    help="Who answers for what too few cases leave open, and why; a shown harm stays a failure.",
)
@click.option("--json", "json_path", type=_FILE, metavar="FILE", help="Write all of it to FILE.")
def command(
    before: str,
    after: str,
    *,
    recipe_path: Path,
    data: Path | None,
    margin: float | None,
    acceptance: str | None,
    json_path: Path | None,
) -> None:
    """Say whether AFTER loses more than it may against BEFORE, for anybody, on the test images.

    \b
    Examples:
      edgefair compress gate phantom-0.2.0.efb phantom-0.3.0.efb --recipe recipe.toml
      edgefair compress gate old.csv new.csv --recipe recipe.toml --json gate.json
      edgefair compress gate old.csv new.csv --recipe recipe.toml \\
        --accept-conditions "Dr. A. Okafor: labels of children are being collected"

    BEFORE and AFTER are bundles, which are run here, or tables of `edgefair predict -o`. Each is
    judged at its own first operating point. The exit code is 7 where harm is shown, or where too
    few cases leave something open that nobody answers for.
    """
    try:
        from edgefair.compress.gate.acceptance import accept, parse_acceptance, require_passed
        from edgefair.compress.gate.records import gate_to_json
        from edgefair.compress.gate.words import render_gate_text
        from edgefair.compress.recipe_reader import read_recipe
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"The gate needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error
    accepted = parse_acceptance(acceptance) if acceptance is not None else None
    recipe = read_recipe(recipe_path)
    folder, plan = _folder(recipe, recipe_path, data), _plan(recipe, margin)
    result = _judged(recipe, folder, plan, before, after)
    result = accept(result, accepted)
    if json_path is not None:
        with replaced_whole(json_path) as stream:
            stream.write(gate_to_json(result).decode())
    click.echo(render_gate_text(result), nl=False)
    require_passed(result)


def _judged(recipe: Recipe, folder: Path, plan: GatePlan, before: str, after: str) -> GateResult:
    from edgefair.compress.data.cases import read_cases
    from edgefair.compress.gate.judging import gate_ways
    from edgefair.compress.gate.versions import judge_versions, read_version

    cases = read_cases(recipe, folder).of("test")
    versions = [read_version(source, cases, recipe.findings) for source in (before, after)]
    return judge_versions(
        versions[0],
        versions[1],
        cases,
        recipe.findings,
        plan=plan,
        ways=gate_ways(recipe, plan),
    )


def _folder(recipe: Recipe, recipe_path: Path, named: Path | None) -> Path:
    if named is not None:
        return named
    if recipe.data.phantom is not None:
        raise InputError(
            f"The recipe {recipe_path.name} draws its own phantoms, which are not on disk.",
            hint="Draw them with `edgefair phantom` and name the folder: --data FOLDER.",
        )
    return recipe_path.parent / recipe.data.folder


def _plan(recipe: Recipe, margin: float | None) -> GatePlan:
    from edgefair.compress.recipe import GatePlan

    if recipe.gate is not None:
        return recipe.gate if margin is None else replace(recipe.gate, margin=margin)
    if margin is None:
        raise InputError(
            f"The recipe of {recipe.name} does not say what compression may cost.",
            hint="Add [gate] with a margin to it, or name one here: --margin 0.1.",
        )
    return GatePlan(margin=margin)
