"""The command: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.cli.main import main

COLUMNS = ["--label", "ill", "--group", "sex"]


def _exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    code = left.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest of 40 images of 40 patients, one of them in two splits."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    with (tmp_path / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "patient_id", "sex", "split", "ill"])
        for number in range(41):
            pixels = rng.integers(0, 255, (8, 8)).astype(np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(tmp_path / "images" / f"{number}.png")
            split = ("train", "val", "test")[number % 3]
            writer.writerow(
                [f"{number}.png", number % 40, "FM"[number // 3 % 2], split, number % 2]
            )
    return tmp_path / "manifest.csv"


def test_help_has_examples_and_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\n"
        "from edgefair.cli.main import main\n"
        "try:\n    main(['compress', 'datasheet', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps([m for m in ('torch', 'numpy', 'cv2') if m in sys.modules]))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert "edgefair compress datasheet recipe.toml -o datasheet.html" in shown
    assert json.loads(shown.splitlines()[-1]) == []


def test_the_whole_command_needs_no_torch(manifest: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # as if it were not installed
        "from edgefair.cli.main import main\n"
        f"main(['compress', 'datasheet', {str(manifest)!r}, '--label', 'ill'])"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )

    assert run.returncode == 0, run.stderr
    assert "serious" in run.stdout


def test_the_findings_come_first_and_the_files_are_written(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, sheet, fixed = (tmp_path / name for name in ("d.html", "d.json", "fixed.csv"))

    arguments = ("-o", str(page), "--json", str(sheet), "--fix", str(fixed))
    code = _exit_code("compress", "datasheet", str(manifest), *COLUMNS, *arguments)

    said = capsys.readouterr()
    assert code == 0
    assert said.out.startswith("Datasheet of manifest\n\n")
    assert said.out.index("1 patient with images in more than one") < 600
    assert "What the curated manifest changes" in said.out
    assert "The datasheet is in" in said.err
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(sheet.read_text(encoding="utf-8"))["composition"]["patients"] == 40
    assert len(fixed.read_text(encoding="utf-8").splitlines()) == 42
    assert (tmp_path / "fixed.changes.csv").read_text().startswith("line,image,change,why\n")
    assert list(tmp_path.glob("*.partial")) == []


def test_a_catchment_can_be_stated_beside_the_manifest(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    census = tmp_path / "census.csv"
    census.write_text("by,group,share\nsex,F,0.05\nsex,M,0.95\n")

    _exit_code("compress", "datasheet", str(manifest), *COLUMNS, "--catchment", str(census))

    assert "sex M: 95.0% of the catchment" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "A manifest needs --label"),
        ([*COLUMNS, "-o", "page.txt"], "ends in .html"),
        ([*COLUMNS, "--fix", "MANIFEST"], "another file than the manifest"),
    ],
)
def test_a_wrong_command_line_is_usage(
    manifest: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    given = [str(manifest) if one == "MANIFEST" else one for one in arguments]

    assert _exit_code("compress", "datasheet", str(manifest), *given) == 2
    assert sentence in capsys.readouterr().err


def test_a_phantom_recipe_asks_for_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path(__file__).resolve().parents[2] / "models" / "phantom" / "recipe.toml"

    assert _exit_code("compress", "datasheet", str(recipe)) == 2
    assert "with --data" in capsys.readouterr().err


def test_a_missing_column_is_one_sentence(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _exit_code("compress", "datasheet", str(manifest), "--label", "well")

    assert code == 3
    assert "has no column 'well'" in capsys.readouterr().err
