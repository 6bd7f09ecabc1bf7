"""Site-packages of a clinic's version: wheels unpacked, pruned, lightened and compiled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgefair_build.prune import is_pruned
from edgefair_build.scipy_special import SHIMS
from edgefair_build.standins import lighten

__all__ = ["Cost", "lay_site", "unpack_wheel"]

_DATA: Final = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")

Cost = tuple[int, int]
"""Bytes of a package's files as its wheel has them, and as they were kept."""


def lay_site(site: Path, wheels: Mapping[str, Path], versions: Mapping[str, str]) -> None:
    """Fill `site` from wheels.

    Parameters
    ----------
    site : Path
    wheels, versions : mapping
        Wheel and version of each package.
    """
    for _, wheel in sorted(wheels.items()):
        unpack_wheel(wheel, site)
    if "scipy" in wheels:
        for name, text in SHIMS.items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{version}", versions["scipy"]), encoding="utf-8")
    lighten(site)
    remove_empty(site)


def unpack_wheel(wheel: Path, site: Path) -> None:
    """Unpack what a clinic needs of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = _DATA.sub("", entry.filename)
            if entry.is_dir() or is_pruned(name) or ".data/" in name:
                continue
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(entry))
            path.chmod(0o644)


def remove_empty(folder: Path) -> None:
    """Remove folders without a file."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
