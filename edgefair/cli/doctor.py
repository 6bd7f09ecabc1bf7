"""`edgefair doctor`: whether this computer is fit, and the model whole and right on it."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

import click

__all__ = ["command"]

_NARROWEST, _WIDEST = 60, 100
_UNKNOWN_WIDTH: Final = (80, 24)


@click.command("doctor")
@click.option(
    "-m",
    "--model",
    default="chest-xray",
    show_default=True,
    metavar="BUNDLE",
    help="Bundle file, or the name of one that edgefair carries.",
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check every page and row of this ledger too; nothing is written to it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def command(ctx: click.Context, *, model: str, ledger: Path | None, as_json: bool) -> None:
    """Check this computer, the model on it, and that nothing phones home.

    \b
    Examples:
      edgefair doctor
      edgefair doctor -m /media/usb/chest-xray-0.3.0.efb
      edgefair doctor --ledger clinic.ledger --json > doctor.json

    The model must give, for synthetic images that it carries, the answers that its builder's
    machine gave. Each check ends in ok, WARNING or FAILED; a line that begins with > says what
    to do.

    Exit code 0 where nothing failed, 4 where the model did, 5 where the ledger did, else 1.
    """
    from edgefair.clinic.doctor.run import examine
    from edgefair.clinic.doctor.words import examination_json, render_examination

    examination = examine(model, ledger=ledger, now=datetime.now().astimezone())
    if as_json:
        click.echo(examination_json(examination))
    else:
        columns = shutil.get_terminal_size(_UNKNOWN_WIDTH).columns
        width = max(_NARROWEST, min(_WIDEST, columns))
        click.echo(render_examination(examination, width=width))
    ctx.exit(examination.exit_code)
