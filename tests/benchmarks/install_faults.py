"""Installing a model while the process is killed, the power fails, a disk fills, a stick goes.

    python -m tests.benchmarks.install_faults --kills 300 --power-cuts 80 --full-disk 20

Each trial runs `edgefair model install` or `rollback` in a process of its own, disturbs it at a
random moment, and then starts anew: the model must be the old or the new one, whole, and the new
one if that was reported; and the same command given again must succeed.

A power cut is a copy of the block device, taken while the process is stopped: it holds what had
reached the device by then and nothing else (two copies in a row must be equal, so that none is
torn), and is mounted anew as after a restart. ``--without-syncs`` is the control: there fsync
does nothing. Power cuts and full disks need root and Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.sealing import sign_bundle
from edgefair.bundle.shelf import find_bundle, open_bundle, trust_store_in
from edgefair.bundle.signing import Purpose, new_signing_key
from edgefair.cli import model as _model  # imported here, not anew in each child
from edgefair.cli.main import main as edgefair
from edgefair.clinic import models as _models

IMAGE_MB = 48
_CONTROL = "power cut, no syncs"
IMPORTED = (_model, _models)
_REPORTED = (b"is installed", b"counts again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A command, the home it starts from, and the bundles that may count afterwards."""

    name: str
    home: Path
    arguments: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: exit code (negative: the signal), and whether it reported success."""

    code: int
    reported: bool
    said: str


def operations(folder: Path, model: str) -> tuple[Operation, ...]:
    """Return the operations, with the homes they start from made in `folder`."""
    key = new_signing_key("ministry", Purpose.BUNDLES)
    carried = read_bundle(find_bundle(model))
    stick = folder / "stick"
    stick.mkdir(parents=True)
    first, second = (
        sign_bundle(carried, stick / f"{number}.efb", key, sequence=number) for number in (1, 2)
    )
    homes = {name: folder / name for name in ("none", "first", "second")}
    trust_store_in(homes["none"]).add_key(key.public)
    shutil.copytree(homes["none"], homes["first"])
    install = tuple(("model", "install", str(stick / f"{number}.efb")) for number in (1, 2))
    back = ("model", "rollback", model)
    ended = [ended_of(start(homes["first"], install[0]))]
    shutil.copytree(homes["first"], homes["second"])
    ended.append(ended_of(start(homes["second"], install[1])))
    assert all(done.reported for done in ended), ended
    of = {"none": carried.digest, "first": first.digest, "second": second.digest}
    plan = (
        ("first install", "none", install[0], "first"),
        ("update", "first", install[1], "second"),
        ("rollback", "second", back, "first"),
        ("rollback to the carried", "first", back, "none"),
    )
    return tuple(
        Operation(
            name=name, home=homes[home], arguments=arguments, before=of[home], after=of[after]
        )
        for name, home, arguments, after in plan
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A command under way in a child process, and the pipe it speaks through."""

    pid: int
    pipe: int


