"""What a network says of pictures as they are, and how well that agrees with their labels."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from edgefair.bundle.manifest import Contract
from edgefair.compress.students.network import Network
from edgefair.compress.training.batches import to_tensor
from edgefair.compress.training.machine import Machine
from edgefair.runtime.preprocess import prepare

__all__ = ["Embedding", "Logits", "answers_of", "group_aurocs", "mean_auroc", "worst_group_auroc"]

_AT_ONCE: Final = 64


class Logits(nn.Module):
    """A network, less what no label speaks of."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (n, findings)."""
        logits: Tensor = self.network(images)[0]
        return logits


class Embedding(nn.Module):
    """A network, less what depends on its findings."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings, shape (n, d)."""
        embedding: Tensor = self.network(images)[1]
        return embedding


def answers_of(
    network: nn.Module,
    pictures: NDArray[np.uint8],
    contract: Contract,
    machine: Machine,
) -> NDArray[np.float32]:
    """Return what a network says of every picture, shape (n, d); it is left evaluating.

    Parameters
    ----------
    network : Module
        `Logits` or `Embedding`, say: from images to a tensor of shape (n, d).
    pictures : ndarray of uint8, shape (n, h, w)
    contract : Contract
        Names the preprocessing.
    machine : Machine
        Its processes share the pictures.
    """
    network.eval()

    def said(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        found = []
        for first in range(0, len(rows), _AT_ONCE):
            some = pictures[rows[first : first + _AT_ONCE]]
            images = [prepare(p.astype(np.float32) / np.float32(255), contract) for p in some]
            with machine.precision():
                output = network(to_tensor(images).to(machine.device))
            found.append(output.float().cpu().numpy())
        return np.concatenate(found)

    with torch.inference_mode():
        return machine.team.joined(len(pictures), said)


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


def group_aurocs(
    scores: NDArray[np.float32], labels: NDArray[np.float32], groups: NDArray[np.int64]
) -> dict[int, float]:
    """Return each group's AUROC, the mean over the findings of which it has both classes.

    Groups that have both classes of no finding are left out.

    Parameters
    ----------
    scores, labels : ndarray, shape (n, findings)
    groups : ndarray of int64, shape (n,)

    Examples
    --------
    >>> scores = np.array([[0.1], [0.9], [0.3]], dtype=np.float32)
    >>> labels = np.array([[0], [1], [1]], dtype=np.float32)
    >>> group_aurocs(scores, labels, np.array([4, 4, 7]))
    {4: 1.0}
    """
    found = {}
    for group in np.unique(groups).tolist():
        score, label = scores[groups == group], labels[groups == group]
        has_both = (label == 0).any(axis=0) & (label == 1).any(axis=0)
        if has_both.any():
            found[group] = mean_auroc(score[:, has_both], label[:, has_both])
    return found


def worst_group_auroc(
    scores: NDArray[np.float32], labels: NDArray[np.float32], groups: NDArray[np.int64]
) -> float | None:
    """Return the smallest of `group_aurocs`; None if every group is left out.

    Examples
    --------
    >>> scores = np.array([[0.1], [0.9], [0.3], [0.2]], dtype=np.float32)
    >>> labels = np.array([[0], [1], [0], [1]], dtype=np.float32)
    >>> worst_group_auroc(scores, labels, np.array([0, 0, 1, 1]))
    0.0
    """
    return min(group_aurocs(scores, labels, groups).values(), default=None)
