"""Training: the loss counts what is known, the best epoch is kept, the seed decides everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract, Input, Normalize, Outputs, ResizeArea, Task
from edgefair.compress.recipe import Training
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.loop import (
    LabelledPictures,
    Material,
    TrainingLog,
    masked_loss,
    mean_auroc,
    train,
)

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


def _pictures(count: int, seed: int) -> LabelledPictures:
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.float32)[:, np.newaxis]
    pixels = rng.normal(100, 25, (count, 37, 37))
    pixels[labels[:, 0] == 1, 8:20, 8:20] += 60
    return LabelledPictures(pictures=np.clip(pixels, 0, 255).astype(np.uint8), labels=labels)


def _trained(*, epochs: int, patience: int, seed: int) -> tuple[Network, TrainingLog]:
    plan = Training(
        epochs=epochs,
        patience=patience,
        batch=16,
        learning_rate=1e-2,
        head_learning_rate=1e-2,
        weight_decay=0.01,
        dropout=0.1,
        augmentation=0.3,
    )
    torch.manual_seed(seed)
    network = Network(build_backbone("small-cnn"), 1, dropout=plan.dropout)
    material = Material(learn=_pictures(64, 0), val=_pictures(32, 1))
    return network, train(network, material, plan, contract=CONTRACT, seed=seed)


def _state(network: Network) -> NDArray[np.float32]:
    return np.concatenate([value.numpy().ravel() for value in network.state_dict().values()])


def test_a_network_learns_what_can_be_seen() -> None:
    network, log = _trained(epochs=8, patience=8, seed=0)

    assert max(log.val_aurocs) > 0.95
    assert log.val_aurocs[log.best_epoch - 1] == max(log.val_aurocs)
    assert not network.training


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    first, second, other = (_trained(epochs=1, patience=1, seed=seed)[0] for seed in (4, 4, 5))

    assert np.array_equal(_state(first), _state(second))
    assert not np.array_equal(_state(first), _state(other))


def test_training_stops_after_epochs_without_gain() -> None:
    _, log = _trained(epochs=30, patience=2, seed=0)

    assert len(log.val_aurocs) < 30
    assert len(log.val_aurocs) == log.best_epoch + 2


def test_what_nobody_knows_has_no_gradient() -> None:
    logits = torch.zeros(3, 2, requires_grad=True)
    labels = torch.tensor([[1.0, float("nan")], [float("nan"), 0.0], [float("nan")] * 2])

    masked_loss(logits, labels, Task.MULTI_LABEL).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert logits.grad.tolist() == [[-0.25, 0.0], [0.0, 0.25], [0.0, 0.0]]


def test_the_loss_over_classes_is_the_cross_entropy_of_the_known_rows() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    labels = torch.tensor([[0.0, 1.0, 0.0], [float("nan")] * 3])

    loss = masked_loss(logits, labels, Task.MULTI_CLASS)

    expected = -torch.log_softmax(logits[0], dim=0)[1]
    assert loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("task", list(Task))
def test_a_batch_of_which_nothing_is_known_has_no_loss(task: Task) -> None:
    loss = masked_loss(torch.ones(2, 3), torch.full((2, 3), float("nan")), task)

    assert loss.item() == 0


def test_the_mean_auroc_leaves_out_what_nobody_knows() -> None:
    scores = np.array([[0.1, 0.9], [0.9, 0.2], [0.5, 0.4]], dtype=np.float32)
    labels = np.array([[0, 1], [1, 0], [np.nan, 1]], dtype=np.float32)

    assert mean_auroc(scores, labels) == 1.0
