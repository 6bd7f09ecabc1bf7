"""A tiny student, pictures with a bright square, and trainings in processes of their own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.bundle.manifest import Contract, Input, Normalize, Outputs, ResizeArea, Task
from edgefair.compress.data.augment import draw_changes
from edgefair.compress.recipe import Distillation, GroupAware, Training
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Backbone, Network
from edgefair.compress.training.answers import Logits
from edgefair.compress.training.batches import Supply
from edgefair.compress.training.course import Pace
from edgefair.compress.training.distill import distill
from edgefair.compress.training.loop import train
from edgefair.compress.training.machine import prepare_machine
from edgefair.compress.training.material import (
    DistillationLog,
    LabelledPictures,
    Material,
    TrainingLog,
)
from edgefair.compress.training.supervised import Supervised

# imports torch's compiler, for two seconds: once, and not in every process
torch.use_deterministic_algorithms(True)

CONTRACT = Contract(
    name="tiny",
    version="0.1.0",
    task=Task.BINARY,
    findings=("bright",),
    input=Input(name="image", channels=1, height_px=32, width_px=32),
    preprocessing=(ResizeArea(height_px=32, width_px=32), Normalize(mean=0.5, std=0.25)),
    outputs=Outputs(
        logits="logits",
        embedding="embedding",
        embedding_size=96,
        heat_map="heat_map",
        heat_map_height=2,
        heat_map_width=2,
    ),
)

PLAN = Training(
    epochs=3,
    patience=3,
    batch=16,
    learning_rate=1e-2,
    head_learning_rate=1e-2,
    weight_decay=0.01,
    dropout=0.1,
    augmentation=0.3,
)

DISTILLATION = Distillation(
    epochs=3,
    batch=16,
    learning_rate=5e-3,
    projector_learning_rate=5e-3,
    weight_decay=0.01,
    augmentation=0.5,
    quantization_noise=0.4,
)

HARD_PLAN = replace(
    PLAN,
    teacher_weight=0.3,
    temperature=2.0,
    quantization_noise=0.4,
    groups=GroupAware(method="group-dro", by="sex", strength=0.5),
)
"""Everything at once."""


class WithoutNorms(Backbone):
    """Three convolutions without batch norm, whose gradients do not depend on the company."""

    feature_size = 24
    stride = 8

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 8, 16, self.feature_size)
        layers = [
            layer
            for inputs, outputs in pairwise(widths)
            for layer in (nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU6())
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images)
        return features


def squares(count: int, seed: int) -> LabelledPictures:
    """Return noisy pictures, every other one with a bright square; group 1 is hard to see."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.float32)[:, np.newaxis]
    groups = (np.arange(count) % 8 > 5).astype(np.int64)
    pixels = rng.normal(100, 25, (count, 37, 37))
    pixels[labels[:, 0] == 1, 8:20, 8:20] += 60
    pixels[(labels[:, 0] == 1) & (groups == 1), 8:20, 8:20] -= 45
    return LabelledPictures(
        pictures=np.clip(pixels, 0, 255).astype(np.uint8),
        labels=labels,
        groups=groups,
        teacher_logits=(6 * labels - 3 + rng.normal(0, 1, labels.shape)).astype(np.float32),
    )


def student(seed: int = 0, *, name: str = "small-cnn", dropout: float = 0.1) -> Network:
    """Return a network with random weights; ``bare`` has no batch norms."""
    torch.manual_seed(seed)
    backbone = WithoutNorms() if name == "bare" else build_backbone(name)
    return Network(backbone, 1, dropout=dropout)


def targets(pictures: NDArray[np.uint8], size: int, seed: int = 0) -> NDArray[np.float32]:
    """Return what a linear teacher says of pictures: a projection of their coarse shades."""
    side = pictures.shape[1] // 6 * 6
    blocks = pictures[:, :side, :side].reshape(len(pictures), 6, side // 6, 6, side // 6)
    coarse = blocks.mean(axis=(2, 4)).reshape(len(pictures), 36) / 255
    turn = np.random.default_rng(seed).normal(size=(36, size))
    return np.asarray(coarse @ turn, dtype=np.float32)


def state_of(network: Network) -> NDArray[np.float32]:
    """Return all weights and buffers in one row."""
    return np.concatenate([value.numpy().ravel() for value in network.state_dict().values()])


def material(count: int = 72) -> Material:
    """Return squares to learn from, and others to judge by."""
    return Material(learn=squares(count, 0), val=squares(40, 1))


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process of its own does: ``train``, ``distill`` or ``gradients``.

    It leaves numbers in ``out.npy``, the log in ``out.json`` and a byte a step in ``out.steps``.
    """

    kind: str
    out: Path
    checkpoint: Path | None = None
    pause_s: float = 0.0
    backbone: str = "small-cnn"
    dropout: float = 0.1
    pictures: int = 72
    team: dict[str, str] = field(default_factory=dict)

    def on_step(self, _done: int, _total: int) -> None:
        with self.out.with_suffix(".steps").open("ab", buffering=0) as file:
            file.write(b".")
        time.sleep(self.pause_s)


def work(job: Job) -> None:
    """Do a job; under torchrun's variables several processes do it together."""
    os.environ.update(job.team)
    network = student(name=job.backbone, dropout=job.dropout)
    match job.kind:
        case "gradients":
            numbers, log = gradients(network, material(job.pictures)), {}
        case "distill":
            log = asdict(_distilled(network, job))
            numbers = state_of(network)
        case _:
            log = asdict(_trained(network, job))
            numbers = state_of(network)
    if job.team.get("RANK", "0") == "0":
        np.save(job.out.with_suffix(".npy"), numbers)
        job.out.with_suffix(".json").write_text(json.dumps(log), encoding="utf-8")
    if job.team:
        torch.distributed.destroy_process_group()


def _distilled(network: Network, job: Job) -> DistillationLog:
    pictures = squares(job.pictures, 0).pictures
    return distill(
        network,
        pictures,
        targets(pictures, 5),
        DISTILLATION,
        contract=CONTRACT,
        seed=3,
        checkpoint=job.checkpoint,
        on_step=job.on_step,
    )


def _trained(network: Network, job: Job) -> TrainingLog:
    return train(
        network,
        material(job.pictures),
        HARD_PLAN,
        contract=CONTRACT,
        seed=3,
        checkpoint=job.checkpoint,
        on_step=job.on_step,
    )


def gradients(network: Network, cases: Material) -> NDArray[np.float32]:
    """Return the gradients of the first step under `HARD_PLAN`, in one row."""
    machine = prepare_machine("cpu", 0)
    pace = Pace(epochs=1, steps=4, rates=(0.1, 0.1), weight_decay=0.0, noise=0.0, seed=0)
    lesson = Supervised(network, cases, HARD_PLAN, CONTRACT, pace, machine)
    supply = Supply(
        pictures=cases.learn.pictures,
        contract=CONTRACT,
        batch=17,
        strength=1.0,
        draw=draw_changes,
        team=machine.team,
    )
    rng = np.random.default_rng(0)
    batch = next(supply.epoch(lesson.order(rng), rng))
    shared = machine.team.shared(Logits(network))
    lesson.loss(shared(batch.images), batch.rows).backward()  # type: ignore[no-untyped-call]
    found = [p.grad.numpy().ravel() for p in network.parameters() if p.grad is not None]
    return np.concatenate(found)
