"""Each student in INT8 against OpenVINO's INT8 and against the teachers, in one run.

    python -m tests.benchmarks.students [--weights DIR] [--rounds 15] [--images 64] \\
        [--calibration minmax] [--plain]

One thread, one image of 224 x 224 pixels, medians over rounds in which all ways take turns, so
that a noisy machine disturbs them alike. Images are radiographs where they lie beside the
checkout, else phantoms. Ours are equalised, which changes nothing where ReLU6 follows a layer,
and have their biases corrected; both sides are calibrated by the same ones of the train split and
compared on all that are not of it. EfficientNet-Lite0 has the ImageNet weights that the
chest-xray recipe names (found in ``--weights`` or fetched into it); the others have random
weights with batch norms measured on the images. OpenVINO's columns need ``pip install openvino
nncf``, DINOv2's row ``pip install transformers``; the figures are of architectures, whose speed
no weight changes.

Agreement: of a logistic regression for the manifest's finding, fitted on full precision's
embeddings of the train split, and of EfficientNet-Lite0's first of ImageNet's 1000 classes, which
on radiographs is a guess among near ties. Errors are root mean squares over the spread.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgefair.bundle.manifest import Accepts, Contract, Input, Normalize, Outputs, ResizeArea, Task
from edgefair.compress.data.pictures import prepared
from edgefair.compress.export import export_onnx
from edgefair.compress.quantization.forms import Form
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.teachers.tiny_vit import TinyVit
from edgefair.compress.weights import load_weights, obtain_weights
from edgefair.phantom.clinic import Clinic
from edgefair.phantom.folder import IMAGES_NAME, MANIFEST_NAME, write_clinic
from edgefair.runtime.engine import open_engine
from tests.benchmarks.agreement import Head, compare, fit_probe
from tests.benchmarks.rival import is_installed, rival_int8

ROOT = Path(__file__).resolve().parents[2]
REAL_CLINIC = ROOT.parent / "shared" / "data" / "nih1000"
PHANTOMS = 400
SIDE_PX = 224
BARS = {"efficientnet-lite0": 1.0, "mobilenetv4-conv-small": 1.15, "resnet-18": 1.15}
REPEATS = 3

Answer: TypeAlias = Mapping[str, NDArray[np.float32]]
Way: TypeAlias = Callable[[NDArray[np.float32]], Answer]
Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """One student, ready to be compared."""

    name: str
    full_precision: bytes = field(repr=False)
    int8: bytes = field(repr=False)
    first_class: Head | None = field(repr=False)
    rival: Way | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Prepared images (n, 1, 224, 224): two thirds or so to fit on, the others to compare on."""

    train: Array = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    held_out: Array = field(repr=False)


