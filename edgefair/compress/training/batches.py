"""Batches of changed pictures, each made by a thread while the one before is learned from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.augment import Drawn
from edgefair.compress.training.parallel import Team
from edgefair.runtime.preprocess import prepare

__all__ = ["Batch", "Supply", "to_tensor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One process's share of a batch.

    Attributes
    ----------
    images : Tensor of float32, shape (n, channels, height_px, width_px)
    rows : ndarray of intp, shape (n,)
        Which pictures they show.
    random_state : dict
        Of the random numbers that the next batch is made with.
    """

    images: Tensor = field(repr=False)
    rows: NDArray[np.intp]
    random_state: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Where batches come from.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (n, h, w)
    contract : Contract
        Its preprocessing ends the augmentation.
    batch : int
        Images a step, over all processes.
    strength : float
        Of the augmentation.
    draw : callable
        `draw_changes` or `draw_strong_changes`.
    team : Team
    """

    pictures: NDArray[np.uint8] = field(repr=False)
    contract: Contract
    batch: int
    strength: float
    draw: Callable[[int, float, np.random.Generator], Drawn]
    team: Team

    def __post_init__(self) -> None:
        if min(self.batch, len(self.pictures)) < self.team.size:
            raise ValueError(f"a batch needs a picture for each of {self.team.size} processes")

    @property
    def steps(self) -> int:
        """Batches in an epoch; images left over by the last whole one wait for another."""
        return len(self.pictures) // self.batch or 1

    def epoch(
        self, order: NDArray[np.intp], rng: np.random.Generator, *, first: int = 0
    ) -> Iterator[Batch]:
        """Yield an epoch's batches.

        One thread makes the next batch while this one is learned from.

        Parameters
        ----------
        order : ndarray of intp, shape (n,)
            Pictures in the order in which they come.
        rng : numpy.random.Generator
            For the changes.
        first : int, optional
            Batch to begin with, for which `rng` is in its state.
        """
        size = min(self.batch, len(order))
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._batch, order[first * size : (first + 1) * size], rng)
            for step in range(first + 1, self.steps):
                rows = order[step * size : (step + 1) * size]
                ready, coming = coming, pool.submit(self._batch, rows, rng)
                yield ready.result()
            yield coming.result()

    def _batch(self, rows: NDArray[np.intp], rng: np.random.Generator) -> Batch:
        own = self.team.own(np.arange(len(rows)))
        images = []
        for place, row in enumerate(rows):
            # the random numbers are those of one process, whoever makes the picture
            changes = self.draw(self.contract.input.height_px, self.strength, rng)
            if own[0] <= place <= own[-1]:
                images.append(prepare(changes.of(self.pictures[row]), self.contract))
        return Batch(
            images=to_tensor(images), rows=rows[own], random_state=dict(rng.bit_generator.state)
        )


def to_tensor(images: list[NDArray[np.float32]]) -> Tensor:
    """Return images as one tensor in the order of memory that convolutions are fastest in."""
    return torch.from_numpy(np.stack(images)).contiguous(memory_format=torch.channels_last)
