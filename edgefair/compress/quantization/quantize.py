"""Float32 ONNX to INT8 by onnxruntime's own quantiser, in one of several forms.

Static QDQ: unsigned activations, signed weights. The classifier stays float: it costs nothing and
keeps the logits, the embedding and the heat map from being rounded to 256 steps.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Final

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
from edgefair.compress.quantization.bias_correction import correct_biases
from edgefair.compress.quantization.equalization import equalize
from edgefair.compress.quantization.forms import PLAIN, Form, classifier_of

__all__ = ["calibration_rows", "quantize_onnx"]


_METHODS: Final = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
_PERCENTILE: Final = 99.99
_PIXELS_TO_CORRECT_BY: Final = 32 * 256 * 256
"""Images of so many pixels at most: a wide layer's output for all of them takes some 200 MB."""

_CONVOLUTIONAL: Final = ("Add", "Clip", "Concat", "Conv", "MaxPool", "Relu")
_ATTENTIVE: Final = ("Conv", "Gemm", "MatMul")


def quantize_onnx(
    model: bytes,
    contract: Contract,
    batches: Iterable[NDArray[np.float32]],
    form: Form = PLAIN,
) -> bytes:
    """Return the INT8 form of a float32 model.

    A network with a softmax inside, which is a transformer, has its layers rounded and nothing
    between them; any other everything that onnxruntime then runs in INT8 throughout.

    Parameters
    ----------
    model : bytes
        From `export_onnx`.
    contract : Contract
    batches : iterable of ndarray of float32, shape (n, channels, height_px, width_px)
        The calibration set, prepared.
    form : Form
    """
    graph = onnx.load_from_string(model)
    if form.equalised:
        equalize(graph)
    is_attentive = any(node.op_type == "Softmax" for node in graph.graph.node)
    options: dict[str, object] = {}
    if form.calibration != "minmax":
        # one image at a time: these keep every activation of what they are given
        options = {"CalibStridedMinMax": 1, "CalibPercentile": _PERCENTILE}
        batches = [image[np.newaxis] for batch in batches for image in batch]
    if is_attentive:
        options["MatMulConstBOnly"] = True
    exact = b""
    if form.bias_corrected:
        exact, batches = graph.SerializeToString(), list(batches)
    add_pre_process_metadata(graph)  # `export_onnx` has done it; the quantiser asks
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder, "int8.onnx")
        quantize_static(
            graph,
            path,
            _Batches(contract.input.name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_ATTENTIVE if is_attentive else _CONVOLUTIONAL),
            nodes_to_exclude=[*classifier_of(graph, contract), *form.float_nodes],
            per_channel=form.per_channel,
            reduce_range=form.reduced_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=_METHODS[form.calibration],
            extra_options=options,
        )
        quantized = onnx.load(path)
    _unshare(quantized.graph)
    if form.bias_corrected:
        correct_biases(quantized, onnx.load_from_string(exact), _a_few(batches))
    return with_contract(quantized, contract)


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


def _a_few(batches: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return images spread evenly over the calibration set, to correct biases by."""
    images = np.concatenate(list(batches))
    most = max(1, _PIXELS_TO_CORRECT_BY // (images.shape[-2] * images.shape[-1]))
    return images[:: -(-len(images) // most)]


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """Batches in the form that onnxruntime's quantiser asks for."""

    def __init__(self, name: str, batches: Iterable[NDArray[np.float32]]) -> None:
        self._name = name
        self._all = batches
        self._batches: Iterator[NDArray[np.float32]] = iter(batches)

    def __len__(self) -> int:
        return len(self._all) if isinstance(self._all, Sequence) else 0

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give only some of the batches next."""
        self._batches = islice(self._all, start_index, end_index)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def _unshare(graph: onnx.GraphProto) -> None:
    """Give each node that unpacks signed integers its own copy of them.

    For processors without VNNI onnxruntime turns these unsigned as it loads the model; one that
    two nodes share it would turn twice, and fails.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    seen: set[str] = set()
    for node in graph.node:
        if node.op_type != "DequantizeLinear":
            continue
        for place in (0, 2):
            name = node.input[place] if place < len(node.input) else ""
            tensor = constants.get(name)
            if tensor is None or tensor.data_type != onnx.TensorProto.INT8:
                continue
            if name in seen:
                copy = graph.initializer.add()
                copy.CopyFrom(tensor)
                copy.name = f"{name}/{node.name}"
                node.input[place] = copy.name
            seen.add(name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's own chatter off stdout."""
    with redirect_stdout(io.StringIO()):
        yield
