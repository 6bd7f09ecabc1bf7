"""The lock file: which version of which package, and the SHA-256 of each of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Pin", "read_lock"]

_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package.

    Attributes
    ----------
    name, version : str
    hashes : frozenset of str
        SHA-256 of all its files, for all platforms.
    """

    name: str
    version: str
    hashes: frozenset[str]

    def requirement(self) -> str:
        """Return the line that pip checks hashes by."""
        hashes = (f"    --hash=sha256:{value}" for value in sorted(self.hashes))
        return " \\\n".join([f"{self.name}=={self.version}", *hashes]) + "\n"


def read_lock(path: Path) -> dict[str, Pin]:
    """Return the pins by name.

    Raises
    ------
    ValueError
        If a line is no pin with hashes.
    """
    return {pin.name: pin for pin in _pins(path.read_text(encoding="utf-8"), path)}


def _pins(text: str, path: Path) -> Iterator[Pin]:
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", text):
        if not entry.strip():
            continue
        found, hashes = _PIN.match(entry), frozenset(_HASH.findall(entry))
        if not found or not hashes:
            raise ValueError(f"{path}: no pin with hashes: {entry.splitlines()[0]}")
        yield Pin(name=found[1].lower(), version=found[2], hashes=hashes)
