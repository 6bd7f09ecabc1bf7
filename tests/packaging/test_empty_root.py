"""Where a clinic has nothing: a Linux of busybox alone, no network, an ordinary user."""

from __future__ import annotations

import os
import re
import shutil
import sys
import zlib
from pathlib import Path

import pytest

from tests.packaging.empty_root import (
    EmptyRoot,
    lay_empty_root,
    lay_libraries_of,
    lay_python,
    why_not_here,
)
from tests.packaging.tiny import new_key, tiny_installer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="for Linux installers")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> EmptyRoot:
    if why := why_not_here():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("bare")
    root = lay_python(lay_empty_root(folder / "root"))
    (root.folder / "stick").mkdir()
    key = new_key("ministry")
    for version in ("1.0", "1.1"):
        shutil.copy(tiny_installer(folder, version, key, files=3), root.folder / "stick")
    return root


def test_who_installs_there_is_an_ordinary_user_without_python_or_network(
    bare: EmptyRoot,
) -> None:
    code, said = bare.run("id -u; ls /bin | grep -c python || cat /proc/net/dev")
    lines = said.splitlines()

    assert code == 0, said
    assert lines[:2] == ["1000", "0"]
    assert [line.split(":")[0].strip() for line in lines if ":" in line] == ["lo"]


def test_an_installation_lives_its_whole_life_there(bare: EmptyRoot) -> None:
    before = bare.files()
    code, said = bare.run("""
        sh /stick/edgefair-1.0.run
        edgefair=.local/bin/edgefair
        $edgefair --version
        $edgefair update /stick/edgefair-1.1.run --silent
        $edgefair --version
        $edgefair rollback
        $edgefair --version
        mkdir -p .local/share/edgefair/data
        echo patients > .local/share/edgefair/data/clinic.ledger
        $edgefair uninstall --yes
        cat /proc/net/dev
    """)
    left = [path for path in bare.home.rglob("*") if path.is_file()]

    assert code == 0, said
    assert re.findall(r"^edgefair (\S+)$", said, re.MULTILINE) == ["1.0", "1.1", "1.0"]
    assert [path.name for path in left] == ["clinic.ledger"]
    assert bare.files() == before
    counts = re.findall(r"^ *lo: (.*)", said, re.MULTILINE)[0].split()
    assert set(counts) == {"0"}


@pytest.mark.skipif(
    "EDGEFAIR_INSTALLER" not in os.environ, reason="EDGEFAIR_INSTALLER names no real installer"
)
def test_a_real_installer_needs_no_more_than_a_few_libraries(tmp_path: Path) -> None:
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    if why := why_not_here():
        pytest.skip(why)
    root = lay_empty_root(tmp_path / "root")
    # zlib is a module of its own, or inside of this Python
    linked = [runtime.__file__, getattr(zlib, "__file__", sys.executable)]
    lay_libraries_of(root, map(Path, linked))
    before = root.files()
    shutil.copy(os.environ["EDGEFAIR_INSTALLER"], root.home / "edgefair.run")
    code, said = root.run("""
        sh edgefair.run --allow-unsigned
        rm edgefair.run
        .local/bin/edgefair doctor
        .local/bin/edgefair demo --count 20 --folder demo
        rm -r demo
        .local/bin/edgefair uninstall --yes
        cat /proc/net/dev
    """)

    assert code == 0, said
    assert "answered as at the builder's" in said
    assert [path for path in root.home.rglob("*") if path.is_file()] == []
    assert root.files() == before
    assert set(re.findall(r"^ *lo: (.*)", said, re.MULTILINE)[0].split()) == {"0"}
