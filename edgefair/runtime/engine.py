"""The one door to onnxruntime: its telemetry shut, its options fixed, its errors in words."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Final

_IN_TIME = "onnxruntime" not in sys.modules or os.environ.get("ORT_DISABLE_TELEMETRY") == "1"
# onnxruntime queues and sends telemetry unless this stands in the environment before its import
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort  # noqa: E402 - only now
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors  # noqa: E402

__all__ = ["LOAD_ERRORS", "MAX_MEMORY_BYTES", "TELEMETRY_IS_OFF", "VERSION", "open_engine"]

VERSION: Final[str] = ort.__version__

TELEMETRY_IS_OFF: Final[bool] = _IN_TIME
"""Whether onnxruntime was told to send nothing before it was imported; later is too late."""

LOAD_ERRORS: Final = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""What onnxruntime raises for a model that it cannot load."""

MAX_MEMORY_BYTES: Final = 2**30
"""What the graphs of a process may take in all: twenty times what small models need.

A graph of three operators can ask for terabytes; where the system grants them, a PC of 4 GB stands
still.
"""


def open_engine(
    model: bytes,
    *,
    threads: int,
    x64_quant_precision: bool = False,
    in_float: bool = False,
    is_limited: bool = True,
) -> ort.InferenceSession:
    """Return onnxruntime's session for a model that was found safe to load.

    Parameters
    ----------
    model : bytes
        ONNX.
    threads : int
        Threads inside one call of `run`, at least 1.
    x64_quant_precision : bool
        Sum INT8 products exactly on processors that would saturate them, which is slower; of no
        effect on others.
    in_float : bool
        Let an INT8 model keep its 8-bit values and compute between them in float32: nothing can
        saturate, at the speed of a model in full precision.
    is_limited : bool
        Whether it counts towards `MAX_MEMORY_BYTES`. A builder's own graph, whose layers' outputs
        for dozens of images are wanted, may take more.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # other levels give other INT8 logits: the level is part of the model's promise
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # a spinning thread would take its core from the one that decodes the next image
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if x64_quant_precision:
        options.add_session_config_entry("session.x64quantprecision", "1")
    if in_float:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.log_severity_level = 4 if x64_quant_precision else 3
    if is_limited:
        _limit_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def _limit_memory() -> None:
    """Give this process's sessions one common arena that does not grow without end."""
    place = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    by_default = -1
    arena = ort.OrtArenaCfg(MAX_MEMORY_BYTES, by_default, by_default, by_default)
    ort.create_and_register_allocator(place, arena)
