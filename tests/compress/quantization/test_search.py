"""The search: fastest first, worst group's loss second, and the same after a kill."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgefair.compress.quantization.forms import PLAIN, Form, candidate_forms
from edgefair.compress.quantization.loss import GroupLoss
from edgefair.compress.quantization.search import SearchResult, Sought, Trial, search
from edgefair.runtime.engine import open_engine
from tests.compress.quantization.conftest import Floating

EQUAL = Form(equalised=True)
NARROW = Form(reduced_range=True)


def judged(loss: float) -> GroupLoss:
    return GroupLoss(loss=loss, group="sex F", passes=loss < 0.1, sentence="Told by the test.")


def sought_in(tiny: Floating, loss: Callable[[bytes], GroupLoss]) -> Sought:
    return Sought(
        model=tiny.model,
        contract=tiny.contract,
        calibration=lambda: [tiny.images[:8]],
        loss=loss,
    )


def by_turn(*losses: float) -> Callable[[bytes], GroupLoss]:
    """Return what tells these losses one after the other, and no more than these."""
    left = iter(losses)
    return lambda model: judged(next(left))


def by_distance(tiny: Floating) -> Callable[[bytes], GroupLoss]:
    def answers(model: bytes) -> np.ndarray:
        found: np.ndarray = open_engine(model, threads=1).run(["logits"], {"image": tiny.images})[
            0
        ]
        return found

    return lambda model: judged(float(np.abs(answers(model) - answers(tiny.model)).mean()))


def forms_of(result: SearchResult) -> list[Form]:
    return [trial.form for trial in result.trials]


def one_float(tiny: Floating) -> Form:
    forms = candidate_forms(tiny.model, tiny.contract)
    return next(form for form in forms if form.float_nodes and form.calibration == "minmax")


def test_of_equally_fast_forms_the_one_that_loses_least_is_taken(
    tiny: Floating, tmp_path: Path
) -> None:
    sought = sought_in(tiny, by_turn(0.05, 0.02, 0.03))
    result = search(sought, (PLAIN, EQUAL, NARROW), tmp_path, candidates=9)

    assert result.chosen.form == EQUAL
    assert result.chosen.judged.passes
    assert hashlib.sha256(result.model).hexdigest() == result.chosen.sha256
    assert result.chosen.latency_ms > 0


def test_slower_forms_are_not_tried_once_a_faster_one_passes(
    tiny: Floating, tmp_path: Path
) -> None:
    sought = sought_in(tiny, by_turn(0.5, 0.05))
    result = search(sought, (PLAIN, EQUAL, one_float(tiny)), tmp_path, candidates=9)

    assert forms_of(result) == [PLAIN, EQUAL]


def test_a_slower_form_is_taken_where_only_it_passes(tiny: Floating, tmp_path: Path) -> None:
    slower = one_float(tiny)
    sought = sought_in(tiny, by_turn(0.3, 0.2, 0.01))
    result = search(sought, (PLAIN, EQUAL, slower), tmp_path, candidates=9)

    assert result.chosen.form == slower
    assert result.chosen.float_multiplications > result.trials[0].float_multiplications


def test_where_none_passes_the_one_that_loses_least_is_told_as_failing(
    tiny: Floating, tmp_path: Path
) -> None:
    sought = sought_in(tiny, by_turn(0.3, 0.5, 0.2))
    result = search(sought, (PLAIN, EQUAL, one_float(tiny)), tmp_path, candidates=9)

    assert result.chosen.form == one_float(tiny)
    assert not result.chosen.judged.passes


def test_the_budget_is_kept(tiny: Floating, tmp_path: Path) -> None:
    result = search(sought_in(tiny, by_turn(0.3)), (PLAIN, EQUAL), tmp_path, candidates=1)

    assert forms_of(result) == [PLAIN]


def test_trials_on_disk_are_found_again_and_told_again(tiny: Floating, tmp_path: Path) -> None:
    told: list[Trial] = []
    forms = (PLAIN, EQUAL)
    first = search(sought_in(tiny, by_turn(0.3, 0.2)), forms, tmp_path, candidates=2)
    again = search(sought_in(tiny, by_turn()), forms, tmp_path, candidates=2, on_trial=told.append)

    assert again == first
    assert again.model == first.model
    assert told == list(first.trials)


@pytest.mark.parametrize("what", ["judge", "images"])
def test_trials_of_another_question_are_not_taken(
    tiny: Floating, tmp_path: Path, what: str
) -> None:
    search(sought_in(tiny, by_turn(0.3)), (PLAIN,), tmp_path, candidates=1)
    other = sought_in(tiny, by_turn(0.01))
    if what == "judge":
        other = replace(other, judged_by="another margin")
    else:
        other = replace(other, calibration=lambda: [tiny.images[8:16]])
    result = search(other, (PLAIN,), tmp_path, candidates=1)

    assert result.chosen.judged.loss == 0.01


@pytest.mark.parametrize("suffix", [".json", ".onnx"])
def test_a_damaged_trial_is_made_again(tiny: Floating, tmp_path: Path, suffix: str) -> None:
    first = search(sought_in(tiny, by_turn(0.3)), (PLAIN,), tmp_path, candidates=1)
    (damaged,) = tmp_path.glob(f"*{suffix}")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    again = search(sought_in(tiny, by_turn(0.3)), (PLAIN,), tmp_path, candidates=1)

    assert again.model == first.model


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from torch import nn
from edgefair.compress.quantization.forms import candidate_forms
from edgefair.compress.quantization.search import search
from tests.compress.quantization.conftest import exported
from tests.compress.quantization.test_search import by_distance, sought_in

tiny = exported(nn.ReLU)
forms = candidate_forms(tiny.model, tiny.contract)
print("ready", flush=True)
search(
    sought_in(tiny, by_distance(tiny)), forms, Path(sys.argv[1]), candidates=5,
    on_trial=lambda trial: print("trial", flush=True),
)
"""


def test_a_search_killed_half_way_ends_as_an_unbroken_one(tiny: Floating, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(killed)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while "trial" not in child.stdout.readline():
        pass
    time.sleep(0.05)  # somewhere inside the next trial
    child.send_signal(signal.SIGKILL)
    child.communicate()
    forms = candidate_forms(tiny.model, tiny.contract)
    kept = len(list(killed.glob("*.json")))
    results = [
        search(sought_in(tiny, by_distance(tiny)), forms, folder, candidates=5)
        for folder in (killed, whole)
    ]

    assert 1 <= kept < 5
    assert results[0].model == results[1].model
    assert [t.sha256 for t in results[0].trials] == [t.sha256 for t in results[1].trials]
    assert [t.judged for t in results[0].trials] == [t.judged for t in results[1].trials]
