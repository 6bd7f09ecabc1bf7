"""A trained network as an ONNX file that carries its own contract."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path
from typing import Final

import edgefair.runtime.session  # noqa: F401 - turns onnxruntime's telemetry off first

# isort: split
import onnx
import torch
from onnxruntime.quantization.shape_inference import quant_pre_process

from edgefair.bundle.manifest import (
    CONTRACT_KEY,
    FORMAT,
    Contract,
    Input,
    Manifest,
    Normalize,
    Outputs,
    Reference,
    ResizeArea,
    contract_to_json,
)
from edgefair.compress.recipe import Recipe
from edgefair.compress.students.network import Network

__all__ = ["OPSET", "contract_of", "draft_manifest", "export_onnx", "with_contract"]

OPSET: Final = 17
"""Every onnxruntime since 1.12 knows it."""


def contract_of(recipe: Recipe, network: Network) -> Contract:
    """Return what will go into the graph and what will come out of it."""
    side_px = recipe.input.side_px
    map_side = side_px // network.backbone.stride
    return Contract(
        name=recipe.name,
        version=recipe.version,
        task=recipe.task,
        findings=recipe.findings,
        input=Input(name="image", channels=1, height_px=side_px, width_px=side_px),
        preprocessing=(
            ResizeArea(height_px=side_px, width_px=side_px),
            Normalize(mean=recipe.input.mean, std=recipe.input.std),
        ),
        outputs=Outputs(
            logits="logits",
            embedding="embedding",
            embedding_size=network.backbone.feature_size,
            heat_map="heat_map",
            heat_map_height=map_side,
            heat_map_width=map_side,
        ),
    )


def draft_manifest(recipe: Recipe, contract: Contract) -> Manifest:
    """Return the manifest as far as it is known before anything is measured."""
    return Manifest(
        format=FORMAT,
        contract=contract,
        intended_use=recipe.intended_use,
        accepts=recipe.accepts,
        calibration=(),
        operating_points=(),
        reference=Reference(
            measured_on="", cells=(), score_histograms=(), embedding_mean=(), embedding_std=()
        ),
        parts=(),
    )


def export_onnx(network: Network, contract: Contract) -> bytes:
    """Return the network as float32 ONNX: batch norms folded, batch axis free, checked.

    Parameters
    ----------
    network : Network
    contract : Contract
        Names inputs and outputs, and goes into the metadata.
    """
    model = _simplified(_traced(network, contract))
    _join_padding(model.graph)
    return with_contract(model, contract)


def with_contract(model: onnx.ModelProto, contract: Contract) -> bytes:
    """Return the model's bytes with the contract in its metadata, after ONNX's own check."""
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = CONTRACT_KEY, contract_to_json(contract)
    # onnxruntime's tools list every operator set they know, used or not
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _traced(network: Network, contract: Contract) -> bytes:
    given, outputs = contract.input, contract.outputs
    names = (outputs.logits, outputs.embedding, outputs.heat_map)
    example = torch.zeros(1, given.channels, given.height_px, given.width_px)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # torch would rather have its newer exporter used, which needs two packages more
        warnings.simplefilter("ignore", DeprecationWarning)
        # what it does not fold, `_simplified` does
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        torch.onnx.export(
            network.eval(),
            (example,),
            file,  # type: ignore[arg-type]  # this exporter writes to open files too
            input_names=[given.name],
            output_names=list(names),
            dynamic_axes={name: {0: "n"} for name in (given.name, *names)},
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()


def _simplified(traced: bytes) -> onnx.ModelProto:
    """Fold constants and batch norms, and find every tensor's shape."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "traced.onnx"), Path(folder, "simplified.onnx")
        before.write_bytes(traced)
        quant_pre_process(before, after, skip_symbolic_shape=True)
        return onnx.load(after)


def _join_padding(graph: onnx.GraphProto) -> None:
    """Let each convolution pad by itself what a Pad node before it padded.

    torch has no unequal margins in its convolution; ONNX does, and INT8 runs faster without
    the copy.
    """
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    pads = {node.output[0]: node for node in graph.node if node.op_type == "Pad"}
    for node in list(graph.node):
        pad = pads.get(node.input[0]) if node.op_type == "Conv" else None
        if pad is None:
            continue
        # ONNX lists all starts and then all ends, for batch and channel too, which stay as is
        margins = constants[pad.input[1]]
        kept = [attribute for attribute in node.attribute if attribute.name != "pads"]
        joined = onnx.helper.make_attribute("pads", [*margins[2:4], *margins[6:8]])
        del node.attribute[:]
        node.attribute.extend([*kept, joined])
        node.input[0] = pad.input[0]
        graph.node.remove(pad)
    used = {name for node in graph.node for name in node.input}
    idle = [tensor for tensor in graph.initializer if tensor.name not in used]
    for tensor in idle:
        graph.initializer.remove(tensor)
