"""A training that is killed and called again ends where an unbroken one does."""

from __future__ import annotations

import random
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

from edgefair.compress.training.checkpoint import Keeper, key_of
from edgefair.compress.training.loop import train
from edgefair.errors import EdgefairError
from tests.compress.training.toy import CONTRACT, HARD_PLAN, Job, material, state_of, student, work


def _killed_after(processes: ForkServerContext, job: Job, steps: int) -> bool:
    """Whether the job had to be killed; it is, once it has done so many steps and a bit more."""
    counter = job.out.with_suffix(".steps")
    counter.write_bytes(b"")
    process = processes.Process(target=work, args=(job,))
    process.start()
    deadline_s = time.monotonic() + 60
    while process.is_alive() and counter.stat().st_size < steps:
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    time.sleep(random.Random(steps).uniform(0, 0.03))
    process.kill()
    process.join()
    return process.exitcode != 0


@pytest.mark.parametrize(("kind", "points"), [("train", (1, 3, 6, 2, 5)), ("distill", (3, 5))])
def test_a_training_killed_at_any_point_ends_with_the_same_weights_to_the_last_bit(
    processes: ForkServerContext, tmp_path: Path, kind: str, points: tuple[int, ...]
) -> None:
    checkpoint = tmp_path / "training.checkpoint"
    job = Job(kind=kind, out=tmp_path / "broken", checkpoint=checkpoint, pause_s=0.04)
    unbroken = Job(kind=kind, out=tmp_path / "unbroken")

    kills = [_killed_after(processes, job, steps) for steps in points]
    for last in (job, unbroken):
        process = processes.Process(target=work, args=(last,))
        process.start()
        process.join()

    assert sum(kills) >= len(points) - 1
    assert checkpoint.is_file()
    assert np.array_equal(*(np.load(j.out.with_suffix(".npy")) for j in (job, unbroken)))
    assert len({j.out.with_suffix(".json").read_text() for j in (job, unbroken)}) == 1


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    steps: list[int] = []
    found = []
    for _ in range(2):
        network = student()
        log = train(
            network,
            material(32),
            HARD_PLAN,
            contract=CONTRACT,
            seed=3,
            checkpoint=tmp_path / "training.checkpoint",
            on_step=lambda done, total: steps.append(done),
        )
        found.append((log, state_of(network).tobytes()))

    assert len(steps) == 6
    assert found[0] == found[1]


def test_the_checkpoint_of_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "training.checkpoint"
    Keeper(path, key_of("plan", 1)).save({"place": [2, 0]})

    assert Keeper(path, key_of("plan", 2)).load() is None
    assert Keeper(path, key_of("plan", 1)).load() == {"place": [2, 0]}


@pytest.mark.parametrize("damage", ["cut short", "a bit flipped", "emptied"])
def test_a_damaged_checkpoint_counts_as_none(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "training.checkpoint"
    Keeper(path, "key").save({"place": [2, 0]})
    content = bytearray(path.read_bytes())
    content[-20] ^= damage == "a bit flipped"
    path.write_bytes(content[: {"cut short": -5, "emptied": 0}.get(damage)])

    assert Keeper(path, "key").load() is None


def test_no_code_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    path = tmp_path / "training.checkpoint"
    # a path is an object, which only a full unpickler would make
    Keeper(path, "key").save({"place": tmp_path})

    assert Keeper(path, "key").load() is None


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    keeper = Keeper(tmp_path / "file" / "training.checkpoint", "key")

    assert keeper.load() is None
    with pytest.raises(EdgefairError, match="cannot be written"):
        keeper.save({})


def test_a_key_depends_on_every_number() -> None:
    pictures = np.zeros((2, 3, 3), dtype=np.uint8)
    other = pictures.copy()
    other[1, 2, 2] = 1

    assert key_of(pictures) != key_of(other)
    assert key_of(student(0).state_dict()) != key_of(student(1).state_dict())
