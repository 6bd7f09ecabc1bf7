"""From a trained network to float32 ONNX, and to the INT8 form that holds for every group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract, Variant
from edgefair.compress.data.cases import Cases
from edgefair.compress.data.pictures import prepared
from edgefair.compress.evidence.scoring import answer
from edgefair.compress.export import draft_manifest, export_onnx
from edgefair.compress.quantization.forms import PLAIN, Form, candidate_forms
from edgefair.compress.quantization.loss import GroupLoss, worst_group_loss
from edgefair.compress.quantization.quantize import calibration_rows, quantize_onnx
from edgefair.compress.quantization.search import Sought, search
from edgefair.compress.quantization.sensitivity import rank_by_sensitivity
from edgefair.compress.quantization.variants import variants_of
from edgefair.compress.stages.files import read_record, write_record
from edgefair.compress.stages.learn import Learned
from edgefair.compress.stages.workshop import Workshop

__all__ = ["MODEL_PART", "Shrunk", "Tried", "shrink"]

MODEL_PART: Final = "model.onnx"
"""Where the bundle keeps the INT8 model."""

_MARGIN: Final = 0.05
"""Largest loss of any group that the search lets pass where the recipe has no gate."""

_CODE = (
    "compress/quantization",
    "compress/export",
    "compress/data",
    "compress/stages/shrink",
    "runtime",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the search tried.

    Attributes
    ----------
    chosen : str
        The form, in words.
    trials : tuple of (form in words, whether it passes, what it costs the worst group)
    variants : tuple of Variant
        What each kind of processor runs.
    """

    chosen: str
    trials: tuple[tuple[str, bool, str], ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """A student in its two forms.

    Attributes
    ----------
    key : str
        What it was made from.
    calibration_images : int
        Images that set the ranges of the INT8 activations.
    """

    key: str
    contract: Contract
    full_precision: bytes = field(repr=False)
    int8: bytes = field(repr=False)
    calibration_images: int
    tried: Tried


def shrink(workshop: Workshop, learned: Learned) -> Shrunk:
    """Return the student as ONNX, in full precision and in the fastest INT8 form that holds.

    Raises
    ------
    GateFailed
        If the INT8 model cannot be promised to processors without VNNI.
    """
    recipe = workshop.recipe
    plan, gate = recipe.quantization, recipe.gate
    learn = workshop.cases.of("train")
    chosen = learn.take(calibration_rows(learn, recipe.data.groups, plan.images, seed=recipe.seed))
    key = workshop.key(learned.key, plan, recipe.data.groups, gate, learned.contract, code=_CODE)
    folder = workshop.store.finished(
        "quantize", key, lambda place: _make(workshop, learned, chosen, place)
    )
    return Shrunk(
        key=key,
        contract=learned.contract,
        full_precision=(folder / "full-precision.onnx").read_bytes(),
        int8=(folder / "int8.onnx").read_bytes(),
        calibration_images=len(chosen),
        tried=read_record(folder / "tried.json", Tried),
    )


def _make(workshop: Workshop, learned: Learned, chosen: Cases, folder: Path) -> None:
    recipe, contract = workshop.recipe, learned.contract
    model = export_onnx(learned.network, contract)
    (folder / "full-precision.onnx").write_bytes(model)
    budget = recipe.quantization.candidates

    def batches() -> Iterator[NDArray[np.float32]]:
        return prepared(chosen.images, recipe.accepts, contract)

    sought = Sought(
        model=model,
        contract=contract,
        calibration=batches,
        loss=_Loss(workshop, contract, model),
        judged_by=f"{workshop.data_digest} {recipe.gate} {recipe.data.groups}",
    )
    workshop.progress("quantising", 0, budget)
    tried = 0

    def on_trial(_: object) -> None:
        nonlocal tried
        tried += 1
        workshop.progress("quantising", tried, budget)

    few = next(batches())
    result = search(
        sought,
        _forms(model, contract, few, sought, budget),
        folder / "scratch" / "trials",
        candidates=budget,
        on_trial=on_trial,
    )
    workshop.progress("quantising", budget, budget)
    (folder / "int8.onnx").write_bytes(result.model)
    record = Tried(
        chosen=str(result.chosen.form),
        trials=tuple((str(t.form), t.judged.passes, t.judged.sentence) for t in result.trials),
        variants=variants_of(result.model, contract, few, part=MODEL_PART),
    )
    write_record(folder / "tried.json", record)
    write_record(
        folder / "search.json",
        _Latencies(trials=tuple((str(t.form), t.latency_ms, t.size_bytes) for t in result.trials)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Latencies:
    """What each form took on this machine: form in words, milliseconds, bytes."""

    trials: tuple[tuple[str, float, int], ...]


class _Loss:
    """What an INT8 model costs the worst group of the val split."""

    def __init__(self, workshop: Workshop, contract: Contract, full_precision: bytes) -> None:
        recipe = workshop.recipe
        self._recipe = recipe
        self._cases = workshop.cases.of("val")
        self._manifest = draft_manifest(recipe, contract)
        self._margin = recipe.gate.margin if recipe.gate is not None else _MARGIN
        (self._expected,) = answer((full_precision,), self._manifest, self._cases.images)

    def __call__(self, model: bytes) -> GroupLoss:
        (found,) = answer((model,), self._manifest, self._cases.images)
        return worst_group_loss(
            self._expected,
            found,
            self._cases,
            self._recipe.data.groups,
            task=self._recipe.task,
            margin=self._margin,
        )


def _forms(
    model: bytes,
    contract: Contract,
    few: NDArray[np.float32],
    sought: Sought,
    budget: int,
) -> tuple[Form, ...]:
    """Return the forms to try; which layers are sensitive is asked only if they are reached."""
    forms = candidate_forms(model, contract)
    if budget <= len(forms):
        return forms
    plain = quantize_onnx(model, contract, sought.calibration(), PLAIN)
    sensitive = rank_by_sensitivity(model, plain, contract, few[: len(few) // 2 or 1])
    return candidate_forms(model, contract, sensitive=sensitive)
