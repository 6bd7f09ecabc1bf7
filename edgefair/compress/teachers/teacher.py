"""What every teacher is: a name, a digest, and an embedding for each image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, Protocol, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.compress.training.loop import THREADS
from edgefair.errors import ModelError

__all__ = [
    "NetworkTeacher",
    "Prepare",
    "Teacher",
    "TeacherFacts",
    "embed_each",
    "facts_of",
    "pooled_tokens",
    "refusal",
    "stretched",
]

Prepare: TypeAlias = Callable[[NDArray[np.float32], TeacherInput], NDArray[np.float32]]
"""From intensities (h, w) in [0, 1] to a network's input (c, height_px, width_px)."""

_FORM: Final = 1
"""Raised when the same weights would be read in another way than before."""


class Teacher(Protocol):
    """A foundation model that embeds images."""

    @property
    def name(self) -> str:
        """What the card calls it."""

    @property
    def digest(self) -> str:
        """SHA-256 of its weights and of how they are read: kind, pooling, input."""

    @property
    def side_px(self) -> int:
        """Side of what it sees; images read more coarsely than that would lose detail."""

    @property
    def embedding_size(self) -> int:
        """Length d of an embedding."""

    def embed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embeddings, shape (n, d), of images (n, h, w) of any size in [0, 1].

        An image's embedding does not depend on the others it is asked with.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherFacts:
    """What is known of a teacher before it has embedded anything.

    Attributes
    ----------
    name, digest : str
        As in `Teacher`.
    given : TeacherInput
    """

    name: str
    digest: str
    given: TeacherInput


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
            return self.embed(ramp[np.newaxis]).shape[1]
        # torch's and the packages' words for a size or a number of channels that does not fit
        except (RuntimeError, ValueError, AssertionError) as error:
            channels = len(self._given.mean)
            raise refusal(
                f"The teacher {self.name} cannot read images of {side} x {side} pixels in "
                f"{channels} channels: {_first_line(error)}",
                "Correct teacher.input in the recipe.",
            ) from error


def embed_each(
    images: NDArray[np.float32],
    embedding: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    name: str,
) -> NDArray[np.float32]:
    """Return embeddings (n, d) of images (n, h, w), each by itself, if all are finite.

    Raises
    ------
    ModelError
        If one is not.
    """
    embeddings = np.stack([embedding(image) for image in images]).astype(np.float32, copy=False)
    if not np.isfinite(embeddings).all():
        raise refusal(
            f"The teacher {name} answers with numbers that are not finite.",
            "Its weights are damaged, or not meant for this network; get them again.",
        )
    return embeddings


def facts_of(choice: TeacherChoice, name: str, files: Sequence[str]) -> TeacherFacts:
    """Return a teacher's facts.

    Parameters
    ----------
    choice : TeacherChoice
    name : str
    files : sequence of str
        SHA-256 of each file that decides what the teacher answers.

    Examples
    --------
    >>> given = TeacherInput(side_px=224, mean=(0.5,), std=(0.5,))
    >>> choice = TeacherChoice(kind="onnx", input=given, path="a.onnx")
    >>> facts_of(choice, "a", ["00"]).digest[:12]
    'e47d0c0ed9e1'
    """
    read = {
        "form": _FORM,
        "kind": choice.kind,
        "name": choice.name,
        "output": choice.output,
        "pooling": choice.pooling,
        "input": asdict(choice.input),
        "files": list(files),
    }
    digest = hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()
    return TeacherFacts(name=name, digest=digest, given=choice.input)


def stretched(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return an image as most networks want it: stretched to a square, normalised.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w)
        In [0, 1].
    given : TeacherInput

    Returns
    -------
    ndarray of float32, shape (c, side_px, side_px)
    """
    return normalized(resized(pixels, given.side_px, given.side_px), given)


def resized(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return an image of another size: areas averaged, or interpolated where it grows."""
    if pixels.shape == (height, width):
        return pixels
    shrinks = pixels.shape[0] >= height and pixels.shape[1] >= width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.float32, copy=False)


def normalized(pixels: NDArray[np.float32], given: TeacherInput) -> NDArray[np.float32]:
    """Return the grey channel repeated, each time by its own mean and deviation, (c, h, w)."""
    mean, std = np.array(given.mean, np.float32), np.array(given.std, np.float32)
    return (pixels - mean[:, np.newaxis, np.newaxis]) / std[:, np.newaxis, np.newaxis]


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


def refusal(message: str, hint: str) -> ModelError:
    """Return the error for a teacher that cannot be used."""
    return ModelError(message, hint=hint)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
