"""Supervised fine-tuning: a network, labelled pictures, and the epoch that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.augment import draw_changes
from edgefair.compress.recipe import Training
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import Logits, mean_auroc
from edgefair.compress.training.batches import Supply
from edgefair.compress.training.checkpoint import Keeper, key_of
from edgefair.compress.training.course import Course, Pace
from edgefair.compress.training.losses import masked_loss
from edgefair.compress.training.machine import THREADS, prepare_machine
from edgefair.compress.training.material import LabelledPictures, Material, TrainingLog
from edgefair.compress.training.supervised import Supervised

__all__ = [
    "THREADS",
    "LabelledPictures",
    "Material",
    "TrainingLog",
    "masked_loss",
    "mean_auroc",
    "train",
]


def train(  # noqa: PLR0913 - what to learn, how, and where; a record would only wrap the call
    network: Network,
    material: Material,
    plan: Training,
    *,
    contract: Contract,
    seed: int,
    checkpoint: Path | None = None,
    device: str = "cpu",
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingLog:
    """Train a network in place and leave it with the weights of the epoch that the plan keeps.

    The same arguments give the same weights to the last bit on the same machine, a CPU; and so
    they do when the process is killed and the call made again with the same checkpoint.

    The best epoch is that of the worst group's AUROC where val has groups with both classes,
    otherwise of the mean AUROC. With quantisation noise only epochs that end in it can be
    kept, and training does not stop before: the noise would be for nothing. A plan that keeps
    the last epoch runs them all, and what val says is only written down.

    Parameters
    ----------
    network : Network
    material : Material
    plan : Training
    contract : Contract
        Its preprocessing ends the augmentation; its task chooses the loss.
    seed : int
    checkpoint : Path, optional
        Written after each epoch and now and then within one; gone on from if it is there and
        of the same network, material, plan and seed.
    device : str, optional
        ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one; there in mixed precision.
        Under ``torchrun`` every process makes the same call (see `parallel`).
    on_step : callable, optional
        Called with the steps done and the steps at most.

    Raises
    ------
    ValueError
        If the plan asks for a teacher or groups that the material lacks, or the machine has no
        such device.
    EdgefairError
        If the checkpoint cannot be written.
    """
    _check(material, plan)
    machine = prepare_machine(device, seed)
    learn = material.learn
    supply = Supply(
        pictures=learn.pictures,
        contract=contract,
        batch=plan.batch,
        strength=plan.augmentation,
        draw=draw_changes,
        team=machine.team,
    )
    pace = Pace(
        epochs=plan.epochs,
        steps=supply.steps,
        rates=(plan.learning_rate, plan.head_learning_rate),
        weight_decay=plan.weight_decay,
        noise=plan.quantization_noise,
        seed=seed,
    )
    key = "" if checkpoint is None else _key(network, material, (plan, contract, seed))
    parts = (network.backbone.parameters(), network.classifier.parameters())
    course = Course(Logits(network), parts, network.backbone, pace, machine)
    lesson = Supervised(network, material, plan, contract, pace, machine)
    course.run(lesson, supply, Keeper(checkpoint, key, machine.team), on_step)
    return lesson.finish()


def _check(material: Material, plan: Training) -> None:
    if plan.teacher_weight > 0 and material.learn.teacher_logits is None:
        raise ValueError("the plan has a teacher's weight, the material no teacher's logits")
    is_grouped = plan.groups is not None and plan.groups.method != "plain"
    if is_grouped and material.learn.groups is None:
        raise ValueError("the plan minds groups, the material has none")


def _key(network: Network, material: Material, settings: tuple[object, ...]) -> str:
    splits = (material.learn, material.val)
    arrays = [
        part
        for cases in splits
        for part in (cases.pictures, cases.labels, cases.groups, cases.teacher_logits)
    ]
    return key_of(*settings, network.state_dict(), *arrays)
