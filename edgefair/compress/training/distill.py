"""Learning without labels: the student says what the teacher's embedding of a picture is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.augment import draw_strong_changes
from edgefair.compress.recipe import Distillation
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import answers_of
from edgefair.compress.training.batches import Supply
from edgefair.compress.training.checkpoint import Keeper, key_of
from edgefair.compress.training.course import Course, Pace
from edgefair.compress.training.losses import embedding_losses
from edgefair.compress.training.machine import Machine, prepare_machine
from edgefair.compress.training.material import DistillationLog
from edgefair.compress.training.targets import Standardisation, fit_standard

__all__ = ["distill"]


def distill(  # noqa: PLR0913 - what to learn, how, and where; a record would only wrap the call
    network: Network,
    pictures: NDArray[np.uint8],
    targets: NDArray[np.float32],
    plan: Distillation,
    *,
    contract: Contract,
    seed: int,
    standardisation: Standardisation = "isotropic",
    checkpoint: Path | None = None,
    device: str = "cpu",
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> DistillationLog:
    """Train a network's backbone in place until its embedding tells the teacher's.

    A linear projector turns the one into the other and is dropped at the end; the classifier
    does not change. The student sees strongly changed copies, never flipped ones; the teacher
    saw the pictures as they are. A tenth of the pictures is held out to tell how well it went.
    The same arguments give the same weights, killed in between or not, as with `train`.

    Parameters
    ----------
    network : Network
    pictures : ndarray of uint8, shape (n, h, w)
        At least two.
    targets : ndarray of float32, shape (n, d)
        The teacher's embedding of each, as it is.
    plan : Distillation
    contract : Contract
        Its preprocessing ends the augmentation.
    seed : int
    standardisation : str, optional
        How the targets are brought to one scale (see `targets`).
    checkpoint, device, on_step
        As in `train`.

    Raises
    ------
    ValueError
        If there are not as many targets as pictures or fewer than two of them, or the machine
        has no such device.
    EdgefairError
        If the checkpoint cannot be written.
    """
    if len(pictures) != len(targets) or len(pictures) < 2:
        raise ValueError(f"{len(targets)} targets for {len(pictures)} pictures, at least 2 each")
    settings = (plan, contract, seed, standardisation)
    key = "" if checkpoint is None else key_of(*settings, network.state_dict(), pictures, targets)
    machine = prepare_machine(device, seed)
    held, learn = _parted(len(pictures), seed)
    standard = fit_standard(targets[learn], standardisation)
    student = _Student(network, targets.shape[1])
    supply = Supply(
        pictures=pictures[learn],
        contract=contract,
        batch=plan.batch,
        strength=plan.augmentation,
        draw=draw_strong_changes,
        team=machine.team,
    )
    pace = Pace(
        epochs=plan.epochs,
        steps=supply.steps,
        rates=(plan.learning_rate, plan.projector_learning_rate),
        weight_decay=plan.weight_decay,
        noise=plan.quantization_noise,
        seed=seed,
    )
    with _still(network.classifier):
        parts = (network.backbone.parameters(), student.projector.parameters())
        course = Course(student, parts, network.backbone, pace, machine)
        lesson = _Matching(standard.of(targets[learn]), pace, machine)
        course.run(lesson, supply, Keeper(checkpoint, key, machine.team), on_step)
        student.to(machine.device)
        said = answers_of(student, pictures[held], contract, machine)
        student.to("cpu")
    r_squared, cosine = _agreement(said, standard.of(targets[held]))
    return DistillationLog(
        losses=tuple(lesson.losses), held_out=len(held), r_squared=r_squared, cosine=cosine
    )


class _Student(nn.Module):
    """A network and the projector from its embedding to the teacher's."""

    def __init__(self, network: Network, size: int) -> None:
        super().__init__()
        self.network = network
        self.projector = nn.Linear(network.backbone.feature_size, size)

    def forward(self, images: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.network(images)[1])
        return projected


class _Matching:
    """A lesson (`course.Lesson`) from standardised embeddings, shape (n, d)."""

    def __init__(self, targets: NDArray[np.float32], pace: Pace, machine: Machine) -> None:
        self._targets = targets
        self._pace = pace
        self._machine = machine
        self._sum = torch.zeros((), dtype=torch.float64)
        self.losses: list[float] = []

    @property
    def is_over(self) -> bool:
        return False

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        return rng.permutation(len(self._targets))

    def loss(self, said: Tensor, rows: NDArray[np.intp]) -> Tensor:
        targets = torch.from_numpy(self._targets[rows]).to(said.device)
        team = self._machine.team
        values, known = embedding_losses(said, targets)
        part = values.sum() / team.total(known.sum())
        self._sum += team.total(part).double().cpu()
        # the team's gradients are averaged, and are to be added up
        return team.size * part

    def after_epoch(self, epoch: int) -> None:
        self.losses.append(float(self._sum) / self._pace.steps)
        self._sum.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {"losses": list(self.losses), "sum": self._sum.clone()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.losses, self._sum = list(state["losses"]), state["sum"]


@contextmanager
def _still(part: nn.Module) -> Iterator[None]:
    """Leave a part of a network out of the training."""
    moving = [parameter for parameter in part.parameters() if parameter.requires_grad]
    for parameter in moving:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in moving:
            parameter.requires_grad_(True)


def _parted(count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows held out, a tenth, and rows to learn from."""
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, count // 10)
    return np.sort(order[:held]), np.sort(order[held:])


def _agreement(said: NDArray[np.float32], targets: NDArray[np.float32]) -> tuple[float, float]:
    """Return the share of variance explained, about the centre learned from, and the cosine."""
    exact, told = said.astype(np.float64), targets.astype(np.float64)
    errors, spread = np.square(exact - told).sum(), np.square(told).sum()
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(told, axis=1)
    cosines = (exact * told).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    r_squared = 1 - errors / spread if spread > 0 else 0.0
    return float(r_squared), float(cosines.mean())
