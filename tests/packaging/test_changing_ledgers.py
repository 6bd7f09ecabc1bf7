"""A change of version takes the ledgers with it: forth after the switch, back before it."""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from edgefair.ledger import Ledger
from edgefair.ledger.connection import schema_of
from edgefair.ledger.known import known_in
from edgefair.ledger.schema import VERSION
from tests.packaging.tiny import PACKAGING, REAL_LEDGERS, Clinic, kill, tiny_installer

from edgefair_build.release import ledger_schema  # isort: skip - needs the path that tiny sets


@pytest.fixture
def older(clinic: Clinic, tmp_path: Path) -> Path:
    """Return the installer of a version that writes the first schema."""
    return tiny_installer(tmp_path, "1.0", clinic.key, schema=1)


@pytest.fixture
def newer(clinic: Clinic, tmp_path: Path) -> Path:
    """Return the installer of a version that writes the second schema."""
    return tiny_installer(tmp_path, "1.1", clinic.key, schema=2)


def schema(clinic: Clinic) -> int:
    return int((clinic.folder / "clinic.schema").read_text())


def written(clinic: Clinic, number: int) -> None:
    (clinic.folder / "clinic.schema").write_text(str(number))


def test_an_update_brings_ledgers_up_to_date_and_a_rollback_takes_them_back(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    clinic.run(older)
    written(clinic, 1)
    code, said = clinic.run(newer)

    assert code == 0, said
    assert "The ledger is of the schema 2" in said
    assert (clinic.version(), schema(clinic)) == ("1.1", 2)
    code, said = clinic.edgefair("rollback")
    assert code == 0, said
    assert (clinic.version(), schema(clinic)) == ("1.0", 1)
    assert clinic.edgefair("rollback")[0] == 0
    assert (clinic.version(), schema(clinic)) == ("1.1", 2)


def test_a_ledger_that_cannot_go_back_stops_the_rollback_before_the_switch(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    clinic.run(older)
    clinic.run(newer)
    written(clinic, 2)
    (clinic.folder / "refused").touch()
    code, said = clinic.edgefair("rollback")

    assert code == 1
    assert "The ledger is locked." in said
    assert "edgefair ledger forget" in said
    assert (clinic.version(), schema(clinic)) == ("1.1", 2)


def test_installing_an_older_version_over_a_newer_one_goes_the_same_way(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    clinic.run(newer)
    written(clinic, 2)
    (clinic.folder / "refused").touch()

    assert clinic.run(older)[0] == 1
    assert (clinic.version(), schema(clinic)) == ("1.1", 2)
    (clinic.folder / "refused").unlink()
    assert clinic.run(older)[0] == 0
    assert (clinic.version(), schema(clinic)) == ("1.0", 1)


@pytest.mark.parametrize("options", [(), ("--silent",)], ids=["told all", "silent"])
def test_a_ledger_that_cannot_be_brought_up_to_date_stops_no_update_and_is_told(
    clinic: Clinic, older: Path, newer: Path, options: tuple[str, ...]
) -> None:
    clinic.run(older)
    written(clinic, 1)
    (clinic.folder / "refused").touch()
    installing = clinic.start(newer, *options)
    out, err = installing.communicate()

    assert installing.returncode == 3, out + err
    assert "is installed" in out.splitlines()[0 if options else -2]
    assert "warning: Not every ledger is up to date yet." in err
    assert "  The ledger is locked." in err
    assert (clinic.version(), schema(clinic)) == ("1.1", 1)


def test_going_forth_again_tells_of_a_ledger_that_cannot_go_along(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    for installer in (older, newer):
        clinic.run(installer)
    written(clinic, 2)
    assert clinic.edgefair("rollback")[0] == 0
    (clinic.folder / "refused").touch()
    code, said = clinic.edgefair("rollback")

    assert code == 3
    assert "Not every ledger is up to date yet." in said
    assert (clinic.version(), schema(clinic)) == ("1.1", 1)


def test_versions_of_one_schema_leave_ledgers_alone(clinic: Clinic, tmp_path: Path) -> None:
    clinic.folder.mkdir()
    (clinic.folder / "refused").touch()  # whoever asked would fail
    for version in ("1.0", "1.1"):
        assert clinic.run(tiny_installer(tmp_path, version, clinic.key, schema=2))[0] == 0
    written(clinic, 2)

    assert clinic.edgefair("rollback")[0] == 0
    assert (clinic.version(), schema(clinic)) == ("1.0", 2)


def test_a_version_that_does_not_start_can_be_left(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    clinic.run(older)
    clinic.run(newer)
    written(clinic, 2)
    current, *_ = (clinic.root / "current").read_text().splitlines()
    (clinic.root / "releases" / current / "site/edgefair/cli/main.py").write_text("1 / 0")
    code, said = clinic.edgefair("rollback")

    assert code == 0, said
    assert "does not start" in said
    assert (clinic.version(), schema(clinic)) == ("1.0", 2)


@pytest.mark.parametrize(("moment", "left"), [("before", 2), ("after", 1)])
def test_killed_beside_a_ledger_that_goes_back_the_next_rollback_ends_it(
    clinic: Clinic, older: Path, newer: Path, moment: str, left: int
) -> None:
    clinic.run(older)
    clinic.run(newer)
    written(clinic, 2)
    (clinic.folder / f"power fails {moment}").touch()
    assert clinic.edgefair("rollback")[0] < 0

    assert (clinic.version(), schema(clinic)) == ("1.1", left)
    (clinic.folder / f"power fails {moment}").unlink()
    assert clinic.edgefair("rollback")[0] == 0
    assert (clinic.version(), schema(clinic)) == ("1.0", 1)


@pytest.mark.parametrize(("moment", "left"), [("before", 1), ("after", 2)])
def test_killed_beside_a_ledger_that_comes_up_to_date_the_new_version_counts(
    clinic: Clinic, older: Path, newer: Path, moment: str, left: int
) -> None:
    clinic.run(older)
    written(clinic, 1)
    (clinic.folder / f"power fails {moment}").touch()
    assert clinic.run(newer, "--silent")[0] != 0

    assert (clinic.version(), schema(clinic)) == ("1.1", left)
    (clinic.folder / f"power fails {moment}").unlink()
    assert clinic.run(newer, "--silent")[0] == 0
    assert clinic.version() == "1.1"


def test_killed_at_any_moment_no_version_meets_a_ledger_that_it_cannot_read(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    chance = random.Random(5)
    clinic.run(older, "--silent")
    written(clinic, 1)
    clinic.run(newer, "--silent")
    began = time.monotonic()
    for _ in range(2):
        assert clinic.edgefair("rollback")[0] == 0
    took = (time.monotonic() - began) / 2
    for _ in range(6):
        process = subprocess.Popen(
            [str(clinic.launcher), "rollback"],
            cwd=clinic.folder,
            env=clinic.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0, 1.2 * took))
        kill(process)
        version = clinic.version()
        assert (version, schema(clinic)) != ("1.0", 2)
        if version == "1.1":
            written(clinic, 2)  # its next write brings the ledger up to date

    if clinic.version() == "1.0":
        assert clinic.edgefair("rollback")[0] == 0
    assert clinic.edgefair("rollback")[0] == 0
    assert (clinic.version(), schema(clinic)) == ("1.0", 1)


def test_real_ledgers_go_forth_and_back_with_the_version(clinic: Clinic, tmp_path: Path) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key, schema=VERSION - 1))
    path = clinic.folder / "consultório 2" / "clinic.ledger"
    path.parent.mkdir()
    with Ledger.open(path, create=True) as ledger:
        ledger.downgrade().unlink()
    known_in(clinic.root).note(path)
    known_in(clinic.root).note(clinic.folder / "stick" / "gone.ledger")
    newer = tiny_installer(tmp_path, "1.1", clinic.key, schema=VERSION, ledger=REAL_LEDGERS)
    code, said = clinic.run(newer)

    assert code == 0, said
    assert (clinic.version(), schema_of(path)) == ("1.1", VERSION)
    code, said = clinic.edgefair("rollback")
    assert code == 0, said
    assert "gone.ledger is not there" in said
    assert (clinic.version(), schema_of(path)) == ("1.0", VERSION - 1)
    assert schema_of(path.with_name(f"{path.name}.schema{VERSION}")) == VERSION


def test_a_damaged_ledger_stops_the_rollback_until_it_is_forgotten(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key, schema=VERSION - 1))
    newer = tiny_installer(tmp_path, "1.1", clinic.key, schema=VERSION, ledger=REAL_LEDGERS)
    clinic.run(newer)
    sound, damaged = clinic.folder / "sound.ledger", clinic.folder / "damaged.ledger"
    for path in (sound, damaged):
        Ledger.open(path, create=True).close()
        known_in(clinic.root).note(path)
    os.truncate(damaged, 5000)
    code, said = clinic.edgefair("rollback")

    assert code == 1
    assert "damaged" in said
    assert (clinic.version(), schema_of(sound)) == ("1.1", VERSION)
    assert clinic.edgefair("ledger", "forget", str(damaged))[0] == 0
    assert clinic.edgefair("rollback")[0] == 0
    assert (clinic.version(), schema_of(sound)) == ("1.0", VERSION - 1)


def test_two_changes_at_once_follow_one_another_or_the_second_says_why_not(
    clinic: Clinic, older: Path, newer: Path
) -> None:
    clinic.run(older)
    with (clinic.root / "install.lock").open("a+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = clinic.start(newer, "--silent")
        time.sleep(0.5)
        code, said = clinic.edgefair("rollback")

        assert code == 1
        assert "by another program right now" in said
        assert clinic.version() == "1.0"
    out, err = waiting.communicate()
    assert waiting.returncode in (0, 1), out + err
    assert clinic.run(newer, "--silent")[0] == 0
    assert clinic.version() == "1.1"


def test_a_version_tells_the_schema_that_its_ledger_has() -> None:
    assert ledger_schema(PACKAGING.parent / "edgefair") == VERSION
