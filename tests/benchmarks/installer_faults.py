"""What becomes of an installation that is killed, cut off, out of space, or out of its stick.

    python -m tests.benchmarks.installer_faults [--kills 300] [--cuts 80] [--full 20] [--sticks 20]

The installers are tiny and made by the builder's own code: the order of the steps is what is
tried, not their length. After each fault every file of the version that the pointer names is
compared with its sum, and the version is started. Needs root for the mounts.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.packaging.tiny import Clinic, kill, new_key, tiny_installer

__all__ = ["Trial", "cut_off", "fill_the_disk", "kill_at_random", "pull_the_stick"]

_IMAGE_MB: Final = 24
_ROOM_KB: Final = 900  # of a tmpfs: two versions of the tiny one


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The installers that are tried, and where.

    Attributes
    ----------
    old, new : Path
        Installers of 1.0 and 1.1.
    folder : Path
    chance : random.Random
    """

    old: Path
    new: Path
    folder: Path
    chance: random.Random

    def clinic(self, folder: Path) -> Clinic:
        """Return a computer whose user's home is `folder`."""
        return Clinic(folder=folder, key=new_key("nobody"))

    def installed(self, folder: Path) -> Clinic:
        """Return a computer with 1.0."""
        clinic = self.clinic(folder)
        code, said = clinic.run(self.old, "--silent")
        assert code == 0, said
        return clinic

    def took(self) -> float:
        """Return how long an installation takes here, in seconds."""
        began = time.monotonic()
        shutil.rmtree(self.installed(self.folder / "timed").folder)
        return time.monotonic() - began


def found(clinic: Clinic, *, allowed: tuple[str, ...]) -> str:
    """Return which version starts, or how it is broken."""
    pointer = clinic.root / "current"
    if not pointer.exists():
        return "none" if "none" in allowed else "BROKEN: none"
    try:
        version = clinic.version()
    except (AssertionError, Exception) as error:  # noqa: BLE001 - any of them is a broken one
        return f"BROKEN: {error}"
    return version if version in allowed else f"BROKEN: {version}"


def kill_at_random(trial: Trial, count: int) -> Iterator[tuple[str, str]]:
    """Yield what was killed and what starts then: first installations, updates, rollbacks."""
    took = trial.took()
    for number in range(count):
        what = ("install", "update", "rollback")[number % 3]
        folder = trial.folder / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        if what == "install":
            clinic = trial.clinic(folder)
            clinic.folder.mkdir(parents=True)
        else:
            began = time.monotonic()
            clinic = trial.installed(folder)
            took = time.monotonic() - began  # others use this machine: anew, each time
        if what == "rollback":
            assert clinic.run(trial.new, "--silent")[0] == 0
            process = _start_rollback(clinic)
        else:
            process = clinic.start(trial.new, "--silent")
        # it is exchanged at nine tenths of an installation; a rollback takes two fifths of one
        time.sleep(trial.chance.uniform(0, (0.65 if what == "rollback" else 1.5) * took))
        was_done = process.poll() == 0
        kill(process)
        state = found(clinic, allowed=("none", "1.1") if what == "install" else ("1.0", "1.1"))
        wanted = "1.0" if what == "rollback" else "1.1"
        yield what, _judged(state, was_done, wanted)


def _start_rollback(clinic: Clinic) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(clinic.launcher), "rollback"],
        env=clinic.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _judged(state: str, was_done: bool, wanted: str) -> str:
    if was_done and state != wanted:
        return f"BROKEN: reported done, but {state}"
    return state + (", reported done" if was_done else "")


