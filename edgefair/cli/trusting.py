"""What commands share that open bundles or keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from edgefair.bundle.archive import Bundle
    from edgefair.bundle.signing import PublicKey, SigningKey
    from edgefair.runtime.pipeline import Model

__all__ = [
    "PRIVATE_SUFFIX",
    "PUBLIC_SUFFIX",
    "allow_unsigned_option",
    "read_public_key",
    "read_signing_key",
    "say_notices",
]

PRIVATE_SUFFIX: Final = ".private.pem"
PUBLIC_SUFFIX: Final = ".public.json"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def allow_unsigned_option(command: _Command) -> _Command:
    """Give a command ``--allow-unsigned``."""
    return click.option(
        "--allow-unsigned",
        is_flag=True,
        help="For builders: let a bundle through that nobody vouches for. Every result says so.",
    )(command)


def say_notices(model: Bundle | Model) -> None:
    """Say on standard error what whoever reads the results must know of the bundle."""
    for notice in model.notices(datetime.now(UTC).date()):
        click.echo(f"{click.style('note:', bold=True)} {notice}", err=True)


def read_public_key(path: Path) -> PublicKey:
    """Return the key in a ``NAME.public.json``.

    Raises
    ------
    BadKey
        If it is none.
    """
    from edgefair.bundle.signing import MAX_KEY_BYTES, PublicKey

    with path.open("rb") as file:
        return PublicKey.from_json(file.read(MAX_KEY_BYTES + 1))


def read_signing_key(path: Path) -> SigningKey:
    """Return the key in a ``NAME.private.pem``; a passphrase is asked for where it needs one.

    Raises
    ------
    BadKey
        If it is none, its public key is not beside it, or the passphrase is wrong.
    """
    from edgefair.bundle.signing import signing_key_from_pem
    from edgefair.errors import BadKey

    beside = path.with_name(path.name.removesuffix(PRIVATE_SUFFIX) + PUBLIC_SUFFIX)
    if not beside.is_file():
        raise BadKey(
            f"Beside {path.name} there is no {beside.name}, which says what the key is for.",
            hint="Copy the public key there too; `edgefair keys new` wrote both.",
        )
    pem, public = path.read_bytes(), read_public_key(beside)
    passphrase = None
    if b"ENCRYPTED" in pem:
        passphrase = click.prompt(f"Passphrase of {public.name}", hide_input=True, err=True)
    return signing_key_from_pem(pem, public, passphrase)
