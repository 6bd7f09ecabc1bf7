"""What every teacher is: a name, a digest, and an embedding for each image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.recipe import TeacherChoice, TeacherInput
from edgefair.errors import ModelError

__all__ = ["Teacher", "TeacherFacts", "embed_each", "facts_of", "refusal"]

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
    '1eb0d5a87730'
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


def refusal(message: str, hint: str) -> ModelError:
    """Return the error for a teacher that cannot be used."""
    return ModelError(message, hint=hint)
