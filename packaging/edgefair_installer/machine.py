"""What a version needs of the computer, told in words before anything is switched."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from edgefair_installer.faults import Fault

__all__ = ["Facts", "check_machine", "read_facts"]

_MEGA = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a version tells of itself in ``release.json``.

    Attributes
    ----------
    version, platform : str
        E.g. ``0.1.0`` and ``linux-x86_64``.
    installed_bytes : int
        All files together.
    libraries : tuple of str
        Of the system's, e.g. ``libstdc++.so.6``.
    ledger_schema : int
        Of the ledgers that it writes; 0 if it does not tell.
    """

    version: str
    platform: str
    installed_bytes: int
    libraries: tuple[str, ...]
    ledger_schema: int


def read_facts(folder: Path) -> Facts:
    """Return what the version in `folder` tells of itself.

    Raises
    ------
    Fault
        If it tells nothing.
    """
    try:
        tree = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        return Facts(
            version=str(tree["version"]),
            platform=str(tree["platform"]),
            installed_bytes=int(tree["installed_bytes"]),
            libraries=tuple(str(name) for name in tree["system_libraries"]),
            ledger_schema=int(tree.get("ledger_schema", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault("This is no version of edgefair.", hint="Copy the installer again.") from error


def check_machine(facts: Facts, root: Path) -> None:
    """Return if the computer has what the version needs.

    Raises
    ------
    Fault
        With everything that is missing, in words.
    """
    missing = [name for name in facts.libraries if not _loads(name)]
    if missing:
        raise Fault(
            f"This Linux lacks {', '.join(missing)}.",
            hint="Every desktop Linux has them. On a bare one, install the packages libstdc++6 "
            "and zlib1g (Debian, Ubuntu), or libstdc++ and zlib (Fedora, RHEL).",
        )
    free = shutil.disk_usage(_existing(root)).free
    if free < facts.installed_bytes:
        raise Fault(
            f"The disk has {free // _MEGA} MB free; edgefair needs "
            f"{facts.installed_bytes // _MEGA} MB beside the version that is there.",
            hint="Free some space, then start again.",
        )


def _loads(name: str) -> bool:
    if sys.platform == "win32":
        return True
    try:
        ctypes.CDLL(name, mode=os.RTLD_LAZY)
    except OSError:
        return False
    return True


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
