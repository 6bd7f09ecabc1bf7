"""`edgefair keys`: made and kept offline by the builder, trusted by name at the clinic."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgefair.cli.output import Output, output_options
from edgefair.cli.trusting import (
    PRIVATE_SUFFIX,
    PUBLIC_SUFFIX,
    read_public_key,
    read_signing_key,
)

if TYPE_CHECKING:
    from edgefair.bundle.revocations import Revocation, RevocationList
    from edgefair.bundle.signing import SigningKey
    from edgefair.bundle.trust_store import TrustStore

__all__ = ["command"]

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_LIST_OPTION = click.option(
    "--list",
    "list_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default="revocations.efr",
    show_default=True,
    metavar="FILE",
    help="The list to extend, or to begin.",
)
_KEY_OPTION = click.option(
    "--key",
    required=True,
    type=_EXISTING,
    metavar="FILE",
    help="NAME.private.pem of a key for revocations, with NAME.public.json beside it.",
)
_REASON_OPTION = click.option(
    "--reason", required=True, metavar="TEXT", help="A sentence for whoever meets the refusal."
)


@click.group("keys")
def command() -> None:
    """Make, trust and revoke the keys that sign models.

    \b
    The builder, on a PC that is offline:
      edgefair keys new ministry -o keys/
      edgefair keys new ministry-root -o vault/ --for revocations --passphrase
      edgefair keys revoke keys/ministry.public.json --reason "The laptop was stolen." \\
        --key vault/ministry-root.private.pem

    \b
    The clinic, once:
      edgefair keys trust ministry.public.json
      edgefair keys trust ministry-root.public.json
    """


@command.command("new")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to write the two files.",
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["bundles", "revocations"]),
    default="bundles",
    show_default=True,
    help="What it signs. Keep the key for revocations apart: it outlives the others.",
)
@click.option("--passphrase", is_flag=True, help="Ask for a passphrase to encrypt the key with.")
def new(name: str, *, folder: Path, purpose: str, passphrase: bool) -> None:
    """Make a key: NAME.private.pem for you alone, NAME.public.json for the clinics.

    \b
    Example:
      edgefair keys new ministry -o keys/ --passphrase
    """
    from edgefair.bundle.durable import make_folder, write_whole
    from edgefair.bundle.signing import Purpose, new_signing_key

    key = new_signing_key(name, Purpose(purpose))
    secret = None
    if passphrase:
        secret = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    make_folder(folder)
    private, public = folder / f"{name}{PRIVATE_SUFFIX}", folder / f"{name}{PUBLIC_SUFFIX}"
    _write_private(private, key, secret)
    write_whole(public, key.public.to_json())
    click.echo(f"{private}  keep it offline and secret")
    click.echo(f"{public}  give it to the clinics, who compare the key id:")
    click.echo(_spaced(key.public.key_id))


@command.command("show")
@click.argument("file", type=_EXISTING)
def show(file: Path) -> None:
    """Say what a public key or a list of revocations holds.

    \b
    Example:
      edgefair keys show ministry.public.json
    """
    from edgefair.bundle.revocations import MAX_LIST_BYTES, SignedList

    if file.suffix == ".efr":
        with file.open("rb") as stream:
            signed = SignedList.from_bytes(stream.read(MAX_LIST_BYTES + 1))
        found = signed.parsed()
        click.echo(f"number   {found.sequence}, signed by {signed.signature.key_name} (unchecked)")
        for kind, entries in (("key", found.keys), ("bundle", found.bundles)):
            for entry in entries:
                click.echo(f"{kind:<8} {_plain(entry.name)} {entry.of}: {_plain(entry.reason)}")
        return
    key = read_public_key(file)
    click.echo(f"name     {key.name}\nsigns    {key.purpose}\nkey id   {_spaced(key.key_id)}")


@command.command("trust")
@click.argument("file", type=_EXISTING)
@click.option("--yes", is_flag=True, help="Do not ask: the key id was compared before.")
def trust(file: Path, *, yes: bool) -> None:
    """Trust a public key from now on, under its name.

    \b
    Example:
      edgefair keys trust /media/usb/ministry.public.json

    Whoever holds its private half can then bring models here. Compare the key id with the one
    that the builder tells you, by telephone or on paper, not from the same stick.
    """
    key = read_public_key(file)
    click.echo(f"{key.name} signs {key.purpose}. Its key id: {_spaced(key.key_id)}")
    if not yes:
        click.confirm("Is that what the builder told you?", abort=True)
    with _alone():
        _store().add_key(key)
    click.echo(f"Trusted as {key.name}.")


@command.command("forget")
@click.argument("name")
def forget(name: str) -> None:
    """Trust a key no longer.

    \b
    Example:
      edgefair keys forget ministry
    """
    with _alone():
        _store().forget_key(name)
    click.echo(f"{name} is no longer trusted.")


@command.command("list")
@output_options
def list_keys(*, output: Output) -> None:
    """List the keys that this PC trusts.

    \b
    Example:
      edgefair keys list
    """
    store = _store()
    revoked = store.revocations()
    columns = ("name", "signs", "key_id", "revoked")
    output.write(
        columns,
        (
            (key.name, key.purpose.value, key.key_id, _reason(revoked.of_key(key.key_id)))
            for key in store.trusted_keys()
        ),
    )


@command.command("update")
@click.argument("file", type=_EXISTING)
def update(file: Path) -> None:
    """Put a newer list of revoked keys and withdrawn bundles in force.

    \b
    Example:
      edgefair keys update /media/usb/revocations.efr

    `edgefair model install` does so by itself with a list that lies beside the bundle.
    """
    from edgefair.bundle.revocations import MAX_LIST_BYTES

    with file.open("rb") as stream, _alone():
        found = _store().update(stream.read(MAX_LIST_BYTES + 1))
    click.echo(
        f"List number {found.sequence} is in force: {len(found.keys)} keys revoked, "
        f"{len(found.bundles)} bundles withdrawn."
    )


@command.command("revoke")
@click.argument("revoked", metavar="KEY")
@_REASON_OPTION
@_KEY_OPTION
@_LIST_OPTION
def revoke(revoked: str, *, reason: str, key: Path, list_path: Path) -> None:
    """Revoke KEY, a NAME.public.json or a key id, in the list that travels with bundles.

    \b
    Example:
      edgefair keys revoke ministry.public.json --reason "The laptop was stolen." \\
        --key ministry-root.private.pem --list stick/revocations.efr
    """
    from edgefair.bundle.revocations import Revocation

    if Path(revoked).is_file():
        public = read_public_key(Path(revoked))
        entry = Revocation(of=public.key_id, name=public.name, reason=reason)
    else:
        entry = Revocation(of=_hexadecimal(revoked, 32), name=revoked[:8], reason=reason)
    signing_key = _revocation_key(key)
    with _alone():
        _write_list(list_path, _list_before(list_path, signing_key).with_key(entry), signing_key)


@command.command("withdraw")
@click.argument("bundle", metavar="BUNDLE")
@_REASON_OPTION
@_KEY_OPTION
@_LIST_OPTION
def withdraw(bundle: str, *, reason: str, key: Path, list_path: Path) -> None:
    """Withdraw BUNDLE, a file or a digest, in the list that travels with bundles.

    \b
    Example:
      edgefair keys withdraw chest-xray-0.2.0.efb --reason "It misses effusions in children." \\
        --key ministry-root.private.pem --list stick/revocations.efr
    """
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.revocations import Revocation

    if Path(bundle).is_file():
        found = read_bundle(Path(bundle))
        entry = Revocation(of=found.digest, name=found.manifest.label, reason=reason)
    else:
        entry = Revocation(of=_hexadecimal(bundle, 64), name=bundle[:8], reason=reason)
    signing_key = _revocation_key(key)
    with _alone():
        before = _list_before(list_path, signing_key)
        _write_list(list_path, before.with_bundle(entry), signing_key)


def _store() -> TrustStore:
    from edgefair.bundle.home import default_home
    from edgefair.bundle.shelf import trust_store_in

    return trust_store_in(default_home())


def _alone() -> AbstractContextManager[None]:
    """Let one process at a time read a list or the keys, and write what follows from it."""
    from edgefair.bundle.home import default_home
    from edgefair.bundle.locking import alone_in

    return alone_in(default_home())


def _revocation_key(path: Path) -> SigningKey:
    from edgefair.bundle.signing import Purpose
    from edgefair.errors import BadKey

    key = read_signing_key(path)
    if key.public.purpose is not Purpose.REVOCATIONS:
        raise BadKey(
            f"The key {key.public.name} is for {key.public.purpose}, not for revocations.",
            hint="edgefair keys new NAME -o FOLDER --for revocations",
        )
    return key


def _list_before(path: Path, key: SigningKey) -> RevocationList:
    """Return the list to extend; one that this key did not sign is not extended."""
    from edgefair.bundle.revocations import MAX_LIST_BYTES, RevocationList, SignedList

    if not path.exists():
        return RevocationList()
    with path.open("rb") as file:
        signed = SignedList.from_bytes(file.read(MAX_LIST_BYTES + 1))
    key.public.check(signed.signature, signed.content)
    return signed.parsed()


def _write_list(path: Path, revoked: RevocationList, key: SigningKey) -> None:
    from edgefair.bundle.durable import write_whole

    write_whole(path, revoked.signed(key))
    click.echo(f"{path}: list number {revoked.sequence}, signed by {key.public.name}.")


def _write_private(path: Path, key: SigningKey, secret: str | None) -> None:
    """Write a private key that nobody else can read; never over another one."""
    from edgefair.bundle.durable import writing
    from edgefair.errors import BadKey

    if path.exists():
        raise BadKey(f"{path} is there already.", hint="Choose another name.")
    with writing(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key.to_pem(secret))
            file.flush()
            os.fsync(file.fileno())


def _hexadecimal(text: str, digits: int) -> str:
    found = re.sub(r"[\s:]", "", text).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", found):
        raise click.UsageError(f"{text} is neither a file nor {digits} hexadecimal digits.")
    return found


def _spaced(key_id: str) -> str:
    """Return a key's id in groups of four, to be read aloud."""
    return " ".join(key_id[i : i + 4] for i in range(0, len(key_id), 4))


def _plain(text: str) -> str:
    """Return text that steers no terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _reason(revocation: Revocation | None) -> str | None:
    return _plain(revocation.reason) if revocation else None
