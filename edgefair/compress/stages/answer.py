"""What the models say of the held-out cases, through the session a clinic's PC uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgefair.compress.evidence.scoring import Answers, answer
from edgefair.compress.export import draft_manifest
from edgefair.compress.stages.shrink import Shrunk
from edgefair.compress.stages.workshop import Workshop

__all__ = ["HeldOut", "answers_of"]

_CODE = ("compress/evidence/scoring", "compress/data", "compress/stages/answer", "runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Both forms of the student on one split, in the order of its cases."""

    full_precision: Answers = field(repr=False)
    int8: Answers = field(repr=False)


def answers_of(workshop: Workshop, shrunk: Shrunk, split: str) -> HeldOut:
    """Return the answers to the cases of one split.

    Raises
    ------
    InputError
        If an image cannot be read.
    """
    key = workshop.key(shrunk.key, split, workshop.recipe.accepts, code=_CODE)

    def make(folder: Path) -> None:
        workshop.progress(f"answering {split}", 0, 1)
        manifest = draft_manifest(workshop.recipe, shrunk.contract)
        both = answer(
            (shrunk.full_precision, shrunk.int8), manifest, workshop.cases.of(split).images
        )
        for name, found in zip(("full_precision", "int8"), both, strict=True):
            np.save(folder / f"{name}-logits.npy", found.logits)
            np.save(folder / f"{name}-embeddings.npy", found.embeddings)
        workshop.progress(f"answering {split}", 1, 1)

    folder = workshop.store.finished(f"answers-{split}", key, make)
    return HeldOut(
        full_precision=_answers(folder, "full_precision"), int8=_answers(folder, "int8")
    )


def _answers(folder: Path, name: str) -> Answers:
    return Answers(
        logits=np.load(folder / f"{name}-logits.npy", allow_pickle=False),
        embeddings=np.load(folder / f"{name}-embeddings.npy", allow_pickle=False),
    )
