"""Two processes learn what one learns."""

from __future__ import annotations

import json
import socket
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefair.compress.data.augment import draw_changes
from edgefair.compress.training.batches import Supply
from edgefair.compress.training.parallel import Team
from tests.compress.training.toy import CONTRACT, Job, squares, work


def _together(processes: ForkServerContext, folder: Path, kind: str) -> list[Job]:
    """Do a job in one process and in two at once, under the variables that torchrun sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    jobs = [
        Job(kind=kind, out=folder / "one", backbone="bare", dropout=0.0),
        *(
            Job(
                kind=kind,
                out=folder / "two",
                backbone="bare",
                dropout=0.0,
                checkpoint=folder / "two.checkpoint",
                team={
                    "WORLD_SIZE": "2",
                    "RANK": str(rank),
                    "LOCAL_RANK": str(rank),
                    "MASTER_ADDR": "127.0.0.1",
                    "MASTER_PORT": port,
                },
            )
            for rank in range(2)
        ),
    ]
    running = [processes.Process(target=work, args=(job,)) for job in jobs]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0, 0, 0]
    return jobs[:2]


def test_two_processes_have_the_gradients_of_one(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    one, two = (
        np.load(job.out.with_suffix(".npy")) for job in _together(processes, tmp_path, "gradients")
    )

    assert np.abs(one).max() > 1e-3
    assert two == pytest.approx(one, abs=1e-5 * float(np.abs(one).max()))


@pytest.mark.parametrize("kind", ["train", "distill"])
def test_two_processes_end_with_the_weights_and_metrics_of_one(
    processes: ForkServerContext, tmp_path: Path, kind: str
) -> None:
    jobs = _together(processes, tmp_path, kind)

    one, two = (np.load(job.out.with_suffix(".npy")) for job in jobs)
    logs = [json.loads(job.out.with_suffix(".json").read_text()) for job in jobs]
    assert two == pytest.approx(one, abs=1e-4)
    for name, value in logs[0].items():
        assert logs[1][name] == pytest.approx(value, abs=1e-5), name


def test_each_process_makes_its_own_rows_of_the_very_pictures_that_one_makes() -> None:
    def images(rank: int, size: int) -> torch.Tensor:
        team = Team(rank=rank, size=size, device=torch.device("cpu"))
        supply = Supply(
            pictures=squares(20, 0).pictures,
            contract=CONTRACT,
            batch=7,
            strength=1.0,
            draw=draw_changes,
            team=team,
        )
        epoch = supply.epoch(np.arange(20), np.random.default_rng(0))
        return torch.cat([batch.images for batch in epoch])

    first, second, alone = images(0, 2), images(1, 2), images(0, 1)

    assert [len(part) for part in (first, second, alone)] == [8, 6, 14]
    assert torch.equal(torch.cat([first[:4], second[:3], first[4:], second[3:]]), alone)


def test_a_batch_smaller_than_the_team_is_refused() -> None:
    with pytest.raises(ValueError, match="a picture for each of 4 processes"):
        Supply(
            pictures=squares(3, 0).pictures,
            contract=CONTRACT,
            batch=8,
            strength=0.0,
            draw=draw_changes,
            team=Team(rank=0, size=4, device=torch.device("cpu")),
        )
