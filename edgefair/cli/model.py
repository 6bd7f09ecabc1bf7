"""`edgefair model`: which bundles are at hand, what one promises, and whether it is whole."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edgefair.cli.output import Output, output_options

if TYPE_CHECKING:
    from edgefair.bundle.archive import Bundle

__all__ = ["command"]

_NARROWEST: Final = 60
_WIDEST: Final = 140
"""Longer lines of running text are hard to read."""


@click.group("model")
def command() -> None:
    """Show and verify model bundles.

    \b
    Examples:
      edgefair model list
      edgefair model show chest-xray
      edgefair model verify /media/usb/chest-xray-0.1.0.efb
    """


@command.command("list")
@output_options
def list_bundles(*, output: Output) -> None:
    """List the bundles that edgefair carries.

    \b
    Example:
      edgefair model list --json
    """
    from edgefair.bundle.shelf import carried_bundles

    columns = ("name", "version", "findings", "size_mb", "path")
    output.write(columns, (_listed(path) for path in carried_bundles()))


@command.command("show")
@click.argument("bundle")
@click.option("--json", "as_json", is_flag=True, help="Print the card's facts as JSON.")
@click.option(
    "--part",
    metavar="NAME",
    help="Print one part as it is, by its name or its role: recipe, gate, datasheet, ml_bom, ...",
)
def show(bundle: str, *, as_json: bool, part: str | None) -> None:
    """Print the card of a bundle: what it was made for, measured on whom, and its traps.

    \b
    Examples:
      edgefair model show chest-xray
      edgefair model show chest-xray --json
      edgefair model show chest-xray --part recipe > recipe.toml
    """
    found = _read(bundle)
    if as_json and part:
        raise click.UsageError("--json and --part name two things to print; choose one.")
    if as_json or part:
        _print_raw(_content(found, part or "facts"))
        return
    _page(found.content("card").decode())


@command.command("verify")
@click.argument("bundle")
def verify(bundle: str) -> None:
    """Check every hash of a bundle, load its graph, and hold the one against the other.

    \b
    Example:
      edgefair model verify chest-xray-0.1.0.efb
    """
    from edgefair.runtime.session import Session

    found = _read(bundle)
    Session(found, threads=1)
    click.echo(f"{found.manifest.label} is whole: {len(found.parts)} parts match their hashes,")
    click.echo("its graph matches its manifest, and it holds nothing that edgefair does not run.")
    click.echo(f"Digest {found.digest}")


def _read(bundle: str) -> Bundle:
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.shelf import find_bundle

    return read_bundle(find_bundle(bundle))


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


def _listed(path: Path) -> tuple[str, str, str, float, str]:
    from edgefair.bundle.archive import read_bundle

    contract = read_bundle(path).manifest.contract
    size_mb = path.stat().st_size / 1e6
    return contract.name, contract.version, ", ".join(contract.findings), size_mb, str(path)
