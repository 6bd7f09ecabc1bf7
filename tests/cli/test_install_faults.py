"""A small form of the benchmarks that disturb installations and feed damaged bundles.

The large forms are ``python -m tests.benchmarks.install_faults`` and ``... .fuzz``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork, mounts and limits")

CHECKOUT = Path(__file__).resolve().parents[2]


def table(*command: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_whenever_an_installation_is_killed_the_old_or_the_new_model_counts_whole() -> None:
    trials = ("--kills", "12", "--power-cuts", "0", "--full-disk", "0", "--sticks", "4")
    rows = table("tests.benchmarks.install_faults", "--model", "phantom", *trials)

    assert len([row for row in rows if row.endswith(" 0")]) == 5


def _can_mount() -> bool:
    tools = ("mkfs.ext4", "mount", "losetup")
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in tools):
        return False
    return subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="mounting takes root and loop devices")
def test_whenever_the_power_fails_or_the_disk_is_full_what_was_reported_is_there() -> None:
    trials = ("--kills", "0", "--power-cuts", "4", "--full-disk", "4", "--sticks", "0")
    rows = table("tests.benchmarks.install_faults", "--model", "phantom", *trials)

    assert len([row for row in rows if row.endswith(" 0")]) == 5


def test_no_damaged_bundle_manifest_graph_or_list_crashes_or_hangs_its_reader() -> None:
    rows = table("tests.benchmarks.fuzz", "--inputs", "600", "--workers", "1", "--seed", "7")

    assert rows[0].startswith("600 inputs")
