"""`edgefair compress`: from a foundation model and images to a small model bundle."""

from __future__ import annotations

from typing import Final

import click

from edgefair.cli.lazy import Entry, lazy_group

__all__ = ["command"]


_COMMANDS: Final = {
    "datasheet": Entry("edgefair.cli.compress.datasheet", "Who is in the data, and who is not."),
    "run": Entry("edgefair.cli.compress.run", "Every stage of a recipe, ending with the bundle."),
    "embed": Entry("edgefair.cli.compress.embed", "The teacher's embedding of every image."),
    "distill": Entry("edgefair.cli.compress.distill", "The student learns that embedding."),
    "train": Entry("edgefair.cli.compress.train", "The student learns the labels."),
    "quantize": Entry("edgefair.cli.compress.quantize", "The fastest INT8 form that holds."),
    "judge": Entry("edgefair.cli.compress.judge", "What that cost each group, in full."),
    "students": Entry(
        "edgefair.cli.compress.students", "Latency, size and memory of each student, here."
    ),
    "concept": Entry(
        "edgefair.cli.compress.concept", "A finding added to a bundle, without training."
    ),
    "golden": Entry("edgefair.cli.compress.golden", "Golden answers added to an older bundle."),
    "gate": Entry("edgefair.cli.compress.gate", "Whether one version costs a group too much."),
}


@click.group(name="compress", cls=lazy_group(_COMMANDS))
def command() -> None:
    """From a foundation model and images to a small INT8 model in a bundle, with its evidence.

    \b
    Examples:
      edgefair compress datasheet models/chest-xray/recipe.toml -o datasheet.html
      edgefair compress run recipe.toml --data ~/radiographs --out bundles/
      edgefair compress students

    Needs the extra: pip install "edgefair[compress]".
    """
