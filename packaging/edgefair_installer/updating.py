"""`edgefair update FILE`: nothing of the file is run before its signature was checked.

An installer that is started by itself can only vouch for itself. The version that is already
there knows whom it believes, and checks the whole file, the part that checks included, before
any of it is started.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgefair_installer.faults import Fault
from edgefair_installer.layout import STAGED, Layout
from edgefair_installer.signature import check_file, known_keys
from edgefair_installer.storage import discard
from edgefair_installer.trusting import refuse_revoked

__all__ = ["update"]


def update(layout: Layout, file: Path, further: Sequence[str]) -> int:
    """Return the exit code of the installer `file`, once it was checked and started.

    Parameters
    ----------
    layout : Layout
    file : Path
        May lie on a stick: what is checked is a copy, so that nobody changes it meanwhile.
    further : sequence of str
        Options for the installer.

    Raises
    ------
    Fault
        If nobody whom this installation knows has signed the file.
    """
    known = known_keys(layout.keys)
    if not known:
        raise Fault(
            "This installation knows nobody's key, so that no installer can be checked.",
            hint="Start the installer itself, and compare the fingerprint that it shows.",
        )
    # not below releases/.tmp-*: the installer clears those
    copy = layout.root / f"{STAGED}update-{os.getpid()}{file.suffix}"
    try:
        _copy(file, copy)
        with copy.open("rb") as stream:
            refuse_revoked(layout, check_file(stream, copy.stat().st_size, known))
        return subprocess.run([*_starting(copy), *further], check=False).returncode
    finally:
        discard(copy)


def _copy(file: Path, copy: Path) -> None:
    with file.open("rb") as source, copy.open("xb") as target:
        while block := source.read(1 << 20):
            target.write(block)


def _starting(copy: Path) -> list[str]:
    return [str(copy), "/S"] if sys.platform == "win32" else ["/bin/sh", str(copy)]
