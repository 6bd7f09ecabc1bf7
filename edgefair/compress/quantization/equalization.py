"""Cross-layer equalisation: the same network with its channels' weights on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper

from edgefair.compress.quantization.wiring import Wiring, attribute

__all__ = ["equalizable_pairs", "equalize"]

_SWEEPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two convolutions, the second of which takes what the first makes, and nothing else does."""

    first: NodeProto
    second: NodeProto

    @property
    def is_depthwise(self) -> bool:
        """Whether the second treats each channel by itself."""
        return attribute(self.second, "group", 1) > 1


def equalizable_pairs(model: ModelProto) -> int:
    """Return how many neighbouring convolutions `equalize` can balance against each other."""
    return len(list(_pairs(Wiring.of(model.graph))))


def equalize(model: ModelProto) -> None:
    """Rescale the channels between neighbouring convolutions, in place.

    A channel may be divided by any positive s before a ReLU and multiplied by it after: with
    s = sqrt(r1 r2) / r2 both layers' weights of the channel reach equally far, r being the
    largest size of a weight in each. The outputs stay the same but for rounding.

    Pairs with a bounded activation between them are left as they are: ReLU6 (Clip) cuts off at 6
    whatever the channel's scale, a bound for each channel would need an operator that
    onnxruntime does not fuse, and dropping the bound would make another network. Of a
    MobileNetV2 that leaves the projections that no residual joins.

    References
    ----------
    .. [1] M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-free quantization through
       weight equalization and bias correction", ICCV 2019, section 4.1.
    """
    wiring = Wiring.of(model.graph)
    pairs = list(_pairs(wiring))
    names = {name for pair in pairs for node in (pair.first, pair.second) for name in node.input}
    values = {name: wiring.array(name) for name in names if name in wiring.weights}
    for _ in range(_SWEEPS):
        for pair in pairs:
            _balance(pair, values)
    for name, value in values.items():
        wiring.weights[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))


def _balance(pair: _Pair, values: dict[str, NDArray[np.float32]]) -> None:
    before, after = values[pair.first.input[1]], values[pair.second.input[1]]
    channel = 0 if pair.is_depthwise else 1
    reach_before = np.abs(before).max(axis=(1, 2, 3))
    reach_after = np.abs(np.moveaxis(after, channel, 0)).reshape(len(before), -1).max(axis=1)
    is_used = (reach_before > 0) & (reach_after > 0)
    ratio = np.divide(reach_before, reach_after, where=is_used, out=np.ones_like(reach_before))
    scale = np.sqrt(ratio)
    values[pair.first.input[1]] = before / scale[:, None, None, None]
    if len(pair.first.input) > 2:
        values[pair.first.input[2]] = values[pair.first.input[2]] / scale
    turned = np.moveaxis(after, channel, 0) * scale[:, None, None, None]
    values[pair.second.input[1]] = np.moveaxis(turned, 0, channel)


def _pairs(wiring: Wiring) -> Iterator[_Pair]:
    for first in wiring.layers():
        if first.op_type != "Conv" or not _is_own(first, wiring):
            continue
        second = wiring.only_taker(first.output[0])
        if second is not None and second.op_type == "Relu":
            second = wiring.only_taker(second.output[0])
        if second is None or second.op_type != "Conv" or not _is_own(second, wiring):
            continue
        groups = attribute(second, "group", 1)
        channels = wiring.weights[first.input[1]].dims[0]
        if groups in (1, channels) and wiring.weights[second.input[1]].dims[0] >= groups:
            yield _Pair(first=first, second=second)


def _is_own(node: NodeProto, wiring: Wiring) -> bool:
    """Whether weights and bias are constants that no other node takes."""
    return all(name in wiring.weights and len(wiring.takers[name]) == 1 for name in node.input[1:])
