"""`edgefair phantom`: what it writes, what it says, what it refuses."""

from pathlib import Path

import pydicom
import pytest

from edgefair.cli.main import main


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["phantom", *map(str, arguments)])
    return int(left.value.code or 0)


def test_it_writes_a_clinic_and_prints_the_manifests_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Ω clinic"

    assert run(folder, "--count", "3", "--size", "64") == 0
    assert capsys.readouterr().out.strip() == str(folder / "manifest.csv")
    assert len(list((folder / "images").iterdir())) == 3


def test_it_writes_dicom_files_with_a_planted_disparity(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    options = ("--format", "dicom", "--plant", "sex=F:1", "--prevalence", "1", "--seed", "5")

    assert run(folder, "--count", "2", "--size", "64", *options) == 0
    assert pydicom.dcmread(folder / "images" / "phantom-000001.dcm").Rows == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "number of images is 0"),
        (["--prevalence", "1.5"], "prevalence is 1.5"),
        (["--plant", "sex=Q:0.5"], "no group sex=Q"),
        (["--plant", "women"], "no disparity"),
        (["--size", "10"], "10 pixels wide"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_it_refuses_in_words_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run(tmp_path / "clinic", *options) == 3

    said = capsys.readouterr().err
    assert message in said
    assert "hint:" in said
    assert not (tmp_path / "clinic").exists()


def test_it_never_writes_into_a_folder_that_holds_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    assert run(tmp_path, "--count", "1") == 3
    assert "not empty" in capsys.readouterr().err


def test_help_shows_examples_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0

    said = capsys.readouterr().out
    assert said.index("Examples:") < said.index("Options:")
