"""Learning from labels, from a teacher's logits, or from both, and which epoch is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgefair.bundle.manifest import Contract
from edgefair.compress.recipe import Training
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import Logits, answers_of, mean_auroc, worst_group_auroc
from edgefair.compress.training.course import Pace
from edgefair.compress.training.dfr import retrain_last_layer
from edgefair.compress.training.groups import (
    GroupWeights,
    balanced_order,
    cells_of,
    loss_cells,
)
from edgefair.compress.training.losses import Losses, label_losses, masked_loss, teacher_losses
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.material import Material, TrainingLog

__all__ = ["Supervised"]


class Supervised:
    """A lesson (`course.Lesson`) from labelled pictures.

    Parameters
    ----------
    network : Network
    material : Material
    plan : Training
    contract : Contract
    pace : Pace
    machine : Machine
    """

    def __init__(
        self,
        network: Network,
        material: Material,
        plan: Training,
        contract: Contract,
        pace: Pace,
        machine: Machine,
    ) -> None:
        self._network = network
        self._material = material
        self._plan = plan
        self._contract = contract
        self._seed = pace.seed
        self._machine = machine
        self._method = "plain" if plan.groups is None else plan.groups.method
        learn = material.learn
        self._compared = loss_cells(learn, contract.task, plan.groups)
        self._weights = GroupWeights(plan.groups, self._compared.groups)
        self._cells = cells_of(learn, contract.task) if self._weights.draws_evenly else ()
        # an epoch before the rounding says nothing of how the network bears it
        is_rounded = pace.first_rounded < pace.total
        self._first_kept = pace.first_rounded // pace.steps if is_rounded else 0
        self._aurocs: list[float] = []
        self._worst: list[float] = []
        self._best, self._best_state = 0, _copy_of(network)

    @property
    def is_over(self) -> bool:
        """Whether as many epochs as the plan's patience were no better than the best."""
        patience = self._plan.patience
        if self._plan.keep == "last" or patience is None:
            return False
        last = len(self._aurocs) - 1
        return last >= self._first_kept and last - self._best >= patience

    def order(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the pictures of an epoch in the order in which they are learned from."""
        count = len(self._material.learn.labels)
        return balanced_order(self._cells, count, rng) if self._cells else rng.permutation(count)

    def loss(self, said: Tensor, rows: NDArray[np.intp]) -> Tensor:
        """Return the loss of logits about some pictures."""
        team, plan = self._machine.team, self._plan
        if self._weights.is_plain and plan.teacher_weight == 0 and team.size == 1:
            labels = _beside(said, self._material.learn.labels[rows])
            return masked_loss(said, labels, self._contract.task)
        terms = self._terms(said, rows)
        loss = self._overall(terms) if self._weights.counts_all else said.new_zeros(())
        if not self._weights.is_plain:
            loss = loss + self._by_cell(terms, _beside(said, self._compared.codes[rows]))
        # the team's gradients are averaged, and are to be added up
        return team.size * loss

    def after_epoch(self, epoch: int) -> None:
        """Measure on val, and keep the weights if they are the best so far, or the last."""
        auroc, worst = self._measured()
        self._aurocs.append(auroc)
        if worst is not None:
            self._worst.append(worst)
        merits = self._worst or self._aurocs
        is_kept = self._plan.keep == "last" or epoch <= self._first_kept
        if is_kept or merits[-1] > merits[self._best]:
            self._best, self._best_state = epoch, _copy_of(self._network)

    def finish(self) -> TrainingLog:
        """Give the network the weights that were kept, and its last layer anew under ``dfr``."""
        self._network.load_state_dict(self._best_state)
        self._network.eval()
        auroc: float | None = None
        worst: float | None = None
        if self._method == "dfr":
            retrain_last_layer(
                self._network,
                self._material,
                contract=self._contract,
                seed=self._seed,
                machine=self._machine,
            )
            auroc, worst = self._measured()
        self._network.to("cpu")
        return TrainingLog(
            val_aurocs=tuple(self._aurocs),
            best_epoch=self._best + 1,
            val_worst_aurocs=tuple(self._worst),
            group_weights=self._weights.shares,
            retrained_auroc=auroc,
            retrained_worst_auroc=worst,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "aurocs": list(self._aurocs),
            "worst": list(self._worst),
            "best": self._best,
            "best_state": self._best_state,
            "weights": self._weights.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Go on from a checkpoint."""
        self._aurocs, self._worst = list(state["aurocs"]), list(state["worst"])
        self._best, self._best_state = state["best"], state["best_state"]
        self._weights.load_state_dict(state["weights"])

    def _terms(self, said: Tensor, rows: NDArray[np.intp]) -> list[tuple[float, Losses]]:
        """Return the kinds of losses with their shares."""
        learn, plan, task = self._material.learn, self._plan, self._contract.task
        labelled = label_losses(said, _beside(said, learn.labels[rows]), task)
        if plan.teacher_weight == 0 or learn.teacher_logits is None:
            return [(1.0, labelled)]
        teacher = _beside(said, learn.teacher_logits[rows])
        taught = teacher_losses(said, teacher, plan.temperature, task)
        return [(1 - plan.teacher_weight, labelled), (plan.teacher_weight, taught)]

    def _overall(self, terms: list[tuple[float, Losses]]) -> Tensor:
        """Return this process's part of the mean losses of the whole batch."""
        total = self._machine.team.total
        means = [
            share * values.sum() / total(known.sum()).clamp(min=1)
            for share, (values, known) in terms
        ]
        return torch.stack(means).sum()

    def _by_cell(self, terms: list[tuple[float, Losses]], cells: Tensor) -> Tensor:
        """Return this process's part of the cells' mean losses, weighed."""
        total = self._machine.team.total
        is_in = functional.one_hot(cells.flatten(), len(self._compared.groups)).T.float()
        sizes = [total(is_in @ known.flatten().float()) for _, (_, known) in terms]
        losses = torch.stack(
            [
                share * (is_in @ values.flatten()) / size.clamp(min=1)
                for (share, (values, _)), size in zip(terms, sizes, strict=True)
            ]
        ).sum(dim=0)
        weights = self._weights.step(total(losses), torch.stack(sizes).sum(dim=0) > 0)
        return (weights * losses).sum()

    def _measured(self) -> tuple[float, float | None]:
        """Return the mean AUROC on val, and the worst group's where there is one."""
        val = self._material.val
        scores = answers_of(Logits(self._network), val.pictures, self._contract, self._machine)
        auroc = mean_auroc(scores, val.labels)
        if val.groups is None:
            return auroc, None
        return auroc, worst_group_auroc(scores, val.labels, val.groups)


def _beside(said: Tensor, values: NDArray[np.float32] | NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(values).to(said.device)


def _copy_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
