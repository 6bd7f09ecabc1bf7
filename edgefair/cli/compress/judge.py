"""`edgefair compress judge`: the gate on a recipe's own teacher and student, in full."""

from __future__ import annotations

import click

from edgefair.cli.compress.options import Asked, make, recipe_options

__all__ = ["command"]


@click.command("judge")
@recipe_options
def command(*, asked: Asked) -> None:
    """Compare teacher, full precision and INT8, group by group, and print all of it.

    \b
    Example:
      edgefair compress judge models/chest-xray/recipe.toml

    Makes the stages before it where they are not there yet, and no bundle. Exit code 7 where
    the gate would hold a bundle back, be it for conditions that nobody has accepted.
    """
    folder = make(asked, until="gate")

    from edgefair.compress.gate.acceptance import require_passed
    from edgefair.compress.gate.records import gate_from_json
    from edgefair.compress.gate.words import render_gate_text

    result = gate_from_json((folder / "gate.json").read_bytes())
    click.echo(render_gate_text(result))
    require_passed(result)
