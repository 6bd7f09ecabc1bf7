"""A version's folder, as it will lie in ``releases``: everything but the file around it."""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair_build.imports import try_imports
from edgefair_build.interpreter import lay_interpreter
from edgefair_build.licences import NATIVE, gather_licences, packages_in
from edgefair_build.platforms import Platform
from edgefair_build.sbom import bill_of_materials
from edgefair_build.scipy_special import wanted_functions
from edgefair_build.site import lay_site, remove_empty
from edgefair_build.sources import Commit, Sources
from edgefair_build.standins import libraries_of
from edgefair_installer.signature import ReleaseKey, sign_release
from edgefair_installer.sums import SUMS, sums_of, unsummed

__all__ = ["Release", "elf_floor", "lay_release", "ledger_schema"]

_PACKAGING: Final = Path(__file__).resolve().parents[1]
_COMPLETIONS: Final = {"edgefair.bash": "bash", "edgefair.zsh": "zsh", "edgefair.fish": "fish"}
_SYSTEM_LIBRARIES: Final = ("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version's folder and what is known of it.

    Attributes
    ----------
    folder : Path
    version : str
    platform : Platform
    names : tuple of str
        All files, sorted.
    installed_bytes : int
    bill : bytes
        The bill of materials.
    """

    folder: Path
    version: str
    platform: Platform
    names: tuple[str, ...]
    installed_bytes: int
    bill: bytes


def lay_release(
    folder: Path,
    platform: Platform,
    sources: Sources,
    commit: Commit,
    *,
    compiler: Path,
    key: ReleaseKey | None,
) -> Release:
    """Return the version laid into `folder`.

    Parameters
    ----------
    folder : Path
        New.
    platform : Platform
    sources : Sources
    commit : Commit
    compiler : Path
        An interpreter of the same Python that runs here.
    key : ReleaseKey or None
        None leaves it unsigned.
    """
    site = folder / "site"
    folder.mkdir(parents=True)
    lay_interpreter(folder, platform, embeddable=sources.embeddable, binaries=sources.interpreter)
    lay_site(site, sources.wheels, sources.versions)
    wanted_functions(site / "edgefair")  # a clinic without them is found out now
    schema = ledger_schema(site / "edgefair")
    _lay_own(site)
    packages, native = packages_in(site), _native(folder)
    version = next(one.version for one in packages if one.name == "edgefair")
    bill = bill_of_materials(
        version=version,
        platform=platform.name,
        epoch=commit.epoch,
        packages=packages,
        wheels={name: _digest(path) for name, path in sources.wheels.items()},
        native=native,
    )
    (folder / "sbom.cdx.json").write_bytes(bill)
    gather_licences(site, folder / "licences", native)
    _compile(compiler, folder)
    if platform.name == f"linux-{os.uname().machine}":
        try_imports(folder / "python" / "python", _PACKAGING.parent / "edgefair")
    _lay_texts(folder)
    if not platform.is_windows:
        _lay_completions(folder, site, compiler)
    remove_empty(folder)
    told: dict[str, str | int] = {
        "version": version,
        "commit": commit.name,
        "made_at": commit.epoch,
        "ledger_schema": schema,
    }
    return _sealed(folder, platform, told, key, bill)


def ledger_schema(package: Path) -> int:
    """Return the schema of the ledgers that the edgefair in a folder writes.

    Its module is run alone: the rest of the package wants libraries of another platform.

    Parameters
    ----------
    package : Path
        With its sources.
    """
    return int(runpy.run_path(str(package / "ledger" / "schema.py"))["VERSION"])


def _lay_own(site: Path) -> None:
    shutil.copytree(
        _PACKAGING / "edgefair_installer",
        site / "edgefair_installer",
        ignore=shutil.ignore_patterns("__pycache__"),
    )


def _compile(compiler: Path, folder: Path) -> None:
    script = Path(__file__).with_name("compile_modules.py")
    for part in (folder / "site", folder / "python"):
        subprocess.run([str(compiler), str(script), str(part)], check=True)


def _lay_texts(folder: Path) -> None:
    for path in sorted((_PACKAGING / "readme").glob("*.html")):
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(_PACKAGING.parent / "LICENSE", folder / "LICENSE")


def _lay_completions(folder: Path, site: Path, compiler: Path) -> None:
    """Write what click makes; it is the same for every platform, as is pure Python."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from click.shell_completion import get_completion_class\n"
        "from edgefair.cli.main import cli\n"
        "made = get_completion_class(sys.argv[2])(cli, {}, 'edgefair', '_EDGEFAIR_COMPLETE')\n"
        "sys.stdout.write(made.source_template % made.source_vars())\n"
    )
    target = folder / "share" / "completions"
    target.mkdir(parents=True)
    for name, shell in _COMPLETIONS.items():
        command = [str(compiler), "-c", code, str(site), shell]
        made = subprocess.run(command, check=True, capture_output=True)
        (target / name).write_bytes(made.stdout)


def _sealed(
    folder: Path,
    platform: Platform,
    told: Mapping[str, str | int],
    key: ReleaseKey | None,
    bill: bytes,
) -> Release:
    names = _files(folder)
    size = sum((folder / name).stat().st_size for name in names)
    facts = {
        **told,
        "name": "edgefair",
        "platform": platform.name,
        "installed_bytes": size,
        "system_libraries": [] if platform.is_windows else list(_SYSTEM_LIBRARIES),
    }
    text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
    (folder / "release.json").write_text(text, encoding="utf-8", newline="\n")
    _set_modes(folder)
    names = [name for name in _files(folder) if not unsummed(name)]
    sums = sums_of(folder, names)
    (folder / SUMS).write_bytes(sums)
    if key:
        (folder / f"{SUMS}.sig").write_bytes(sign_release(key, sums))
        (folder / f"{SUMS}.pub").write_bytes(key.public.to_json())
    names = _files(folder)
    size = sum((folder / name).stat().st_size for name in names)
    return Release(
        folder=folder,
        version=str(told["version"]),
        platform=platform,
        names=tuple(names),
        installed_bytes=size,
        bill=bill,
    )


def _files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _set_modes(folder: Path) -> None:
    for path in folder.rglob("*"):
        runs = path.name == "python" and path.is_file()
        path.chmod(0o755 if path.is_dir() or runs or ".so" in path.name else 0o644)


def _native(folder: Path) -> Mapping[str, str]:
    """Return the licence of each compiled library that came inside another package."""
    found: dict[str, str] = {}
    paths = [p for p in folder.rglob("*") if p.parent.name.endswith(".libs")]
    for path in paths:
        name = path.name.partition("-")[0].partition(".")[0]
        found[name] = NATIVE.get(name, "see the licence of the package that it came with")
    return dict(sorted(found.items()))


def elf_floor(folder: Path) -> tuple[int, ...]:
    """Return the newest version of the C library that any file asks for."""
    asked = [
        tuple(int(part) for part in version.removeprefix("GLIBC_").split("."))
        for library in libraries_of(folder).values()
        for _, version in library.versions_needed
        if version.startswith("GLIBC_2")
    ]
    return max(asked, default=(0, 0))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
