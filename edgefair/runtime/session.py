"""Tensor to logits, embedding and heat map: the one door to onnxruntime."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

# onnxruntime queues and sends telemetry unless this stands in the environment before its import
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edgefair.bundle.archive import Bundle
from edgefair.bundle.graph import GraphSummary, TensorShape, inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, contract_to_json
from edgefair.errors import ContractMismatch, UnsafeModel

__all__ = ["RawOutputs", "Session"]

_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOutputs:
    """What the graph gives for a batch of n images, all float32.

    Attributes
    ----------
    logits : ndarray, shape (n, findings)
    embedding : ndarray, shape (n, d)
    heat_map : ndarray, shape (n, findings, h, w)
    """

    logits: NDArray[np.float32] = field(repr=False)
    embedding: NDArray[np.float32] = field(repr=False)
    heat_map: NDArray[np.float32] = field(repr=False)


class Session:
    """A loaded graph that was found to be what its manifest says. Safe to share among threads.

    Parameters
    ----------
    bundle : Bundle
        Its parts have been checked against their hashes.
    threads : int
        Threads inside one call of `run`, at least 1.

    Raises
    ------
    UnsafeModel
        If the graph holds what edgefair does not run, or onnxruntime cannot load it.
    ContractMismatch
        If graph and manifest disagree.
    """

    def __init__(self, bundle: Bundle, *, threads: int) -> None:
        contract = bundle.manifest.contract
        model = bundle.content("model")
        _check_contract(inspect_graph(model), contract)
        self._input = contract.input.name
        outputs = contract.outputs
        self._outputs = [outputs.logits, outputs.embedding, outputs.heat_map]
        try:
            self._session = ort.InferenceSession(
                model, _options(threads), providers=["CPUExecutionProvider"]
            )
        except _LOAD_ERRORS as error:
            raise UnsafeModel(
                f"onnxruntime {ort.__version__} cannot load {bundle.manifest.label}: {error}",
                hint="Get the bundle again, or the edgefair version it was made for.",
            ) from error

    def run(self, batch: NDArray[np.float32]) -> RawOutputs:
        """Return the outputs for a batch of shape (n, channels, height_px, width_px)."""
        logits, embedding, heat_map = self._session.run(self._outputs, {self._input: batch})
        return RawOutputs(logits=logits, embedding=embedding, heat_map=heat_map)


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # other levels give other INT8 logits: the level is part of the model's promise
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # a spinning thread would take its core from the one that decodes the next image
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _check_contract(graph: GraphSummary, contract: Contract) -> None:
    faults = []
    if graph.metadata_value(CONTRACT_KEY) != contract_to_json(contract):
        faults.append("the graph carries another contract than the manifest")
    wanted = _wanted_shapes(contract)
    found = {shape.name: shape.sizes for shape in (*graph.inputs, *graph.outputs)}
    if len(graph.inputs) != 1:
        faults.append(f"the graph has {len(graph.inputs)} inputs, not 1")
    for shape in wanted:
        sizes = found.get(shape.name)
        if sizes is None:
            faults.append(f"the graph has no {shape.name!r}")
        elif not _fits(sizes, shape.sizes):
            faults.append(f"{shape.name!r} has the shape {sizes}, not {shape.sizes}")
    if faults:
        raise ContractMismatch(
            f"The model {contract.name} {contract.version} is not what its manifest says: "
            + "; ".join(faults)
            + ".",
            hint="Get the bundle again, or ask its builder.",
        )


def _wanted_shapes(contract: Contract) -> tuple[TensorShape, ...]:
    given, outputs, findings = contract.input, contract.outputs, len(contract.findings)
    map_sizes = (None, findings, outputs.heat_map_height, outputs.heat_map_width)
    return (
        TensorShape(
            name=given.name, sizes=(None, given.channels, given.height_px, given.width_px)
        ),
        TensorShape(name=outputs.logits, sizes=(None, findings)),
        TensorShape(name=outputs.embedding, sizes=(None, outputs.embedding_size)),
        TensorShape(name=outputs.heat_map, sizes=map_sizes),
    )


def _fits(found: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether the ranks agree, the batch is free, and every other size is as promised."""
    return len(found) == len(wanted) and found[0] is None and found[1:] == wanted[1:]
