"""A clinic on disk: files, manifest, and what happens when it cannot be finished."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.errors import InputError
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import COLUMNS, FileFormat, to_grey8, write_clinic
from edgefair.phantom.generate import phantoms

SMALL = Clinic(seed=1, count=9, size_px=64, images_per_patient=2)


def rows_of(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("file_format", ["png", "dicom"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, file_format: FileFormat) -> None:
    write_clinic(SMALL, tmp_path / "one", file_format=file_format)
    write_clinic(SMALL, tmp_path / "two", file_format=file_format)

    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert len(files_of(tmp_path / "one")) == SMALL.count + 1


def test_the_manifest_tells_the_truth_of_each_image(tmp_path: Path) -> None:
    clinic = Clinic(seed=1, count=40, size_px=64, missing_rate=0.3)
    manifest = write_clinic(clinic, tmp_path / "clinic")
    rows = rows_of(manifest)

    assert manifest == tmp_path / "clinic" / "manifest.csv"
    assert tuple(rows[0]) == COLUMNS
    for row, image in zip(rows, phantoms(clinic), strict=True):
        pixels = np.asarray(Image.open(tmp_path / "clinic" / "images" / row["image"]))
        assert np.array_equal(pixels, to_grey8(image))
        assert row["opacity"] == str(int(image.finding))
        assert row["patient_id"] == image.subject.patient_id
        assert row["sex"] == {"F": "F", "M": "M", "Unknown": ""}[image.subject.sex]
        if image.subject.age_years is None:
            assert row["age"] == ""
        else:
            assert -0.005 <= image.subject.age_years - float(row["age"]) < 1


def test_no_patient_is_in_two_splits(tmp_path: Path) -> None:
    clinic = Clinic(seed=3, count=90, size_px=64, images_per_patient=3)
    splits = defaultdict(set)
    for row in rows_of(write_clinic(clinic, tmp_path / "clinic")):
        splits[row["patient_id"]].add(row["split"])

    assert len(splits) == 30
    assert all(len(of_patient) == 1 for of_patient in splits.values())
    assert set().union(*splits.values()) == {"train", "val", "test"}


def test_a_folder_that_holds_anything_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(InputError, match="not empty"):
        write_clinic(SMALL, tmp_path)

    assert files_of(tmp_path) == {"mine.txt": b"mine"}


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(InputError, match="cannot be written"):
        write_clinic(SMALL, tmp_path / "file")


def test_a_writer_that_is_interrupted_leaves_no_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    code = (
        "import sys; from pathlib import Path; from edgefair.phantom import Clinic; "
        "from edgefair.phantom.folder import write_clinic; "
        "write_clinic(Clinic(seed=1, count=100000, size_px=64), Path(sys.argv[1]))"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    deadline = time.monotonic() + 30
    while not (folder / "images" / "phantom-000003.png").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    writer.kill()

    assert writer.wait() == -signal.SIGKILL
    assert not (folder / "manifest.csv").exists()


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="a small disk of one's own needs user namespaces")
def test_a_full_disk_is_said_and_leaves_no_manifest(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=200k tmpfs "$1" && '
        '"$2" -c "from edgefair.cli.main import main; main()" '
        'phantom "$1/clinic" --count 500 --size 128; '
        'echo "exit $?"; find "$1" -name "*manifest*"'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(disk), sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "is full" in done.stderr
    assert done.stdout.split() == ["exit", "3"]
