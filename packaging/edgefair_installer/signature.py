"""Who made an installer: Ed25519 signatures over its list of files, and over the file itself.

What they prove: that the holder of the private key made this version. On the first installation
no key is known yet, so that only the person who installs can compare the key's fingerprint with
what the builder told by another way. From then on the key is known, and a version that is signed
by another one, or by none, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from edgefair_installer.faults import Fault
from edgefair_installer.storage import write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "TRAILER_BYTES",
    "PublicKey",
    "ReleaseKey",
    "check_file",
    "check_release",
    "known_keys",
    "remember",
    "sign_release",
    "trailer_for",
]

TRAILER_BYTES: Final = 1024
"""The last bytes of an installer: its signature as JSON, filled up with spaces."""
_SUMS_DOMAIN: Final = b"edgefair release sums v1\0"
_FILE_DOMAIN: Final = b"edgefair release file v1\0"
_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A builder's public key.

    Attributes
    ----------
    name : str
        What the builder calls it; letters, digits, ``.``, ``_`` and ``-``.
    raw : bytes
        32 bytes.
    """

    name: str
    raw: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """First half of the key's SHA-256, hexadecimal: what `edgefair keys show` tells too."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    @property
    def fingerprint(self) -> str:
        """What two people compare aloud: the key's id in groups of four."""
        return " ".join(self.key_id[at : at + 4] for at in range(0, 32, 4))

    def to_json(self, *, purpose: str = "releases") -> bytes:
        """Return the key as one line of JSON, for what it is to be believed for."""
        tree = {"algorithm": "ed25519", "name": self.name, "public_key": self.raw.hex()}
        return json.dumps({**tree, "purpose": purpose}, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> PublicKey:
        """Return the key, read strictly.

        Raises
        ------
        Fault
            If this is none.
        """
        tree = _fields(text, {"algorithm", "name", "public_key", "purpose"})
        if not _is_name(tree["name"]) or tree["purpose"] != "releases":
            raise _unreadable()
        return cls(name=tree["name"], raw=_unhex(tree["public_key"], 32))

    def check(self, signature: bytes, content: bytes) -> None:
        """Return if the signature is this key's.

        Raises
        ------
        Fault
            If it is not.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except (InvalidSignature, ValueError) as error:
            raise Fault(
                f"The signature of {self.name} does not fit: what was signed has been changed.",
                hint="Do not use this installer. Copy it again from where it came.",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseKey:
    """A builder's private key, in memory while an installer is built."""

    public: PublicKey
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_pem(cls, name: str, pem: bytes, passphrase: str | None) -> ReleaseKey:
        """Return the key from a PKCS 8 file.

        Raises
        ------
        ValueError
            If it is no Ed25519 key, or the passphrase does not open it.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        secret = passphrase.encode() if passphrase else None
        private = serialization.load_pem_private_key(pem, password=secret)
        if not isinstance(private, Ed25519PrivateKey) or not _is_name(name):
            raise ValueError("no Ed25519 key, or a name with other letters than [A-Za-z0-9_.-]")
        return cls(
            public=PublicKey(name=name, raw=private.public_key().public_bytes_raw()),
            private=private,
        )


def sign_release(key: ReleaseKey, sums: bytes) -> bytes:
    """Return the signature over a version's list of files, as JSON."""
    return _signed(key, _SUMS_DOMAIN + sums)


def trailer_for(key: ReleaseKey, digest: bytes) -> bytes:
    """Return the last bytes of an installer whose bytes before have the SHA-256 `digest`."""
    text = _signed(key, _FILE_DOMAIN + digest)
    return text.rstrip().ljust(TRAILER_BYTES - 1) + b"\n"


def check_release(folder: Path, known: tuple[PublicKey, ...]) -> PublicKey | None:
    """Return who signed the version in `folder`; None if nobody did.

    Parameters
    ----------
    folder : Path
        With ``SHA256SUMS``, ``SHA256SUMS.sig`` and ``SHA256SUMS.pub``.
    known : tuple of PublicKey
        Keys that are believed; where there are none, the one that came along is.

    Raises
    ------
    Fault
        If the signature does not fit, or is by none of the known keys.
    """
    signature, public = folder / "SHA256SUMS.sig", folder / "SHA256SUMS.pub"
    if not signature.is_file() or not public.is_file():
        return None
    came_along = PublicKey.from_json(public.read_bytes())
    believed = known or (came_along,)
    content = _SUMS_DOMAIN + (folder / "SHA256SUMS").read_bytes()
    return _check(signature.read_bytes(), content, believed)


def check_file(stream: BinaryIO, size: int, known: tuple[PublicKey, ...]) -> PublicKey:
    """Return which of the known keys signed an installer.

    Parameters
    ----------
    stream : BinaryIO
        At its beginning.
    size : int
        Bytes of the whole file.
    known : tuple of PublicKey

    Raises
    ------
    Fault
        If it is signed by none of them, or has been changed.
    """
    digest, left = hashlib.sha256(), size - TRAILER_BYTES
    while left > 0:
        block = stream.read(min(_BLOCK, left))
        if not block:
            raise _unreadable()
        digest.update(block)
        left -= len(block)
    return _check(stream.read(), _FILE_DOMAIN + digest.digest(), known)


def known_keys(folder: Path) -> tuple[PublicKey, ...]:
    """Return the keys that this installation believes."""
    if not folder.is_dir():
        return ()
    return tuple(PublicKey.from_json(path.read_bytes()) for path in sorted(folder.glob("*.json")))


def remember(folder: Path, key: PublicKey) -> None:
    """Believe `key` from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key.key_id}.json"
    if not path.exists():
        write_whole(path, key.to_json())


def _signed(key: ReleaseKey, content: bytes) -> bytes:
    tree = {
        "algorithm": "ed25519",
        "public_key": key.public.raw.hex(),
        "signature": key.private.sign(content).hex(),
    }
    return json.dumps(tree, sort_keys=True).encode() + b"\n"


def _check(signature: bytes, content: bytes, believed: tuple[PublicKey, ...]) -> PublicKey:
    tree = _fields(signature, {"algorithm", "public_key", "signature"})
    raw, value = _unhex(tree["public_key"], 32), _unhex(tree["signature"], 64)
    for key in believed:
        if key.raw == raw:
            key.check(value, content)
            return key
    raise Fault(
        "This installer is signed by somebody whose key this computer does not know.",
        hint="It knows: "
        + ("; ".join(f"{k.name} ({k.fingerprint})" for k in believed) or "nobody"),
    )


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text.strip(".") != ""


def _fields(text: bytes, names: set[str]) -> dict[str, str]:
    try:
        tree = json.loads(text[: 2 * TRAILER_BYTES])
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(tree, dict) or set(tree) != names or tree.get("algorithm") != "ed25519":
        raise _unreadable()
    if not all(isinstance(value, str) for value in tree.values()):
        raise _unreadable()
    return tree


def _unhex(text: str, size: int) -> bytes:
    if not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        raise _unreadable()
    return bytes.fromhex(text)


def _unreadable() -> Fault:
    return Fault(
        "The installer carries no signature that can be read.",
        hint="Copy it again from where it came.",
    )
