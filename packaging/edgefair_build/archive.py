"""Archives that are the same bytes every time, and the self-extracting file made of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["HEADER_BYTES", "Parts", "filled_header", "pack_gz", "pack_xz", "self_extracting"]

HEADER_BYTES: Final = 16384
"""The script at the beginning of an installer is filled up to this size."""
_DICTIONARY: Final = 1 << 25
_FIRST_PART: Final = re.compile(
    r"(?:python/|freeze_core\.libs/|SHA256SUMS|release\.json$|site/(?:edgefair_installer/|"
    r"cryptography/|_cffi_backend\.|cryptography\.libs/|cffi\.libs/))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A version's files in the two parts of an installer.

    Attributes
    ----------
    first : tuple of str
        What is needed to check the rest: Python, the installer, the cryptography.
    second : tuple of str
    """

    first: tuple[str, ...]
    second: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Parts:
        """Return the parts of the files of those names."""
        names = sorted(names)
        return cls(
            first=tuple(name for name in names if _FIRST_PART.match(name)),
            second=tuple(name for name in names if not _FIRST_PART.match(name)),
        )


def _tar(folder: Path, names: Iterable[str], epoch: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(names):
            path = folder / name
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            member.mtime = epoch
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as stream:
                archive.addfile(member, stream)
    return made.getvalue()


def pack_gz(folder: Path, names: Iterable[str], epoch: int) -> bytes:
    """Return a gzip-compressed tar archive: every Linux unpacks it."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(_tar(folder, names, epoch))
    return made.getvalue()


def pack_xz(
    folder: Path, names: Iterable[str], epoch: int, *, machine: str, quick: bool = False
) -> bytes:
    """Return an xz-compressed tar archive, unpacked by the Python of the first part.

    Parameters
    ----------
    folder : Path
    names : iterable of str
    epoch : int
    machine : str
        ``x86_64`` has its machine code filtered.
    quick : bool
        Compress a fifth worse in a tenth of the time, for trying out.
    """
    preset = {"preset": 1} if quick else {"preset": 9, "dict_size": _DICTIONARY}
    filters: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, **preset}]
    if machine == "x86_64":  # jumps of machine code are told apart from data
        filters.insert(0, {"id": lzma.FILTER_X86})
    return lzma.compress(_tar(folder, names, epoch), check=lzma.CHECK_CRC32, filters=filters)


def self_extracting(script: str, values: Mapping[str, str], first: bytes, second: bytes) -> bytes:
    """Return the installer: the script with its values, then both parts.

    Parameters
    ----------
    script : str
        With ``@NAME@`` for each value.
    values : mapping
    first, second : bytes
    """
    sizes = {
        "HEADER_BYTES": str(HEADER_BYTES),
        "FIRST_BYTES": str(len(first)),
        "SECOND_BYTES": str(len(second)),
        "DIGEST": hashlib.sha256(first + second).hexdigest(),
    }
    return filled_header(script, {**values, **sizes}) + first + second


def filled_header(script: str, values: Mapping[str, str]) -> bytes:
    """Return the script with its values, filled up to its fixed size.

    Raises
    ------
    ValueError
        If a name has no value, or the script is too long.
    """
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    if left := re.search(r"@[A-Z_]+@", script):
        raise ValueError(f"the installer's script has no value for {left[0]}")
    header = script.encode() + b"exit 0\n"
    if len(header) > HEADER_BYTES:
        raise ValueError("the installer's script has become too long")
    return header.ljust(HEADER_BYTES, b"\n")
