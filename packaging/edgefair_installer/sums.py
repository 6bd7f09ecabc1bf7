"""SHA256SUMS: what every file of a version must be, in the form that `sha256sum -c` reads."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from edgefair_installer.faults import Fault

__all__ = ["SUMS", "check_tree", "digest_of", "parse_sums", "sums_of", "unsummed"]

SUMS: Final = "SHA256SUMS"
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^\n\r\0]+)")
_BLOCK: Final = 1 << 20


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unsummed(path: str) -> bool:
    """Return whether a file is left out: it is, or is about, the list itself."""
    return path in (SUMS, f"{SUMS}.sig", f"{SUMS}.pub")


def sums_of(folder: Path, names: Iterable[str]) -> bytes:
    """Return the list for the named files, sorted."""
    lines = (f"{digest_of(folder / name)}  {name}\n" for name in sorted(names))
    return "".join(lines).encode()


def parse_sums(content: bytes) -> Mapping[str, str]:
    r"""Return the digest of each file.

    Raises
    ------
    Fault
        If a line is none, a name leads out of the folder, or one stands there twice.

    Examples
    --------
    >>> parse_sums(b"0" * 64 + b"  a/b\n")["a/b"][:4]
    '0000'
    """
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        parsed = _LINE.fullmatch(line)
        if not parsed or parsed[2] in found or not _stays_inside(parsed[2]):
            raise Fault(
                "The installer's list of files is damaged.",
                hint="Copy the installer again from where it came.",
            )
        found[parsed[2]] = parsed[1]
    return found


def _stays_inside(name: str) -> bool:
    return not (
        name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/")
    )


def check_tree(folder: Path) -> int:
    """Return how many files there are, all of them as listed and none beside.

    Raises
    ------
    Fault
        If one is missing, altered, a link or not listed.
    """
    expected = parse_sums((folder / SUMS).read_bytes())
    present = set(_files_below(folder))
    for name in sorted(expected.keys() | present):
        if name not in expected:
            raise _altered(f"{name} does not belong to this version")
        if name not in present:
            raise _altered(f"{name} is missing")
        if digest_of(folder / name) != expected[name]:
            raise _altered(f"{name} is damaged or was changed")
    return len(expected)


def _files_below(folder: Path) -> Iterable[str]:
    for parent, folders, files in os.walk(folder):
        for name in [*files, *(f for f in folders if (Path(parent) / f).is_symlink())]:
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink():
                raise _altered(f"{relative} is a link")
            if not unsummed(relative):
                yield relative


def _altered(what: str) -> Fault:
    return Fault(
        f"This is not what its builder made: {what}.",
        hint="Copy the installer again from where it came. If that does not help, the stick or "
        "the disk is failing, or somebody has changed the file.",
    )
