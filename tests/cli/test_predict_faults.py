"""`edgefair predict` when the power fails, the disk is full, or the ledger is in trouble."""

import csv
import io
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.ledger import Ledger

BundleMaker = Callable[..., Path]

EDGEFAIR = (sys.executable, "-c", "from edgefair.cli.main import main; main()")
IMAGES = 300
KILLS = 30


@pytest.fixture
def bundle(make_bundle: BundleMaker) -> Path:
    return make_bundle()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for number in range(IMAGES):
        ramp = np.linspace(0, 200, 64) + number / IMAGES
        noise = np.random.default_rng(number).integers(0, 9, (64, 64))
        Image.fromarray((ramp + noise).astype(np.uint8)).save(folder / f"{number:03d}.png")
    return folder


def predict(scans: Path, bundle: Path, ledger: Path) -> subprocess.CompletedProcess[str]:
    command = [*command_line(scans, bundle, ledger), "--csv"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def command_line(scans: Path, bundle: Path, ledger: Path) -> list[str]:
    read = ("predict", str(scans), "-m", str(bundle), "--allow-unsigned")
    return [*EDGEFAIR, *read, "--ledger", str(ledger)]


def test_whatever_moment_it_is_killed_nothing_shown_is_lost_and_nothing_is_half_there(
    bundle: Path, scans: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clinic.ledger"
    began = time.monotonic()
    assert predict(scans, bundle, tmp_path / "undisturbed.ledger").returncode == 0
    undisturbed_s = time.monotonic() - began
    chance = random.Random(11)
    shown: set[str] = set()
    for _ in range(KILLS):
        command = [*command_line(scans, bundle, path), "--jsonl"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(undisturbed_s * chance.uniform(0.3, 1.0))
        child.kill()
        assert child.stdout is not None
        lines = child.stdout.read().decode().split("\n")[:-1]  # the last may be cut
        child.stdout.close()
        child.wait()
        shown |= {json.loads(line)["case"] for line in lines}
    with Ledger.open(path) as ledger:
        ledger.check()
        kept = [case.code for case in ledger.cases()]
        together = [len(p.scores) for p in ledger.predictions()]

    assert shown, "every child was killed before its first image"
    assert shown <= set(kept)
    assert len(kept) == len(set(kept))
    assert set(together) == {1}
    assert predict(scans, bundle, path).returncode == 0
    with Ledger.open(path) as ledger:
        assert sum(1 for _ in ledger.cases()) == IMAGES


def test_a_full_disk_is_told_and_what_was_shown_before_is_kept(
    bundle: Path, scans: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # a disk of one's own, in a name space that ends with the command; its content is copied out
    script = (
        'mount -t tmpfs -o size=700k tmpfs "$1" && { "$3" -c "$4" predict "$5" -m "$6" '
        '--allow-unsigned --ledger "$1/clinic.ledger" --csv; status=$?; '
        'cp "$1"/* "$2"; exit $status; }'
    )
    kept_folder = tmp_path / "kept"
    kept_folder.mkdir()
    run = (EDGEFAIR[0], EDGEFAIR[2], scans, bundle)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", disk, kept_folder, *run],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip(f"no name space of one's own can be had here: {done.stderr.strip()}")
    shown = {row["case"] for row in csv.DictReader(io.StringIO(done.stdout))}
    with Ledger.open(kept_folder / "clinic.ledger") as ledger:
        ledger.check()
        kept = {case.code for case in ledger.cases()}

    assert done.returncode == 5, done.stderr
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 < len(shown) < IMAGES
    assert shown <= kept


def test_a_locked_ledger_is_waited_for_and_then_told(
    bundle: Path, scans: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clinic.ledger"
    predict(scans / "000.png", bundle, path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    done = predict(scans / "001.png", bundle, path)
    other.execute("ROLLBACK")
    other.close()

    assert done.returncode == 5
    assert "hint:" in done.stderr
    assert predict(scans / "001.png", bundle, path).returncode == 0


def test_a_damaged_ledger_is_told_and_left_as_it_is(
    bundle: Path, scans: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clinic.ledger"
    path.write_bytes(b"no ledger at all" * 500)
    before = path.read_bytes()
    done = predict(scans / "000.png", bundle, path)

    assert done.returncode == 5
    assert done.stdout.count("\n") <= 1
    assert path.read_bytes() == before


def test_a_ledger_in_a_missing_folder_is_told(bundle: Path, scans: Path, tmp_path: Path) -> None:
    done = predict(scans / "000.png", bundle, tmp_path / "no" / "clinic.ledger")

    assert done.returncode == 5
    assert "Traceback" not in done.stderr
