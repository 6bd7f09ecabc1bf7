"""Pseudonyms: the site's secret key, and what is derived from it for patients and cases."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from edgefair.errors import LedgerError
from edgefair.ledger.files import publish_once

__all__ = ["SiteKey", "key_path", "normal_case_code"]

_KEY_BYTES = 32
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O (read as 1 and 0) and no U (https://www.crockford.com/base32.html)."""

_LETTERS = _ALPHABET[10:]
_AS_MEANT = str.maketrans("ILO", "110", " -")


def key_path(ledger: Path) -> Path:
    """Return where the key of a ledger lies: ``clinic.ledger.key`` beside ``clinic.ledger``."""
    return ledger.with_name(ledger.name + ".key")


def normal_case_code(typed: str) -> str:
    """Return a case code as the ledger writes it, from one as a person typed it.

    Examples
    --------
    >>> normal_case_code(" k7q2-ol9x ")
    'K7Q2019X'
    """
    return typed.upper().translate(_AS_MEANT)


@dataclass(frozen=True, slots=True)
class SiteKey:
    """The secret that makes a site's pseudonyms; without it no patient can be recognised.

    Attributes
    ----------
    secret : bytes
        32 random bytes; they stay in the key file.

    Examples
    --------
    >>> key = SiteKey(bytes(32))
    >>> key.patient("P-0042")
    '4d3bb7a43b1b74be44e086d4bac52e02'
    >>> key.patient("P-0042") == SiteKey(bytes(31) + b"!").patient("P-0042")
    False
    """

    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path, *, expected_id: str) -> SiteKey:
        """Return the key in the file, which must be the one the ledger was begun with.

        Raises
        ------
        LedgerError
            If the key is missing or another one: new pseudonyms would not match the old.
        """
        key = cls._read(path)
        if key.id != expected_id:
            raise LedgerError(
                f"{path} is not the key this ledger was begun with.",
                hint="Put the right key file back from your backup, or begin a new ledger.",
            )
        return key

    @classmethod
    def load_or_create(cls, path: Path) -> SiteKey:
        """Return the key in the file, after making the file if there is none.

        Raises
        ------
        LedgerError
            If the file holds no key.
        OSError
            If it cannot be written.
        """
        if not path.exists():
            with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
                draft = Path(folder, path.name)
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_bytes(_KEY_BYTES))
                publish_once(draft, path)  # if another process was quicker, its key counts
        return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> SiteKey:
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise LedgerError(
                f"The key of the ledger, {path}, cannot be read: {error.strerror}.",
                hint="Put the key file back from your backup; without it patients cannot be "
                "recognised again. Audits and outcomes work without it.",
            ) from error
        if len(secret) != _KEY_BYTES:
            raise LedgerError(
                f"{path} holds no key: {len(secret)} bytes instead of {_KEY_BYTES}.",
                hint="Put the key file back from your backup.",
            )
        return cls(secret)

    @property
    def id(self) -> str:
        """What the ledger keeps of the key: enough to know it again, not to make pseudonyms."""
        return self._digest(b"key id").hex()[:32]

    def patient(self, patient_id: str) -> str:
        """Return the pseudonym of a patient: 128 bits of HMAC-SHA256, hexadecimal."""
        return self._digest(b"patient", patient_id).hex()[:32]

    def image(self, digest_or_path: str, frame: int) -> bytes:
        """Return 16 bytes that stand for one frame of one image."""
        return self._digest(b"image", digest_or_path, str(frame))[:16]

    def case_codes(self, identity: bytes) -> Iterator[str]:
        """Yield candidates for the case code of an image; the first that is free is taken.

        Eight characters, the first a letter, so that no spreadsheet takes a code for a number:
        ``1234E567`` would come back from one as infinity.
        """
        for attempt in count():
            number = int.from_bytes(self._digest(b"case", identity.hex(), str(attempt))[:8])
            number, letter = divmod(number, len(_LETTERS))
            yield _LETTERS[letter] + "".join(_ALPHABET[number >> 5 * i & 31] for i in range(7))

    def _digest(self, purpose: bytes, *parts: str) -> bytes:
        encoded = (part.encode("utf-8", "surrogateescape") for part in parts)
        return hmac.new(self.secret, b"\0".join((purpose, *encoded)), hashlib.sha256).digest()
