"""Where a training runs: a CPU or a GPU, in full or mixed precision, alone or in a team."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from edgefair.compress.training.parallel import ALONE, Team, team_of_environment

__all__ = ["THREADS", "Machine", "prepare_machine"]

THREADS = 2
"""Fixed, because another number adds in another order and gives other weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device, the short numbers it calculates in if any, and the team it belongs to.

    Attributes
    ----------
    device : torch.device
    half : torch.dtype or None
        ``bfloat16`` or ``float16`` for mixed precision; weights stay float32.
    team : Team
    """

    device: torch.device
    half: torch.dtype | None = None
    team: Team = ALONE

    def precision(self) -> AbstractContextManager[object]:
        """Return the context in which a network's forward pass runs."""
        if self.half is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.half)

    def scaler(self) -> torch.amp.GradScaler:
        """Return what keeps float16's small gradients from vanishing; idle for other numbers."""
        return torch.amp.GradScaler(self.device.type, enabled=self.half is torch.float16)

    def reseed(self, *seed: int) -> None:
        """Start torch's random numbers anew for a step, where no checkpoint holds their state.

        A CPU alone goes on with its own, which its checkpoint holds.
        """
        if self.device.type == "cpu" and self.team.size == 1:
            return
        state = np.random.SeedSequence((*seed, self.team.rank)).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]) >> 1)


def prepare_machine(device: str, seed: int) -> Machine:
    """Set torch up so that the same seed gives the same weights, and return where to train.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.
    seed : int

    Raises
    ------
    ValueError
        If there is no such device here.

    Examples
    --------
    >>> prepare_machine("cpu", 0).half is None
    True
    """
    has_gpu = torch.cuda.is_available()
    if device not in {"cpu", "cuda", "auto"} or (device == "cuda" and not has_gpu):
        raise ValueError(f"this machine has no device {device!r}")
    if device == "cpu" or not has_gpu:
        torch.use_deterministic_algorithms(True)
        chosen, half = torch.device("cpu"), None
    else:
        # cuBLAS wants to know before its first call; what it cannot do the same way twice warns
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
        half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    return Machine(device=chosen, half=half, team=team_of_environment(chosen))
