"""The command: what it prints, what it leaves, and how it fails."""

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
    code = left.value.code
    assert isinstance(code, int)
    return code


def test_help_has_examples_and_needs_no_torch() -> None:
    script = (
        "import json, sys\n"
        "from edgefair.cli.main import main\n"
        "try:\n    main(['compress', 'run', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps('torch' in sys.modules))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert "edgefair compress run models/phantom/recipe.toml" in shown
    assert json.loads(shown.splitlines()[-1]) is False


def test_a_missing_extra_is_one_sentence() -> None:
    script = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # as if it were not installed
        "from edgefair.cli.main import main\n"
        "main(['compress', 'run', 'recipe.toml'])"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )

    assert run.returncode == 1
    assert "needs torch, which is not installed" in run.stderr
    assert 'pip install "edgefair[compress]"' in run.stderr


def test_a_missing_recipe_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _exit_code("compress", "run", str(tmp_path / "none.toml"))

    said = capsys.readouterr()
    assert code == 3
    assert said.out == ""
    assert "none.toml cannot be read" in said.err
    assert "Traceback" not in said.err


def test_data_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Path(__file__).resolve().parents[2] / "models" / "phantom" / "recipe.toml"

    code = _exit_code(
        "compress", "run", str(recipe), "--data", str(tmp_path), "--out", str(tmp_path)
    )

    assert code == 3
    assert "manifest.csv cannot be opened" in capsys.readouterr().err


def test_a_stage_that_the_recipe_does_not_have_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phantom = Path(__file__).resolve().parents[2] / "models" / "phantom" / "recipe.toml"
    recipe = tmp_path / "recipe.toml"
    text = phantom.read_text(encoding="utf-8").replace("count = 5000", "count = 60")
    licences = 'licences = ["../../LICENSE"]'
    recipe.write_text(text.replace(licences, ""), encoding="utf-8")

    code = _exit_code("compress", "embed", str(recipe), "--work", str(tmp_path / "work"))

    assert code == 3
    assert "has no teacher table: there is nothing to embed" in capsys.readouterr().err


def test_judge_prints_every_group_and_exits_as_the_gate_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phantom = Path(__file__).resolve().parents[2] / "models" / "phantom" / "recipe.toml"
    text = phantom.read_text(encoding="utf-8").replace("count = 5000", "count = 120")
    text = text.replace('licences = ["../../LICENSE"]', "").replace("epochs = 16", "epochs = 1")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'{text}\n[gate]\nmargin = 0.1\ngroups = ["sex"]\n', encoding="utf-8")

    code = _exit_code("compress", "judge", str(recipe))

    said = capsys.readouterr()
    assert code == 7
    assert "student fp32 -> student INT8" in said.out
    assert "sex F" in said.out
    assert "cannot say" in said.err
    assert not list(tmp_path.glob("*.efb"))


def test_every_stage_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for stage in (
        "datasheet",
        "embed",
        "distill",
        "train",
        "quantize",
        "judge",
        "gate",
        "concept",
    ):
        assert _exit_code("compress", stage, "--help") == 0
        assert f"edgefair compress {stage}" in capsys.readouterr().out
