"""The Windows installer: NSIS, which makensis builds on Linux."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Final

from edgefair_build.linux import MEMORY_MB
from edgefair_build.release import Release
from edgefair_installer.signature import ReleaseKey, trailer_for
from edgefair_installer.switching import release_name

__all__ = ["file_commands", "windows_installer"]

_SCRIPT: Final = Path(__file__).resolve().parents[1] / "windows" / "edgefair.nsi"


def windows_installer(
    release: Release, epoch: int, key: ReleaseKey | None, *, quick: bool
) -> tuple[str, bytes]:
    """Return the installer's name and bytes.

    Parameters
    ----------
    release : Release
    epoch : int
        Seconds since 1970: every date that makensis writes.
    key : ReleaseKey or None
    quick : bool
        Compress little.
    """
    name = f"edgefair-{release.version}-{release.platform.name}.exe"
    with tempfile.TemporaryDirectory() as scratch:
        files, out = Path(scratch, "files.nsh"), Path(scratch, name)
        files.write_text("\n".join(file_commands(release)) + "\n", encoding="utf-8")
        values = {
            "VERSION": release.version,
            "NAME": release_name(release.folder),
            "OUT": out,
            "FILES": files,
            "COMPRESSOR": "zlib" if quick else "/SOLID lzma",
            "MEMORY_MB": MEMORY_MB,
            "DISK_MB": release.installed_bytes * 22 // 10 // (1 << 20),
        }
        subprocess.run(
            ["makensis", "-V2", *(f"-D{k}={v}" for k, v in values.items()), str(_SCRIPT)],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
            check=True,
        )
        content = out.read_bytes()
    if key:
        content += trailer_for(key, hashlib.sha256(content).digest())
    return name, content


def file_commands(release: Release) -> Iterator[str]:
    """Yield NSIS's commands that unpack every file, folder by folder, in order.

    `File /r` would take them as the building machine's file system happens to list them.
    """
    by_folder = sorted(release.names, key=lambda name: (str(PurePosixPath(name).parent), name))
    for parent, names in groupby(by_folder, key=lambda name: PurePosixPath(name).parent):
        below = "" if str(parent) == "." else "\\" + str(parent).replace("/", "\\")
        yield f'SetOutPath "$staged{below}"'
        for name in names:
            yield f'File "{release.folder / name}"'
