"""The steps of any training here: batches, gradients, rounding late on, checkpoints between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.compress.training.batches import Batch, Supply
from edgefair.compress.training.checkpoint import Keeper
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.noise import rounded_weights

__all__ = ["Course", "Lesson", "Pace"]


class _Stateful(Protocol):
    """What a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


class Lesson(_Stateful, Protocol):
    """What is learned: the pictures' order, the loss, and what is noted after each epoch."""

    @property
    def is_over(self) -> bool:
        """Whether no further epoch is wanted."""
        ...

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the pictures of an epoch in the order in which they are learned from."""
        ...

    def loss(self, said: Tensor, rows: NDArray[np.intp]) -> Tensor:
        """Return the loss of what the student says of some pictures."""
        ...

    def after_epoch(self, epoch: int) -> None:
        """Take note of how things stand; epochs count from 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long, how fast and how roughly.

    Attributes
    ----------
    epochs, steps : int
        Epochs at most, and steps in each.
    rates : tuple of float
        Largest learning rate of each part of the student.
    weight_decay : float
    noise : float
        Share of the steps, at the end, with rounded weights.
    seed : int
    """

    epochs: int
    steps: int
    rates: tuple[float, ...]
    weight_decay: float
    noise: float
    seed: int

    @property
    def total(self) -> int:
        """Steps in all epochs."""
        return self.epochs * self.steps

    @property
    def first_rounded(self) -> int:
        """First step with rounded weights; `total` if there is none."""
        return self.total - round(self.noise * self.total)


class Course:
    """A student on its way, with all that a step changes and a checkpoint holds.

    Parameters
    ----------
    student : Module
        Returns what the lesson's loss is of.
    parts : sequence of iterables of Parameter
        With a learning rate each.
    rounded : Module
        The part of the student that INT8 rounds.
    pace : Pace
    machine : Machine
    """

    def __init__(
        self,
        student: nn.Module,
        parts: Sequence[Iterable[nn.Parameter]],
        rounded: nn.Module,
        pace: Pace,
        machine: Machine,
    ) -> None:
        # twice as fast on separable convolutions
        student.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # untyped there
        self._student = student
        self._shared = machine.team.shared(student)
        self._rounded = rounded
        self._pace = pace
        self._machine = machine
        groups = [{"params": list(p), "lr": r} for p, r in zip(parts, pace.rates, strict=True)]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=pace.weight_decay)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            # it takes its first step before any of ours, the last of ours is one too many
            self._optimizer,
            max_lr=list(pace.rates),
            total_steps=pace.total + 1,
        )
        self._scaler = machine.scaler()

    def run(
        self,
        lesson: Lesson,
        supply: Supply,
        keeper: Keeper,
        on_step: Callable[[int, int], None],
    ) -> None:
        """Learn until the lesson is over, from where the checkpoint left off.

        Parameters
        ----------
        lesson : Lesson
        supply : Supply
        keeper : Keeper
        on_step : callable
            Called with the steps done and the steps at most.
        """
        pace = self._pace
        epoch, first, random_state = self._resume(lesson, keeper)
        while epoch < pace.epochs and not lesson.is_over:
            self._student.train()
            rng = np.random.default_rng((pace.seed, epoch))
            order = lesson.order(rng)
            if random_state is not None:
                rng.bit_generator.state = random_state
            for step, batch in enumerate(supply.epoch(order, rng, first=first), first + 1):
                self._learn(batch, lesson, epoch * pace.steps + step - 1)
                on_step(epoch * pace.steps + step, pace.total)
                if step < pace.steps and keeper.is_due:
                    keeper.save(self._state(lesson, (epoch, step), batch.random_state))
            lesson.after_epoch(epoch)
            epoch, first, random_state = epoch + 1, 0, None
            keeper.save(self._state(lesson, (epoch, 0), None))
        self._student.to("cpu")

    def _learn(self, batch: Batch, lesson: Lesson, step: int) -> None:
        pace = self._pace
        self._machine.reseed(pace.seed, step)
        self._optimizer.zero_grad()
        is_rounded = step >= pace.first_rounded
        with rounded_weights(self._rounded) if is_rounded else nullcontext():
            with self._machine.precision():
                said = self._shared(batch.images.to(self._machine.device))
            loss = lesson.loss(said.float(), batch.rows)
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.step()

    def _parts(self, lesson: Lesson) -> dict[str, _Stateful]:
        return {
            "student": self._student,
            "optimizer": self._optimizer,
            "schedule": self._schedule,
            "scaler": self._scaler,
            "lesson": lesson,
        }

    def _state(
        self, lesson: Lesson, place: tuple[int, int], random_state: dict[str, Any] | None
    ) -> dict[str, Any]:
        states = {name: part.state_dict() for name, part in self._parts(lesson).items()}
        return {
            **states,
            "place": list(place),
            # its integers are longer than a tensor's
            "random": json.dumps(random_state),
            "torch": torch.get_rng_state(),
        }

    def _resume(self, lesson: Lesson, keeper: Keeper) -> tuple[int, int, dict[str, Any] | None]:
        state = keeper.load()
        if state is None:
            return 0, 0, None
        for name, part in self._parts(lesson).items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["torch"])
        epoch, step = state["place"]
        return epoch, step, json.loads(state["random"])
