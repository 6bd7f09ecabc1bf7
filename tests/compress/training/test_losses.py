"""Losses: what is known counts, and a teacher's word is softened."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgefair.bundle.manifest import Task
from edgefair.compress.training.losses import label_losses, masked_loss, teacher_losses


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


@pytest.mark.parametrize("task", list(Task))
def test_losses_one_by_one_have_the_masked_loss_as_their_mean(task: Task) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 3, generator=generator)
    labels = torch.eye(3)[torch.arange(12) % 3]
    labels[4] = float("nan")
    if task is not Task.MULTI_CLASS:
        labels[7, 1] = float("nan")

    values, known = label_losses(logits, labels, task)

    assert (values.sum() / known.sum()).item() == pytest.approx(
        masked_loss(logits, labels, task).item(), rel=1e-6
    )


@pytest.mark.parametrize("task", list(Task))
def test_a_student_who_says_what_the_teacher_says_has_no_loss_and_no_gradient(task: Task) -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5]], requires_grad=True)

    loss = teacher_losses(logits, logits.detach().clone(), 3.0, task).values.sum()
    loss.backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad.abs().max().item() == pytest.approx(0, abs=1e-6)


def test_the_loss_over_classes_is_the_divergence_of_softened_answers() -> None:
    said, told = torch.tensor([[1.0, 0.0, -2.0]]), torch.tensor([[0.0, 3.0, 1.0]])

    loss = teacher_losses(said, told, 2.0, Task.MULTI_CLASS).values.item()

    p, q = (np.exp(x / 2) / np.exp(x / 2).sum() for x in (told.numpy()[0], said.numpy()[0]))
    assert loss == pytest.approx(4 * float((p * np.log(p / q)).sum()), rel=1e-5)


def test_the_loss_of_a_finding_is_the_divergence_of_softened_probabilities() -> None:
    said, told = torch.tensor([[1.0]]), torch.tensor([[-2.0]])

    loss = teacher_losses(said, told, 4.0, Task.BINARY).values.item()

    p, q = (1 / (1 + np.exp(-x / 4)) for x in (-2.0, 1.0))
    expected = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert loss == pytest.approx(16 * expected, rel=1e-5)


def test_what_the_teacher_does_not_say_counts_for_nothing() -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    told = torch.tensor([[float("nan"), 1.0], [float("nan")] * 2])

    values, known = teacher_losses(logits, told, 1.0, Task.MULTI_LABEL)
    values.sum().backward()  # type: ignore[no-untyped-call]

    assert known.tolist() == [[False, True], [False, False]]
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[False, True], [False, False]]
