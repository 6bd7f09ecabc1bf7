"""The signed list of keys and bundles that are no longer to be trusted.

A file ``revocations.efr``: one line with the signature, then the bytes that are signed, which
are looked at only once the signature was found to be over them.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Final

from edgefair.bundle.signing import MAX_SIGNATURE_BYTES, Signature, SigningKey
from edgefair.bundle.trees import NO_RECORD, reader_of, tree_of
from edgefair.errors import WrongSignature
from edgefair.records.record import record

__all__ = ["LIST_NAME", "MAX_LIST_BYTES", "Revocation", "RevocationList", "SignedList"]

LIST_NAME: Final = "revocations.efr"
MAX_LIST_BYTES: Final = 1_000_000


@record(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One thing that is no longer to be trusted, and why.

    Attributes
    ----------
    of : str
        A key's id, or a bundle's digest; hexadecimal.
    name : str
        What people call it.
    reason : str
        In a sentence, for whoever meets the refusal.
    """

    of: str
    name: str
    reason: str


@record(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """All that was ever revoked; each list holds what the ones before it held.

    Attributes
    ----------
    sequence : int
        Rises by one with each list.
    keys, bundles : tuple of Revocation
    """

    sequence: int = 0
    keys: tuple[Revocation, ...] = ()
    bundles: tuple[Revocation, ...] = ()

    def with_key(self, revocation: Revocation) -> RevocationList:
        """Return the next list, in which that key is revoked too.

        Examples
        --------
        >>> lost = Revocation(of="ab" * 16, name="ministry", reason="The laptop was stolen.")
        >>> RevocationList().with_key(lost).sequence
        1
        """
        return replace(self, sequence=self.sequence + 1, keys=(*self.keys, revocation))

    def with_bundle(self, revocation: Revocation) -> RevocationList:
        """Return the next list, in which that bundle is withdrawn too."""
        return replace(self, sequence=self.sequence + 1, bundles=(*self.bundles, revocation))

    def of_key(self, key_id: str) -> Revocation | None:
        """Return why a key is revoked; None if it is not."""
        return next((entry for entry in self.keys if entry.of == key_id), None)

    def of_bundle(self, digest: str) -> Revocation | None:
        """Return why a bundle is withdrawn; None if it is not."""
        return next((entry for entry in self.bundles if entry.of == digest), None)

    def signed(self, key: SigningKey) -> bytes:
        """Return the file: the signature's line, then the list."""
        tree = tree_of(self, {})
        content = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"
        return key.sign(content).to_json() + content


@record(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A list that was taken apart and not yet believed."""

    signature: Signature
    content: bytes

    @classmethod
    def from_bytes(cls, file: bytes) -> SignedList:
        """Return the signature and what it is over.

        Raises
        ------
        WrongSignature
            If the file is too long or does not begin with a signature.
        """
        line, _, content = file.partition(b"\n")
        if len(file) > MAX_LIST_BYTES or len(line) > MAX_SIGNATURE_BYTES:
            raise _no_list("it is too long")
        return cls(signature=Signature.from_json(line), content=content)

    def parsed(self) -> RevocationList:
        """Return the list; only to be called once the signature was checked.

        Raises
        ------
        WrongSignature
            If it is none all the same.
        """
        try:
            tree = json.loads(self.content)
            if not isinstance(tree, dict) or len(tree) != len(fields(RevocationList)):
                raise _no_list("it has other fields")
            found: RevocationList = reader_of(RevocationList, {})(tree)
        except NO_RECORD as error:
            raise _no_list(f"{type(error).__name__}: {error}") from error
        return found


def _no_list(why: str) -> WrongSignature:
    return WrongSignature(
        f"This is no list of revoked keys and withdrawn bundles ({why}).",
        hint="Copy it again from where it came, or ask the builder.",
    )
