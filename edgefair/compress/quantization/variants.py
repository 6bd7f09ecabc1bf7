"""Which variant of an INT8 model is for which processor, found before the bundle is written."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract, Variant
from edgefair.compress.quantization.wiring import Wiring
from edgefair.errors import GateFailed
from edgefair.runtime.engine import LOAD_ERRORS, open_engine

__all__ = ["largest_weight", "variants_of"]

SAFE_WEIGHT: Final = 64
"""Two products of an uint8 with an int8 no larger than this add up to 32640, within 16 bits."""


def variants_of(
    int8: bytes, contract: Contract, batch: NDArray[np.float32], *, part: str
) -> tuple[Variant, Variant]:
    """Return what exact and what saturating processors run, for the manifest.

    A model whose weights have 7 bits runs as it is on both: its sums cannot be cut off. Any
    other runs with exact sums where they would be, which was found here to give the same bits.

    Parameters
    ----------
    int8 : bytes
        From `quantize_onnx`.
    contract : Contract
    batch : ndarray of float32, shape (n, channels, height_px, width_px)
        Images to compare the two ways on.
    part : str
        Path of the model in the bundle.

    Raises
    ------
    GateFailed
        If onnxruntime cannot load the model with exact sums, or it answers otherwise.
    """
    if largest_weight(int8) <= SAFE_WEIGHT:
        measured = f"the same on every processor: no weight is larger than {SAFE_WEIGHT}"
        return _both(part, measured, measured, needs_precision=False)
    try:
        plain, precise = (
            open_engine(int8, threads=1, x64_quant_precision=is_precise).run(
                None, {contract.input.name: batch}
            )
            for is_precise in (False, True)
        )
    except LOAD_ERRORS as error:
        raise _refusal(f"onnxruntime cannot load it with exact sums: {error}") from error
    # where this machine saturates itself, the plain way is no reference
    if not all(np.array_equal(*pair) for pair in zip(plain, precise, strict=True)):
        raise _refusal("with exact sums it answers otherwise than without on this machine")
    measured = f"x64quantprecision gives the same bits on {len(batch)} images"
    return _both(part, "what the gate was measured with", measured, needs_precision=True)


def largest_weight(int8: bytes) -> int:
    """Return the largest size of an 8-bit weight that is summed with others in a layer.

    Biases have 32 bits; a depthwise convolution's few products are summed in 32 bits
    everywhere, but a processor's kernels may change, so that they count too.
    """
    wiring = Wiring.of(onnx.load_from_string(int8).graph)
    sizes = [
        int(np.abs(wiring.array(node.input[0]).astype(np.int32)).max(initial=0))
        for node in wiring.graph.node
        if node.op_type == "DequantizeLinear"
        and node.input[0] in wiring.weights
        and wiring.weights[node.input[0]].data_type == onnx.TensorProto.INT8
    ]
    return max(sizes, default=0)


def _both(
    part: str, exact: str, saturating: str, *, needs_precision: bool
) -> tuple[Variant, Variant]:
    return (
        Variant(cpu="exact", part=part, x64_quant_precision=False, measured=exact),
        Variant(
            cpu="saturating",
            part=part,
            x64_quant_precision=needs_precision,
            measured=saturating,
        ),
    )


def _refusal(why: str) -> GateFailed:
    return GateFailed(
        f"The INT8 model cannot be promised to processors without VNNI: {why}.",
        hint="Build on a machine with VNNI, or let the search try forms with 7-bit weights.",
    )
