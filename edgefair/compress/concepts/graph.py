"""Rows appended to the classifier inside an ONNX file; everything else in it stays as it was."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract
from edgefair.compress.export import with_contract
from edgefair.errors import ContractMismatch

__all__ = ["append_rows"]


def append_rows(
    model: bytes,
    contract: Contract,
    weights: NDArray[np.float32],
    biases: NDArray[np.float32],
) -> bytes:
    """Return the model with more findings behind those it has.

    A finding's logit is the mean over places of a 1 x 1 convolution, which is kept in full
    precision, so a finding is one more row of that convolution's weights and one more bias.

    Parameters
    ----------
    model : bytes
        From `edgefair.compress`, in full precision or INT8.
    contract : Contract
        Of the new model: the old findings, then the new ones.
    weights : ndarray of float32, shape (k, d)
    biases : ndarray of float32, shape (k,)

    Raises
    ------
    ContractMismatch
        If the model's classifier is not such a convolution.
    """
    graph = onnx.load_from_string(model)
    classifier = _classifier(graph.graph, contract.outputs.heat_map)
    tensors = {tensor.name: tensor for tensor in graph.graph.initializer}
    named = [tensors.get(name) for name in classifier.input[1:]]
    if len(named) != 2 or named[0] is None or named[1] is None:
        raise _no_classifier()
    rows = weights.astype(np.float32)[:, :, np.newaxis, np.newaxis]
    _append(named[0], rows)
    _append(named[1], biases.astype(np.float32))
    # what was noted of tensors inside holds no longer behind the classifier
    del graph.graph.value_info[:]
    for output in graph.graph.output:
        if output.name in (contract.outputs.logits, contract.outputs.heat_map):
            output.type.tensor_type.shape.dim[1].dim_value = len(contract.findings)
    return with_contract(graph, contract)


def _classifier(graph: onnx.GraphProto, heat_map: str) -> onnx.NodeProto:
    node: onnx.NodeProto
    for node in graph.node:
        if heat_map in node.output and node.op_type == "Conv":
            return node
    raise _no_classifier()


def _append(tensor: onnx.TensorProto, rows: NDArray[np.float32]) -> None:
    held = onnx.numpy_helper.to_array(tensor)
    if held.dtype != np.float32 or held.shape[1:] != rows.shape[1:]:
        raise _no_classifier()
    longer = np.concatenate([held, rows])
    tensor.CopyFrom(onnx.numpy_helper.from_array(longer, tensor.name))


def _no_classifier() -> ContractMismatch:
    return ContractMismatch(
        "The bundle's model has no classifier in full precision to add a finding to.",
        hint="Make the bundle with `edgefair compress run`.",
    )
