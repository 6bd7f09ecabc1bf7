"""`edgefair ledger`: the ledgers that this PC has written to, and the schema that each is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.output import Output, output_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgefair.ledger.upkeep import Upkeep

__all__ = ["command"]

_FAILED: Final = 5

_files_argument = click.argument(
    "files", nargs=-1, type=click.Path(dir_okay=False, path_type=Path), metavar="[FILE]..."
)
_all_option = click.option(
    "--all", "every", is_flag=True, help="Every ledger that this computer has written to."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON array.")


@click.group("ledger")
def command() -> None:
    """Bring ledgers to this version's schema, or back to that of the version before.

    \b
    Examples:
      edgefair ledger list
      edgefair ledger upgrade --all
      edgefair ledger downgrade clinic.ledger
    """


@command.command("list")
@output_options
def list_ledgers(*, output: Output) -> None:
    """List the ledgers that this computer has written to, and how each stands.

    \b
    Example:
      edgefair ledger list --json
    """
    from edgefair.ledger.upkeep import examine

    rows = [(str(one.path), one.schema, one.sentence) for one in map(examine, _known())]
    output.write(("ledger", "schema", "state"), rows)


@command.command("upgrade")
@_files_argument
@_all_option
@_json_option
@click.pass_context
def upgrade(ctx: click.Context, *, files: tuple[Path, ...], every: bool, as_json: bool) -> None:
    """Bring older ledgers up to date, as many as can be.

    \b
    Examples:
      edgefair ledger upgrade --all
      edgefair ledger upgrade clinic.ledger

    Not needed as a rule: an update does it, and so does the first write. A ledger that is gone is
    passed over; if one failed, it is as it was, the others are done and the exit code is 5.
    """
    from edgefair.ledger.upkeep import upgrade_each

    ctx.exit(_told(upgrade_each(_asked(files, every=every)), as_json=as_json))


@command.command("downgrade")
@_files_argument
@_all_option
@click.option(
    "--to-schema",
    "to",
    type=click.IntRange(1),
    metavar="N",
    help="The schema that the other edgefair writes.  [default: the one before this one's]",
)
@_json_option
@click.pass_context
def downgrade(
    ctx: click.Context, *, files: tuple[Path, ...], every: bool, to: int | None, as_json: bool
) -> None:
    """Take ledgers back to the schema before, for an edgefair that does not know this one.

    \b
    Examples:
      edgefair ledger downgrade --all
      edgefair ledger downgrade clinic.ledger

    `edgefair rollback` does it by itself. All go back or none: each is first looked at, and if
    one could not go back, the exit code is 5 and nothing was changed. Every prediction and outcome
    stays; what the older schema cannot hold (small embeddings of images; before schema 2 also
    plans, alarms, draws, adopted operating points, withdrawals) is in a whole copy beside the
    ledger, and comes back from there.
    """
    from edgefair.ledger.schema import VERSION
    from edgefair.ledger.upkeep import downgrade_each

    wanted = VERSION - 1 if to is None else to
    ctx.exit(_told(downgrade_each(_asked(files, every=every), to=wanted), as_json=as_json))


@command.command("forget")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def forget(*, file: Path) -> None:
    """Take FILE off the list, for one that is damaged or will not come back; the file stays.

    \b
    Example:
      edgefair ledger forget /media/stick/old.ledger
    """
    from edgefair.bundle.home import default_home
    from edgefair.errors import LedgerError
    from edgefair.ledger.known import known_in

    if not known_in(default_home()).forget(file):
        raise LedgerError(
            f"{file} is not on the list.", hint="`edgefair ledger list` shows what is."
        )
    click.echo(f"{file} is off the list until it is written to again.")


def _known() -> tuple[Path, ...]:
    from edgefair.bundle.home import default_home
    from edgefair.ledger.known import known_in

    return known_in(default_home()).paths()


def _asked(files: tuple[Path, ...], *, every: bool) -> tuple[Path, ...]:
    if every == bool(files):
        raise click.UsageError("Name ledgers, or say --all.")
    for path in files:
        if not path.is_file():
            raise click.UsageError(f"There is no file {path}.")
    return _known() if every else files


def _told(done: Sequence[Upkeep], *, as_json: bool) -> int:
    """Say what became of each, and return the exit code."""
    from edgefair.ledger.upkeep import Change

    if as_json:
        rows = [
            {
                "ledger": str(one.path),
                "result": one.change.value,
                "schema": one.schema,
                "what": one.sentence,
                "hint": one.hint,
            }
            for one in done
        ]
        click.echo(json.dumps(rows, indent=1))
    else:
        for one in done:
            click.echo("\n  ".join(filter(None, (one.sentence, one.hint))))
        if not done:
            click.echo("This computer has written to no ledger yet.")
    return _FAILED if any(one.change is Change.FAILED for one in done) else 0
