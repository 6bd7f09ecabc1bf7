"""How a training minds its groups: whom it draws, and what each group's loss weighs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgefair.bundle.manifest import Task
from edgefair.compress.recipe import GroupAware
from edgefair.compress.training.material import LabelledPictures

__all__ = ["GroupWeights", "LossCells", "balanced_order", "cells_of", "loss_cells"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCells:
    """Which cell each loss is counted in.

    Attributes
    ----------
    codes : ndarray of int64, shape (n, k)
        Of each picture's loss on each finding, or on all of them (k = 1) where classes exclude
        each other; counted from 0, no cell empty.
    groups : ndarray of int64, shape (cells,)
        Whose cell it is.
    """

    codes: NDArray[np.int64] = field(repr=False)
    groups: NDArray[np.int64]


def loss_cells(cases: LabelledPictures, task: Task, plan: GroupAware | None) -> LossCells:
    """Return the cells whose losses a method compares.

    Under ``group-dro`` each group with each label of each finding, what nobody knows being a
    label too: a group whose positives are missed and whose negatives are easy has a mean loss
    like any other's. Otherwise the groups.

    Examples
    --------
    >>> labels = np.array([[1], [0], [1]], dtype=np.float32)
    >>> pictures = np.zeros((3, 2, 2), dtype=np.uint8)
    >>> cases = LabelledPictures(pictures=pictures, labels=labels, groups=np.array([0, 0, 1]))
    >>> cells = loss_cells(cases, Task.BINARY, GroupAware(method="group-dro", by="sex"))
    >>> cells.codes[:, 0].tolist(), cells.groups.tolist()
    ([1, 0, 2], [0, 0, 1])
    """
    count, findings = cases.labels.shape
    groups = cases.groups if cases.groups is not None else np.zeros(count, np.int64)
    columns = 1 if task is Task.MULTI_CLASS else findings
    owners = np.broadcast_to(groups[:, np.newaxis], (count, columns))
    if plan is None or plan.method != "group-dro":
        return LossCells(codes=owners.copy(), groups=np.arange(groups.max(initial=0) + 1))
    known = np.nan_to_num(cases.labels, nan=-1).astype(np.int64)
    if task is Task.MULTI_CLASS:
        states = np.where(known.min(axis=1) < 0, -1, known.argmax(axis=1))[:, np.newaxis]
    else:
        states = known
    places = np.broadcast_to(np.arange(columns), states.shape)
    each = np.stack([owners, places, states], axis=-1).reshape(-1, 3)
    found, codes = np.unique(each, axis=0, return_inverse=True)
    return LossCells(codes=codes.reshape(states.shape).astype(np.int64), groups=found[:, 0])


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
    """What each cell's mean loss weighs in the loss of a step.

    ``group-dro`` (Sagawa et al., "Distributionally robust neural networks for group shifts",
    ICLR 2020, algorithm 1): weights grow as the exponential of the step size times the cell's
    loss and always add up to 1. As there, cells are to be drawn equally often: one that a batch
    lacks loses weight to the others. ``worst-group``: the loss of all, plus the worst group's
    mean loss times the strength. Any other method: the loss of all.

    Parameters
    ----------
    plan : GroupAware or None
    groups : ndarray of int64, shape (cells,)
        Whose cell it is, as in `LossCells`.
    """

    def __init__(self, plan: GroupAware | None, groups: NDArray[np.int64]) -> None:
        self._method = plan.method if plan is not None else "plain"
        self._strength = plan.strength if plan is not None else 0.0
        self._groups = groups
        self._shares = torch.full((len(groups),), 1 / len(groups), dtype=torch.float64)

    @property
    def is_plain(self) -> bool:
        """Whether every picture weighs the same, whatever its group."""
        return self._method not in {"group-dro", "worst-group"}

    @property
    def draws_evenly(self) -> bool:
        """Whether each group with each label is to be drawn equally often."""
        return self._method in {"balanced", "group-dro"}

    @property
    def counts_all(self) -> bool:
        """Whether the mean over all pictures is part of the loss."""
        return self._method != "group-dro"

    @property
    def shares(self) -> tuple[float, ...]:
        """Weight of each group under ``group-dro``, which add up to 1; none otherwise."""
        if self._method != "group-dro":
            return ()
        return tuple(np.bincount(self._groups, weights=self._shares.numpy()).tolist())

    def step(self, losses: Tensor, is_there: Tensor) -> Tensor:
        """Return what each cell's mean loss weighs now, shape (cells,).

        Parameters
        ----------
        losses : Tensor, shape (cells,)
            Mean loss of each cell in the whole batch, 0 where it has nobody.
        is_there : Tensor of bool, shape (cells,)
            Which cells have somebody in it.

        Examples
        --------
        >>> plan = GroupAware(method="worst-group", by="sex", strength=0.5)
        >>> weights = GroupWeights(plan, np.arange(2))
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
