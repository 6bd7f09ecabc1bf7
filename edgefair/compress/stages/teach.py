"""The teacher's part: its embedding of every image, once, and what a probe reads off it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.stages.files import read_record, write_record
from edgefair.compress.stages.workshop import Workshop
from edgefair.compress.teachers.embeddings import embed_images, open_embeddings
from edgefair.compress.teachers.load import load_teacher
from edgefair.compress.teachers.probe import probe_logits

__all__ = ["Taught", "TeacherFacts", "teach"]

_CODE = ("compress/teachers", "compress/data", "compress/stages/teach", "runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherFacts:
    """Which teacher it was, how large, and how slow on one thread of this machine."""

    name: str
    digest: str
    size_bytes: int
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What a teacher says of all n cases of a workshop, in their order.

    Attributes
    ----------
    key : str
        What it was made from.
    facts : TeacherFacts
    embeddings : ndarray of float32, shape (n, d)
    logits : ndarray of float32, shape (n, findings)
        Of a linear probe; the training cases' are out of fold.
    """

    key: str
    facts: TeacherFacts
    embeddings: NDArray[np.float32] = field(repr=False)
    logits: NDArray[np.float32] = field(repr=False)


def teach(workshop: Workshop) -> Taught | None:
    """Return what the recipe's teacher says of every case; None if it names no teacher.

    Raises
    ------
    InputError, ModelError
        If the teacher cannot be loaded, or an image cannot be read.
    """
    choice = workshop.recipe.teacher
    if choice is None:
        return None
    recipe, cases = workshop.recipe, workshop.cases
    state = _local_state(choice, workshop.beside)
    # the dearest work of all: kept by the contents of image and teacher, whatever else changes
    shards = workshop.store.folder / "embeddings"
    key = workshop.key(choice, state, recipe.accepts, recipe.data, code=_CODE)

    def make(folder: Path) -> None:
        teacher = load_teacher(choice, beside=workshop.beside, weights=workshop.weights)
        embeddings = embed_images(
            teacher,
            cases.images,
            recipe.accepts,
            shards,
            on_image=lambda done: workshop.progress("embedding images", done, len(cases)),
        )
        workshop.progress("probing the embedding", 0, 1)
        facts = TeacherFacts(
            name=teacher.name,
            digest=teacher.digest,
            size_bytes=teacher.size_bytes,
            latency_ms=teacher.one_thread_ms(),
        )
        write_record(folder / "teacher.json", facts)
        np.save(folder / "logits.npy", probe_logits(embeddings, cases, recipe.task))
        workshop.progress("probing the embedding", 1, 1)

    folder = workshop.store.finished_together("embed", key, make, team=workshop.team, by_all=False)
    facts = read_record(folder / "teacher.json", TeacherFacts)
    return Taught(
        key=key,
        facts=facts,
        embeddings=open_embeddings(shards, cases.images, teacher=facts.digest),
        logits=np.load(folder / "logits.npy", allow_pickle=False),
    )


def _local_state(choice: TeacherChoice, beside: Path) -> list[tuple[str, int, int]]:
    """Tell one state of a local teacher from another; weights of a package name their own."""
    if not choice.path:
        return []
    place = beside / choice.path
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    stats = [(path.name, path.stat()) for path in files if path.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
