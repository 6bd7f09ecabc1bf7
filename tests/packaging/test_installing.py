"""Installing, updating, going back, taking away: what a technician and a nurse do."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.packaging.tiny import Clinic, kill, new_key, tiny_installer

SHELLS = [("sh",), ("dash",), ("busybox", "sh"), ("bash",)]


@pytest.fixture(scope="module")
def installer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_installer(tmp_path_factory.mktemp("made"), "1.0", new_key("ministry"), files=1)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_an_installed_version_starts(
    clinic: Clinic, tmp_path: Path, shell: tuple[str, ...]
) -> None:
    if not shutil.which(shell[0]):
        pytest.skip(f"there is no {shell[0]} here")
    code, said = clinic.run(tiny_installer(tmp_path, "1.0", clinic.key), shell=shell)

    assert code == 0, said
    assert clinic.version() == "1.0"
    assert clinic.key.public.fingerprint in said
    assert (clinic.folder / ".local/share/applications/edgefair.desktop").is_file()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    ("glibc", "code", "words"),
    [
        ("2.27", 1, "too old: its C library is 2.27, edgefair needs 2.28"),
        ("2.28", 0, "warning: edgefair was never tried on a C library as old as 2.28"),
        ("2.30", 0, "the test that it makes of itself decides"),
        ("2.31", 0, ""),
        ("3.0", 0, ""),
    ],
)
def test_a_c_library_is_refused_warned_of_or_taken(
    clinic: Clinic, installer: Path, shell: tuple[str, ...], glibc: str, code: int, words: str
) -> None:
    if not shutil.which(shell[0]):
        pytest.skip(f"there is no {shell[0]} here")
    getconf = clinic.folder / "bin" / "getconf"
    getconf.parent.mkdir(parents=True)
    getconf.write_text(f"#!/bin/sh\necho glibc {glibc}\n")
    getconf.chmod(0o755)
    under = ("env", f"PATH={getconf.parent}:/usr/bin:/bin", *shell)
    ended, said = clinic.run(installer, "--check", "--silent", shell=under)

    assert ended == code
    assert words in said
    assert len(said.splitlines()) == bool(words) + (code == 1)


def test_an_installation_needs_no_network(clinic: Clinic, tmp_path: Path) -> None:
    alone = ("unshare", "--net")
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here")
    code, said = clinic.run(tiny_installer(tmp_path, "1.0", clinic.key), shell=(*alone, "sh"))

    assert code == 0, said
    assert clinic.version() == "1.0"


def test_a_silent_installation_says_one_line(clinic: Clinic, tmp_path: Path) -> None:
    code, said = clinic.run(tiny_installer(tmp_path, "1.0", clinic.key), "--silent")

    assert code == 0
    assert len(said.splitlines()) == 1


def test_a_check_installs_nothing(clinic: Clinic, tmp_path: Path) -> None:
    code, said = clinic.run(tiny_installer(tmp_path, "1.0", clinic.key), "--check")

    assert code == 0, said
    assert list(clinic.folder.rglob("*")) == []


def test_an_update_keeps_the_version_before_and_a_rollback_goes_back(
    clinic: Clinic, tmp_path: Path
) -> None:
    for version in ("1.0", "1.1", "1.2"):
        assert clinic.run(tiny_installer(tmp_path, version, clinic.key))[0] == 0

    assert clinic.version() == "1.2"
    assert len(list((clinic.root / "releases").iterdir())) == 2
    code, said = clinic.edgefair("rollback")
    assert code == 0, said
    assert clinic.version() == "1.1"
    assert clinic.edgefair("rollback")[0] == 0
    assert clinic.version() == "1.2"


def test_the_same_version_again_is_no_change(clinic: Clinic, tmp_path: Path) -> None:
    installer = tiny_installer(tmp_path, "1.0", clinic.key)
    clinic.run(installer)
    pointer = (clinic.root / "current").read_text()

    assert clinic.run(installer)[0] == 0
    assert (clinic.root / "current").read_text() == pointer


def test_a_damaged_version_is_mended_by_installing_again(clinic: Clinic, tmp_path: Path) -> None:
    installer = tiny_installer(tmp_path, "1.0", clinic.key)
    clinic.run(installer)
    (part, *_) = clinic.root.rglob("0.bin")
    part.write_bytes(b"damaged")

    assert clinic.run(installer)[0] == 0
    assert clinic.version() == "1.0"


def test_without_a_version_before_there_is_no_way_back(clinic: Clinic, tmp_path: Path) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))

    code, said = clinic.edgefair("rollback")
    assert code == 1
    assert "no version to go back to" in said
    assert clinic.version() == "1.0"


def test_a_version_that_fails_its_own_test_is_not_switched_to(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))

    code, said = clinic.run(tiny_installer(tmp_path, "1.1", clinic.key, demo=1))
    assert code == 1
    assert "edgefair demo" in said
    assert clinic.version() == "1.0"
    assert len(list((clinic.root / "releases").iterdir())) == 1


def test_uninstalling_leaves_the_ledger_alone(clinic: Clinic, tmp_path: Path) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    ledgers = [clinic.root / "data/clinic.ledger", clinic.root / "clinic.ledger.key"]
    for ledger in ledgers:
        ledger.parent.mkdir(exist_ok=True)
        ledger.write_text("patients")

    code, said = clinic.edgefair("uninstall")
    assert code == 0, said
    assert sorted(p for p in clinic.folder.rglob("*") if p.is_file()) == sorted(ledgers)


def test_uninstalling_with_the_ledger_leaves_nothing(clinic: Clinic, tmp_path: Path) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    (clinic.root / "data").mkdir(exist_ok=True)
    (clinic.root / "data/clinic.ledger").write_text("patients")

    assert clinic.edgefair("uninstall", "--with-ledger")[0] == 0
    assert [p for p in clinic.folder.rglob("*") if p.is_file()] == []


def test_a_file_that_ends_early_is_refused(clinic: Clinic, tmp_path: Path) -> None:
    installer = tiny_installer(tmp_path, "1.0", clinic.key)
    installer.write_bytes(installer.read_bytes()[:-20_000])

    code, said = clinic.run(installer)
    assert code == 1
    assert "ends early" in said
    assert not clinic.root.exists()


@pytest.mark.parametrize("length", [300, 1500, 4000, 7000, 16384])
def test_a_file_that_ends_within_its_script_is_no_success(
    clinic: Clinic, tmp_path: Path, length: int
) -> None:
    installer = tiny_installer(tmp_path, "1.0", clinic.key)
    installer.write_bytes(installer.read_bytes()[:length])

    assert clinic.run(installer)[0] != 0
    assert not clinic.root.exists()


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_an_altered_byte_is_found_before_anything_is_touched(
    clinic: Clinic, tmp_path: Path, place: float
) -> None:
    installer = tiny_installer(tmp_path, "1.0", clinic.key)
    content = bytearray(installer.read_bytes())
    content[16384 + int(place * (len(content) - 16384 - 1024))] ^= 1
    installer.write_bytes(content)

    code, said = clinic.run(installer)
    assert code == 1
    assert "SHA-256" in said
    assert not clinic.root.exists()


def test_what_nobody_signed_is_refused_unless_asked_for(clinic: Clinic, tmp_path: Path) -> None:
    installer = tiny_installer(tmp_path, "1.0", None)

    code, said = clinic.run(installer)
    assert code == 1
    assert "Nobody has signed" in said
    code, said = clinic.run(installer, "--allow-unsigned")
    assert code == 0
    assert "WARNING" in said


def test_another_builders_version_is_refused_from_the_second_one_on(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))

    code, said = clinic.run(tiny_installer(tmp_path, "1.1", new_key("somebody")))
    assert code == 1
    assert "does not know" in said
    assert clinic.version() == "1.0"
    assert clinic.run(tiny_installer(tmp_path, "1.2", None))[0] == 1
    assert clinic.version() == "1.0"


def test_an_update_by_the_installed_version_checks_the_whole_file_first(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    newer = tiny_installer(tmp_path, "1.1", clinic.key)
    content = newer.read_bytes()

    # the script at its beginning is what would be started
    newer.write_bytes(content.replace(b"set -eu\n", b"touch x\n", 1))
    code, said = clinic.edgefair("update", str(newer))
    assert code == 1
    assert "changed" in said
    assert not (clinic.folder / "x").exists()
    newer.write_bytes(content)
    code, said = clinic.edgefair("update", str(newer), "--silent")
    assert code == 0, said
    assert clinic.version() == "1.1"


def test_killed_at_any_moment_the_next_start_works(clinic: Clinic, tmp_path: Path) -> None:
    chance = random.Random(3)
    old = tiny_installer(tmp_path, "1.0", clinic.key)
    new = tiny_installer(tmp_path, "1.1", clinic.key)
    began = time.monotonic()
    clinic.run(old, "--silent")
    took = time.monotonic() - began
    for number in range(8):
        process = clinic.start((new, old)[number % 2], "--silent")
        time.sleep(chance.uniform(0, took))
        kill(process)
        assert clinic.version() in ("1.0", "1.1")

    assert clinic.run(new, "--silent")[0] == 0
    assert clinic.version() == "1.1"
    assert [p.name for p in (clinic.root / "releases").iterdir() if p.name[0] == "."] == []