def start(home: Path, arguments: tuple[str, ...], *, syncs: bool = True) -> Running:
    """Return the command just begun; the child is forked, so that no time goes on imports."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return Running(pid=pid, pipe=read_end)
    code = 1
    try:
        os.environ["EDGEFAIR_HOME"] = str(home)
        for stream in (1, 2):
            os.dup2(write_end, stream)
        if not syncs:
            os.fsync = _no_sync
        try:
            edgefair(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _no_sync(fd: object) -> None:
    """Stand in for `os.fsync` in the control."""


def ended_of(running: Running) -> Ended:
    """Return how the command ended, once it has."""
    said = b""
    while piece := os.read(running.pipe, 65536):
        said += piece
    os.close(running.pipe)
    _, status = os.waitpid(running.pid, 0)
    return Ended(
        code=os.waitstatus_to_exitcode(status),
        reported=any(word in said for word in _REPORTED),
        said=said.decode(errors="replace"),
    )


def digest_at_next_start(home: Path, model: str) -> str:
    """Return the digest of the bundle that counts, every part of it checked."""
    return open_bundle(model, home).digest


def judged(operation: Operation, home: Path, model: str, *, reported: bool) -> str:
    """Return ``old``, ``new``, or in what way the home is broken."""
    try:
        found = digest_at_next_start(home, model)
    except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the table
        return f"BROKEN: {type(error).__name__}"
    if found not in (operation.before, operation.after):
        return "BROKEN: neither"
    if reported and found != operation.after:
        return "LOST: reported done and gone"
    if found == operation.before:
        again = ended_of(start(home, operation.arguments))
        if not again.reported or digest_at_next_start(home, model) != operation.after:
            return f"STUCK: {again.said[:80]}"
    return "new" if found == operation.after else "old"


def undisturbed_s(operation: Operation) -> float:
    """Return how long the operation takes if nothing happens."""
    took = []
    for _ in range(3):
        with fresh(operation.home) as home:
            began = time.perf_counter()
            assert ended_of(start(home, operation.arguments)).reported
            took.append(time.perf_counter() - began)
    return max(took)


@contextmanager
def fresh(home: Path) -> Iterator[Path]:
    """Yield a copy of a home, to be spoilt."""
    with tempfile.TemporaryDirectory(prefix="edgefair-faults-") as name:
        yield Path(shutil.copytree(home, Path(name) / "home"))


def killed(operation: Operation, model: str, delay_s: float) -> str:
    """Return what became of a home whose process was killed after that time."""
    with fresh(operation.home) as home:
        running = start(home, operation.arguments)
        time.sleep(delay_s)
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)
        return judged(operation, home, model, reported=ended_of(running).reported)


def cut_off(operation: Operation, model: str, delay_s: float, *, syncs: bool = True) -> str:
    """Return what became of a home when the power failed after that time."""
    with tempfile.TemporaryDirectory(prefix="edgefair-cut-") as name:
        disk, copy = Path(name) / "disk.img", Path(name) / "after.img"
        with disk.open("wb") as file:
            file.truncate(IMAGE_MB * 1_000_000)
        _shell("mkfs.ext4", "-q", "-F", str(disk))
        with _mounted(disk, Path(name) / "before") as place:
            shutil.copytree(operation.home, place / "home")
            os.sync()
            running = start(place / "home", operation.arguments, syncs=syncs)
            time.sleep(delay_s)
            os.kill(running.pid, signal.SIGSTOP)
            os.set_blocking(running.pipe, False)
            said = b""
            with suppress(BlockingIOError):
                said = os.read(running.pipe, 65536)
            _copy_untorn(disk, copy)
            os.kill(running.pid, signal.SIGKILL)
            os.close(running.pipe)
            os.waitpid(running.pid, 0)
        with _mounted(copy, Path(name) / "after") as place:
            reported = any(word in said for word in _REPORTED)
            return judged(operation, place / "home", model, reported=reported)


def filled(operation: Operation, model: str, share: float) -> str:
    """Return what became of a home on a disk with only a share of the space that was needed."""
    with fresh(operation.home) as home:
        before = _size(home)
        assert ended_of(start(home, operation.arguments)).reported
        needed = _size(home) - before
    with tempfile.TemporaryDirectory(prefix="edgefair-full-") as name:
        size = f"size={_size(operation.home) + int(share * needed)}"
        _shell("mount", "-t", "tmpfs", "-o", size, "tmpfs", name)
        try:
            home = Path(shutil.copytree(operation.home, Path(name) / "home"))
            done = ended_of(start(home, operation.arguments))
            if not done.reported and "could not be written" not in done.said:
                return f"UNTOLD: {done.said[:80]}"
            _shell("mount", "-o", "remount,size=100m", name)
            return judged(operation, home, model, reported=done.reported)
        finally:
            _shell("umount", name)


def pulled_out(operation: Operation, model: str, chance: random.Random, longest_s: float) -> str:
    """Return what became of a home when the bundle's file ended midway while it was read."""
    with fresh(operation.home) as home, tempfile.TemporaryDirectory() as stick:
        source = Path(operation.arguments[2])
        there = Path(shutil.copy(source, stick))
        running = start(home, (*operation.arguments[:2], str(there)))
        time.sleep(chance.uniform(0, longest_s / 30))  # it is read at the beginning
        os.truncate(there, chance.randrange(source.stat().st_size))
        return judged(operation, home, model, reported=ended_of(running).reported)


def main() -> None:
    """Run every kind of trial and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="chest-xray")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--power-cuts", type=int, default=80)
    parser.add_argument("--full-disk", type=int, default=20)
    parser.add_argument("--sticks", type=int, default=20)
    parser.add_argument("--without-syncs", type=int, default=0, metavar="N", help="N power cuts")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="edgefair-homes-") as name:
        plan = operations(Path(name), asked.model)
        longest = {operation.name: undisturbed_s(operation) for operation in plan}

        def moment(operation: Operation) -> float:
            return chance.uniform(0, 1.3 * longest[operation.name])

        model, installs = asked.model, plan[:2]
        print(f"{model}, undisturbed: " + ", ".join(f"{n} {s:.2f} s" for n, s in longest.items()))
        _row("what happened", "trials", "old, whole", "new, whole", "broken, lost or stuck")
        kinds: tuple[tuple[str, int, tuple[Operation, ...], Callable[[Operation], str]], ...] = (
            ("kill -9", asked.kills, plan, lambda o: killed(o, model, moment(o))),
            ("power cut", asked.power_cuts, plan, lambda o: cut_off(o, model, moment(o))),
            (
                "full disk",
                asked.full_disk,
                plan,
                lambda o: filled(o, model, chance.uniform(0, 1.2)),
            ),
            (
                "stick pulled out",
                asked.sticks,
                installs,
                lambda o: pulled_out(o, model, chance, longest[o.name]),
            ),
            (
                _CONTROL,
                asked.without_syncs,
                plan,
                lambda o: cut_off(o, model, moment(o), syncs=False),
            ),
        )
        is_sound = True
        for kind, trials, among, trial in kinds:
            found = Counter(trial(among[number % len(among)]) for number in range(trials))
            worse = {what: n for what, n in found.items() if what not in ("old", "new")}
            is_sound &= not worse or kind == _CONTROL
            told = "; ".join(f"{n} {what}" for what, n in worse.items()) or "0"
            _row(kind, str(trials), str(found["old"]), str(found["new"]), told)
    sys.exit(0 if is_sound else 1)


def _row(*cells: str) -> None:
    print(
        "".join(cell.ljust(width) for cell, width in zip(cells, (21, 8, 12, 12, 1), strict=True))
    )
    sys.stdout.flush()


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir()
    _shell("mount", "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        _shell("umount", str(place))


def _copy_untorn(disk: Path, copy: Path) -> None:
    """Copy a block device's content as it was at one moment."""
    before = disk.read_bytes()
    for _ in range(100):
        after = disk.read_bytes()
        if after == before:
            copy.write_bytes(after)
            return
        before = after
    raise RuntimeError("the device does not come to rest")


def _size(folder: Path) -> int:
    """Return the bytes that a folder takes on a tmpfs, in pages."""
    page = 4096
    files = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(-(-size // page) * page for size in files) + page


def _shell(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
