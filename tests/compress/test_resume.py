"""A run that is killed goes on where it was, and one that changed nothing makes nothing again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgefair.bundle.archive import read_bundle
from edgefair.compress.run import run_recipe

KILLS = 6

TAUGHT = """
[teacher]
kind = "onnx"
path = "teacher.onnx"
output = "embedding"

[teacher.input]
side_px = 32
mean = [0.5]
std = [0.25]

[distillation]
epochs = 3
batch = 16
learning_rate = 1e-2
projector_learning_rate = 1e-2
weight_decay = 0.0
augmentation = 0.5

[cross_fitting]
folds = 2

[gate]
margin = 0.95
groups = ["sex"]
"""

ACCEPTANCE = "The test: too few squares were drawn to judge"


def distilling(recipe: Path) -> Path:
    """Let a recipe learn from a teacher: the model that the plain recipe makes."""
    folder = recipe.parent
    plain = run_recipe(recipe, folder / "plain", data=None, weights=folder)
    (folder / "teacher.onnx").write_bytes(read_bundle(plain).content("model"))
    text = recipe.read_text().replace("images = 32", "images = 32\ncandidates = 3")
    recipe.write_text(
        text.replace("augmentation = 0.1", "augmentation = 0.1\nteacher_weight = 0.5\n") + TAUGHT
    )
    return recipe


@pytest.fixture
def recipe(squares: Path) -> Path:
    return distilling(squares)


def _stages_made(work: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in work.glob("*/stage.json")}


def test_nothing_is_made_again_where_nothing_changed(recipe: Path) -> None:
    out = recipe.parent / "out"
    first = _run(recipe, out).read_bytes()
    made = _stages_made(out / "tiny-0.1.0.work")

    again = _run(recipe, out).read_bytes()

    assert again == first
    assert _stages_made(out / "tiny-0.1.0.work") == made
    assert set(made) >= {"embed", "distill", "train", "quantize", "gate"}
    assert set(made) >= {"cross-fit-1", "cross-fit-2"}


def test_a_change_makes_what_comes_after_it_and_nothing_before(recipe: Path) -> None:
    out = recipe.parent / "out"
    _run(recipe, out)
    before = _stages_made(out / "tiny-0.1.0.work")
    recipe.write_text(recipe.read_text().replace("images = 32", "images = 31"))

    _run(recipe, out)

    after = _stages_made(out / "tiny-0.1.0.work")
    changed = {name for name in after if after[name] != before[name]}
    assert {"embed", "distill", "train", "cross-fit-1", "cross-fit-2"}.isdisjoint(changed)
    assert "quantize" in changed


def test_a_run_killed_at_random_ends_like_one_that_was_not(recipe: Path) -> None:
    whole = _run(recipe, recipe.parent / "whole")
    out = recipe.parent / "broken"
    chance = random.Random(5)
    killed = 0
    for _ in range(KILLS):
        run = _start(recipe, out)
        wait_s = chance.uniform(2.0, 6.0)
        deadline = time.monotonic() + wait_s
        while run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
            killed += 1
        run.wait()

    finished = _run(recipe, out)

    assert killed > 0
    assert finished.read_bytes() == whole.read_bytes()


def _run(recipe: Path, out: Path) -> Path:
    return run_recipe(recipe, out, data=None, weights=recipe.parent, acceptance=ACCEPTANCE)


def _start(recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    arguments = ["compress", "run", str(recipe), "--out", str(out)]
    arguments += ["--accept-conditions", ACCEPTANCE]
    program = f"from edgefair.cli.main import main; main({arguments!r})"
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
