"""`edgefair compress golden`: golden answers for a bundle that was made without."""

from __future__ import annotations

from pathlib import Path

import click

from edgefair.errors import EdgefairError

__all__ = ["command"]


@click.command("golden")
@click.argument("bundle")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The new bundle.  [default: NAME-VERSION.efb in this folder]",
)
@click.option("--version", help="Of the new bundle; 0.2.0 becomes 0.2.1 by default.")
def command(*, bundle: str, output: Path | None, version: str | None) -> None:
    """Add golden answers to BUNDLE: what `edgefair doctor` compares a clinic's PC with.

    \b
    Examples:
      edgefair compress golden chest-xray-0.2.0.efb
      edgefair compress golden old.efb --version 1.0.1 -o new.efb

    Synthetic images and this machine's logits for them, about 100 kB; the model stays as it is.
    Bundles made by `edgefair compress run` have them already.
    """
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.shelf import find_bundle

    # torch takes seconds to import: not for --help, and only where the extra is installed
    try:
        from edgefair.compress.evidence.reissue import with_golden_answers
    except ModuleNotFoundError as error:
        raise EdgefairError(
            f"Adding golden answers needs {error.name}, which is not installed.",
            hint='Install the extra: pip install "edgefair[compress]".',
        ) from error

    found = read_bundle(find_bundle(bundle))
    contract = found.manifest.contract
    version = version or _next(contract.version)
    output = output or Path(f"{contract.name}-{version}.efb")
    with_golden_answers(found, version=version, out=output)
    click.echo(output)


def _next(version: str) -> str:
    rest, _, last = version.rpartition(".")
    return f"{rest}.{int(last) + 1}"
