"""The student's part: from random or pretrained weights to a network that knows the findings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.pictures import read_pictures
from edgefair.compress.export import contract_of
from edgefair.compress.recipe import Recipe
from edgefair.compress.stages.files import load_network, read_record, save_network, write_record
from edgefair.compress.stages.teach import Taught
from edgefair.compress.stages.workshop import Workshop
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.distill import distill
from edgefair.compress.training.loop import train
from edgefair.compress.training.material import (
    DistillationLog,
    LabelledPictures,
    Material,
    TrainingLog,
)
from edgefair.compress.weights import load_weights, obtain_weights
from edgefair.errors import InputError

__all__ = [
    "Learned",
    "distil_student",
    "labelled",
    "learn",
    "starting_student",
    "supervise",
    "without_teacher",
]

_CODE = (
    "compress/data",
    "compress/students",
    "compress/training",
    "compress/stages/learn",
    "runtime",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A trained student and how it came to be.

    Attributes
    ----------
    key : str
        What it was made from.
    log : TrainingLog
    distillation : DistillationLog or None
    """

    key: str
    network: Network = field(repr=False)
    contract: Contract
    log: TrainingLog
    distillation: DistillationLog | None


def distil_student(workshop: Workshop, taught: Taught | None) -> tuple[str, Path] | None:
    """Return key and folder of the student after label-free training; None without any.

    All training images teach, whether or not anybody labelled them.
    """
    recipe = workshop.recipe
    plan = recipe.distillation
    if plan is None or taught is None:
        return None
    key = workshop.key(
        taught.key, plan, recipe.backbone, recipe.input, recipe.seed, recipe.accepts, code=_CODE
    )

    def make(folder: Path) -> None:
        network = _network(recipe, workshop.weights)
        contract = contract_of(recipe, network)
        is_train = np.array(workshop.cases.splits) == "train"
        log = distill(
            network,
            _pictures(workshop, "train", contract),
            taught.embeddings[is_train],
            plan,
            contract=contract,
            seed=recipe.seed,
            checkpoint=folder / "scratch" / "checkpoint.pt",
            device="auto",
            on_step=lambda done, total: workshop.progress("distilling", done, total),
        )
        save_network(folder / "network.pt", network)
        write_record(folder / "log.json", log)

    done = workshop.store.finished_together("distill", key, make, team=workshop.team, by_all=True)
    return key, done


def learn(workshop: Workshop, taught: Taught | None, *, stage: str = "train") -> Learned:
    """Return the student after all of its training.

    Parameters
    ----------
    workshop : Workshop
    taught : Taught or None
    stage : str
        Name of the folder in the store.
    """
    recipe = workshop.recipe
    start = distil_student(workshop, taught)
    begun = "" if start is None else start[0]
    key = workshop.key(
        begun or ("" if taught is None else taught.key),
        recipe.training,
        recipe.backbone,
        recipe.input,
        recipe.seed,
        recipe.accepts,
        recipe.data,
        recipe.task,
        code=_CODE,
    )

    def make(folder: Path) -> None:
        network = starting_student(workshop, start)
        contract = contract_of(recipe, network)
        material = Material(
            learn=labelled(workshop, "train", taught, contract),
            val=labelled(workshop, "val", taught, contract),
        )
        log = supervise(workshop, network, material, folder=folder, name="training")
        save_network(folder / "network.pt", network)
        write_record(folder / "log.json", log)

    folder = workshop.store.finished_together(stage, key, make, team=workshop.team, by_all=True)
    network = _empty_network(recipe)
    load_network(folder / "network.pt", network)
    return Learned(
        key=key,
        network=network,
        contract=contract_of(recipe, network),
        log=read_record(folder / "log.json", TrainingLog),
        distillation=None
        if start is None
        else read_record(start[1] / "log.json", DistillationLog),
    )


def without_teacher(workshop: Workshop) -> Learned:
    """Return the same student trained on the labels alone, to show what the teacher brought."""
    recipe = workshop.recipe
    alone = replace(
        recipe,
        teacher=None,
        distillation=None,
        training=replace(recipe.training, teacher_weight=0.0),
    )
    return learn(replace(workshop, recipe=alone), None, stage="train-without-teacher")


def starting_student(workshop: Workshop, start: tuple[str, Path] | None) -> Network:
    """Return the student before it sees a label.

    Parameters
    ----------
    workshop : Workshop
    start : (key, folder) or None
        From `distil_student`.
    """
    network = _network(workshop.recipe, workshop.weights)
    if start is not None:
        load_network(start[1] / "network.pt", network)
    return network


def supervise(
    workshop: Workshop, network: Network, material: Material, *, folder: Path, name: str
) -> TrainingLog:
    """Train a student on labels as the recipe says, with a checkpoint in a stage's folder."""
    recipe = workshop.recipe
    return train(
        network,
        material,
        recipe.training,
        contract=contract_of(recipe, network),
        seed=recipe.seed,
        checkpoint=folder / "scratch" / "checkpoint.pt",
        device="auto",
        on_step=lambda done, total: workshop.progress(name, done, total),
    )


def labelled(
    workshop: Workshop, split: str, taught: Taught | None, contract: Contract
) -> LabelledPictures:
    """Return the pictures of one split with all that is known of them, in their order."""
    cases, aware = workshop.cases, workshop.recipe.training.groups
    rows = np.flatnonzero(np.array(cases.splits) == split)
    return LabelledPictures(
        pictures=_pictures(workshop, split, contract),
        labels=cases.labels[rows],
        groups=None if aware is None else cases.grouped([aware.by])[0].codes[rows],
        teacher_logits=None if taught is None else taught.logits[rows],
    )


def _network(recipe: Recipe, weights: Path) -> Network:
    """Return the network before any training of ours."""
    network = _empty_network(recipe)
    source = recipe.backbone.weights
    if source is not None:
        tensors = load_weights(obtain_weights(source, weights))
        try:
            network.backbone.load_pretrained(tensors)
        except RuntimeError as error:  # torch's word for other names or shapes
            raise InputError(
                f"The weights in {source.file} do not fit {recipe.backbone.name}.",
                hint="Correct backbone.name or backbone.weights in the recipe.",
            ) from error
    return network


def _empty_network(recipe: Recipe) -> Network:
    torch.manual_seed(recipe.seed)
    backbone = build_backbone(recipe.backbone.name, side_px=recipe.input.side_px)
    return Network(backbone, len(recipe.findings), dropout=recipe.training.dropout)


def _pictures(workshop: Workshop, split: str, contract: Contract) -> NDArray[np.uint8]:
    part = workshop.cases.of(split)
    return read_pictures(
        part.images,
        workshop.recipe.accepts,
        contract,
        on_picture=lambda done: workshop.progress(f"reading {split} images", done, len(part)),
    )
