"""An installer of a few kilobytes, and the computer that it is tried on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGING: Final = Path(__file__).resolve().parents[2] / "packaging"
if str(PACKAGING) not in sys.path:
    sys.path.insert(0, str(PACKAGING))

from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: E402
    Ed25519PrivateKey,
)
from edgefair_build.archive import Parts, pack_gz, pack_xz, self_extracting  # noqa: E402
from edgefair_build.linux import glibc_values  # noqa: E402
from edgefair_build.platforms import PLATFORMS  # noqa: E402
from edgefair_installer.signature import (  # noqa: E402
    PublicKey,
    ReleaseKey,
    sign_release,
    trailer_for,
)
from edgefair_installer.sums import check_tree, sums_of, unsummed  # noqa: E402

__all__ = ["REAL_LEDGERS", "Clinic", "kill", "new_key", "tiny_installer", "tiny_release"]

_PYTHON: Final = """#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH=$here/site PYTHONDONTWRITEBYTECODE=1 exec "@PYTHON@" -B "$@"
"""
_EDGEFAIR: Final = """
import sys
@LEDGER@
def main(arguments=None):
    what = (arguments or [""])[0]
    if what == "--version":
        print("edgefair @VERSION@")
    elif what == "demo":
        sys.exit(@DEMO@)
    elif what == "ledger" and @SCHEMA@:
        sys.exit(ledger(arguments[1:]))
    else:
        print("no such command", file=sys.stderr)
        sys.exit(2)
"""
_TINY_LEDGERS: Final = """
import os
from pathlib import Path
PLACE = Path(os.environ["HOME"], "clinic.schema")
def schema():
    return int(PLACE.read_text()) if PLACE.exists() else 0
def power_fails(when):
    if PLACE.with_name("power fails " + when).exists():
        os.kill(os.getppid(), 9)
        os.kill(os.getpid(), 9)
def become(number):
    power_fails("before")
    partial = PLACE.with_name("partial")
    partial.write_text(str(number))
    partial.replace(PLACE)
    power_fails("after")
    print("The ledger is of the schema", number)
def ledger(arguments):
    if PLACE.with_name("refused").exists():
        print("The ledger is locked.")
        return 5
    if arguments[0] == "downgrade" and schema() > int(arguments[3]):
        become(int(arguments[3]))
    if arguments[0] == "upgrade" and 0 < schema() < @SCHEMA@:
        become(@SCHEMA@)
    return 5 if schema() > @SCHEMA@ else 0
"""
"""A version's ``edgefair ledger`` that knows one ledger: a number in a file."""

REAL_LEDGERS: Final = f"""
import os, subprocess
def ledger(arguments):
    environment = {{**os.environ, "PYTHONPATH": {str(PACKAGING.parent)!r}}}
    code = "import sys; from edgefair.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "ledger", *arguments]
    return subprocess.run(command, env=environment).returncode
"""
"""A version's ``edgefair ledger`` that is this checkout's."""


def new_key(name: str) -> ReleaseKey:
    """Return a builder's key."""
    private = Ed25519PrivateKey.generate()
    public = PublicKey(name=name, raw=private.public_key().public_bytes_raw())
    return ReleaseKey(public=public, private=private)


