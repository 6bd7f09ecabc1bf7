"""`edgefair model`: which bundles are at hand, what one promises, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.cli.output import Output, output_options

if TYPE_CHECKING:
    from edgefair.bundle.archive import Bundle

__all__ = ["command"]


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
def show(bundle: str) -> None:
    """Print the card of a bundle: what it was made for, measured on whom, and its traps.

    \b
    Example:
      edgefair model show chest-xray
    """
    click.echo_via_pager(_read(bundle).content("card").decode())


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


def _listed(path: Path) -> tuple[str, str, str, float, str]:
    from edgefair.bundle.archive import read_bundle

    contract = read_bundle(path).manifest.contract
    size_mb = path.stat().st_size / 1e6
    return contract.name, contract.version, ", ".join(contract.findings), size_mb, str(path)
