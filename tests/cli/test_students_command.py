"""`compress students` and `compress concept`: what they print and how they fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.cli.main import main


def _exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_students_are_rows_of_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "students.json"

    code = _exit_code("compress", "students", "small-cnn", "--side-px", "32", "-o", str(out))

    (row,) = json.loads(out.read_text(encoding="utf-8"))
    assert code == 0
    assert row["student"] == "small-cnn"
    assert set(row) == {
        *("student", "parameters_m", "macs_g", "fp32_ms", "int8_ms", "ratio"),
        *("fp32_mb", "int8_mb", "fp32_peak_mb", "int8_peak_mb"),
    }
    assert row["ratio"] == pytest.approx(row["fp32_ms"] / row["int8_ms"], rel=0.2)
    assert capsys.readouterr().out == ""


def test_an_unknown_student_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = _exit_code("compress", "students", "resnet-19")

    said = capsys.readouterr().err
    assert code == 3
    assert "There is no student resnet-19." in said
    assert "efficientnet-lite0" in said
    assert "timm:ARCHITECTURE" in said


def test_a_concept_without_a_teacher_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    concepts = tmp_path / "concepts.json"
    concepts.write_text('{"concepts": [{"names": {"en": "mass"}, "vector": [1]}]}')
    recipe = Path(__file__).resolve().parents[2] / "models" / "phantom" / "recipe.toml"
    given = ("phantom", str(concepts), "--recipe", str(recipe), "-o", str(tmp_path / "new.efb"))

    code = _exit_code("compress", "concept", *given)

    assert code == 3
    assert "keeps none to add a concept with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("students", "edgefair compress students efficientnet-lite0 resnet-18"),
        ("concept", "edgefair compress concept chest-xray concepts.json"),
    ],
)
def test_help_has_examples_and_needs_no_torch(name: str, example: str) -> None:
    script = (
        "import json, sys\n"
        "from edgefair.cli.main import main\n"
        f"try:\n    main(['compress', '{name}', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps([m for m in ('torch', 'onnx', 'sklearn') if m in sys.modules]))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert example in shown
    assert json.loads(shown.splitlines()[-1]) == []
