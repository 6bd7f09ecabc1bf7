"""Whether a version works on this computer, asked of itself before it is switched to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgefair_installer.faults import Fault

__all__ = ["interpreter", "run_version", "self_test", "starting"]

_DEMO_IMAGES: Final = "40"
_SECONDS: Final = 900  # a spinning disk reads everything for the first time
_USAGE: Final = 2


def interpreter(release: Path) -> Path:
    """Return the Python that a version carries."""
    name = "python.exe" if sys.platform == "win32" else "python"
    return release / "python" / name


def starting(release: Path) -> tuple[str, ...]:
    """Return the command line that starts a version's ``edgefair``."""
    # Linux's static Python always speaks UTF-8; Windows' speaks a code page unless told
    options = ("-X", "utf8") if sys.platform == "win32" else ()
    return (str(interpreter(release)), *options, "-m", "edgefair_installer.launch")


def run_version(
    release: Path, arguments: Sequence[str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Return how the version's own ``edgefair`` ended, called in `folder`."""
    command = [*starting(release), *arguments]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )


def self_test(release: Path) -> str:
    """Return what the version said of itself; `edgefair doctor` where it has one, else a demo.

    Raises
    ------
    Fault
        If it does not start, or finds itself wanting.
    """
    with tempfile.TemporaryDirectory(prefix="edgefair-") as folder:
        said = _must_pass(release, ["--version"], Path(folder))
        has_doctor = run_version(release, ["doctor", "--help"], Path(folder)).returncode == 0
        if has_doctor:
            _must_pass(release, ["doctor"], Path(folder))
        else:
            demo = ["demo", "--count", _DEMO_IMAGES, "--folder", "demo"]
            _must_pass(release, demo, Path(folder))
    return said.strip()


def _must_pass(release: Path, arguments: Sequence[str], folder: Path) -> str:
    try:
        done = run_version(release, arguments, folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(
            f"The new version does not run on this computer: {error}",
            hint="What was installed before is as it was.",
        ) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise Fault(
            f"The new version's own `edgefair {' '.join(arguments)}` ended with "
            f"{done.returncode}:\n" + "\n".join(f"  {line}" for line in said),
            hint="It was not installed. What was installed before is as it was.",
        )
    return done.stdout
