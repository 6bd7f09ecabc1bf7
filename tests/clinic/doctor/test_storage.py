"""Disk, clock and ledger, each in good order and planted with a fault."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import edgefair
from edgefair.clinic.doctor.checks import Result
from edgefair.clinic.doctor.storage import (
    check_clock,
    check_disk,
    examine_ledger,
    made_on,
)
from edgefair.ledger import Ledger
from edgefair.records import Prediction, Status

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.ledger"
    with Ledger.open(path, create=True) as opened:
        opened.record(
            Prediction(
                image=f"{day}.png",
                status=Status.BLANK,
                digest=f"{day:032x}",
                message="One shade.",
                model="chest-xray 0.1.0",
                bundle_digest="ab",
                predicted_at=f"2027-02-{day:02d}T08:00:00+00:00",
            )
            for day in (3, 20, 7)
        )
    return path


def test_room_enough_is_told_in_gigabytes(tmp_path: Path) -> None:
    check = check_disk(tmp_path, least=0, enough=0)

    assert check.result is Result.OK
    assert "GB free on the disk of" in check.sentence


def test_a_nearly_full_disk_warns_and_a_full_one_fails(tmp_path: Path) -> None:
    more_than_any = 10**18

    assert check_disk(tmp_path, least=0, enough=more_than_any).result is Result.WARNING
    assert check_disk(tmp_path, least=more_than_any).result is Result.FAILED


def test_the_disk_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path: Path) -> None:
    check = check_disk(tmp_path / "not" / "yet", least=0, enough=0)

    assert str(tmp_path) in check.sentence
    assert "not" not in check.sentence.removeprefix(str(tmp_path)).split()


def test_a_clock_before_the_release_fails() -> None:
    check = check_clock(NOW, newest=None, released=date(2027, 4, 1))

    assert check.result is Result.FAILED
    assert "before this edgefair was made (2027-04-01)" in check.sentence
    assert "battery" in check.hint


@pytest.mark.parametrize(
    ("release", "day"),
    [
        ('{"made_at": 1800000000}', date(2027, 1, 15)),
        ('{"made_at": 315532800}', date(2026, 11, 1)),
        ('{"made_at": 1e300}', date(2026, 11, 1)),
        ("{}", date(2026, 11, 1)),
        ("[", date(2026, 11, 1)),
    ],
)
def test_the_day_of_making_is_the_builders_or_that_of_the_first_edgefair(
    tmp_path: Path, release: str, day: date
) -> None:
    (tmp_path / "release.json").write_text(release)

    assert made_on(tmp_path) == day


def test_an_installed_edgefair_finds_when_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "edgefair").symlink_to(Path(edgefair.__file__).parent)
    (tmp_path / "release.json").write_text('{"made_at": 1800000000}')
    code = "from edgefair.clinic.doctor.storage import made_on; print(made_on())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "2027-01-15"


@pytest.mark.parametrize(
    ("back", "result"),
    [
        (timedelta(minutes=-5), Result.OK),
        (timedelta(minutes=5), Result.OK),
        (timedelta(hours=3), Result.WARNING),
        (timedelta(days=40), Result.FAILED),
    ],
)
def test_a_clock_that_went_back_behind_the_ledger_is_noticed(
    back: timedelta, result: Result
) -> None:
    check = check_clock(NOW, newest=NOW + back, released=NOW.date())

    assert check.result is result
    assert ("before the newest prediction" in check.sentence) is (result is not Result.OK)


def test_a_whole_ledger_tells_its_newest_prediction(ledger: Path) -> None:
    check, newest = examine_ledger(ledger)

    assert check.result is Result.OK
    assert "3 predictions" in check.sentence
    assert newest == datetime(2027, 2, 20, 8, tzinfo=UTC)


def test_a_ledger_with_a_changed_byte_fails(ledger: Path) -> None:
    content = ledger.read_bytes()
    ledger.write_bytes(content.replace(b"One shade.", b"One shape.", 1))

    check, newest = examine_ledger(ledger)

    assert check.result is Result.FAILED
    assert "damaged" in check.sentence
    assert "backup" in check.hint
    assert newest is None


def test_a_ledger_that_is_not_there_fails_and_none_is_made(tmp_path: Path) -> None:
    check, _ = examine_ledger(tmp_path / "no.ledger")

    assert check.result is Result.FAILED
    assert list(tmp_path.iterdir()) == []


def test_without_a_ledger_nothing_is_claimed_of_one() -> None:
    assert examine_ledger(None)[0].result is Result.NOT_CHECKED
