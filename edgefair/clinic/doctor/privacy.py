"""Nothing phones home: onnxruntime's telemetry is off, and nobody can connect to this process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edgefair.clinic.doctor.checks import Area, Check, Result
from edgefair.runtime.engine import TELEMETRY_IS_OFF

__all__ = ["check_sockets", "check_telemetry", "listening_ports", "telemetry_folder"]

_PROC: Final = Path("/proc/self")
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
_LISTEN, _UNCONNECTED = "0A", "07"
"""States of TCP and UDP sockets in /proc/net: see proc_net(5)."""


def telemetry_folder() -> Path:
    """Return where onnxruntime queues what it means to send."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home()), "Microsoft", "DeveloperTools")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "Microsoft", "DeveloperTools")


def check_telemetry(
    folder: Path, *, is_off: bool = TELEMETRY_IS_OFF, since_s: float | None = None
) -> Check:
    """Say whether onnxruntime was told to send nothing, and left nothing to send.

    Parameters
    ----------
    folder : Path
        Where it queues.
    is_off : bool
        Whether it was told so in time.
    since_s : float, optional
        Files changed after this moment, in seconds of the epoch, are of this process; its own
        start if left out.
    """
    since_s = _started_s() if since_s is None else since_s
    files = [path for path in folder.rglob("*") if path.is_file()]
    ours = [path for path in files if path.stat().st_mtime >= since_s]
    if not is_off:
        told = "onnxruntime was loaded before its telemetry was switched off."
        hint = "Set ORT_DISABLE_TELEMETRY=1 before anything else starts."
        return _check("telemetry", Result.FAILED, told, hint)
    if ours:
        told = f"Switched off, and yet {ours[0]} was written since edgefair started."
        hint = f"Delete {folder}, and see which program writes there."
        return _check("telemetry", Result.FAILED, told, hint)
    told = "Switched off before onnxruntime was loaded; nothing waits to be sent."
    if files:
        told = f"Switched off; what lies in {folder} is another program's."
    return _check("telemetry", Result.OK, told)


def check_sockets(ports: Iterable[int] | None) -> Check:
    """Say whether anybody could connect to this process.

    Parameters
    ----------
    ports : iterable of int or None
        That it listens on; None where this system does not tell.
    """
    if ports is None:
        told = "This system does not tell which ports a program listens on."
        return _check("network", Result.NOT_CHECKED, told)
    found = sorted(set(ports))
    if found:
        told = f"This process listens on port {', '.join(map(str, found))}."
        return _check(
            "network", Result.FAILED, told, "Find out which part of it does, and stop it."
        )
    return _check("network", Result.OK, "This process listens on no port.")


def listening_ports() -> list[int] | None:
    """Return the ports that this process listens on; None where this system does not tell."""
    if not (_PROC / "net" / "tcp").is_file():
        return None
    own = set()
    for descriptor in (_PROC / "fd").iterdir():
        try:
            own.add(str(descriptor.readlink()))
        except OSError:
            continue  # the folder's own descriptor is closed by now
    found = []
    for table in _TABLES:
        waits = _LISTEN if table.startswith("tcp") else _UNCONNECTED
        for row in _rows(_PROC / "net" / table):
            local, state, inode = row[1], row[3], row[9]
            if state == waits and f"socket:[{inode}]" in own:
                found.append(int(local.rpartition(":")[2], 16))
    return found


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():  # a kernel without IPv6
        return []
    return [line.split() for line in path.read_text(encoding="ascii").splitlines()[1:]]


def _started_s() -> float:
    """Return when this process started, in seconds of the epoch, or a little before."""
    try:
        return _PROC.stat().st_ctime
    except OSError:
        return time.time() - 60


def _check(name: str, result: Result, sentence: str, hint: str = "") -> Check:
    return Check(area=Area.PRIVACY, name=name, result=result, sentence=sentence, hint=hint)
