"""From a trained network to its float32 and INT8 ONNX files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.pictures import prepared
from edgefair.compress.export import export_onnx
from edgefair.compress.quantization.quantize import calibration_rows, quantize_onnx
from edgefair.compress.stages.learn import Learned
from edgefair.compress.stages.workshop import Workshop

__all__ = ["Shrunk", "shrink"]

_CODE = (
    "compress/quantization",
    "compress/export",
    "compress/data",
    "compress/stages/shrink",
    "runtime",
)


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


def shrink(workshop: Workshop, learned: Learned) -> Shrunk:
    """Return the student as ONNX, in full precision and in INT8."""
    recipe, contract = workshop.recipe, learned.contract
    learn = workshop.cases.of("train")
    rows = calibration_rows(
        learn, recipe.data.groups, recipe.quantization.images, seed=recipe.seed
    )
    chosen = learn.take(rows)
    key = workshop.key(learned.key, recipe.quantization, contract, code=_CODE)

    def batches() -> Iterator[NDArray[np.float32]]:
        return prepared(chosen.images, recipe.accepts, contract)

    def make(folder: Path) -> None:
        full_precision = export_onnx(learned.network, contract)
        (folder / "full-precision.onnx").write_bytes(full_precision)
        workshop.progress("quantising", 0, 1)
        int8 = quantize_onnx(full_precision, contract, batches())
        workshop.progress("quantising", 1, 1)
        (folder / "int8.onnx").write_bytes(int8)

    folder = workshop.store.finished("quantize", key, make)
    return Shrunk(
        key=key,
        contract=contract,
        full_precision=(folder / "full-precision.onnx").read_bytes(),
        int8=(folder / "int8.onnx").read_bytes(),
        calibration_images=len(chosen),
    )
