"""Brings pinned files from the package registry, each checked against the lock file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from edgefair_build.lock import Pin
from edgefair_build.platforms import Platform

__all__ = ["PYTHON", "fetch_source", "fetch_wheels"]

PYTHON: Final = "3.13"
"""Of the interpreters that travel along; the building machine's may be another."""


def fetch_wheels(pins: Iterable[Pin], platform: Platform, cache: Path) -> dict[str, Path]:
    """Return each package's wheel for the platform, from `cache` or the registry.

    Parameters
    ----------
    pins : iterable of Pin
    platform : Platform
    cache : Path
        Files are kept in a folder per platform; each is hashed again every time.
    """
    folder = cache / platform.name
    tags = [f"--platform={tag}" for tag in (*platform.tags, "any")]
    options = ["--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"]
    abis = [f"--abi={abi}" for abi in ("cp313", "abi3", "none")]
    return _fetch(list(pins), folder, [*options, *tags, *abis])


def fetch_source(pin: Pin, cache: Path) -> Path:
    """Return a package's source archive, its hash checked before anything is done with it.

    pip then runs its build backend once, to learn its name and version; nothing that this makes
    is kept, and what the archive holds is only read.
    """
    return _fetch([pin], cache / "sources", [f"--no-binary={pin.name}"])[pin.name]


def _fetch(pins: Sequence[Pin], folder: Path, options: Sequence[str]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins if _cached(pin, folder) is None]
    if missing:
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch, "wanted.txt")
            wanted.write_text("".join(pin.requirement() for pin in missing), encoding="utf-8")
            subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                    *("--require-hashes", "--dest", str(folder), *options, "-r", str(wanted)),
                ],
                check=True,
            )
    found = {pin.name: _cached(pin, folder) for pin in pins}
    if lost := [name for name, path in found.items() if path is None]:
        raise FileNotFoundError(f"the registry gave no file that the lock knows for {lost}")
    return {name: path for name, path in found.items() if path}


def _cached(pin: Pin, folder: Path) -> Path | None:
    begins = pin.name.replace("-", "_").replace(".", "_")
    for path in sorted(folder.iterdir()):
        name = path.name.lower().replace("-", "_").replace(".", "_")
        # several versions may lie there: only a hash of the lock counts
        if name.startswith(f"{begins}_") and _sha256(path) in pin.hashes:
            return path
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
