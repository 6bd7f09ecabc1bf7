"""Whether this processor adds INT8 products exactly, found out by letting it add some.

Processors with AVX2 or AVX-512 but without VNNI multiply unsigned by signed bytes in pairs and
add each pair in 16 bits (``vpmaddubsw``): a pair beyond 32767 is cut off there, and a network's
logits shift. Which instructions onnxruntime takes is its own affair, so that asking it is surer
than reading the processor's flags.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from edgefair.runtime.engine import open_engine

__all__ = ["EXPECTED", "PROBE", "probe", "saturates"]

# fmt: off
PROBE: Final = (
    b"\x08\x07:\\\n\x18\n\x01a\n\x01b\x12\x01c\"\rMatMulInteger\x12\x01pZ\x13\n\x01a\x12\x0e\n"
    b"\x0c\x08\x02\x12\x08\n\x02\x08\x04\n\x02\x08 Z\x13\n\x01b\x12\x0e\n\x0c\x08\x03\x12\x08\n"
    b"\x02\x08 \n\x02\x08\x10b\x13\n\x01c\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x04\n\x02\x08"
    b"\x10B\x04\n\x00\x10\r"
)
# fmt: on
"""ONNX model of one MatMulInteger: uint8 (4, 32) by int8 (32, 16); the tests build it anew."""

_LARGEST_UINT8, _LARGEST_INT8, _TERMS = 255, 127, 32

EXPECTED: Final = _LARGEST_UINT8 * _LARGEST_INT8 * _TERMS
"""Each of the probe's sums where nothing is cut off."""


@cache
def saturates() -> bool:
    """Return whether sums of INT8 products are cut off here; asked once a process.

    Examples
    --------
    >>> saturates() in (True, False)
    True
    """
    return probe() != EXPECTED


def probe() -> int:
    """Return what this processor makes of the probe: `EXPECTED`, or the sum farthest from it."""
    left = np.full((4, _TERMS), _LARGEST_UINT8, dtype=np.uint8)
    right = np.full((_TERMS, 16), _LARGEST_INT8, dtype=np.int8)
    (sums,) = open_engine(PROBE, threads=1).run(None, {"a": left, "b": right})
    return int(sums.flat[np.abs(sums - EXPECTED).argmax()])
