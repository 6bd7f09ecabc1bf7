"""What a student is told about its answers: by labels, by a teacher's logits or its embedding."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from edgefair.bundle.manifest import Task

__all__ = ["Losses", "embedding_losses", "label_losses", "masked_loss", "teacher_losses"]


class Losses(NamedTuple):
    """Losses one by one.

    Attributes
    ----------
    values : Tensor, shape (n, k)
        One a finding, or one a picture (k = 1) where classes exclude each other; 0 where
        nothing is known.
    known : Tensor of bool, shape (n, k)
    """

    values: Tensor
    known: Tensor


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


def label_losses(logits: Tensor, labels: Tensor, task: Task) -> Losses:
    """Return the cross entropies whose mean over what is known is `masked_loss`.

    Parameters
    ----------
    logits, labels, task
        As in `masked_loss`.

    Examples
    --------
    >>> label_losses(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]), Task.MULTI_LABEL)[1]
    tensor([[ True, False]])
    """
    known = ~labels.isnan()
    stated = labels.nan_to_num(0.0)
    if task is Task.MULTI_CLASS:
        known = known.all(dim=1, keepdim=True)
        values = functional.cross_entropy(logits, stated, reduction="none")[:, None]
    else:
        values = functional.binary_cross_entropy_with_logits(logits, stated, reduction="none")
    return Losses(values * known, known)


def teacher_losses(logits: Tensor, teacher: Tensor, temperature: float, task: Task) -> Losses:
    """Return how far the student's softened answers are from the teacher's.

    Kullback-Leibler divergences, 0 where both agree, times the squared temperature, so that the
    gradients do not shrink with it (Hinton et al., "Distilling the knowledge in a neural
    network", 2015).

    Parameters
    ----------
    logits, teacher : Tensor, shape (n, findings)
        The teacher's are nan where it says nothing.
    temperature : float
    task : Task
        As in `masked_loss`.

    Examples
    --------
    >>> logits = torch.tensor([[2.0]])
    >>> teacher_losses(logits, logits, 4.0, Task.BINARY).values.item()
    0.0
    """
    known = ~teacher.isnan()
    told, said = teacher.nan_to_num(0.0) / temperature, logits / temperature
    if task is Task.MULTI_CLASS:
        known = known.all(dim=1, keepdim=True)
        log_told, log_said = told.log_softmax(dim=1), said.log_softmax(dim=1)
        values = (log_told.exp() * (log_told - log_said)).sum(dim=1, keepdim=True)
    else:
        present, absent = functional.logsigmoid, lambda x: functional.logsigmoid(-x)
        values = sum(
            (log(told).exp() * (log(told) - log(said)) for log in (present, absent)),
            start=torch.zeros_like(told),
        )
    return Losses(values * known * temperature**2, known)


def embedding_losses(embeddings: Tensor, targets: Tensor) -> Losses:
    """Return each picture's mean squared distance from its target, over the dimensions.

    Parameters
    ----------
    embeddings, targets : Tensor, shape (n, d)

    Examples
    --------
    >>> embedding_losses(torch.zeros(1, 2), torch.tensor([[3.0, 1.0]])).values
    tensor([[5.]])
    """
    values = (embeddings - targets).square().mean(dim=1, keepdim=True)
    return Losses(values, torch.ones_like(values, dtype=torch.bool))
