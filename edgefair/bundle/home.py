"""The folder in which this PC keeps its models and what it trusts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["default_home"]


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    r"""Return where models and trusted keys are kept, unless a caller names another folder.

    ``EDGEFAIR_HOME``; else ``%LOCALAPPDATA%\edgefair`` on Windows, and
    ``$XDG_DATA_HOME/edgefair`` or ``~/.local/share/edgefair`` elsewhere.

    Examples
    --------
    >>> default_home({"EDGEFAIR_HOME": "/srv/edgefair"}).as_posix()
    '/srv/edgefair'
    """
    if named := environment.get("EDGEFAIR_HOME"):
        return Path(named)
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME"
    if base := environment.get(variable):
        return Path(base) / "edgefair"
    return Path.home() / ".local" / "share" / "edgefair"
