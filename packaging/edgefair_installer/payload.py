"""Unpacks what follows the first part of a Linux installer: an xz-compressed tar archive."""

from __future__ import annotations

import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edgefair_installer.faults import Fault

__all__ = ["Payload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """An archive inside of a file; what follows it is not read.

    Attributes
    ----------
    file : Path
    offset : int
        Where it begins, in bytes.
    """

    file: Path
    offset: int

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
                lzma.open(_at(whole, self.offset)) as plain,
                tarfile.open(fileobj=plain, mode="r|") as archive,
            ):
                for member in archive:
                    if not (member.isfile() or member.isdir()):
                        raise _damaged()
                    archive.extract(member, folder, filter="data")
        except (EOFError, lzma.LZMAError, tarfile.TarError) as error:
            raise _damaged() from error


def _at(whole: BinaryIO, offset: int) -> BinaryIO:
    whole.seek(offset)
    return whole


def _damaged() -> Fault:
    return Fault(
        "The installer is damaged or ends early.",
        hint="Was the stick pulled out? Copy the installer again from where it came.",
    )