def cut_off(trial: Trial, count: int) -> Iterator[tuple[str, str]]:
    """Yield what a disk holds after the power went at a random moment.

    The file system lies in a file, through a loop device. Everything stops at once, the file is
    copied as it is, and the copy is mounted: what had not been written to it is gone.
    """
    took = trial.took()
    base = trial.folder / "base.img"
    _new_image(base)
    with _mounted(base, trial.folder / "disk") as disk:
        trial.installed(disk / "home")
    for _ in range(count):
        image, after = trial.folder / "cut.img", trial.folder / "after.img"
        shutil.copyfile(base, image)
        with _mounted(image, trial.folder / "disk") as disk:
            process = trial.clinic(disk / "home").start(trial.new, "--silent")
            time.sleep(trial.chance.uniform(0, 1.3 * took))
            was_done = process.poll() == 0
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGSTOP)
            shutil.copyfile(image, after)
            kill(process)
        # mounted at the same place, which the launcher names
        with _mounted(after, trial.folder / "disk") as disk:
            state = found(trial.clinic(disk / "home"), allowed=("1.0", "1.1"))
            yield "power cut", _judged(state, was_done, "1.1")


def fill_the_disk(trial: Trial, count: int) -> Iterator[tuple[str, str]]:
    """Yield what starts after an update met a full disk, at `count` points."""
    for number in range(count):
        with _small_disk(trial.folder / "small") as disk:
            clinic = trial.installed(disk / "home")
            free = shutil.disk_usage(disk).free
            left = free * number // count // 3
            (disk / "filler").write_bytes(bytes(free - left))
            code, said = clinic.run(trial.new, "--silent")
            (disk / "filler").unlink()
            state = found(clinic, allowed=("1.0", "1.1"))
            if code == 0 and state != "1.1":
                state = f"BROKEN: reported done, but {state}"
            if code and not said.strip():
                state = "BROKEN: failed without a word"
            yield "full disk", state + (", said so" if code else "")


def pull_the_stick(trial: Trial, count: int) -> Iterator[tuple[str, str]]:
    """Yield what starts after the installer's file ended early, or shrank while it was read."""
    whole = trial.new.read_bytes()
    for number in range(count):
        folder = trial.folder / "pulled"
        shutil.rmtree(folder, ignore_errors=True)
        clinic = trial.installed(folder)
        stick = trial.folder / "stick.run"
        stick.write_bytes(whole)
        length = trial.chance.randrange(1, len(whole) - 1024)
        if number % 2:
            os.truncate(stick, length)
            code = clinic.run(stick, "--silent")[0]
        else:
            process = clinic.start(stick, "--silent")
            time.sleep(trial.chance.uniform(0, 0.5))
            os.truncate(stick, length)
            process.communicate()
            code = process.returncode
        state = found(clinic, allowed=("1.0", "1.1"))
        if code == 0 and state != "1.1":
            state = f"BROKEN: reported done, but {state}"
        yield "stick pulled out", state + (", refused" if code else "")


def _new_image(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(_IMAGE_MB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True)


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    """Take a disk away; what was killed on it may need a moment to be gone."""
    for _ in range(50):
        if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def _small_disk(place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    options = f"size={_ROOM_KB * 4}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        _unmount(place)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--cuts", type=int, default=80)
    parser.add_argument("--full", type=int, default=20)
    parser.add_argument("--sticks", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    kinds: tuple[tuple[Callable[[Trial, int], Iterator[tuple[str, str]]], int], ...] = (
        (kill_at_random, asked.kills),
        (cut_off, asked.cuts),
        (fill_the_disk, asked.full),
        (pull_the_stick, asked.sticks),
    )
    print("| what happened | times | what starts then | broken |\n|---|---:|---|---:|", flush=True)
    for kind, count in kinds:
        with tempfile.TemporaryDirectory(prefix="edgefair-faults-") as folder:
            key = new_key("builder")
            trial = Trial(
                old=tiny_installer(Path(folder), "1.0", key),
                new=tiny_installer(Path(folder), "1.1", key),
                folder=Path(folder),
                chance=random.Random(asked.seed),
            )
            _print_rows(list(kind(trial, count)))


def _print_rows(rows: list[tuple[str, str]]) -> None:
    for what in dict.fromkeys(what for what, _ in rows):
        states = Counter(state for name, state in rows if name == what)
        broken = sum(number for state, number in states.items() if state.startswith("BROKEN"))
        told = "; ".join(f"{state}: {number}" for state, number in sorted(states.items()))
        print(f"| {what} | {states.total()} | {told} | {broken} |", flush=True)


if __name__ == "__main__":
    main()
