"""Tensor to logits, embedding and heat map, in the variant that this processor is meant to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle
from edgefair.bundle.graph import GraphSummary, TensorShape, inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, Variant, contract_to_json
from edgefair.errors import ContractMismatch, UnsafeModel
from edgefair.runtime.engine import LOAD_ERRORS, MAX_MEMORY_BYTES, VERSION, open_engine
from edgefair.runtime.saturation import saturates
from edgefair.runtime.variants import choose_variant

__all__ = ["RawOutputs", "Session"]


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
    saturating : callable, optional
        Whether this processor saturates INT8 sums; asked only where it matters.

    Attributes
    ----------
    variant : str
        What runs, in a word: ``plain``; ``x64quantprecision``; the path of another part that
        the bundle holds for such processors; or ``saturating``, where none of these could be
        had and scores may differ from those that the bundle was checked with.
    note : str
        A sentence for whoever reads the results; empty where there is nothing to say.

    Raises
    ------
    UnsafeModel
        If the graph holds what edgefair does not run, or onnxruntime cannot load it.
    ContractMismatch
        If graph and manifest disagree.
    """

    def __init__(
        self, bundle: Bundle, *, threads: int, saturating: Callable[[], bool] = saturates
    ) -> None:
        contract = bundle.manifest.contract
        model = bundle.content("model")
        graph = inspect_graph(model)
        _check_contract(graph, contract)
        chosen = choose_variant(bundle.manifest, graph, saturates=saturating)
        if chosen.part not in ("", _main_part(bundle)):
            model = next(part.content for part in bundle.parts if part.path == chosen.part)
            _check_contract(inspect_graph(model), contract)
        self._input, self._label = contract.input.name, bundle.manifest.label
        outputs = contract.outputs
        self._outputs = [outputs.logits, outputs.embedding, outputs.heat_map]
        self.variant, self.note = _word(chosen, bundle), ""
        try:
            try:
                self._session = open_engine(
                    model, threads=threads, x64_quant_precision=chosen.x64_quant_precision
                )
            except LOAD_ERRORS:
                if not chosen.x64_quant_precision:
                    raise
                # onnxruntime converts a weight that two operators share twice, and fails
                self._session = open_engine(model, threads=threads)
                self.variant, self.note = "saturating", _inexact(bundle)
        except LOAD_ERRORS as error:
            raise UnsafeModel(
                f"onnxruntime {VERSION} cannot load {bundle.manifest.label}: {error}",
                hint="Get the bundle again, or the edgefair version it was made for.",
            ) from error

    def run(self, batch: NDArray[np.float32]) -> RawOutputs:
        """Return the outputs for a batch of shape (n, channels, height_px, width_px).

        Raises
        ------
        UnsafeModel
            If the graph fails on it, or asks for more memory than graphs may take.
        """
        try:
            logits, embedding, heat_map = self._session.run(self._outputs, {self._input: batch})
        except LOAD_ERRORS as error:
            raise UnsafeModel(
                f"{self._label} fails on an image, or asks for more than "
                f"{MAX_MEMORY_BYTES // 2**20} MB of memory: {error!s:.300}",
                hint="Get the bundle again, or the edgefair version it was made for.",
            ) from error
        return RawOutputs(logits=logits, embedding=embedding, heat_map=heat_map)


def _main_part(bundle: Bundle) -> str:
    return next(part.path for part in bundle.parts if part.role == "model")


def _word(chosen: Variant, bundle: Bundle) -> str:
    if chosen.x64_quant_precision:
        return "x64quantprecision"
    return "plain" if chosen.part in ("", _main_part(bundle)) else chosen.part


def _inexact(bundle: Bundle) -> str:
    return (
        f"onnxruntime {VERSION} could not load {bundle.manifest.label} with exact INT8 sums, and "
        "this processor cuts large sums off: scores may differ from those the bundle was "
        "checked with."
    )


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
