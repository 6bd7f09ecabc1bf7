"""The Linux installer: one file, a POSIX shell script with everything behind it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from edgefair_build.archive import Parts, pack_gz, pack_xz, self_extracting
from edgefair_build.platforms import Platform
from edgefair_build.release import Release
from edgefair_installer.signature import ReleaseKey, trailer_for

__all__ = ["MEMORY_MB", "glibc_values", "linux_installer"]

MEMORY_MB: Final = 1400
"""Reading a folder of large radiographs takes some 350 MB; the rest is for the desktop."""
_SPARE_KB: Final = 100_000
_SCRIPT: Final = Path(__file__).resolve().parents[1] / "linux" / "install.sh"


def linux_installer(
    release: Release, epoch: int, key: ReleaseKey | None, *, quick: bool
) -> tuple[str, bytes]:
    """Return the installer's name and bytes.

    Parameters
    ----------
    release : Release
    epoch : int
        Time of every file inside, seconds since 1970.
    key : ReleaseKey or None
    quick : bool
        Compress little.
    """
    platform = release.platform
    name = f"edgefair-{release.version}-{platform.name}.run"
    parts = Parts.of(release.names)
    values = {
        "VERSION": release.version,
        "MACHINE": platform.machine,
        "FILE": name,
        "CPU_FLAGS": " ".join(platform.cpu_flags),
        **glibc_values(platform),
        "MEMORY_MB": str(MEMORY_MB),
        "DISK_KB": str(release.installed_bytes * 11 // 10 // 1024 + _SPARE_KB),
    }
    content = self_extracting(
        _SCRIPT.read_text(encoding="utf-8"),
        values,
        pack_gz(release.folder, parts.first, epoch),
        pack_xz(release.folder, parts.second, epoch, machine=platform.machine, quick=quick),
    )
    if key:
        content += trailer_for(key, hashlib.sha256(content).digest())
    return name, content


def glibc_values(platform: Platform) -> dict[str, str]:
    """Return what the script is told of the C library: its oldest versions, as shells compare.

    Examples
    --------
    >>> from edgefair_build.platforms import PLATFORMS
    >>> glibc_values(PLATFORMS["linux-x86_64"])["GLIBC_TRIED"]
    '2 31'
    """
    return {
        "GLIBC": ".".join(map(str, platform.glibc)),
        "GLIBC_FLOOR": " ".join(map(str, platform.glibc)),
        "GLIBC_TRIED": " ".join(map(str, platform.glibc_tried)),
    }
