"""The planted cases that the fairness benchmarks share, each with a group that fares worse.

``seen``: one image in seven is of a woman, as in a clinic that sees few of a group, and her
opacities have a third of the contrast of a man's. ``unseen``: the same, but the network that all
go on from was trained on men only. ``drain``: the same images, with a chest drain on 19 of 20
with the finding and on 1 of 20 without: who has the finding and no drain yet is easily missed.

Every seed has a training and a val split of its own; all are tested on the same images, half of
them of women, half with a drain whether or not there is a finding, so that little is left to
chance there. All students go on from one network, trained plainly on yet other images.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t

from edgefair.compress.recipe import GroupAware, Training
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.loop import train
from edgefair.compress.training.material import LabelledPictures, Material
from edgefair.phantom.clinic import Clinic, Plant
from tests.benchmarks.gate import CONTRACT, REFERENCE, SIDE_PX, Drawn, Splits, drawn

__all__ = [
    "BY",
    "COLUMNS",
    "TUNING_SEED",
    "Case",
    "Shelf",
    "has_drain",
    "is_woman",
    "mean_and_interval",
    "threshold_of",
]

TUNING_SEED = 0
"""The seed that settings are chosen on, with test images of its own; reported are others."""

TRAIN, VAL, TEST = 2400, 800, 2000
CLINIC = Clinic(
    seed=0,
    count=TRAIN + VAL,
    prevalence=0.5,
    female_rate=0.15,
    missing_rate=0.0,
    size_px=SIDE_PX + 8,
    contrast=1.0,
    plant=Plant(attribute="sex", value="F", fraction=1.0, contrast=0.35),
)
FIRST_SEED, START_SEED, TEST_SEED = 1000, 2000, 3000
BY = "sex"
Grouped: TypeAlias = Callable[[Drawn], NDArray[np.bool_]]
Case: TypeAlias = Literal["seen", "unseen", "drain"]
COLUMNS: dict[Case, str] = {"seen": "sex", "unseen": "sex", "drain": "drain"}
DRAIN_RATE = 0.95
DRAIN, DRAIN_GREY = (slice(30, 56), slice(12, 14)), 230
SPECIFICITY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Images and networks, each made once where a folder keeps them.

    Attributes
    ----------
    folder : Path
    case : str
    """

    folder: Path
    case: Case = "seen"

    def splits(self, seed: int) -> Splits:
        """Return a seed's images."""
        test_seed = TEST_SEED + (seed == TUNING_SEED)
        test = self._drawn(replace(CLINIC, seed=test_seed, count=TEST, female_rate=0.5))
        train_part, val_part = self._parted(FIRST_SEED + seed)
        if self.case == "drain":
            train_part, val_part = (with_drains(p, DRAIN_RATE) for p in (train_part, val_part))
            test = with_drains(test, 0.5)
        return Splits(train=train_part, val=val_part, test=test)

    def is_weak(self, images: Drawn) -> NDArray[np.bool_]:
        """Return who is of the group that fares worse."""
        return ~has_drain(images) if self.case == "drain" else is_woman(images)

    def trained(self, seed: int, plan: Training) -> Network:
        """Return a seed's student, trained further from where all start."""
        return self._learned(self.begun(), self.splits(seed), plan, (seed, self.is_weak))

    def begun(self) -> Network:
        """Return the network that all students go on from."""
        torch.manual_seed(0)
        network = Network(build_backbone("small-cnn"), 1, dropout=0.0)
        train_part, val_part = self._parted(START_SEED)
        if self.case == "unseen":
            train_part, val_part = men_of(train_part), men_of(val_part)
        splits = Splits(train=train_part, val=val_part, test=val_part)
        plan = replace(REFERENCE, groups=GroupAware(method="plain", by=BY))
        return self._learned(network, splits, plan, (START_SEED, is_woman))

    def _parted(self, seed: int) -> tuple[Drawn, Drawn]:
        own = self._drawn(replace(CLINIC, seed=seed))
        train_rows, val_rows = np.split(np.arange(TRAIN + VAL), [TRAIN])
        return own.take(train_rows), own.take(val_rows)

    def _learned(
        self, start: Network, splits: Splits, plan: Training, how: tuple[int, Grouped]
    ) -> Network:
        seed, grouped = how
        network = copy.deepcopy(start)
        groups = plan.groups or GroupAware(method="plain", by=BY)
        settings = f"{groups.method}-{groups.strength:g}-{plan.learning_rate:g}"
        place = self.folder / f"{self.case}-{seed}-{settings}-{plan.epochs}.pt"
        if place.exists():
            network.load_state_dict(torch.load(place))
            return network.eval()
        learn, val = (
            LabelledPictures(
                pictures=part.pictures,
                labels=part.labels,
                groups=grouped(part).astype(np.int64),
            )
            for part in (splits.train, splits.val)
        )
        material = Material(learn=learn, val=val)
        train(network, material, plan, contract=CONTRACT, seed=seed)
        torch.save(network.state_dict(), place)
        return network

    def _drawn(self, clinic: Clinic) -> Drawn:
        place = self.folder / f"clinic-{clinic.seed}.npz"
        if not place.exists():
            made = drawn(clinic)
            np.savez(
                place,
                pictures=made.pictures,
                labels=made.labels,
                sexes=made.sexes,
                devices=made.devices,
            )
        with np.load(place) as kept:
            return Drawn(**{name: kept[name] for name in kept.files})


def is_woman(images: Drawn) -> NDArray[np.bool_]:
    return np.asarray(images.sexes == "F")


def has_drain(images: Drawn) -> NDArray[np.bool_]:
    return np.asarray(images.pictures[:, DRAIN[0], DRAIN[1]].min(axis=(1, 2)) == DRAIN_GREY)


def with_drains(images: Drawn, rate: float) -> Drawn:
    """Return the images, this share of those with the finding having a drain.

    Of those without the finding the rest of that share has one.
    """
    draws = np.random.default_rng(len(images.labels)).random(len(images.labels))
    chance = np.where(images.labels[:, 0] == 1, rate, 1 - rate)
    pictures = images.pictures.copy()
    for row in np.flatnonzero(draws < chance):
        pictures[row][DRAIN] = DRAIN_GREY
    return replace(images, pictures=pictures)


def men_of(images: Drawn) -> Drawn:
    return images.take(np.flatnonzero(~is_woman(images)))


def threshold_of(logits: NDArray[np.float32], val: Drawn) -> float:
    """Return the logit above which a tenth of all negatives of a val split lies."""
    return float(np.quantile(logits[val.labels[:, 0] == 0, 0], SPECIFICITY))


def mean_and_interval(values: list[float]) -> str:
    """Return the mean over seeds and its 95 % interval by Student's t, as percentages."""
    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return f"{100 * mean:+.1f} ({100 * (mean - half):+.1f} to {100 * (mean + half):+.1f})"
