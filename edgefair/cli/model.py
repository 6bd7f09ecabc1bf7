"""`edgefair model`: bundles at hand, what one promises, who vouches for it, which one counts."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.output import Output, output_options
from edgefair.cli.trusting import allow_unsigned_option, say_notices

if TYPE_CHECKING:
    from edgefair.bundle.archive import Bundle

__all__ = ["command"]

_NARROWEST: Final = 60
_WIDEST: Final = 140
"""Longer lines of running text are hard to read."""


@click.group("model")
def command() -> None:
    """Show, verify, install and sign model bundles.

    \b
    Examples:
      edgefair model list
      edgefair model show chest-xray
      edgefair model verify /media/usb/chest-xray-0.1.0.efb
      edgefair model install /media/usb/chest-xray-0.1.0.efb
    """


@command.command("list")
@output_options
def list_bundles(*, output: Output) -> None:
    """List the bundles that are installed here, and those that edgefair carries.

    \b
    Example:
      edgefair model list --json
    """
    from edgefair.cli.shelves import listed

    columns = ("name", "version", "current", "trust", "findings", "size_mb", "path")
    output.write(columns, listed())


@command.command("show")
@click.argument("bundle")
@click.option("--json", "as_json", is_flag=True, help="Print the card's facts as JSON.")
@click.option(
    "--part",
    metavar="NAME",
    help="Print one part as it is, by its name or its role: recipe, gate, datasheet, ml_bom, ...",
)
@allow_unsigned_option
def show(bundle: str, *, as_json: bool, part: str | None, allow_unsigned: bool) -> None:
    """Print the card of a bundle: what it was made for, measured on whom, and its traps.

    \b
    Examples:
      edgefair model show chest-xray
      edgefair model show chest-xray --json
      edgefair model show chest-xray --part recipe > recipe.toml
    """
    found = _open(bundle, allow_unsigned=allow_unsigned)
    if as_json and part:
        raise click.UsageError("--json and --part name two things to print; choose one.")
    if as_json or part:
        _print_raw(_content(found, part or "facts"))
        return
    _page(found.content("card").decode())


@command.command("verify")
@click.argument("bundle")
@allow_unsigned_option
def verify(bundle: str, *, allow_unsigned: bool) -> None:
    """Check a bundle's signature and every hash, load its graph, and hold it to its manifest.

    \b
    Example:
      edgefair model verify chest-xray-0.1.0.efb
    """
    from edgefair.runtime.session import Session

    found = _open(bundle, allow_unsigned=allow_unsigned)
    Session(found, threads=1)
    click.echo(f"{found.manifest.label} is whole: {len(found.parts)} parts match their hashes,")
    click.echo("its graph matches its manifest, and it holds nothing that edgefair does not run.")
    click.echo(f"It {_vouched(found)}.")
    click.echo(f"Digest {found.digest}")


@command.command("install")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@allow_unsigned_option
def install(file: Path, *, allow_unsigned: bool) -> None:
    """Check a bundle, try it on this PC, and let it count in the place of the one before.

    \b
    Example:
      edgefair model install /media/usb/chest-xray-0.3.0.efb

    The one before is kept: edgefair model rollback NAME. Until the new one is whole and synced
    on the disk the old one counts, whatever happens to the power. A list revocations.efr beside
    the file is put in force too.
    """
    from edgefair.bundle.home import default_home
    from edgefair.clinic.models import install_model

    done = install_model(file, default_home(), allow_unsigned=allow_unsigned)
    for note in done.notes:
        click.echo(note, err=True)
    say_notices(done.bundle)
    label = done.bundle.manifest.label
    click.echo(
        f"{label} was installed already: nothing to do."
        if done.was_current
        else f"{label} is installed: it {_vouched(done.bundle)}, and passed its test on this PC."
    )


@command.command("rollback")
@click.argument("name")
@allow_unsigned_option
def rollback(name: str, *, allow_unsigned: bool) -> None:
    """Let the version of a model that was installed before the current one count again.

    \b
    Example:
      edgefair model rollback chest-xray

    Once more, and the newer one counts again.
    """
    from edgefair.bundle.home import default_home
    from edgefair.clinic.models import roll_back_model

    bundle = roll_back_model(name, default_home(), allow_unsigned=allow_unsigned)
    say_notices(bundle)
    click.echo(f"{bundle.manifest.label} counts again: it {_vouched(bundle)}.")


@command.command("sign")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="NAME.private.pem, with NAME.public.json beside it.",
)
@click.option(
    "--sequence",
    type=click.IntRange(1),
    metavar="N",
    help="Higher than in every bundle of this name before. Default: as it stands in the bundle.",
)
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Day after which edgefair warns; it never stops a clinic's work.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the signed bundle.",
)
def sign(
    bundle: Path, *, key: Path, sequence: int | None, expires: datetime | None, output: Path
) -> None:
    """Sign a bundle, so that clinics that trust your key can install it.

    \b
    Example:
      edgefair model sign out/chest-xray-0.3.0.efb --key ministry.private.pem --sequence 3 \\
        -o stick/chest-xray-0.3.0.efb

    Do it on a PC that is offline. The sequence and the expiry are part of what is signed.
    """
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.sealing import sign_bundle
    from edgefair.cli.trusting import read_signing_key

    found = read_bundle(bundle)
    number = sequence or found.manifest.sequence
    if not number:
        raise click.UsageError("Say the bundle's number in its series with --sequence, from 1.")
    day = expires.date().isoformat() if expires else found.manifest.expires
    signing_key = read_signing_key(key)
    made = sign_bundle(found, output, signing_key, sequence=number, expires=day)
    click.echo(f"{made.manifest.label}, number {number}, signed by {signing_key.public.name}.")
    click.echo(f"Digest {made.digest}")


def _open(bundle: str, *, allow_unsigned: bool) -> Bundle:
    from edgefair.bundle.home import default_home
    from edgefair.bundle.shelf import open_bundle

    return open_bundle(bundle, default_home(), allow_unsigned=allow_unsigned)


def _vouched(bundle: Bundle) -> str:
    """Return who vouches for a bundle, to stand after "it"."""
    trust = bundle.trust
    return str(trust) if trust.kind == "carried" else f"is {trust}"


def _page(card: str) -> None:
    """Show a card so that it fits the terminal; away from one, in plain text of 80 columns."""
    from edgefair.report.markdown import render_markdown

    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))
    click.echo_via_pager(render_markdown(card, width=width, bold=bold), color=bold)


def _content(bundle: Bundle, name: str) -> bytes:
    """Return the part of that name, or else the first in that role."""
    for part in bundle.parts:
        if part.path == name:
            return part.content
    for part in bundle.parts:
        if part.role == name:
            return part.content
    there = ", ".join(f"{part.path} ({part.role})" for part in bundle.parts)
    raise click.UsageError(f"{bundle.manifest.label} has no part {name}; it has {there}.")


def _print_raw(content: bytes) -> None:
    """Print bytes as they are; a terminal gets none that are not text."""
    if sys.stdout.isatty():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise click.UsageError(
                "This part is no text; send it to a file: edgefair model show ... > FILE"
            ) from error
    click.echo(content, nl=False)
