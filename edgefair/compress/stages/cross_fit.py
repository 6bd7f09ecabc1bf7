"""Cross-fitting: what students that never saw a patient say of that patient's training cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.data.cases import Cases
from edgefair.compress.data.folds import deal_folds
from edgefair.compress.evidence.scoring import answer
from edgefair.compress.export import contract_of, draft_manifest, export_onnx
from edgefair.compress.recipe import Recipe
from edgefair.compress.stages.files import write_record
from edgefair.compress.stages.learn import (
    Learned,
    distil_student,
    labelled,
    starting_student,
    supervise,
)
from edgefair.compress.stages.teach import Taught
from edgefair.compress.stages.workshop import Workshop
from edgefair.compress.training.material import Material

__all__ = ["CrossFitted", "FoldAnswers", "cross_fit", "folds_of"]

# what a student is trained by is in the key of the released one, which is a part of ours
_CODE = (
    "compress/data",
    "compress/export",
    "compress/evidence/scoring",
    "compress/stages/cross_fit",
    "runtime",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldAnswers:
    """What the student that was trained without one fold says.

    Attributes
    ----------
    rows : ndarray of intp, shape (m,)
        The fold's cases, as positions in the train split.
    held_out : ndarray of float32, shape (m, findings)
        Logits about them.
    val : ndarray of float32, shape (v, findings)
        Logits about the val split.
    """

    rows: NDArray[np.intp] = field(repr=False)
    held_out: NDArray[np.float32] = field(repr=False)
    val: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
    """All folds' answers; together they speak of each case of the train split once."""

    folds: tuple[FoldAnswers, ...]


def cross_fit(workshop: Workshop, taught: Taught | None, learned: Learned) -> CrossFitted | None:
    """Return what students trained without a fold say of it; None if the recipe has no folds.

    Each starts where the released student started: from distillation, which saw no label, or
    from the recipe's weights. Every fold is a stage of its own, found again after a kill.

    Raises
    ------
    InputError
        If the train split has too few patients for so many folds.
    """
    plan = workshop.recipe.cross_fitting
    if plan is None:
        return None
    dealt = folds_of(workshop.cases, workshop.recipe)
    return CrossFitted(
        folds=tuple(_fold(workshop, taught, learned, dealt, fold) for fold in range(plan.folds))
    )


def folds_of(cases: Cases, recipe: Recipe) -> NDArray[np.int64]:
    """Return the fold of each case of the train split, in their order.

    Parameters
    ----------
    cases : Cases
        Of all splits.
    recipe : Recipe
        With cross-fitting.
    """
    if recipe.cross_fitting is None:
        raise ValueError("the recipe has no cross-fitting")
    learn = cases.of("train")
    ways = [way for way in recipe.data.groups if "+" not in way]
    codes = [grouping.codes for grouping in learn.grouped(ways)]
    return deal_folds(
        learn.patients,
        learn.labels,
        np.array(codes, dtype=np.int64).reshape(len(codes), len(learn)).T,
        folds=recipe.cross_fitting.folds,
        seed=recipe.seed,
    )


def _fold(
    workshop: Workshop,
    taught: Taught | None,
    learned: Learned,
    dealt: NDArray[np.int64],
    fold: int,
) -> FoldAnswers:
    recipe = workshop.recipe
    key = workshop.key(learned.key, recipe.cross_fitting, recipe.data.groups, fold, code=_CODE)
    rows = np.flatnonzero(dealt == fold)

    def make(folder: Path) -> None:
        network = starting_student(workshop, distil_student(workshop, taught))
        contract = contract_of(recipe, network)
        name = f"cross-fitting, fold {fold + 1} of {dealt.max() + 1}"
        material = Material(
            learn=labelled(workshop, "train", taught, contract).take(
                np.flatnonzero(dealt != fold)
            ),
            val=labelled(workshop, "val", taught, contract),
        )
        log = supervise(workshop, network, material, folder=folder, name=name)
        write_record(folder / "log.json", log)
        if workshop.team.rank > 0:  # what it writes is thrown away
            return
        model, draft = export_onnx(network, contract), draft_manifest(recipe, contract)
        asked = {
            "held-out": workshop.cases.of("train").take(rows),
            "val": workshop.cases.of("val"),
        }
        for what, cases in asked.items():
            (found,) = answer((model,), draft, cases.images)
            np.save(folder / f"{what}.npy", found.logits)

    folder = workshop.store.finished_together(
        f"cross-fit-{fold + 1}", key, make, team=workshop.team, by_all=True
    )
    return FoldAnswers(
        rows=rows,
        held_out=np.load(folder / "held-out.npy", allow_pickle=False),
        val=np.load(folder / "val.npy", allow_pickle=False),
    )
