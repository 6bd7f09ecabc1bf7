"""What a PC trusts: the keys it was told of, what was revoked, and the highest numbers it saw.

One folder, apart from every bundle::

    keys/NAME.json      public keys, each under the name by which this PC trusts it
    revocations.efr     the newest signed list of revoked keys and withdrawn bundles
    seen.json           the highest sequence number of each model, and of the list
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edgefair.bundle.durable import make_folder, sync_folder, write_whole, writing
from edgefair.bundle.revocations import LIST_NAME, MAX_LIST_BYTES, RevocationList, SignedList
from edgefair.bundle.signing import MAX_KEY_BYTES, PublicKey, Purpose, Signature
from edgefair.bundle.trust import UNSIGNED, Trust
from edgefair.errors import (
    BadKey,
    Downgrade,
    ModelError,
    RevokedKey,
    UnknownKey,
    Unsigned,
    Untrusted,
    Withdrawn,
    WrongSignature,
)
from edgefair.records.record import record

__all__ = ["Seen", "TrustStore"]

_SEEN: Final = "seen.json"
_MAX_SEEN_BYTES: Final = 1_000_000
_LIST: Final = "\0revocations"
"""Name under which the list's own number is kept: no model can bear it."""


_BRING_AGAIN: Final = "Bring it again: edgefair keys update revocations.efr"


@record(frozen=True, slots=True, kw_only=True)
class Seen:
    """The highest sequence number seen of one model, and the bundle that bore it."""

    sequence: int
    digest: str