def tiny_release(
    folder: Path,
    version: str,
    key: ReleaseKey | None,
    *,
    demo: int = 0,
    files: int = 30,
    schema: int = 0,
    ledger: str = _TINY_LEDGERS,
) -> tuple[str, ...]:
    """Lay out a version; return its files. Without a schema it knows nothing of ledgers."""
    python = folder / "python" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(_PYTHON.replace("@PYTHON@", sys.executable))
    python.chmod(0o755)
    package = folder / "site" / "edgefair" / "cli"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "main.py").write_text(
        _EDGEFAIR.replace("@VERSION@", version)
        .replace("@DEMO@", str(demo))
        .replace("@LEDGER@", ledger)
        .replace("@SCHEMA@", str(schema))
    )
    for source, name in (
        (PACKAGING / "edgefair_installer", "edgefair_installer"),
        (PACKAGING.parent / "edgefair" / "bundle", "edgefair/bundle"),
        (PACKAGING.parent / "edgefair" / "records", "edgefair/records"),
    ):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / "site" / name, ignore=ignored)
    shutil.copy(PACKAGING.parent / "edgefair" / "errors.py", package.parent)
    for number in range(files):
        part = folder / "site" / f"part{number % 3}" / f"{number}.bin"
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(hashlib.sha256(f"{version} {number}".encode()).digest() * 300)
    facts = {
        "version": version,
        "platform": "linux-tiny",
        "installed_bytes": 1000,  # so that a full disk is met on the way, not foreseen
        "system_libraries": [],
        **({"ledger_schema": schema} if schema else {}),
    }
    (folder / "release.json").write_text(json.dumps(facts))
    names = [name for name in _files(folder) if not unsummed(name)]
    sums = sums_of(folder, names)
    (folder / "SHA256SUMS").write_bytes(sums)
    if key:
        (folder / "SHA256SUMS.sig").write_bytes(sign_release(key, sums))
        (folder / "SHA256SUMS.pub").write_bytes(key.public.to_json())
    return tuple(_files(folder))


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def tiny_installer(
    folder: Path,
    version: str,
    key: ReleaseKey | None,
    *,
    demo: int = 0,
    files: int = 30,
    schema: int = 0,
    ledger: str = _TINY_LEDGERS,
) -> Path:
    """Return an installer, made in the way of the real ones."""
    laid = folder / f"laid-{version}-{demo}"
    shutil.rmtree(laid, ignore_errors=True)
    names = tiny_release(laid, version, key, demo=demo, files=files, schema=schema, ledger=ledger)
    parts = Parts.of(names)
    name = f"edgefair-{version}.run"
    values = {
        "VERSION": version,
        "MACHINE": os.uname().machine,
        "FILE": name,
        "CPU_FLAGS": "",
        **glibc_values(PLATFORMS["linux-x86_64"]),
        "MEMORY_MB": "100",
        "DISK_KB": "1",
    }
    content = self_extracting(
        (PACKAGING / "linux" / "install.sh").read_text(),
        values,
        pack_gz(laid, parts.first, 1),
        pack_xz(laid, parts.second, 1, machine="other"),
    )
    if key:
        content += trailer_for(key, hashlib.sha256(content).digest())
    installer = folder / name
    installer.write_bytes(content)
    return installer


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A user's home on a computer.

    Attributes
    ----------
    folder : Path
    key : ReleaseKey
        The builder's.
    """

    folder: Path
    key: ReleaseKey

    @property
    def root(self) -> Path:
        """Where edgefair is installed."""
        return self.folder / ".local" / "share" / "edgefair"

    @property
    def launcher(self) -> Path:
        """The command."""
        return self.folder / ".local" / "bin" / "edgefair"

    def environment(self) -> dict[str, str]:
        """Return what a user's shell has, no Python of another place among it."""
        return {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def start(
        self, installer: Path, *options: str, shell: tuple[str, ...] = ("sh",)
    ) -> subprocess.Popen[str]:
        """Start an installer in a process group of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [*shell, str(installer), *options],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, installer: Path, *options: str, shell: tuple[str, ...] = ("sh",)
    ) -> tuple[int, str]:
        """Return an installer's exit code, and all that it said."""
        process = self.start(installer, *options, shell=shell)
        out, err = process.communicate()
        return process.returncode, out + err

    def edgefair(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code and words of the installed command."""
        done = subprocess.run(
            [str(self.launcher), *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def version(self) -> str:
        """Return the version that starts, after every one of its files was compared."""
        current, *_ = (self.root / "current").read_text().splitlines()
        check_tree(self.root / "releases" / current)
        code, said = self.edgefair("--version")
        assert code == 0, said
        return said.split()[-1]


def kill(process: subprocess.Popen[str]) -> None:
    """Kill an installer and all that it started, as a power cut would."""
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
