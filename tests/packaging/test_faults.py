"""A small form of `python -m tests.benchmarks.installer_faults`."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.installer_faults import (
    Trial,
    cut_off,
    fill_the_disk,
    kill_at_random,
    pull_the_stick,
)
from tests.packaging.tiny import new_key, tiny_installer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="for Linux installers")


def _can_mount(tmp_path: Path, *options: str) -> bool:
    if os.geteuid() or not shutil.which("mount"):
        return False
    command = ["mount", *options, str(tmp_path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return False
    subprocess.run(["umount", str(tmp_path)], check=True)
    return True


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    folder = tmp_path_factory.mktemp("faults")
    key = new_key("builder")
    return Trial(
        old=tiny_installer(folder, "1.0", key),
        new=tiny_installer(folder, "1.1", key),
        folder=folder,
        chance=random.Random(5),
    )


def _broken(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in rows if row[1].startswith("BROKEN")]


def test_killed_at_random_the_next_start_works(trial: Trial) -> None:
    rows = list(kill_at_random(trial, 6))

    assert len(rows) == 6
    assert not _broken(rows)


def test_with_the_stick_pulled_out_the_old_version_stays_or_the_new_one_is_whole(
    trial: Trial,
) -> None:
    assert not _broken(list(pull_the_stick(trial, 4)))


def test_a_full_disk_leaves_the_old_version_and_is_told(trial: Trial, tmp_path: Path) -> None:
    if not _can_mount(tmp_path, "-t", "tmpfs", "tmpfs"):
        pytest.skip("nothing can be mounted here")

    assert not _broken(list(fill_the_disk(trial, 3)))


def test_what_was_reported_done_survives_a_power_cut(trial: Trial, tmp_path: Path) -> None:
    if not shutil.which("mkfs.ext4") or not _can_mount(tmp_path, "-t", "tmpfs", "tmpfs"):
        pytest.skip("no file system can be made here")
    if not Path("/dev/loop-control").exists():
        pytest.skip("there are no loop devices here")

    assert not _broken(list(cut_off(trial, 3)))
