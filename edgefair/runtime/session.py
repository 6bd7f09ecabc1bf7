"""Tensor to logits, embedding and heat map, in the variant that this processor is meant to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle
from edgefair.bundle.graph import GraphSummary, TensorShape, inspect_graph
from edgefair.bundle.manifest import CONTRACT_KEY, Contract, contract_to_json
from edgefair.errors import ContractMismatch, UnsafeModel
from edgefair.records.record import record
from edgefair.runtime.engine import LOAD_ERRORS, MAX_MEMORY_BYTES, VERSION, open_engine
from edgefair.runtime.meanwhile import Meanwhile
from edgefair.runtime.saturation import saturates
from edgefair.runtime.variants import Sums, Way, choose_variant, main_part, ways_of

if TYPE_CHECKING:
    import onnxruntime as ort

__all__ = ["RawOutputs", "Session"]


@record(frozen=True, slots=True, kw_only=True)
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
    way : Way, optional
        The one way to run it; what is best on this processor if left out.
    wait : bool, optional
        Whether to return only once onnxruntime has loaded it. If not, what it says against the
        graph is raised by whatever needs it first.

    Raises
    ------
    UnsafeModel
        If the graph holds what edgefair does not run, or onnxruntime cannot load it.
    ContractMismatch
        If graph and manifest disagree.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int,
        saturating: Callable[[], bool] = saturates,
        way: Way | None = None,
        wait: bool = True,
    ) -> None:
        contract = bundle.manifest.contract
        ways = (way,) if way is not None else _ways_here(bundle, contract, saturating)
        model = bundle.at(ways[0].part)
        if way is not None:
            _check_contract(inspect_graph(model), contract)
        self._input, self._label = contract.input.name, bundle.manifest.label
        outputs = contract.outputs
        self._outputs = [outputs.logits, outputs.embedding, outputs.heat_map]
        self._wanted = ways[0]
        # it needs no interpreter: a cold start imports what reads images meanwhile
        self._loading = Meanwhile(partial(_loaded, model, ways, self._label, threads))
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return once onnxruntime has loaded the graph, or raise what it says against it."""
        self._loading.result()

    @property
    def engine(self) -> str:
        """What runs, to be recorded with every prediction.

        ``fp32``; ``int8``; ``int8 x64quantprecision``; ``int8 in float``, where neither of these
        could be loaded; with the part's path where the bundle holds another part for such
        processors.
        """
        _, way = self._loading.result()
        return way.engine

    @property
    def note(self) -> str:
        """A sentence for whoever reads the results; empty where there is nothing to say."""
        _, way = self._loading.result()
        return "" if way is self._wanted else _fallen_back(self._wanted, self._label)

    def run(self, batch: NDArray[np.float32]) -> RawOutputs:
        """Return the outputs for a batch of shape (n, channels, height_px, width_px).

        Raises
        ------
        UnsafeModel
            If the graph fails on it, or asks for more memory than graphs may take.
        """
        session, _ = self._loading.result()
        try:
            logits, embedding, heat_map = session.run(self._outputs, {self._input: batch})
        except LOAD_ERRORS as error:
            raise UnsafeModel(
                f"{self._label} fails on an image, or asks for more than "
                f"{MAX_MEMORY_BYTES // 2**20} MB of memory: {error!s:.300}",
                hint="Get the bundle again, or the edgefair version it was made for.",
            ) from error
        return RawOutputs(logits=logits, embedding=embedding, heat_map=heat_map)


def _ways_here(
    bundle: Bundle, contract: Contract, saturating: Callable[[], bool]
) -> tuple[Way, ...]:
    """Return how to run the bundle on this processor, the graph having been checked."""
    main = main_part(bundle)
    graph = inspect_graph(bundle.at(main))
    _check_contract(graph, contract)
    chosen = choose_variant(bundle.manifest, graph, saturates=saturating)
    if chosen.part not in ("", main):
        graph = inspect_graph(bundle.at(chosen.part))
        _check_contract(graph, contract)
    return ways_of(chosen, graph, main=main)


def _loaded(
    model: bytes, ways: tuple[Way, ...], label: str, threads: int
) -> tuple[ort.InferenceSession, Way]:
    """Return the first way that onnxruntime can load, loaded."""
    for way in ways:
        try:
            session = open_engine(
                model,
                threads=threads,
                x64_quant_precision=way.sums is Sums.EXACT,
                in_float=way.sums is Sums.FLOAT,
            )
        except LOAD_ERRORS as error:
            # e.g. with exact sums it converts a weight that two operators share twice, and fails
            if way is ways[-1]:
                raise UnsafeModel(
                    f"onnxruntime {VERSION} cannot load {label}: {error}",
                    hint="Get the bundle again, or the edgefair version it was made for.",
                ) from error
        else:
            return session, way
    raise ValueError("there must be a way to run a model")


def _fallen_back(wanted: Way, label: str) -> str:
    return (
        f"onnxruntime {VERSION} could not load {label} as {wanted.engine}: it computes in float "
        "instead, which is slower and answers the same but for rounding."
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
