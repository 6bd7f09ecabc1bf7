"""The card's table of models, each measured on the same test cases by one command."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.evidence.comparison import ModelRow, auroc_cells
from edgefair.compress.evidence.scoring import answer
from edgefair.compress.export import draft_manifest, export_onnx
from edgefair.compress.stages.answer import HeldOut
from edgefair.compress.stages.learn import Learned
from edgefair.compress.stages.shrink import Shrunk
from edgefair.compress.stages.teach import Taught
from edgefair.compress.stages.workshop import Workshop

__all__ = ["Contestants", "model_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestants:
    """The models of one recipe; None where it has no such one.

    Attributes
    ----------
    alone : Learned or None
        The student that was trained without the teacher.
    """

    taught: Taught | None
    alone: Learned | None
    shrunk: Shrunk
    test: HeldOut


def model_rows(workshop: Workshop, contestants: Contestants, command: str) -> tuple[ModelRow, ...]:
    """Return one row for each model, from the teacher to the INT8 student."""
    taught, alone, shrunk = contestants.taught, contestants.alone, contestants.shrunk
    distilled = "student" if taught is None else "distilled student"
    rows = []
    if taught is not None:
        on_test = taught.logits[np.array(workshop.cases.splits) == "test"]
        name = f"teacher {taught.facts.name} + linear probe"
        rows.append(_row(workshop, name, command, on_test, taught.facts.size_bytes))
    if alone is not None:
        model = export_onnx(alone.network, alone.contract)
        test = workshop.cases.of("test")
        (found,) = answer((model,), draft_manifest(workshop.recipe, alone.contract), test.images)
        name = "student without the teacher"
        rows.append(_row(workshop, name, command, found.logits, len(model)))
    for name, answers, model in (
        (f"{distilled}, fp32", contestants.test.full_precision, shrunk.full_precision),
        (f"{distilled}, INT8", contestants.test.int8, shrunk.int8),
    ):
        rows.append(_row(workshop, name, command, answers.logits, len(model)))
    return tuple(rows)


def _row(
    workshop: Workshop, name: str, command: str, logits: NDArray[np.float32], size_bytes: int
) -> ModelRow:
    recipe = workshop.recipe
    return ModelRow(
        name=name,
        command=command,
        aurocs=auroc_cells(
            workshop.cases.of("test"),
            logits.astype(np.float64),
            recipe.findings,
            recipe.data.groups,
        ),
        size_bytes=size_bytes,
    )
