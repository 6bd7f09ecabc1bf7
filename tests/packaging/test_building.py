"""What installers are built of: pins, stand-ins, archives, lists."""

from __future__ import annotations

import ctypes
import doctest
import hashlib
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from edgefair_build.archive import HEADER_BYTES, filled_header, pack_gz, pack_xz
from edgefair_build.elf import read_library
from edgefair_build.imports import imports_of
from edgefair_build.licences import Package
from edgefair_build.lock import read_lock
from edgefair_build.platforms import PLATFORMS
from edgefair_build.prune import LEFT_OUT_PACKAGES, is_pruned
from edgefair_build.release import Release
from edgefair_build.sbom import bill_of_materials
from edgefair_build.scipy_special import SHIMS, wanted_functions
from edgefair_build.stubs import StandIn
from edgefair_build.windows import file_commands
from edgefair_installer.faults import Fault
from edgefair_installer.sums import parse_sums

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "packaging" / "lock"


def test_every_dependency_is_pinned_or_left_out_with_a_reason() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[ ]", line)[0].lower() for line in project["dependencies"]}

    assert names <= read_lock(LOCK / "clinic.txt").keys() | LEFT_OUT_PACKAGES.keys()


def test_every_pin_has_hashes() -> None:
    for name in ("clinic", "sources", "tools"):
        assert all(pin.hashes for pin in read_lock(LOCK / f"{name}.txt").values())


def test_a_pin_without_a_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("numpy==2.0\n")

    with pytest.raises(ValueError, match="no pin with hashes"):
        read_lock(tmp_path / "lock.txt")


def test_a_clinic_has_every_function_of_scipy_that_the_audit_calls() -> None:
    from scipy.special import _gufuncs, _special_ufuncs, _ufuncs

    there = {*dir(_gufuncs), *dir(_special_ufuncs), *dir(_ufuncs), "digamma"}

    assert wanted_functions(CHECKOUT / "edgefair") <= there


def test_windows_is_told_where_the_library_lies_that_scipy_is_linked_to() -> None:
    code = (
        "import os, sys\n"
        "sys.platform, os.add_dll_directory = 'win32', print\n"
        "__file__ = os.path.join(os.getcwd(), 'scipy', '__init__.py')\n"
        + SHIMS["scipy/__init__.py"]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )

    assert done.stdout.strip() == "/scipy.libs"


def test_another_part_of_scipy_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text(
        "def f():\n    from scipy.stats import norm\n    return norm\n"
    )

    with pytest.raises(ValueError, match=r"scipy\.stats"):
        wanted_functions(tmp_path)


def test_nothing_of_edgefair_is_pruned() -> None:
    paths = [p.relative_to(CHECKOUT).as_posix() for p in (CHECKOUT / "edgefair").rglob("*.py")]

    assert not [path for path in paths if is_pruned(path)]


@pytest.mark.skipif(sys.platform != "linux", reason="an ELF file is loaded")
@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="no stand-ins here")
@pytest.mark.parametrize("version", ["", "LIBX_7"])
def test_the_loader_takes_a_stand_in(tmp_path: Path, version: str) -> None:
    path = tmp_path / "libx.so.7"
    stand_in = StandIn(
        machine=os.uname().machine, soname=path.name, symbols=["g", "f"], version=version
    )
    path.write_bytes(stand_in.content())

    assert ctypes.CDLL(str(path)).f is not None
    with pytest.raises(AttributeError):
        _ = ctypes.CDLL(str(path)).h
    read = read_library(path)
    assert (read.soname, read.offered) == (path.name, frozenset({"f", "g"}))
    assert read.versions_offered == ((version,) if version else ())


def test_a_stand_in_that_is_called_stops_the_program(tmp_path: Path) -> None:
    path = tmp_path / "libx.so"
    machine = os.uname().machine
    path.write_bytes(StandIn(machine=machine, soname="x", symbols=["f"], version="").content())
    code = f"import ctypes; ctypes.CDLL({str(path)!r}).f()"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0


