"""Teachers that are torch networks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.compress.teachers.inputs import Prepare
from edgefair.compress.teachers.teacher import TeacherFacts, embed_each, refusal
from edgefair.compress.training.loop import THREADS

__all__ = ["NetworkTeacher", "pooled_tokens"]


class NetworkTeacher:
    """A teacher that is a torch network: evaluating, on a fixed number of threads.

    Parameters
    ----------
    network : nn.Module
        From one prepared image (1, c, height_px, width_px) to its embedding (1, d).
    facts : TeacherFacts
    prepare : callable

    Raises
    ------
    ModelError
        If the network cannot read images of the size and the channels that the recipe says.
    """

    def __init__(self, network: nn.Module, facts: TeacherFacts, *, prepare: Prepare) -> None:
        self.name, self.digest = facts.name, facts.digest
        self.side_px = facts.given.side_px
        self._given, self._prepare = facts.given, prepare
        self._network = network.float().eval().requires_grad_(False)
        self.embedding_size = self._size_on_trial()

    def embed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embeddings of images, as `Teacher.embed`.

        Raises
        ------
        ModelError
            If an embedding is not finite.
        """
        return embed_each(images, self._embedding, name=self.name)

    def _embedding(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        # another number of threads adds in another order
        torch.set_num_threads(THREADS)
        prepared = torch.from_numpy(self._prepare(pixels, self._given)[np.newaxis])
        with torch.inference_mode():
            embedding: NDArray[np.float32] = self._network(prepared)[0].numpy()
        return embedding

    def _size_on_trial(self) -> int:
        side = self.side_px
        ramp = np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side)
        try:
            size: int = self.embed(ramp[np.newaxis]).shape[1]
        # torch's and the packages' words for a size or a number of channels that does not fit
        except (RuntimeError, ValueError, AssertionError) as error:
            channels = len(self._given.mean)
            raise refusal(
                f"The teacher {self.name} cannot read images of {side} x {side} pixels in "
                f"{channels} channels: {_first_line(error)}",
                "Correct teacher.input in the recipe.",
            ) from error
        return size


def pooled_tokens(tokens: Tensor, pooling: Literal["mean", "cls"], *, prefix: int) -> Tensor:
    """Return one vector for each image, shape (n, d).

    Parameters
    ----------
    tokens : Tensor, shape (n, t, d)
    pooling : str
        ``mean`` of the places, or the first token, ``cls``.
    prefix : int
        Tokens before those of the places: class token, registers.

    Raises
    ------
    ModelError
        If there is no class token to take, or no token of a place.
    """
    if pooling == "cls":
        if prefix == 0:
            raise refusal(
                "The teacher has no class token to take as its embedding.",
                'Write pooling = "mean" in the recipe.',
            )
        return tokens[:, 0]
    if tokens.shape[1] <= prefix:
        raise refusal(
            "The teacher gives no tokens of places to average.",
            'Write pooling = "cls" in the recipe.',
        )
    return tokens[:, prefix:].mean(dim=1)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
