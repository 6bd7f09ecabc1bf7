"""What INT8 costs the group that is hard to see: a builder's default against the gated search.

    python -m tests.benchmarks.compression [--seeds 5] [--few 16] [--kept DIR]

The students are the plainly trained ones of `group_methods`, whose images they share: the few
women's opacities are faint. Each becomes INT8 in these ways:

- default: onnxruntime's `quantize_static` as it comes, which is one scale a layer, MinMax, every
  layer, on a few random training images
- per channel: the same with one scale a channel
- search: `edgefair`'s, on as many images drawn evenly over sexes and labels, for the form that
  costs no group of the val split more than the margin

The operating point is full precision's, at a specificity of 90 % on val, for every form.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from sklearn.metrics import roc_auc_score

from edgefair.compress.evidence.scoring import Answers
from edgefair.compress.export import export_onnx
from edgefair.compress.quantization.forms import candidate_forms
from edgefair.compress.quantization.loss import GroupLoss, worst_group_loss
from edgefair.compress.quantization.quantize import calibration_rows
from edgefair.compress.quantization.search import Sought, search
from edgefair.runtime.engine import open_engine
from edgefair.runtime.preprocess import prepare
from tests.benchmarks.gate import CONTRACT, Drawn, Splits
from tests.benchmarks.group_methods import plan_of
from tests.benchmarks.planted import BY, Shelf, is_woman, mean_and_interval, threshold_of

MARGIN, CANDIDATES = 0.05, 8
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Float:
    """A student in full precision and its images."""

    model: bytes = field(repr=False)
    splits: Splits
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a form costs one sex on the test images, as rates."""

    sensitivity: float
    specificity: float
    auroc: float
    drift: float
    missed: float


MEASURES: dict[str, Callable[[Loss], float]] = {
    "sensitivity": lambda one: one.sensitivity,
    "specificity": lambda one: one.specificity,
    "the larger of these two": lambda one: max(one.sensitivity, one.specificity),
    "AUROC": lambda one: one.auroc,
    "mean change of the probability": lambda one: one.drift,
    "positives flipped to missed": lambda one: one.missed,
}


