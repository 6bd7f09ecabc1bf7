"""The gate: what compression cost whom, on the test cases, before anything is released."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Manifest
from edgefair.compress.gate.acceptance import accept, parse_acceptance, require_passed
from edgefair.compress.gate.answers import answered_at_own_points, answered_by_aim
from edgefair.compress.gate.encoding import encoding_rows
from edgefair.compress.gate.judging import gate_ways, judge_gate
from edgefair.compress.gate.records import Answered, GateResult, gate_from_json, gate_to_json
from edgefair.compress.recipe import GatePlan
from edgefair.compress.stages.answer import HeldOut
from edgefair.compress.stages.shrink import Shrunk
from edgefair.compress.stages.teach import Taught
from edgefair.compress.stages.workshop import Workshop

__all__ = ["Contest", "judge", "released"]

_CODE = ("compress/gate", "audit", "compress/stages/judge", "compress/evidence/calibrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Who is compared: the teacher where there is one, and both forms of the student."""

    taught: Taught | None
    shrunk: Shrunk
    manifest: Manifest
    test: HeldOut


def judge(workshop: Workshop, contest: Contest) -> GateResult | None:
    """Return the gate's judgement, nobody's acceptance in it; None if the recipe has no gate."""
    plan = workshop.recipe.gate
    if plan is None:
        return None
    taught = contest.taught
    key = workshop.key(
        contest.shrunk.key,
        "" if taught is None else taught.key,
        plan,
        workshop.recipe.data.groups,
        workshop.recipe.operating_points,
        contest.manifest.calibration,
        contest.manifest.operating_points,
        code=_CODE,
    )

    def make(folder: Path) -> None:
        workshop.progress("judging", 0, 1)
        (folder / "gate.json").write_bytes(gate_to_json(_judged(workshop, contest, plan)))
        workshop.progress("judging", 1, 1)

    folder = workshop.store.finished("gate", key, make)
    return gate_from_json((folder / "gate.json").read_bytes())


def released(result: GateResult, acceptance: str | None) -> GateResult:
    """Return the result that lets the bundle go, with whoever answers for its conditions.

    Raises
    ------
    GateFailed
        If harm is shown, or conditions are outstanding and nobody accepts them.
    InputError
        If `acceptance` is no name and reason.
    """
    accepted = None if acceptance is None else parse_acceptance(acceptance)
    result = accept(result, accepted)
    require_passed(result)
    return result


def _judged(workshop: Workshop, contest: Contest, plan: GatePlan) -> GateResult:
    recipe = workshop.recipe
    test = workshop.cases.of("test")
    ways = gate_ways(recipe, plan)
    encodings = encoding_rows(
        "student INT8", contest.test.int8.embeddings, test, recipe.findings, ways=ways
    )
    if contest.taught is not None:
        embeddings = _rows_of(workshop, contest.taught.embeddings, "test")
        encodings += encoding_rows("teacher", embeddings, test, recipe.findings, ways=ways)
    return judge_gate(
        _answered(workshop, contest),
        test,
        recipe.findings,
        plan=plan,
        ways=ways,
        encodings=encodings,
    )


def _answered(workshop: Workshop, contest: Contest) -> list[Answered]:
    manifest, taught = contest.manifest, contest.taught
    student = [
        answered_at_own_points(name, answers.logits, manifest)
        for name, answers in (
            ("student fp32", contest.test.full_precision),
            ("student INT8", contest.test.int8),
        )
    ]
    if taught is None:
        return student
    # the probe's answers to the train split are out of fold, as the student's are
    splits = ("val",) if workshop.recipe.cross_fitting is None else ("train", "val")
    labels = _rows_of(workshop, workshop.cases.labels, *splits)
    held = _rows_of(workshop, taught.logits, *splits), labels
    on_test = _rows_of(workshop, taught.logits, "test")
    aim = workshop.recipe.operating_points[0]
    return [answered_by_aim("teacher", held, on_test, aim, manifest), *student]


def _rows_of(workshop: Workshop, values: NDArray[np.float32], *splits: str) -> NDArray[np.float32]:
    return np.asarray(values[np.isin(workshop.cases.splits, splits)])