def main() -> None:
    """Build the networks, take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=Path(tempfile.gettempdir(), "weights"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument(
        "--calibration", choices=("minmax", "percentile", "entropy"), default="minmax"
    )
    parser.add_argument("--plain", action="store_true", help="neither equalised nor corrected")
    asked = parser.parse_args()
    form = Form(
        calibration=asked.calibration, equalised=not asked.plain, bias_corrected=not asked.plain
    )
    torch.set_num_threads(1)
    pictures = _pictures()
    step = max(1, len(pictures.train) // asked.images)
    calibration = pictures.train[::step][: asked.images]
    students = [_student(name, asked.weights, calibration, form) for name in BARS]
    teachers = {"LiteMedSAM's encoder": _lite_medsam()}
    if importlib.util.find_spec("transformers"):
        teachers["DINOv2's ViT-B/14"] = _dinov2_base()
    print(
        f"\nStudents, {SIDE_PX} x {SIDE_PX}, one thread, medians of {asked.rounds} rounds; {form}"
    )
    times = _times(students, teachers, pictures.held_out[:1], asked.rounds)
    _print_students(students, times)
    _print_teachers(students, teachers, times)
    _print_agreement(students, pictures)
    if not is_installed():
        print("openvino and nncf are not installed: OpenVINO's columns are empty.")


def _print_students(students: list[Student], times: dict[str, float]) -> None:
    _print_row("student", "fp32 ms", "INT8 ms", "OpenVINO ms", "ratio", "bar", "MB")
    for student in students:
        fp32, int8 = (times[f"{student.name} {kind}"] for kind in ("fp32", "INT8"))
        their_ms = times.get(f"{student.name} OpenVINO")
        _print_row(
            student.name,
            f"{fp32:.2f}",
            f"{int8:.2f}",
            f"{their_ms:.2f}" if their_ms else "",
            f"{int8 / their_ms:.2f}" if their_ms else "",
            f"{BARS[student.name]:.2f}",
            f"{len(student.int8) / 1e6:.2f}",
        )


def _print_teachers(
    students: list[Student], teachers: dict[str, bytes], times: dict[str, float]
) -> None:
    print("\nTeachers in full precision, and how much faster and smaller each student's INT8 is")
    _print_row("teacher", "fp32 ms", "MB", *(f"{s.name:<24}" for s in students))
    for name, model in teachers.items():
        ratios = [
            f"{times[name] / times[f'{s.name} INT8']:.1f} x, {len(model) / len(s.int8):.1f} x"
            for s in students
        ]
        cells = (f"{ratio:<24}" for ratio in ratios)
        _print_row(name, f"{times[name]:.1f}", f"{len(model) / 1e6:.1f}", *cells)


def _print_agreement(students: list[Student], pictures: Pictures) -> None:
    print(
        f"\nNearness to full precision, {len(pictures.held_out)} held-out images, 95 % intervals"
    )
    _print_row("student", f"{'measure':<20}", "ours", "OpenVINO", f"{'difference':<29}", "better")
    for student in students:
        if student.rival is None:
            continue
        full_precision = _ort(student.full_precision)
        probe = fit_probe(_embeddings(full_precision, pictures.train), pictures.labels)
        heads = {"probe": probe}
        if student.first_class is not None:
            heads["top-1"] = student.first_class
        ways = (full_precision, _ort(student.int8), student.rival)
        exact, ours, theirs = (_embeddings(way, pictures.held_out) for way in ways)
        for found in compare(exact, ours, theirs, heads=heads, seed=0):
            difference = found.ours - found.theirs
            interval = f"{difference:+.4f} ({found.lower:+.4f}, {found.upper:+.4f})"
            _print_row(
                student.name,
                f"{found.measure:<20}",
                f"{found.ours:.4f}",
                f"{found.theirs:.4f}",
                f"{interval:<29}",
                found.better,
            )


def _print_row(name: str, *cells: str) -> None:
    print(f"{name:<24}" + "".join(f"{cell:<13}" for cell in cells))


def _times(
    students: list[Student], teachers: dict[str, bytes], image: Array, rounds: int
) -> dict[str, float]:
    """Return milliseconds of each way, all taking turns."""
    jobs: dict[str, Callable[[], object]] = {}
    for student in students:
        jobs[f"{student.name} fp32"] = _job(_ort(student.full_precision), image)
        jobs[f"{student.name} INT8"] = _job(_ort(student.int8), image)
        if student.rival:
            jobs[f"{student.name} OpenVINO"] = _job(student.rival, image)
    for name, model in teachers.items():
        side_px = 256 if name.startswith("LiteMedSAM") else SIDE_PX
        jobs[name] = _job(_ort(model), np.zeros((1, 3, side_px, side_px), np.float32))
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(rounds):
        for name, job in jobs.items():
            for _ in range(REPEATS):
                began = time.perf_counter()
                job()
                taken[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(each) for name, each in taken.items()}


def _job(way: Way, image: Array) -> Callable[[], object]:
    return lambda: way(image)


def _ort(model: bytes) -> Way:
    engine = open_engine(model, threads=1)
    given = engine.get_inputs()[0].name
    names = [output.name for output in engine.get_outputs()]
    return lambda image: dict(zip(names, engine.run(names, {given: image}), strict=True))


def _embeddings(way: Way, images: Array) -> Array:
    return np.concatenate([way(image[np.newaxis])["embedding"].copy() for image in images])


def _student(name: str, weights: Path, calibration: Array, form: Form) -> Student:
    torch.manual_seed(0)
    network = Network(build_backbone(name), 1, dropout=0.0)
    first_class: Head | None = None
    if name == "efficientnet-lite0":
        recipe = read_recipe(ROOT / "models" / "chest-xray" / "recipe.toml")
        if recipe.backbone.weights is None:
            raise ValueError("the chest-xray recipe names no weights")
        state = load_weights(obtain_weights(recipe.backbone.weights, weights))
        network.backbone.load_pretrained(state)
        weight, bias = (state[f"_fc.{part}"].double().numpy() for part in ("weight", "bias"))
        first_class = lambda found: found @ weight.T + bias  # noqa: E731
    else:
        _measure_batch_norms(network, calibration)
    contract = _contract(name, network)
    model = export_onnx(network, contract)
    return Student(
        name=name,
        full_precision=model,
        int8=quantize_onnx(model, contract, np.array_split(calibration, 4), form),
        first_class=first_class,
        rival=rival_int8(model, calibration) if is_installed() else None,
    )


def _measure_batch_norms(network: Network, images: Array) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the batches
    network.train()
    with torch.no_grad():
        for batch in np.array_split(images, 4):
            network(torch.from_numpy(batch))


def _contract(name: str, network: Network) -> Contract:
    map_side = SIDE_PX // network.backbone.stride
    return Contract(
        name=name,
        version="0.0.0",
        task=Task.BINARY,
        findings=("finding",),
        input=Input(name="image", channels=1, height_px=SIDE_PX, width_px=SIDE_PX),
        preprocessing=_STEPS,
        outputs=Outputs(
            logits="logits",
            embedding="embedding",
            embedding_size=network.backbone.feature_size,
            heat_map="heat_map",
            heat_map_height=map_side,
            heat_map_width=map_side,
        ),
    )


_STEPS = (
    ResizeArea(height_px=SIDE_PX, width_px=SIDE_PX),
    Normalize(mean=127 / 255, std=128 / 255),
)


def _pictures() -> Pictures:
    if REAL_CLINIC.is_dir():
        return _read(REAL_CLINIC, finding="pneumonia")
    with tempfile.TemporaryDirectory() as folder:
        clinic = Clinic(seed=0, count=PHANTOMS, size_px=256, prevalence=0.5)
        write_clinic(clinic, Path(folder))
        return _read(Path(folder), finding="opacity")


def _read(folder: Path, *, finding: str) -> Pictures:
    accepts = Accepts(modalities=(), body_parts=(), min_side_px=64)
    network = Network(build_backbone("small-cnn"), 1, dropout=0.0)
    with (folder / MANIFEST_NAME).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = tuple(folder / IMAGES_NAME / Path(row["image"]).name for row in rows)
    images = np.concatenate(list(prepared(paths, accepts, _contract("images", network))))
    is_train = np.array([row["split"] == "train" for row in rows])
    labels = np.array([int(row[finding]) for row in rows])
    return Pictures(train=images[is_train], labels=labels[is_train], held_out=images[~is_train])


def _lite_medsam() -> bytes:
    torch.manual_seed(0)
    # without its neck, whose norm has no form in this operator set: to the teacher's advantage
    return _traced(_Output(TinyVit(kernel=1), lambda given: given[0]), side_px=256)


def _dinov2_base() -> bytes:
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(image_size=SIDE_PX, patch_size=14)
    return _traced(
        _Output(Dinov2Model(config), lambda given: given.last_hidden_state), side_px=SIDE_PX
    )


class _Output(nn.Module):
    """A network that gives one of its outputs."""

    def __init__(self, network: nn.Module, take: Callable[[Any], torch.Tensor]) -> None:
        super().__init__()
        self.network, self.take = network, take

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.take(self.network(images))


def _traced(network: nn.Module, *, side_px: int) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, side_px, side_px),),
            file,  # type: ignore[arg-type]  # this exporter writes to open files too
            input_names=["image"],
            opset_version=17,
            dynamo=False,
        )
    return file.getvalue()


if __name__ == "__main__":
    main()
