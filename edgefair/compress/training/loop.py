"""Supervised fine-tuning: a network, labelled pictures, and the epoch that did best on val."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from edgefair.bundle.manifest import Contract, Task
from edgefair.compress.data.augment import augment
from edgefair.compress.recipe import Training
from edgefair.compress.students.network import Network
from edgefair.runtime.preprocess import prepare

__all__ = [
    "THREADS",
    "LabelledPictures",
    "Material",
    "TrainingLog",
    "masked_loss",
    "mean_auroc",
    "train",
]

THREADS = 2
"""Fixed, because another number adds in another order and gives other weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPictures:
    """Pictures with their labels, n of them.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (n, h, w)
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows.
    """

    pictures: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is learned from, and what says after each epoch how well it went."""

    learn: LabelledPictures
    val: LabelledPictures


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLog:
    """What the val split said after each epoch, and which epoch was kept (from 1)."""

    val_aurocs: tuple[float, ...]
    best_epoch: int


def train(
    network: Network,
    material: Material,
    plan: Training,
    *,
    contract: Contract,
    seed: int,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingLog:
    """Train a network in place and leave it with the weights of its best epoch on val.

    The same arguments give the same weights to the last bit on the same machine.

    Parameters
    ----------
    network : Network
    material : Material
    plan : Training
    contract : Contract
        Its preprocessing ends the augmentation; its task chooses the loss.
    seed : int
    on_step : callable, optional
        Called with the steps done and the steps at most.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    # twice as fast on separable convolutions
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # untyped there
    learn, val = material.learn, material.val
    steps = len(learn.labels) // plan.batch or 1
    optimizer, schedule = _optimizer(network, plan, steps * plan.epochs)
    best, best_state, aurocs = 0, _state(network), list[float]()
    for epoch in range(plan.epochs):
        network.train()
        for step, (images, labels) in enumerate(_batches(learn, plan, contract, (seed, epoch))):
            optimizer.zero_grad()
            loss = masked_loss(network(images)[0], labels, contract.task)
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            optimizer.step()
            schedule.step()
            on_step(epoch * steps + step + 1, plan.epochs * steps)
        aurocs.append(mean_auroc(_logits(network, val, contract), val.labels))
        if aurocs[-1] > aurocs[best] or epoch == 0:
            best, best_state = epoch, _state(network)
        if epoch - best >= plan.patience:
            break
    network.load_state_dict(best_state)
    network.eval()
    return TrainingLog(val_aurocs=tuple(aurocs), best_epoch=best + 1)


def masked_loss(logits: Tensor, labels: Tensor, task: Task) -> Tensor:
    """Return the mean cross entropy over what is known; 0 if nothing is.

    Parameters
    ----------
    logits : Tensor, shape (n, findings)
    labels : Tensor, shape (n, findings)
        1, 0, or nan where nobody knows.
    task : Task
        ``multi_class`` takes the softmax over findings, the others each finding by itself.

    Examples
    --------
    >>> logits = torch.zeros(2, 1)
    >>> known, unknown = torch.tensor([[1.0], [0.0]]), torch.tensor([[1.0], [float("nan")]])
    >>> bool(masked_loss(logits, known, Task.BINARY) == masked_loss(logits, unknown, Task.BINARY))
    True
    """
    is_known = ~labels.isnan()
    if task is Task.MULTI_CLASS:
        rows = is_known.all(dim=1)
        losses = functional.cross_entropy(logits[rows], labels[rows], reduction="none")
    else:
        losses = functional.binary_cross_entropy_with_logits(
            logits[is_known], labels[is_known], reduction="none"
        )
    return losses.sum() / max(len(losses), 1)


def mean_auroc(scores: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    """Return the mean over findings of the AUROC on the cases whose label is known.

    Parameters
    ----------
    scores, labels : ndarray, shape (n, findings)
        Each finding needs a case with it and a case without.
    """
    aurocs = []
    for score, label in zip(scores.T, labels.T, strict=True):
        is_known = ~np.isnan(label)
        aurocs.append(float(roc_auc_score(label[is_known], score[is_known])))
    return float(np.mean(aurocs))


def _optimizer(
    network: Network, plan: Training, total_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    rates = [plan.learning_rate, plan.head_learning_rate]
    parts = [network.backbone.parameters(), network.classifier.parameters()]
    groups = [{"params": list(p), "lr": rate} for p, rate in zip(parts, rates, strict=True)]
    optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        # the schedule takes its first step before any of ours, the last of ours is one too many
        optimizer,
        max_lr=rates,
        total_steps=total_steps + 1,
    )
    return optimizer, schedule


def _batches(
    learn: LabelledPictures, plan: Training, contract: Contract, seed: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield an epoch's batches; images left over by the last whole batch wait for another.

    One thread makes the next batch while this one is learned from.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(learn.labels))
    size = min(plan.batch, len(order))

    def batch(rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        side_px, strength = contract.input.height_px, plan.augmentation
        pictures = [augment(learn.pictures[row], side_px, strength, rng) for row in rows]
        images = _tensor([prepare(picture, contract) for picture in pictures])
        return images, torch.from_numpy(learn.labels[rows])

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(batch, order[:size])
        for first in range(size, len(order) - size + 1, size):
            ready, coming = coming, pool.submit(batch, order[first : first + size])
            yield ready.result()
        yield coming.result()


def _logits(network: Network, cases: LabelledPictures, contract: Contract) -> NDArray[np.float32]:
    network.eval()
    found = []
    with torch.inference_mode():
        for first in range(0, len(cases.labels), 64):
            some = cases.pictures[first : first + 64]
            images = [prepare(p.astype(np.float32) / np.float32(255), contract) for p in some]
            found.append(network(_tensor(images))[0].numpy())
    return np.concatenate(found)


def _tensor(images: list[NDArray[np.float32]]) -> Tensor:
    return torch.from_numpy(np.stack(images)).contiguous(memory_format=torch.channels_last)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
