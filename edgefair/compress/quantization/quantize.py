"""Float32 ONNX to INT8, in the one form that is fast and faithful on ordinary CPUs.

Static QDQ: unsigned activations, signed weights, one scale per output channel, ranges from the
smallest and largest value seen. The classifier stays float: it costs nothing and keeps the
logits, the embedding and the heat map from being rounded to 256 steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import edgefair.runtime.session  # noqa: F401 - turns onnxruntime's telemetry off first

# isort: split
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from edgefair.bundle.manifest import Contract
from edgefair.compress.data.cases import Cases
from edgefair.compress.export import with_contract

__all__ = ["calibration_rows", "quantize_onnx"]


def quantize_onnx(
    model: bytes, contract: Contract, batches: Iterable[NDArray[np.float32]]
) -> bytes:
    """Return the INT8 form of a float32 model.

    Parameters
    ----------
    model : bytes
        From `export_onnx`.
    contract : Contract
    batches : iterable of ndarray of float32, shape (n, channels, height_px, width_px)
        The calibration set, prepared.
    """
    graph = onnx.load_from_string(model)
    add_pre_process_metadata(graph)  # `export_onnx` has done it; the quantiser asks
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "int8.onnx")
        quantize_static(
            graph,
            path,
            _Batches(contract.input.name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Add", "Clip", "Conv"],
            nodes_to_exclude=_classifier_of(graph, contract),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return with_contract(onnx.load(path), contract)


def calibration_rows(
    cases: Cases, groups: tuple[str, ...], count: int, *, seed: int
) -> NDArray[np.intp]:
    """Return positions of at most `count` cases, as even over groups and labels as they allow.

    One case of each combination of labels and groups in turn, until there are enough: a rare
    group sets the ranges of the activations as much as a common one.

    Parameters
    ----------
    cases : Cases
    groups : tuple of str
        As in the recipe; crossed ones make strata of their own.
    count : int
    seed : int
    """
    codes = [grouping.codes.tolist() for grouping in cases.grouped(groups)]
    order = np.random.default_rng(seed).permutation(len(cases)).tolist()
    seen: dict[tuple[object, ...], int] = {}
    turns: list[tuple[int, int, int]] = []
    for row in order:
        # as text, because an unknown label is nan, which equals nothing
        stratum = (str(cases.labels[row]), *(group[row] for group in codes))
        turns.append((seen.setdefault(stratum, 0), len(turns), row))
        seen[stratum] += 1
    chosen = [row for _, _, row in sorted(turns)[:count]]
    return np.array(sorted(chosen), dtype=np.intp)


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """Batches in the form that onnxruntime's quantiser asks for."""

    def __init__(self, name: str, batches: Iterable[NDArray[np.float32]]) -> None:
        self._name = name
        self._batches: Iterator[NDArray[np.float32]] = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def _classifier_of(graph: onnx.ModelProto, contract: Contract) -> list[str]:
    return [node.name for node in graph.graph.node if contract.outputs.heat_map in node.output]
