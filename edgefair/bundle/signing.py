"""Ed25519 signatures (RFC 8032) over bytes, told apart by what the bytes are for.

The mathematics is the ``cryptography`` package's, imported only where a signature is made or
checked: it takes some 50 ms, which no bundle that came with edgefair has to pay.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from edgefair.errors import BadKey, WrongSignature
from edgefair.records.record import record

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "ALGORITHM",
    "MAX_KEY_BYTES",
    "MAX_SIGNATURE_BYTES",
    "PublicKey",
    "Purpose",
    "Signature",
    "SigningKey",
    "new_signing_key",
    "signing_key_from_pem",
]

ALGORITHM: Final = "ed25519"
MAX_SIGNATURE_BYTES: Final = 1024
MAX_KEY_BYTES: Final = 4096
_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")


class Purpose(StrEnum):
    """What a key may sign. A key that signs models daily is not the one that revokes it."""

    BUNDLES = "bundles"
    REVOCATIONS = "revocations"


_DOMAINS: Final = {
    Purpose.BUNDLES: b"edgefair bundle manifest v1\0",
    Purpose.REVOCATIONS: b"edgefair revocation list v1\0",
}
"""What stands before the bytes that are signed: no signature over one kind serves another."""


@record(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, and the signature itself; nothing here is believed before it was checked.

    Attributes
    ----------
    key_id : str
        32 hexadecimal digits.
    key_name : str
        What the signer calls the key; a hint for messages, the clinic's own name counts.
    value : bytes
        64 bytes.
    """

    key_id: str
    key_name: str
    value: bytes = field(repr=False)

    def to_json(self) -> bytes:
        """Return the signature as one line of canonical JSON."""
        tree = {
            "algorithm": ALGORITHM,
            "key_id": self.key_id,
            "key_name": self.key_name,
            "signature": self.value.hex(),
        }
        return json.dumps(tree, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Signature:
        """Return the signature, read strictly.

        Raises
        ------
        WrongSignature
            If it is too long, no JSON, or has missing, further or wrong fields.

        Examples
        --------
        >>> made = Signature(key_id="ab" * 16, key_name="ministry", value=bytes(64))
        >>> Signature.from_json(made.to_json()) == made
        True
        """
        tree = _fields(text, ("algorithm", "key_id", "key_name", "signature"), MAX_SIGNATURE_BYTES)
        if tree is None or tree["algorithm"] != ALGORITHM or not _is_name(tree["key_name"]):
            raise _no_signature()
        if not (_is_hex(tree["key_id"], 16) and _is_hex(tree["signature"], 64)):
            raise _no_signature()
        value = bytes.fromhex(tree["signature"])
        return cls(key_id=tree["key_id"], key_name=tree["key_name"], value=value)


@record(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What a clinic needs to check what a builder signed. No secret.

    Attributes
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``; 64 at most.
    purpose : Purpose
    raw : bytes
        32 bytes.
    """

    name: str
    purpose: Purpose
    raw: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """First half of the SHA-256 of the key, hexadecimal: what two people compare aloud."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    def to_json(self) -> bytes:
        """Return the key as one line of canonical JSON."""
        tree = {
            "algorithm": ALGORITHM,
            "name": self.name,
            "public_key": self.raw.hex(),
            "purpose": self.purpose.value,
        }
        return json.dumps(tree, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> PublicKey:
        """Return the key, read strictly.

        Raises
        ------
        BadKey
            If this is no public key of edgefair's.

        Examples
        --------
        >>> key = PublicKey(name="ministry", purpose=Purpose.BUNDLES, raw=bytes(32))
        >>> PublicKey.from_json(key.to_json()) == key
        True
        """
        tree = _fields(text, ("algorithm", "name", "public_key", "purpose"), MAX_KEY_BYTES)
        if tree is None or tree["algorithm"] != ALGORITHM or not _is_name(tree["name"]):
            raise _no_key()
        if not _is_hex(tree["public_key"], 32) or tree["purpose"] not in tuple(Purpose):
            raise _no_key()
        return cls(
            name=tree["name"],
            purpose=Purpose(tree["purpose"]),
            raw=bytes.fromhex(tree["public_key"]),
        )

    def check(self, signature: Signature, content: bytes) -> None:
        """Return if `signature` is this key's over `content`, for this key's purpose.

        Raises
        ------
        WrongSignature
            If it is not.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(self.raw)
            key.verify(signature.value, _DOMAINS[self.purpose] + content)
        except (InvalidSignature, ValueError) as error:
            raise WrongSignature(
                f"The signature of {self.name} does not fit: what was signed has been changed.",
                hint="Do not use it. Copy it again from where it came, or ask its builder.",
            ) from error


@record(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A builder's private key, in memory only while it signs."""

    public: PublicKey
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, content: bytes) -> Signature:
        """Return the signature over `content`, for this key's purpose; always the same."""
        value = self.private.sign(_DOMAINS[self.public.purpose] + content)
        return Signature(key_id=self.public.key_id, key_name=self.public.name, value=value)

    def to_pem(self, passphrase: str | None) -> bytes:
        """Return the private key as PKCS 8 in PEM, encrypted if there is a passphrase."""
        from cryptography.hazmat.primitives import serialization as forms

        encryption = (
            forms.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else forms.NoEncryption()
        )
        return self.private.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.PKCS8, encryption
        )


def new_signing_key(name: str, purpose: Purpose) -> SigningKey:
    """Return a new key, from the operating system's randomness.

    Raises
    ------
    BadKey
        If `name` is none for a key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _is_name(name):
        raise BadKey(
            f"{name!r} is no name for a key.",
            hint="Use 1 to 64 letters, digits, points, dashes and underscores.",
        )
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    return SigningKey(public=PublicKey(name=name, purpose=purpose, raw=raw), private=private)


def signing_key_from_pem(
    pem: bytes, public: PublicKey, passphrase: str | None = None
) -> SigningKey:
    """Return the private key that belongs to a public one.

    Raises
    ------
    BadKey
        If it is none, another's, or the passphrase is missing or wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(
            f"The private key of {public.name} cannot be opened: {error}.",
            hint="Check the file and its passphrase.",
        ) from error
    is_pair = (
        isinstance(private, Ed25519PrivateKey)
        and private.public_key().public_bytes_raw() == public.raw
    )
    if not isinstance(private, Ed25519PrivateKey) or not is_pair:
        raise BadKey(
            f"The private key is not the one that belongs to the public key {public.name}.",
            hint="`edgefair keys new` writes the two side by side; keep them so.",
        )
    return SigningKey(public=public, private=private)


def _fields(text: bytes, names: tuple[str, ...], limit: int) -> dict[str, str] | None:
    """Return the fields of a small JSON object of texts with exactly these names, else None."""
    if len(text) > limit:
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, list) or len(pairs) != len(names):
        return None
    if not all(isinstance(pair, tuple) and isinstance(pair[1], str) for pair in pairs):
        return None
    tree = dict(pairs)
    return tree if sorted(tree) == sorted(names) else None


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text.strip(".") != ""


def _is_hex(text: str, size: int) -> bool:
    return len(text) == 2 * size and _HEX.fullmatch(text) is not None


def _no_signature() -> WrongSignature:
    return WrongSignature(
        "The signature is none that edgefair knows.",
        hint="Do not use what it came with. Copy it again, or ask its builder.",
    )


def _no_key() -> BadKey:
    return BadKey(
        "This file is no public key of edgefair's.",
        hint="Ask the builder for the file NAME.public.json that `edgefair keys new` wrote.",
    )
