"""Unpacks what follows the first part of a Linux installer: an xz-compressed tar archive."""

from __future__ import annotations

import io
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path

from edgefair_installer.faults import Fault

__all__ = ["Payload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A piece of a file.

    Attributes
    ----------
    file : Path
    offset, size : int
        Bytes.
    """

    file: Path
    offset: int
    size: int

    def unpack(self, folder: Path) -> None:
        """Unpack into `folder`; links, devices and paths that lead out of it are refused.

        Raises
        ------
        Fault
            If the archive ends early or is damaged.
        """
        try:
            with (
                self.file.open("rb") as whole,
                lzma.open(io.BufferedReader(_Piece(whole, self.offset, self.size))) as plain,
                tarfile.open(fileobj=plain, mode="r|") as archive,
            ):
                for member in archive:
                    if not (member.isfile() or member.isdir()):
                        raise _damaged()
                    archive.extract(member, folder, filter="data")
        except (EOFError, lzma.LZMAError, tarfile.TarError) as error:
            raise _damaged() from error


class _Piece(io.RawIOBase):
    def __init__(self, whole: io.BufferedReader, offset: int, size: int) -> None:
        self._whole = whole
        self._left = size
        whole.seek(offset)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self._whole.read(min(len(buffer), self._left))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)


def _damaged() -> Fault:
    return Fault(
        "The installer is damaged or ends early.",
        hint="Was the stick pulled out? Copy the installer again from where it came.",
    )
