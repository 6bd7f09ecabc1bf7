"""How a training minds its groups: whom it draws, and what each group's loss weighs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgefair.bundle.manifest import Task
from edgefair.compress.recipe import GroupAware
from edgefair.compress.training.material import LabelledPictures

__all__ = ["GroupWeights", "balanced_order", "cells_of"]


def cells_of(cases: LabelledPictures, task: Task) -> tuple[NDArray[np.intp], ...]:
    """Return the rows of each group with each label, the empty ones left out.

    With several findings a picture is in one cell for each whose label is known, so that every
    finding is balanced by itself: label patterns would be too many. With classes that exclude
    each other the cells are groups crossed with classes. Pictures of which no label is known
    make a cell per group where a teacher speaks of them, and are in none otherwise.

    Parameters
    ----------
    cases : LabelledPictures
        Without groups all are one.
    task : Task

    Examples
    --------
    >>> labels = np.array([[1], [0], [0], [np.nan]], dtype=np.float32)
    >>> pictures = np.zeros((4, 2, 2), dtype=np.uint8)
    >>> cases = LabelledPictures(pictures=pictures, labels=labels, groups=np.array([0, 0, 1, 1]))
    >>> [cell.tolist() for cell in cells_of(cases, Task.BINARY)]
    [[1], [0], [2]]
    """
    groups = cases.groups if cases.groups is not None else np.zeros(len(cases.labels), np.int64)
    states = [1.0] if task is Task.MULTI_CLASS else [0.0, 1.0]
    found = [
        np.flatnonzero((groups == group) & (finding == state))
        for group in np.unique(groups)
        for finding in cases.labels.T
        for state in states
    ]
    if cases.teacher_logits is not None:
        is_unknown = np.isnan(cases.labels).all(axis=1)
        found += [np.flatnonzero((groups == group) & is_unknown) for group in np.unique(groups)]
    return tuple(cell for cell in found if len(cell))


def balanced_order(
    cells: tuple[NDArray[np.intp], ...], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return `count` rows in random order, as many of each cell, give or take one.

    A cell is gone through in random order, and again when it is used up.

    Parameters
    ----------
    cells : tuple of ndarray of intp
        Rows of each cell, none empty.
    count : int
    rng : numpy.random.Generator

    Examples
    --------
    >>> cells = (np.array([7]), np.array([1, 2, 3]))
    >>> order = balanced_order(cells, 6, np.random.default_rng(0))
    >>> sorted(order.tolist())
    [1, 2, 3, 7, 7, 7]
    """
    shares = np.array_split(np.arange(count), len(cells))
    drawn = []
    for cell, share in zip(rng.permutation(len(cells)), shares, strict=True):
        rows = cells[cell]
        rounds = -(-len(share) // len(rows))
        turns = [rng.permutation(rows) for _ in range(rounds)]
        drawn.append(np.concatenate([*turns, rows[:0]])[: len(share)])
    return rng.permutation(np.concatenate(drawn))


class GroupWeights:
    """What each group's mean loss weighs in the loss of a step.

    ``group-dro`` (Sagawa et al., "Distributionally robust neural networks for group shifts",
    ICLR 2020, algorithm 1): weights grow as the exponential of the step size times the group's
    loss and always add up to 1. ``worst-group``: the loss of all, plus the worst group's mean
    loss times the strength. Any other method: the loss of all.

    Parameters
    ----------
    plan : GroupAware or None
    count : int
        Number of groups.
    """

    def __init__(self, plan: GroupAware | None, count: int) -> None:
        self._method = plan.method if plan is not None else "plain"
        self._strength = plan.strength if plan is not None else 0.0
        self._shares = torch.full((count,), 1 / count, dtype=torch.float64)

    @property
    def is_plain(self) -> bool:
        """Whether every picture weighs the same, whatever its group."""
        return self._method not in {"group-dro", "worst-group"}

    @property
    def counts_all(self) -> bool:
        """Whether the mean over all pictures is part of the loss."""
        return self._method != "group-dro"

    @property
    def shares(self) -> tuple[float, ...]:
        """Weights of ``group-dro``, which add up to 1; none under another method."""
        return tuple(self._shares.tolist()) if self._method == "group-dro" else ()

    def step(self, losses: Tensor, is_there: Tensor) -> Tensor:
        """Return what each group's mean loss weighs now, shape (groups,).

        Parameters
        ----------
        losses : Tensor, shape (groups,)
            Mean loss of each group in the whole batch, 0 where it has nobody.
        is_there : Tensor of bool, shape (groups,)
            Which groups have somebody in it.

        Examples
        --------
        >>> weights = GroupWeights(GroupAware(method="worst-group", by="sex", strength=0.5), 2)
        >>> weights.step(torch.tensor([0.2, 0.7]), torch.tensor([True, True]))
        tensor([0.0000, 0.5000])
        """
        if self._method == "group-dro":
            exponents = self._shares.log() + self._strength * losses.double().cpu()
            self._shares = exponents.softmax(dim=0)
            return self._shares.to(losses)
        weights = torch.zeros_like(losses)
        if self._method == "worst-group":
            weights[losses.masked_fill(~is_there, -torch.inf).argmax()] = self._strength
        return weights

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {"shares": self._shares.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._shares = state["shares"].clone()