def test_a_real_library_is_read_as_it_is() -> None:
    import _ctypes

    read = read_library(Path(_ctypes.__file__))

    assert "PyInit__ctypes" in read.offered
    assert any(name.startswith("libffi") for name in read.needed)
    assert any(version.startswith("GLIBC_2") for _, version in read.versions_needed)


def test_archives_do_not_tell_when_or_by_whom_they_were_made(tmp_path: Path) -> None:
    made = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("b", "a") if number == 1 else ("a", "b"):
            (folder / name).write_text(name)
            os.utime(folder / name, (number * 1000, number * 1000))
        (folder / "a").chmod(0o600 if number == 1 else 0o664)
        packed = (pack_gz(folder, ["b", "a"], 7), pack_xz(folder, ["a", "b"], 7, machine="x86_64"))
        made.append([hashlib.sha256(one).hexdigest() for one in packed])

    assert made[0] == made[1]


def test_the_script_of_an_installer_has_a_fixed_size_and_no_open_value() -> None:
    assert len(filled_header("x=@A@\n", {"A": "1"})) == HEADER_BYTES
    with pytest.raises(ValueError, match="no value for @B@"):
        filled_header("x=@B@\n", {"A": "1"})


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "C:x", "\\\\host\\x"])
def test_a_list_of_files_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Fault):
        parse_sums(f"{'0' * 64}  {name}\n".encode())


def test_the_platforms_are_the_three_that_are_promised() -> None:
    assert set(PLATFORMS) == {"linux-x86_64", "linux-aarch64", "windows-x86_64"}


def test_a_bill_of_materials_follows_the_schema() -> None:
    bill = bill_of_materials(
        version="0.1.0",
        platform="linux-x86_64",
        epoch=1_700_000_000,
        packages=[Package(name="scipy", version="1.18.1", licence="BSD-3-Clause")],
        wheels={"scipy": "0" * 64},
        native={"libpng16": "libpng-2.0"},
    )

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.decode()) is None


def test_windows_unpacks_folder_by_folder_in_order(tmp_path: Path) -> None:
    release = Release(
        folder=tmp_path,
        version="0.1.0",
        platform=PLATFORMS["windows-x86_64"],
        names=("site/b.pyc", "LICENSE", "site/a/x.pyc", "site/a.pyc"),
        installed_bytes=1,
        bill=b"",
    )

    assert list(file_commands(release)) == [
        'SetOutPath "$staged"',
        f'File "{tmp_path}/LICENSE"',
        'SetOutPath "$staged\\site"',
        f'File "{tmp_path}/site/a.pyc"',
        f'File "{tmp_path}/site/b.pyc"',
        'SetOutPath "$staged\\site\\a"',
        f'File "{tmp_path}/site/a/x.pyc"',
    ]


def test_a_clinic_finds_every_page_in_both_languages() -> None:
    pages = {path.name for path in (CHECKOUT / "packaging" / "readme").glob("*.html")}

    assert pages == {"README.html", "LISEZMOI.html"}


def test_imports_of_builders_are_passed_over_and_lazy_ones_found(tmp_path: Path) -> None:
    (tmp_path / "compress").mkdir()
    (tmp_path / "compress" / "a.py").write_text("import torch\n")
    (tmp_path / "b.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import pandas\n"
        "def f():\n    from PIL import Image\n    return Image\n"
    )

    assert imports_of(tmp_path) == [("PIL", "Image"), ("typing", "TYPE_CHECKING")]


@pytest.mark.parametrize("package", ["edgefair_build", "edgefair_installer"])
def test_examples_in_docstrings_hold(package: str) -> None:
    folder = Path(str(importlib.import_module(package).__file__)).parent
    tried = [
        doctest.testmod(importlib.import_module(f"{package}.{path.stem}"))
        for path in folder.glob("[a-z]*.py")
    ]

    assert sum(one.attempted for one in tried) > 0
    assert sum(one.failed for one in tried) == 0
