"""The planted cases that the fairness benchmarks share: the few women's opacities are faint.

One image in seven is of a woman, as in a clinic that sees few of a group, and her opacities have
a third of the contrast of a man's. Every seed has a training and a val split of its own; all are
tested on the same images, half of them of women, so that little is left to chance there. All
students go on from one network that was trained plainly on yet other images: of the same kind,
or of men only, as one that comes from where the group was not.
"""

from __future__ import annotations

import copy
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

__all__ = ["BY", "TUNING_SEED", "Shelf", "Start", "is_woman", "mean_and_interval", "threshold_of"]

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
Start: TypeAlias = Literal["both", "men"]
SPECIFICITY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Images and networks, each made once where a folder keeps them.

    Attributes
    ----------
    folder : Path
    start : str
        Whom the network that all go on from had seen: ``both`` sexes or ``men``.
    """

    folder: Path
    start: Start = "both"

    def splits(self, seed: int) -> Splits:
        """Return a seed's images."""
        test_seed = TEST_SEED + (seed == TUNING_SEED)
        test = self._drawn(replace(CLINIC, seed=test_seed, count=TEST, female_rate=0.5))
        train_part, val_part = self._parted(FIRST_SEED + seed)
        return Splits(train=train_part, val=val_part, test=test)

    def trained(self, seed: int, plan: Training) -> Network:
        """Return a seed's student, trained further from where all start."""
        return self._learned(self.begun(), self.splits(seed), plan, seed)

    def begun(self) -> Network:
        """Return the network that all students go on from."""
        torch.manual_seed(0)
        network = Network(build_backbone("small-cnn"), 1, dropout=0.0)
        train_part, val_part = self._parted(START_SEED)
        if self.start == "men":
            train_part, val_part = men_of(train_part), men_of(val_part)
        splits = Splits(train=train_part, val=val_part, test=val_part)
        plan = replace(REFERENCE, groups=GroupAware(method="plain", by=BY))
        return self._learned(network, splits, plan, START_SEED)

    def _parted(self, seed: int) -> tuple[Drawn, Drawn]:
        own = self._drawn(replace(CLINIC, seed=seed))
        train_rows, val_rows = np.split(np.arange(TRAIN + VAL), [TRAIN])
        return own.take(train_rows), own.take(val_rows)

    def _learned(self, start: Network, splits: Splits, plan: Training, seed: int) -> Network:
        network = copy.deepcopy(start)
        groups = plan.groups or GroupAware(method="plain", by=BY)
        settings = f"{groups.method}-{groups.strength:g}-{plan.learning_rate:g}"
        place = self.folder / f"{self.start}-{seed}-{settings}-{plan.epochs}.pt"
        if place.exists():
            network.load_state_dict(torch.load(place))
            return network.eval()
        material = Material(learn=_material(splits.train), val=_material(splits.val))
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


def _material(images: Drawn) -> LabelledPictures:
    return LabelledPictures(
        pictures=images.pictures,
        labels=images.labels,
        groups=is_woman(images).astype(np.int64),
    )


def is_woman(images: Drawn) -> NDArray[np.bool_]:
    return np.asarray(images.sexes == "F")


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
