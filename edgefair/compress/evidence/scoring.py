"""What an exported model answers, measured through the session that a clinic's PC uses."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle, PartContent
from edgefair.bundle.manifest import Manifest
from edgefair.compress.data.pictures import prepared
from edgefair.runtime.session import Session

__all__ = ["Answers", "answer", "embedding_cosines", "latency_ms"]

_WARM_UP, _TIMED = 5, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model says of n images.

    Attributes
    ----------
    logits : ndarray of float32, shape (n, findings)
    embeddings : ndarray of float32, shape (n, d)
    """

    logits: NDArray[np.float32] = field(repr=False)
    embeddings: NDArray[np.float32] = field(repr=False)


def answer(
    models: tuple[bytes, ...], manifest: Manifest, paths: tuple[Path, ...]
) -> tuple[Answers, ...]:
    """Return each model's answers to the same images, which are read and prepared once.

    Parameters
    ----------
    models : tuple of bytes
        ONNX files that carry the contract.
    manifest : Manifest
        May still lack what is measured here.
    paths : tuple of Path

    Raises
    ------
    InputError
        If an image cannot be read.
    UnsafeModel, ContractMismatch
        If a clinic would refuse the model.
    """
    sessions = [_session(model, manifest) for model in models]
    batches = prepared(paths, manifest.accepts, manifest.contract)
    outputs = [[session.run(batch) for session in sessions] for batch in batches]
    return tuple(
        Answers(
            logits=np.concatenate([batch[i].logits for batch in outputs]),
            embeddings=np.concatenate([batch[i].embedding for batch in outputs]),
        )
        for i in range(len(models))
    )


def latency_ms(model: bytes, manifest: Manifest) -> float:
    """Return the median time of one image through the session, one thread, in milliseconds."""
    session = _session(model, manifest)
    given = manifest.contract.input
    image = np.zeros((1, given.channels, given.height_px, given.width_px), dtype=np.float32)
    times_s = []
    for _ in range(_WARM_UP + _TIMED):
        started = time.perf_counter()
        session.run(image)
        times_s.append(time.perf_counter() - started)
    return 1000 * median(times_s[_WARM_UP:])


def embedding_cosines(one: Answers, other: Answers) -> NDArray[np.float64]:
    """Return the cosine between two models' embeddings of each image, shape (n,).

    Both are taken from the centre of the first model's: what all images share would make any
    two embeddings alike.
    """
    centre = one.embeddings.mean(axis=0, dtype=np.float64)
    a, b = one.embeddings - centre, other.embeddings - centre
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1))


def _session(model: bytes, manifest: Manifest) -> Session:
    """Load a model that has no bundle yet under the same checks as one that has."""
    part = PartContent(path="model.onnx", role="model", content=model)
    return Session(Bundle(manifest=manifest, digest="", parts=(part,)), threads=1)
