"""One training in several processes, started by ``torchrun``: same batches, same gradients.

Each batch is shared out by its rows. Every process draws the random changes of the whole batch
and does those of its own rows; losses are divided by what is known in the whole batch. So the
gradients are those of one process, up to the order of additions. Two things are not: dropout
draws other masks, as good as the first, and batch norms that still learn see one process's rows
only, except on GPUs, where they are exchanged for `SyncBatchNorm`, which no CPU has. Those of a
pretrained backbone do not learn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["ALONE", "Team", "team_of_environment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The processes that train together, and which of them this is.

    Attributes
    ----------
    rank : int
        Of this process, from 0; the first one writes.
    size : int
        Number of processes.
    device : torch.device
        Where they exchange numbers.
    """

    rank: int
    size: int
    device: torch.device

    def own(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return this process's share of a batch's rows.

        Examples
        --------
        >>> Team(rank=1, size=2, device=torch.device("cpu")).own(np.arange(5))
        array([3, 4])
        """
        return np.array_split(rows, self.size)[self.rank]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, without gradient; alone, the values themselves."""
        if self.size == 1:
            return values.detach()
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total

    def joined(
        self, rows: int, work: Callable[[NDArray[np.intp]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Return what `work` makes of all rows, each process doing its share.

        Parameters
        ----------
        rows : int
        work : callable
            From row numbers to one row of results each, shape (n, columns).
        """
        if rows < self.size or self.size == 1:
            return work(np.arange(rows))
        mine = self.own(np.arange(rows))
        done = work(mine)
        whole = torch.zeros((rows, done.shape[1]), device=self.device)
        whole[torch.from_numpy(mine)] = torch.from_numpy(done).to(self.device)
        distributed.all_reduce(whole)
        return np.asarray(whole.cpu().numpy(), dtype=np.float32)

    def from_first(self, content: bytes | None) -> bytes | None:
        """Return what the first process holds; the others may hold nothing."""
        if self.size == 1:
            return content
        held = [content]
        distributed.broadcast_object_list(held, src=0)
        return held[0]

    def shared(self, network: nn.Module) -> nn.Module:
        """Return the network such that its gradients are averaged over the processes."""
        if self.size == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(network, device_ids=[self.device.index])
        return DistributedDataParallel(network)


_PATIENCE: Final = timedelta(days=7)
"""How long processes wait for the first one, which embeds all images alone before training."""

ALONE = Team(rank=0, size=1, device=torch.device("cpu"))
"""One process by itself."""


def team_of_environment(device: torch.device) -> Team:
    """Return the team that ``torchrun`` has started, joined up; or this process alone.

    Parameters
    ----------
    device : torch.device
        Where this process computes; the exchange is by gloo on a CPU, by nccl on a GPU.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Team(rank=0, size=1, device=device)
    if not distributed.is_initialized():
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
    return Team(rank=distributed.get_rank(), size=distributed.get_world_size(), device=device)
