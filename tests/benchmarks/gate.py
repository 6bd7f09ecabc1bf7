"""Does the gate stop a student that was made to miss one group, and let its healthy twin pass?

    python -m tests.benchmarks.gate [--repeats 20] [--margin 0.1]

One network is trained on phantoms: the reference. Each repetition draws half of its training
images, goes on training two copies of it on them, and holds both against it: one copy on the
true labels, one whose positives of device B are labelled negative, in training and in the choice
of the epoch. All get the operating point of the same aim on truly labelled val images. Stopped
is what the command line leaves with exit code 7 for a shown harm; passed is what it releases
without any condition.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgefair.audit.intervals import wilson
from edgefair.bundle.manifest import (
    FORMAT,
    Accepts,
    Contract,
    Input,
    Manifest,
    Normalize,
    Outputs,
    Reference,
    ResizeArea,
    Task,
)
from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.gate.answers import answered_by_aim
from edgefair.compress.gate.judging import judge_gate
from edgefair.compress.gate.records import Answered, GateResult
from edgefair.compress.recipe import Aim, GatePlan, Training
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.loop import train
from edgefair.compress.training.material import LabelledPictures, Material
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantoms
from edgefair.runtime.preprocess import prepare

FINDING, GROUP = "opacity", "device B"
SIDE_PX = 64
CLINIC = Clinic(
    seed=7, count=3700, prevalence=0.5, missing_rate=0.0, size_px=SIDE_PX + 8, contrast=1.0
)
TRAIN, VAL = 1600, 500
AIM = Aim(name="few false alarms", aim="specificity", at_least=0.9)
WAYS = ("sex", "device", "sex+device")
REFERENCE = Training(
    epochs=12,
    patience=12,
    batch=32,
    learning_rate=1e-2,
    head_learning_rate=1e-2,
    weight_decay=0.01,
    dropout=0.0,
    augmentation=0.1,
)
STUDENT = replace(REFERENCE, epochs=4, patience=4)
CONTRACT = Contract(
    name="phantoms",
    version="0",
    task=Task.BINARY,
    findings=(FINDING,),
    input=Input(name="image", channels=1, height_px=SIDE_PX, width_px=SIDE_PX),
    preprocessing=(
        ResizeArea(height_px=SIDE_PX, width_px=SIDE_PX),
        Normalize(mean=0.5, std=0.25),
    ),
    outputs=Outputs(
        logits="logits",
        embedding="embedding",
        embedding_size=96,
        heat_map="heat_map",
        heat_map_height=4,
        heat_map_width=4,
    ),
)
MANIFEST = Manifest(
    format=FORMAT,
    contract=CONTRACT,
    intended_use="a benchmark",
    accepts=Accepts(modalities=(), body_parts=(), min_side_px=SIDE_PX),
    calibration=(),
    operating_points=(),
    reference=Reference(
        measured_on="", cells=(), score_histograms=(), embedding_mean=(), embedding_std=()
    ),
    parts=(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Phantoms in memory, n of them: pictures (n, h, w), labels (n, 1), and who is on them."""

    pictures: NDArray[np.uint8] = field(repr=False)
    labels: NDArray[np.float32] = field(repr=False)
    sexes: NDArray[np.str_] = field(repr=False)
    devices: NDArray[np.str_] = field(repr=False)

    def take(self, rows: NDArray[np.intp]) -> Drawn:
        return Drawn(
            pictures=self.pictures[rows],
            labels=self.labels[rows],
            sexes=self.sexes[rows],
            devices=self.devices[rows],
        )

    def learned_from(self, *, blind_to_group: bool) -> LabelledPictures:
        labels = self.labels.copy()
        if blind_to_group:
            labels[self.devices == "B"] = 0
        return LabelledPictures(pictures=self.pictures, labels=labels)

    def cases(self) -> Cases:
        count = len(self.labels)
        return Cases(
            images=tuple(Path(f"{i}.png") for i in range(count)),
            labels=self.labels,
            splits=("test",) * count,
            patients=tuple(map(str, range(count))),
            columns=(
                Column(name="sex", values=tuple(self.sexes.tolist())),
                Column(name="device", values=tuple(self.devices.tolist())),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The phantoms, parted."""

    train: Drawn
    val: Drawn
    test: Drawn


def draw() -> Splits:
    every = drawn(CLINIC)
    train_rows, val_rows, test_rows = np.split(np.arange(CLINIC.count), [TRAIN, TRAIN + VAL])
    return Splits(
        train=every.take(train_rows), val=every.take(val_rows), test=every.take(test_rows)
    )


def drawn(clinic: Clinic) -> Drawn:
    pictures, labels, sexes, devices = [], [], [], []
    for one in phantoms(clinic):
        pictures.append(to_grey8(one))
        labels.append([float(one.finding)])
        sexes.append(one.subject.sex)
        devices.append(next(a.value for a in one.subject.attributes if a.name == "device"))
    return Drawn(
        pictures=np.stack(pictures),
        labels=np.array(labels, dtype=np.float32),
        sexes=np.array(sexes),
        devices=np.array(devices),
    )


def answered(name: str, network: Network, splits: Splits) -> Answered:
    return answered_by_aim(
        name,
        (logits(network, splits.val), splits.val.labels),
        logits(network, splits.test),
        AIM,
        MANIFEST,
    )


def logits(network: Network, drawn: Drawn) -> NDArray[np.float32]:
    network.eval()
    found = []
    with torch.inference_mode():
        for some in np.array_split(drawn.pictures, max(1, len(drawn.pictures) // 64)):
            ready = [prepare(p.astype(np.float32) / np.float32(255), CONTRACT) for p in some]
            found.append(network(torch.from_numpy(np.stack(ready)))[0].numpy())
    return np.concatenate(found)


def students(
    reference: Network, splits: Splits, repeats: int
) -> Iterator[tuple[Network, Network]]:
    """Yield a healthy student and one that learned to miss the group, of the same images."""
    for seed in range(1, repeats + 1):
        rows = np.random.default_rng(seed).permutation(TRAIN)[: TRAIN // 2]
        pair = []
        for blind in (False, True):
            network = copy.deepcopy(reference)
            material = Material(
                learn=splits.train.take(rows).learned_from(blind_to_group=blind),
                val=splits.val.learned_from(blind_to_group=blind),
            )
            train(network, material, STUDENT, contract=CONTRACT, seed=seed)
            pair.append(network)
        yield pair[0], pair[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--margin", type=float, default=0.1)
    options = parser.parse_args()
    started = time.monotonic()
    splits = draw()
    torch.manual_seed(0)
    reference = Network(build_backbone("small-cnn"), 1, dropout=0.0)
    material = Material(
        learn=splits.train.learned_from(blind_to_group=False),
        val=splits.val.learned_from(blind_to_group=False),
    )
    log = train(reference, material, REFERENCE, contract=CONTRACT, seed=0)
    print(f"reference: val AUROC {max(log.val_aurocs):.3f}", flush=True)
    before = answered("reference", reference, splits)
    cases, plan = splits.test.cases(), GatePlan(margin=options.margin)

    def gate(network: Network) -> GateResult:
        after = answered("student", network, splits)
        return judge_gate([before, after], cases, (FINDING,), plan=plan, ways=WAYS)

    healthy, blind = [], []
    for one, other in students(reference, splits, options.repeats):
        healthy.append(gate(one))
        blind.append(gate(other))
        print(f"{len(healthy)}: {told(healthy[-1])} | {told(blind[-1])}", flush=True)
    print(f"\n{len(cases)} test images, margin {options.margin:g}, alpha {plan.alpha:g}")
    print("| student | stopped for harm | of these, device B is named | passed, no condition |")
    print("|---|---|---|---|")
    for name, results in (("healthy", healthy), ("made to miss device B", blind)):
        print(f"| {name} | {' | '.join(shares(results))} |")
    print(f"{time.monotonic() - started:.0f} s in all")


def told(result: GateResult) -> str:
    """Return the loss of sensitivity of each device, and the outcome."""
    lost = {
        str(cell.group): f"{100 * cell.loss.estimate:+.0f}"
        for cell in result.cells
        if cell.metric == "sensitivity" and str(cell.group).startswith("device")
    }
    outcome = "passed" if result.passed else f"{len(result.failures)} harmed"
    return f"{lost} {outcome}, {len(result.conditions)} open"


def shares(results: list[GateResult]) -> list[str]:
    stopped = [result for result in results if result.failures]
    named = [r for r in stopped if any(str(cell.group) == GROUP for cell in r.failures)]
    passed = [result for result in results if result.passed]
    return [
        share(len(stopped), len(results)),
        share(len(named), len(stopped)) if stopped else "-",
        share(len(passed), len(results)),
    ]


def share(hits: int, n: int) -> str:
    ci = wilson(hits, n)
    return f"{hits} of {n} ({100 * ci.estimate:.0f} %, {100 * ci.lower:.0f}-{100 * ci.upper:.0f})"


if __name__ == "__main__":
    main()
