"""Several processes make a recipe together, as ``torchrun`` starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.bundle.archive import read_bundle
from tests.compress.test_resume import ACCEPTANCE, distilling


def run(recipe: Path, out: Path, *, processes: int) -> subprocess.CompletedProcess[str]:
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    command = [sys.executable, "-m", *(torchrun if processes > 1 else []), "edgefair"]
    asked = ["compress", "run", str(recipe), "--out", str(out), "--weights", str(recipe.parent)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *asked, "--accept-conditions", ACCEPTANCE],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


def losses(out: Path) -> list[float]:
    (log,) = out.glob("*.work/distill/log.json")
    found: list[float] = json.loads(log.read_text())["losses"]
    return found


def test_two_processes_make_one_bundle_from_what_they_learned_together(squares: Path) -> None:
    recipe = distilling(squares)
    for processes in (1, 2):
        done = run(recipe, squares.parent / f"by-{processes}", processes=processes)

        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1, "only the first process prints"
    made = [
        read_bundle(path) for n in (1, 2) for path in (squares.parent / f"by-{n}").glob("*.efb")
    ]

    assert made[0].manifest.contract == made[1].manifest.contract
    assert sorted(p.name for p in (squares.parent / "by-1").glob("*.work/*")) == sorted(
        p.name for p in (squares.parent / "by-2").glob("*.work/*")
    )
    # the small network's batch norms see half of a batch each
    assert losses(squares.parent / "by-2") == pytest.approx(
        losses(squares.parent / "by-1"), rel=0.1
    )
