"""Ledgers when the version changes: forth once the new one runs, back before the old one does.

Ledgers lie where users put them: edgefair itself keeps the list, and each version changes them by
its own ``edgefair ledger``. The order is what makes it safe. A newer version reads an older ledger
as it is, so that an upgrade may fail, or never run, after the switch. An older version reads no
newer ledger, so that going back comes before the switch, and stops it if it fails.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from edgefair_installer.faults import Fault
from edgefair_installer.machine import read_facts
from edgefair_installer.selftest import run_version

__all__ = ["take_back", "take_forth"]


def take_back(present: Path, coming: Path, say: Callable[[str], None]) -> None:
    """Let the present version make its ledgers fit for the one that is about to be switched to.

    Nothing is done where that one knows the schema already. If the present version does not start
    at all, ledgers stay as they are: to be able to leave it is what going back is for.

    Parameters
    ----------
    present, coming : Path
        Folders of versions.
    say : callable
        Receives what happens, a sentence each.

    Raises
    ------
    Fault
        If a ledger cannot go back; nothing was switched.
    """
    now, then = _schema(present), _schema(coming)
    if not now or not then or then >= now:
        return
    if not _starts(present):
        say(
            "The present version does not start, so that ledgers were left as they are. One that "
            f"it has written to (schema {now}) can be opened again once a newer edgefair is here."
        )
        return
    done = _run(present, "downgrade", "--all", "--to-schema", str(then))
    if done is None or done.returncode:
        raise Fault(
            "A ledger cannot go back to what the version before can read, so nothing was "
            f"switched:\n{_said(done)}",
            hint="Do what is said there, or take a ledger off the list by `edgefair ledger "
            "forget FILE`; then try again.",
        )
    say(_said(done))


def take_forth(before: Path, current: Path, say: Callable[[str], None]) -> str:
    """Return which ledgers the version that is current now could not bring to its schema.

    In sentences; empty if none, or if its schema is no newer one. A ledger that fails can still be
    read, and its first write tries again, so that the switch stands.

    Parameters
    ----------
    before, current : Path
        Folders of versions.
    say : callable
        Receives what happens, a sentence each.
    """
    if not 0 < _schema(before) < _schema(current):
        return ""
    done = _run(current, "upgrade", "--all")
    if done is None or done.returncode:
        return (
            "Not every ledger is up to date yet. The new version reads it all the same, and "
            f"brings it up to date when it next writes to it:\n{_said(done)}"
        )
    say(_said(done))
    return ""


def _schema(release: Path) -> int:
    """Return the schema of the ledgers that a version writes; 0 where it does not tell."""
    try:
        return read_facts(release).ledger_schema
    except Fault:
        return 0


def _starts(release: Path) -> bool:
    try:
        return run_version(release, ["--version"], release).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(release: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return run_version(release, ["ledger", *arguments], release)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _said(done: subprocess.CompletedProcess[str] | None) -> str:
    if done is None:
        return "  `edgefair ledger` did not end."
    return "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines() if line)
