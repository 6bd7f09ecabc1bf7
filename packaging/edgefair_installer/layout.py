"""Where an installation keeps what, and which version is the one that runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair_installer.storage import write_whole

__all__ = ["STAGED", "Layout", "Pointer", "default_root"]

STAGED: Final = ".tmp-"
"""How folders begin that are no version yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The version that runs, and the one that a rollback goes to.

    Attributes
    ----------
    current, previous : str
        Names of folders below ``releases``; empty if there is none.
    """

    current: str
    previous: str

    def switched_to(self, release: str) -> Pointer:
        """Return the pointer after `release` became current.

        Examples
        --------
        >>> Pointer(current="1", previous="").switched_to("2")
        Pointer(current='2', previous='1')
        """
        if release == self.current:
            return self
        return Pointer(current=release, previous=self.current)

    def rolled_back(self) -> Pointer:
        """Return the pointer with both versions exchanged."""
        return Pointer(current=self.previous, previous=self.current)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of one installation.

    Attributes
    ----------
    root : Path
        Everything of edgefair's; by default ``~/.local/share/edgefair``.
    """

    root: Path

    @property
    def releases(self) -> Path:
        """One folder per version."""
        return self.root / "releases"

    @property
    def data(self) -> Path:
        """Where ledgers are kept unless somebody names another place; never removed unasked."""
        return self.root / "data"

    @property
    def keys(self) -> Path:
        """Public keys of those whose installers are believed."""
        return self.root / "release-keys"

    @property
    def trust(self) -> Path:
        """What edgefair trusts: keys for models, what was revoked, the highest numbers seen."""
        return self.root / "trust"

    @property
    def pointer_file(self) -> Path:
        """Two lines: the current version, the previous one."""
        return self.root / "current"

    @property
    def lock_file(self) -> Path:
        """Held by whoever changes anything."""
        return self.root / "install.lock"

    def pointer(self) -> Pointer:
        """Return which versions are current and previous; empty names where there is none."""
        try:
            lines = self.pointer_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        current, previous, *_ = [*lines, "", ""]
        return Pointer(current=current, previous=previous)

    def set_pointer(self, pointer: Pointer) -> None:
        """Make `pointer` the one that counts, at once and for good."""
        end = "\r\n" if sys.platform == "win32" else "\n"  # as the launcher's shell reads lines
        write_whole(self.pointer_file, (pointer.current + end + pointer.previous + end).encode())

    def release(self, name: str) -> Path:
        """Return the folder of a version."""
        return self.releases / name


def default_root(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where edgefair is installed unless told otherwise.

    Examples
    --------
    >>> default_root({"EDGEFAIR_HOME": "/srv/edgefair"}).as_posix()
    '/srv/edgefair'
    """
    if named := environment.get("EDGEFAIR_HOME"):
        return Path(named)
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME"
    if base := environment.get(variable):
        return Path(base) / "edgefair"
    return Path.home() / ".local" / "share" / "edgefair"
