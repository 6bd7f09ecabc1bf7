"""A Linux with nothing but busybox: no Python in any path, no network, an ordinary user.

The tiny installers bring no Python of their own. The building machine's stands in for it, at its
own place, which is in nobody's path; its modules are mounted there for as long as a program runs.
"""

from __future__ import annotations

import _ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cryptography

__all__ = ["EmptyRoot", "lay_empty_root", "lay_libraries_of", "lay_python", "why_not_here"]

_PARTS_OF_C: Final = ("libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_ALONE: Final = ("unshare", "--user", "--map-root-user", "--mount", "--net")
_MOUNT_AND_ENTER: Final = """
set -e
root=$1 script=$2
shift 2
for folder; do mount --rbind "$folder" "$root$folder"; done
exec unshare --user --map-user=1000 --map-group=1000 --root="$root" \
  /bin/env -i HOME=/home/clinic PATH=/bin LANG=C.UTF-8 /bin/sh -euc "cd; $script"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyRoot:
    """The root of such a system.

    Attributes
    ----------
    folder : Path
    mounted : tuple of Path
        What of this machine is seen at its own place inside.
    """

    folder: Path
    mounted: tuple[Path, ...]

    @property
    def home(self) -> Path:
        """The folder of the one user."""
        return self.folder / "home" / "clinic"

    def run(self, script: str) -> tuple[int, str]:
        """Return the exit code of a shell's script inside, and all that was said."""
        command = [*_ALONE, "sh", "-c", _MOUNT_AND_ENTER, "sh", str(self.folder), script]
        done = subprocess.run(
            [*command, *map(str, self.mounted)], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def files(self) -> frozenset[str]:
        """Return every file but those of the user."""
        paths = (path for path in self.folder.rglob("*") if not path.is_dir())
        return frozenset(str(path) for path in paths if self.home not in path.parents)


def why_not_here() -> str:
    """Return why no such system can be made on this machine; empty if one can."""
    for program in ("busybox", "unshare", "ldd"):
        if not shutil.which(program):
            return f"there is no {program} here"
    nested = (*_ALONE, "unshare", "--user", "--map-user=1000", "true")
    if subprocess.run(nested, capture_output=True, check=False).returncode:
        return "no namespaces of users, mounts and networks can be made here"
    return ""


def lay_empty_root(folder: Path) -> EmptyRoot:
    """Return a system of busybox alone, laid into `folder`, which is new."""
    for name in ("bin", "dev", "home/clinic", "proc", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "dev" / "null").touch()
    busybox = Path(str(shutil.which("busybox"))).resolve()
    shutil.copy(busybox, folder / "bin" / "busybox")
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        if not (folder / "bin" / name).exists():
            (folder / "bin" / name).symlink_to("busybox")
    root = EmptyRoot(folder=folder, mounted=(Path("/proc"), Path("/dev/null")))
    lay_libraries_of(root, [busybox])
    return root


def lay_python(root: EmptyRoot) -> EmptyRoot:
    """Return the system with the building machine's Python, for installers that bring none."""
    python = _copied(Path(sys.executable).resolve(), root.folder)
    _lay_environment(root.folder)
    folders = (Path(os.__file__).parent, Path(cryptography.__file__).parents[1])
    for path in folders:
        (root.folder / path.relative_to("/")).mkdir(parents=True, exist_ok=True)
    lay_libraries_of(root, [python, *_compiled_modules()])
    return replace(root, mounted=(*root.mounted, *folders))


def lay_libraries_of(root: EmptyRoot, programs: Iterable[Path]) -> None:
    """Copy the libraries of this machine's that its own `programs` are linked to."""
    said = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
    ).stdout  # a static program is no fault
    for path in sorted(map(Path, set(re.findall(r"(/\S+) \(0x", said)))):
        _copied(path, root.folder)
        if path.name == "libc.so.6":  # whoever has it has its other parts
            for part in _PARTS_OF_C:
                _copied(path.with_name(part), root.folder)


def _copied(path: Path, root: Path) -> Path:
    target = root / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    return path


def _lay_environment(root: Path) -> None:
    """Let the interpreter know the virtual environment that this one runs in, if it does."""
    inside = root / Path(sys.executable).relative_to("/")
    if not inside.exists():
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.symlink_to(Path(sys.executable).resolve())
    known = Path(sys.prefix, "pyvenv.cfg")
    if known.is_file():
        _copied(known, root)


def _compiled_modules() -> Iterator[Path]:
    package = Path(cryptography.__file__).parent
    yield from (*package.rglob("*.so"), *package.parent.glob("_cffi_backend*.so"))
    yield from Path(_ctypes.__file__).parent.glob("*.so")
