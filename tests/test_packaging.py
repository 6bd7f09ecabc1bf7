"""The wheel: what a clinic installs carries everything that the demo needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=CHECKOUT, check=True)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_carries_bundles_types_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert any(name.startswith("edgefair/models/phantom/phantom-") for name in names)
    assert any(name.startswith("edgefair/models/chest-xray/chest-xray-") for name in names)
    assert "edgefair/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"edgefair"}


def test_an_unpacked_wheel_finds_its_bundles_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "from pathlib import Path; from edgefair.bundle import shelf; "
        "assert shelf.open_bundle('phantom', Path('none')).trust.kind == 'carried'; "
        "print(shelf.find_bundle('phantom'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
