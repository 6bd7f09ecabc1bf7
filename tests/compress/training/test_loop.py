"""Training: the loss counts what is known, the best epoch is kept, the seed decides everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgefair.bundle.manifest import Task
from edgefair.compress.data.augment import augment, draw_changes
from edgefair.compress.recipe import GroupAware
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import Logits, group_aurocs, worst_group_auroc
from edgefair.compress.training.batches import Supply
from edgefair.compress.training.checkpoint import Keeper
from edgefair.compress.training.course import Course, Pace
from edgefair.compress.training.loop import (
    LabelledPictures,
    Material,
    TrainingLog,
    masked_loss,
    mean_auroc,
    train,
)
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.supervised import Supervised
from edgefair.runtime.preprocess import prepare
from tests.compress.training.toy import CONTRACT, PLAN, material, squares, state_of, student


def _pictures(count: int, seed: int) -> LabelledPictures:
    return replace(squares(count, seed), groups=None, teacher_logits=None)


def _trained(
    *, epochs: int, patience: int, seed: int, **changes: object
) -> tuple[Network, TrainingLog]:
    plan = replace(PLAN, epochs=epochs, patience=patience, **changes)  # type: ignore[arg-type]
    network = student(seed)
    cases = Material(learn=_pictures(64, 0), val=_pictures(32, 1))
    return network, train(network, cases, plan, contract=CONTRACT, seed=seed)


def test_a_network_learns_what_can_be_seen() -> None:
    network, log = _trained(epochs=8, patience=8, seed=0)

    assert max(log.val_aurocs) > 0.95
    assert log.val_aurocs[log.best_epoch - 1] == max(log.val_aurocs)
    assert not network.training


def test_a_plan_that_keeps_the_last_epoch_runs_them_all_whatever_val_says() -> None:
    plan = replace(PLAN, epochs=6, patience=None, keep="last")
    cases = Material(learn=_pictures(64, 0), val=_pictures(32, 1))
    # labels that go against the pictures: to val each epoch is worse than the one before
    against = replace(cases, val=replace(cases.val, labels=1 - cases.val.labels))
    told, against_it = student(0), student(0)

    log = train(told, cases, plan, contract=CONTRACT, seed=0)
    other = train(against_it, against, plan, contract=CONTRACT, seed=0)

    assert log.best_epoch == other.best_epoch == len(other.val_aurocs) == plan.epochs
    assert max(other.val_aurocs) > other.val_aurocs[-1]
    assert np.array_equal(state_of(told), state_of(against_it))


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    first, second, other = (_trained(epochs=1, patience=1, seed=seed)[0] for seed in (4, 4, 5))

    assert np.array_equal(state_of(first), state_of(second))
    assert not np.array_equal(state_of(first), state_of(other))


def test_training_stops_after_epochs_without_gain() -> None:
    _, log = _trained(epochs=30, patience=2, seed=0)

    assert len(log.val_aurocs) < 30
    assert len(log.val_aurocs) == log.best_epoch + 2


def test_the_mean_auroc_leaves_out_what_nobody_knows() -> None:
    scores = np.array([[0.1, 0.9], [0.9, 0.2], [0.5, 0.4]], dtype=np.float32)
    labels = np.array([[0, 1], [1, 0], [np.nan, 1]], dtype=np.float32)

    assert mean_auroc(scores, labels) == 1.0


def _plainly_trained(seed: int) -> Network:
    """Train for an epoch by nothing but a loop, as the bundles made so far were trained."""
    network = student(seed)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    cases, size = _pictures(64, 0), PLAN.batch
    torch.manual_seed(seed)
    rates = [PLAN.learning_rate, PLAN.head_learning_rate]
    parts = [network.backbone.parameters(), network.classifier.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": list(p), "lr": rate} for p, rate in zip(parts, rates, strict=True)],
        weight_decay=PLAN.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rates, total_steps=5)
    rng = np.random.default_rng((seed, 0))
    order = rng.permutation(64)
    network.train()
    for first in range(0, 64, size):
        rows = order[first : first + size]
        copies = [augment(cases.pictures[row], 32, PLAN.augmentation, rng) for row in rows]
        images = torch.from_numpy(np.stack([prepare(copy, CONTRACT) for copy in copies]))
        optimizer.zero_grad()
        logits = network(images.contiguous(memory_format=torch.channels_last))[0]
        masked_loss(logits, torch.from_numpy(cases.labels[rows]), Task.BINARY).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network


def test_without_teacher_groups_and_noise_nothing_but_a_plain_loop_is_run() -> None:
    network, _ = _trained(epochs=1, patience=1, seed=6)

    assert np.array_equal(state_of(network), state_of(_plainly_trained(6)))


def test_the_worst_group_decides_where_groups_are_given() -> None:
    log = train(student(1), material(), replace(PLAN, epochs=4), contract=CONTRACT, seed=1)

    assert len(log.val_worst_aurocs) == len(log.val_aurocs)
    assert log.val_worst_aurocs[log.best_epoch - 1] == max(log.val_worst_aurocs)
    assert all(
        worst <= mean + 0.05
        for worst, mean in zip(log.val_worst_aurocs, log.val_aurocs, strict=True)
    )


def test_the_mean_decides_where_every_group_lacks_a_class() -> None:
    cases = material()
    alike = replace(cases.val, groups=cases.val.labels[:, 0].astype(np.int64))

    log = train(student(), replace(cases, val=alike), PLAN, contract=CONTRACT, seed=0)

    assert log.val_worst_aurocs == ()
    assert log.val_aurocs[log.best_epoch - 1] == max(log.val_aurocs)


def test_a_group_without_both_classes_is_left_out_of_the_worst() -> None:
    scores = np.array([[0.9], [0.1], [0.2], [0.8], [0.5]], dtype=np.float32)
    labels = np.array([[1], [0], [1], [0], [1]], dtype=np.float32)
    groups = np.array([0, 0, 1, 1, 2])

    assert group_aurocs(scores, labels, groups) == {0: 1.0, 1: 0.0}
    assert worst_group_auroc(scores[4:], labels[4:], groups[4:]) is None


def test_an_epoch_before_the_rounding_is_never_kept_and_training_does_not_stop_there() -> None:
    _, log = _trained(epochs=8, patience=1, seed=0, quantization_noise=0.25)

    assert log.best_epoch >= 7


def test_a_teacher_alone_can_teach() -> None:
    cases = material()
    unlabelled = replace(cases.learn, labels=np.full_like(cases.learn.labels, np.nan))
    plan = replace(PLAN, epochs=8, patience=8, teacher_weight=1.0, temperature=2.0)

    log = train(student(), replace(cases, learn=unlabelled), plan, contract=CONTRACT, seed=0)

    assert max(log.val_aurocs) > 0.9


@pytest.mark.parametrize(
    "changes",
    [{"teacher_weight": 0.5}, {"groups": GroupAware(method="balanced", by="sex")}],
)
def test_a_plan_that_asks_for_what_is_not_there_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the material"):
        _trained(epochs=1, patience=1, seed=0, **changes)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no device 'abacus'"):
        train(student(), material(), PLAN, contract=CONTRACT, seed=0, device="abacus")


def test_mixed_precision_learns_in_short_numbers_and_keeps_long_weights() -> None:
    machine = Machine(device=torch.device("cpu"), half=torch.bfloat16)
    network = student()
    before = state_of(network)
    parts = (network.backbone.parameters(), network.classifier.parameters())
    pace = Pace(epochs=1, steps=4, rates=(0.01, 0.01), weight_decay=0.0, noise=0.0, seed=0)
    course = Course(Logits(network), parts, network.backbone, pace, machine)
    lesson = Supervised(network, material(64), PLAN, CONTRACT, pace, machine)
    seen: list[torch.dtype] = []
    network.classifier.register_forward_hook(lambda _layer, _inputs, out: seen.append(out.dtype))
    supply = Supply(
        pictures=material(64).learn.pictures,
        contract=CONTRACT,
        batch=16,
        strength=0.0,
        draw=draw_changes,
        team=machine.team,
    )

    course.run(lesson, supply, Keeper(None, ""), lambda done, total: None)

    assert set(seen) == {torch.bfloat16}
    assert all(p.dtype is torch.float32 for p in network.parameters())
    assert np.isfinite(state_of(network)).all()
    assert not np.array_equal(before, state_of(network))