@record(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """What a PC trusts, in a folder of its own.

    Attributes
    ----------
    folder : Path
        Need not exist: nothing is then trusted but what came with edgefair.
    carried : frozenset of str
        Digests of the bundles that came with edgefair.
    """

    folder: Path
    carried: frozenset[str] = field(default=frozenset(), repr=False)

    def trusted_keys(self) -> tuple[PublicKey, ...]:
        """Return the keys that this PC was told to trust, by name.

        Raises
        ------
        BadKey
            If one of the files is damaged.
        """
        files = (self.folder / "keys").glob("*.json")
        keys = (PublicKey.from_json(_bounded(path, MAX_KEY_BYTES)) for path in files)
        return tuple(sorted(keys, key=lambda key: key.name))

    def add_key(self, key: PublicKey) -> None:
        """Trust a key from now on, under its name.

        Raises
        ------
        BadKey
            If the name already stands for another key.
        RevokedKey
            If the list in force revokes it.
        """
        for known in self.trusted_keys():
            if known.name.casefold() == key.name.casefold() and known != key:
                raise BadKey(
                    f"{key.name} is already the name of another key, {known.key_id}.",
                    hint=f"If that one is no longer to be trusted: edgefair keys forget "
                    f"{known.name}",
                )
        self._refuse_revoked(key, self.revocations())
        make_folder(self.folder / "keys")
        write_whole(self.folder / "keys" / f"{key.name}.json", key.to_json())

    def forget_key(self, name: str) -> None:
        """Trust a key no longer.

        Raises
        ------
        BadKey
            If none of that name was trusted, or the list in force is signed by it.
        """
        for key in self.trusted_keys():
            if key.name == name:
                self._refuse_to_forget(key)
                with writing(self.folder / "keys"):
                    (self.folder / "keys" / f"{name}.json").unlink()
                    sync_folder(self.folder / "keys")
                return
        there = ", ".join(key.name for key in self.trusted_keys()) or "none"
        raise BadKey(f"No key is trusted as {name}.", hint=f"Trusted: {there}.")

    def revocations(self) -> RevocationList:
        """Return the list in force, its signature checked anew; an empty one if there is none.

        Raises
        ------
        Untrusted, Downgrade
            If it was changed, exchanged for an older one, or removed.
        """
        path = self.folder / LIST_NAME
        seen = self.seen().get(_LIST)
        if not path.exists():
            if seen is None:
                return RevocationList()
            raise Downgrade(
                f"The list of revoked keys that this PC had, number {seen.sequence}, is gone.",
                hint=_BRING_AGAIN,
            )
        try:
            found = self._checked_list(_bounded(path, MAX_LIST_BYTES))
        except Untrusted as error:
            raise WrongSignature(
                f"The list of revoked keys that this PC had is damaged. {error.message}",
                hint=_BRING_AGAIN,
            ) from error
        if seen is not None and found.sequence < seen.sequence:
            raise _older("list of revoked keys", found.sequence, seen.sequence)
        return found

    def seen_list(self) -> int:
        """Return the number of the newest list seen; 0 if there never was one."""
        seen = self.seen().get(_LIST)
        return seen.sequence if seen else 0

    def update(self, file: bytes) -> RevocationList:
        """Put a newer list in force and return it; the one in force may come again.

        Parameters
        ----------
        file : bytes
            What ``revocations.efr`` on a stick holds.

        Raises
        ------
        Untrusted
            If its signature is not by a key that is trusted for this and was not revoked.
        Downgrade
            If it is older than the one in force.
        """
        found = self._checked_list(file)
        seen = self.seen().get(_LIST)
        digest = hashlib.sha256(file).hexdigest()
        if seen is not None and (found.sequence, digest) != (seen.sequence, seen.digest):
            if found.sequence <= seen.sequence:
                raise _older("list of revoked keys", found.sequence, seen.sequence)
            self._refuse_unlawful(file)
        make_folder(self.folder)
        # the list first: should the power fail in between, it counts all the same
        write_whole(self.folder / LIST_NAME, file)
        self._note(_LIST, Seen(sequence=found.sequence, digest=digest))
        return found

    def seen(self) -> Mapping[str, Seen]:
        """Return the highest sequence number of each model that was installed here.

        Raises
        ------
        ModelError
            If the file was damaged.
        """
        path = self.folder / _SEEN
        if not path.exists():
            return MappingProxyType({})
        try:
            tree = json.loads(_bounded(path, _MAX_SEEN_BYTES))
            return {
                str(name): Seen(sequence=int(sequence), digest=str(digest))
                for name, (sequence, digest) in tree.items()
            }
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"{path} is damaged: it holds the highest version numbers that this PC has seen.",
                hint="Remove it only if you know that nobody tampered with this PC.",
            ) from error

    def vouch(
        self, manifest: bytes, signature: bytes | None, *, allow_unsigned: bool = False
    ) -> Trust:
        """Return who vouches for a manifest; nothing in it is parsed for that.

        Parameters
        ----------
        manifest : bytes
        signature : bytes or None
            The content of ``signature.json``.
        allow_unsigned : bool, optional
            Let a bundle through that is not signed, or by an unknown key; never one that is
            revoked, withdrawn or altered.

        Raises
        ------
        Unsigned, UnknownKey, RevokedKey, WrongSignature, Withdrawn
        """
        digest = hashlib.sha256(manifest).hexdigest()
        revoked = self.revocations()
        if (entry := revoked.of_bundle(digest)) is not None:
            raise Withdrawn(
                f"The bundle {entry.name} has been withdrawn: {entry.reason}",
                hint="Ask its builder for a newer one, or go back: edgefair model rollback NAME",
            )
        if digest in self.carried:
            return Trust(kind="carried")
        if signature is None:
            return _if_allowed(allow_unsigned, _unsigned())
        claimed = Signature.from_json(signature)
        key = self._key_of(claimed, Purpose.BUNDLES)
        if key is None:
            return _if_allowed(allow_unsigned, _unknown(claimed))
        self._refuse_revoked(key, revoked)
        key.check(claimed, manifest)
        return Trust(kind="signed", signed_by=key.name, key_id=key.key_id)

    def refuse_older(self, name: str, now: Seen) -> None:
        """Refuse a bundle that is older than one that was installed here.

        Parameters
        ----------
        name : str
            The model's.
        now : Seen
            The bundle's sequence number and digest.

        Raises
        ------
        Downgrade
            If its number is lower, or the same in another bundle. Bundles without a number
            (0) may follow each other.
        """
        seen = self.seen().get(name)
        if seen is None or now == seen or now.sequence > seen.sequence:
            return
        if now.sequence == seen.sequence == 0:
            return
        raise _older(f"model {name}", now.sequence, seen.sequence)

    def note_seen(self, name: str, now: Seen) -> None:
        """Keep a model's number, if it is the highest."""
        seen = self.seen().get(name)
        if seen is None or now.sequence >= seen.sequence:
            make_folder(self.folder)
            self._note(name, now)

    def _note(self, name: str, now: Seen) -> None:
        seen = dict(self.seen()) | {name: now}
        tree = {name: (entry.sequence, entry.digest) for name, entry in seen.items()}
        content = json.dumps(tree, sort_keys=True, indent=1).encode() + b"\n"
        write_whole(self.folder / _SEEN, content)

    def _key_of(self, signature: Signature, purpose: Purpose) -> PublicKey | None:
        for key in self.trusted_keys():
            if key.key_id == signature.key_id and key.purpose is purpose:
                return key
        return None

    def _checked_list(self, file: bytes) -> RevocationList:
        signed = SignedList.from_bytes(file)
        key = self._key_of(signed.signature, Purpose.REVOCATIONS)
        if key is None:
            raise _unknown(signed.signature)
        key.check(signed.signature, signed.content)
        return signed.parsed()

    def _refuse_unlawful(self, file: bytes) -> None:
        """Refuse a new list whose own key the list in force revokes."""
        path = self.folder / LIST_NAME
        if not path.exists():
            return
        try:
            in_force = self._checked_list(_bounded(path, MAX_LIST_BYTES))
        except Untrusted:
            return  # damaged: the newer list mends it
        key = self._key_of(SignedList.from_bytes(file).signature, Purpose.REVOCATIONS)
        if key is not None:
            self._refuse_revoked(key, in_force)

    def _refuse_to_forget(self, key: PublicKey) -> None:
        path = self.folder / LIST_NAME
        if not path.exists():
            return
        signed = SignedList.from_bytes(_bounded(path, MAX_LIST_BYTES))
        if signed.signature.key_id == key.key_id:
            raise BadKey(
                f"{key.name} signed the list of revoked keys that is in force here.",
                hint="First bring a newer list, signed by the key that follows it.",
            )

    def _refuse_revoked(self, key: PublicKey, revoked: RevocationList) -> None:
        entry = revoked.of_key(key.key_id)
        if entry is not None:
            raise RevokedKey(
                f"The key {key.name} has been revoked: {entry.reason}",
                hint="Ask the builder for what was signed by its new key.",
            )


def _if_allowed(allowed: bool, refusal: ModelError) -> Trust:
    if not allowed:
        raise refusal
    return UNSIGNED


def _unsigned() -> Unsigned:
    return Unsigned(
        "The bundle is not signed, and did not come with edgefair.",
        hint="Ask its builder for a signed one. Builders try their own with --allow-unsigned.",
    )


def _unknown(signature: Signature) -> UnknownKey:
    return UnknownKey(
        f"It is signed by a key that this PC does not trust: {signature.key_name}, "
        f"{signature.key_id}.",
        hint="If you know whose it is, take the public key from them: edgefair keys trust FILE",
    )


def _older(what: str, found: int, seen: int) -> Downgrade:
    return Downgrade(
        f"This {what} has the number {found}; this PC has already seen {seen}.",
        hint="An older one may have faults that were mended since. To go back to the one before: "
        "edgefair model rollback NAME",
    )


def _bounded(path: Path, limit: int) -> bytes:
    """Return a file's bytes, or one more than `limit`, which nobody accepts."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror or error}.",
            hint="Check the folder's permissions and its disk.",
        ) from error
