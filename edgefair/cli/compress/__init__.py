"""`edgefair compress`: from a foundation model and images to a small model bundle."""

from __future__ import annotations

import importlib
from typing import Final, NamedTuple

import click

__all__ = ["command"]


class _Entry(NamedTuple):
    module: str
    summary: str


_COMMANDS: Final = {
    "datasheet": _Entry("edgefair.cli.compress.datasheet", "Who is in the data, and who is not."),
    "run": _Entry("edgefair.cli.compress.run", "Every stage of a recipe, ending with the bundle."),
    "embed": _Entry("edgefair.cli.compress.embed", "The teacher's embedding of every image."),
    "distill": _Entry("edgefair.cli.compress.distill", "The student learns that embedding."),
    "train": _Entry("edgefair.cli.compress.train", "The student learns the labels."),
    "quantize": _Entry("edgefair.cli.compress.quantize", "The fastest INT8 form that holds."),
    "students": _Entry(
        "edgefair.cli.compress.students", "Latency, size and memory of each student, here."
    ),
    "concept": _Entry(
        "edgefair.cli.compress.concept", "A finding added to a bundle, without training."
    ),
    "gate": _Entry("edgefair.cli.compress.gate", "Whether one version costs a group too much."),
}


class _LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, because torch takes seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(_COMMANDS[cmd_name].module).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


@click.group(name="compress", cls=_LazyGroup)
def command() -> None:
    """From a foundation model and images to a small INT8 model in a bundle, with its evidence.

    \b
    Examples:
      edgefair compress datasheet models/chest-xray/recipe.toml -o datasheet.html
      edgefair compress run recipe.toml --data ~/radiographs --out bundles/
      edgefair compress students

    Needs the extra: pip install "edgefair[compress]".
    """