class Batch(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """The calibration images as onnxruntime asks for them."""

    def __init__(self, images: Array) -> None:
        self._left = [images]

    def get_next(self) -> dict[str, Array] | None:
        return {CONTRACT.input.name: self._left.pop()} if self._left else None


def ready(images: Drawn) -> Array:
    found = [prepare(p.astype(np.float32) / np.float32(255), CONTRACT) for p in images.pictures]
    return np.stack(found)


def answers(model: bytes, images: Array) -> Array:
    engine = open_engine(model, threads=1)
    batches = np.array_split(images, max(1, len(images) // 64))
    found = [engine.run(["logits"], {CONTRACT.input.name: batch})[0] for batch in batches]
    return np.concatenate(found)


def builders(student: Float, few: int, *, per_channel: bool) -> bytes:
    train = student.splits.train
    rows = np.random.default_rng(student.seed).permutation(len(train.labels))[:few]
    model = onnx.load_from_string(student.model)
    add_pre_process_metadata(model)  # `export_onnx` has done it; the quantiser asks
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        place = Path(folder, "int8.onnx")
        quantize_static(
            model,
            place,
            Batch(ready(train.take(rows))),
            per_channel=per_channel,
        )
        return place.read_bytes()


def sought(student: Float, few: int) -> tuple[bytes, str]:
    splits = student.splits
    train, val, val_images = splits.train.cases(), splits.val.cases(), ready(splits.val)
    rows = calibration_rows(train, (BY,), few, seed=student.seed)
    calibration = ready(splits.train.take(rows))
    expected = _answered(student.model, val_images)

    def loss(model: bytes) -> GroupLoss:
        found = _answered(model, val_images)
        task = CONTRACT.task
        return worst_group_loss(expected, found, val, (BY,), task=task, margin=MARGIN)

    with tempfile.TemporaryDirectory() as folder:
        result = search(
            Sought(
                model=student.model,
                contract=CONTRACT,
                calibration=lambda: [calibration],
                loss=loss,
            ),
            candidate_forms(student.model, CONTRACT),
            Path(folder),
            candidates=CANDIDATES,
        )
    return result.model, f"{result.chosen.form}; {result.chosen.judged.sentence}"


def _answered(model: bytes, images: Array) -> Answers:
    return Answers(logits=answers(model, images), embeddings=np.zeros((len(images), 1), "f4"))


def losses(student: Float, form: bytes) -> dict[str, Loss]:
    """Return what a form costs each sex."""
    val, test = student.splits.val, student.splits.test
    threshold = threshold_of(answers(student.model, ready(val)), val)
    images, women = ready(test), is_woman(test)
    before, after = (answers(model, images)[:, 0] for model in (student.model, form))
    truth = test.labels[:, 0] == 1
    return {
        name: _loss(truth[rows], before[rows], after[rows], threshold)
        for name, rows in (("women", women), ("men", ~women))
    }


def _loss(truth: NDArray[np.bool_], before: Array, after: Array, threshold: float) -> Loss:
    flagged, still = before > threshold, after > threshold
    lost = flagged.astype(int) - still
    probabilities = [1 / (1 + np.exp(-logits.astype(np.float64))) for logits in (before, after)]
    return Loss(
        sensitivity=float(lost[truth].mean()),
        specificity=-float(lost[~truth].mean()),
        auroc=float(roc_auc_score(truth, before) - roc_auc_score(truth, after)),
        drift=float(np.abs(probabilities[0] - probabilities[1]).mean()),
        missed=float((lost[truth] == 1).mean()),
    )


def worst(found: dict[str, Loss], measure: Callable[[Loss], float]) -> float:
    return max(measure(loss) for loss in found.values())


def compare(shelf: Shelf, seeds: range, few: int) -> None:
    by_form: dict[str, list[dict[str, Loss]]] = {"default": [], "per channel": [], "search": []}
    plan = plan_of("seen", "plain", 0.003, 0.0)
    for seed in seeds:
        network = shelf.trained(seed, plan)
        student = Float(model=export_onnx(network, CONTRACT), splits=shelf.splits(seed), seed=seed)
        chosen, words = sought(student, few)
        forms = {
            "default": builders(student, few, per_channel=False),
            "per channel": builders(student, few, per_channel=True),
            "search": chosen,
        }
        for name, form in forms.items():
            by_form[name].append(losses(student, form))
        print(f"seed {seed}: search took {words}", flush=True)
    print(f"\n{few} calibration images; the worse sex's loss, percent, by seed.")
    print(f"| measure | {' | '.join(by_form)} |\n|---|---|---|---|")
    for measure, of in MEASURES.items():
        cells = [
            " ".join(f"{100 * worst(found, of):.1f}" for found in each)
            for each in by_form.values()
        ]
        print(f"| {measure} | {' | '.join(cells)} |")
    print("\nMean, and in brackets what the form loses beyond the search, with 95 % interval.")
    print(f"| measure | sex | {' | '.join(by_form)} |\n|---|---|---|---|---|")
    for measure, of in MEASURES.items():
        for sex in ("worse", "women", "men"):
            print(f"| {measure} | {sex} | {' | '.join(told(by_form, sex, of))} |")


def told(
    by_form: dict[str, list[dict[str, Loss]]], sex: str, of: Callable[[Loss], float]
) -> list[str]:
    figures = {
        name: [worst(found, of) if sex == "worse" else of(found[sex]) for found in each]
        for name, each in by_form.items()
    }
    cells = []
    for name, lost in figures.items():
        mean = f"{100 * np.mean(lost):.1f}"
        pairs = zip(lost, figures["search"], strict=True)
        beyond = mean_and_interval([one - other for one, other in pairs])
        cells.append(mean if name == "search" else f"{mean} [{beyond}]")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--few", type=int, default=16)
    parser.add_argument("--kept", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        shelf = Shelf(folder=options.kept or Path(scratch))
        shelf.folder.mkdir(parents=True, exist_ok=True)
        compare(shelf, range(1, options.seeds + 1), options.few)


if __name__ == "__main__":
    main()
