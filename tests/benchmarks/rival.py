"""OpenVINO with NNCF's INT8, to hold ours against; asked for by the students' benchmark only."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_installed", "rival_int8"]

# both packages would tell their makers that they are used, but not from where tests run
os.environ.setdefault("CI", "true")
os.environ.setdefault("NNCF_CI", "1")

_OPTIONS: Final = {
    "INFERENCE_NUM_THREADS": 1,
    "INFERENCE_PRECISION_HINT": "f32",
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
}


def is_installed() -> bool:
    """Whether ``pip install openvino nncf`` was done."""
    return all(importlib.util.find_spec(name) for name in ("openvino", "nncf"))


def rival_int8(
    model: bytes, calibration: NDArray[np.float32]
) -> Callable[[NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """Return what runs one image (1, c, h, w) through NNCF's INT8 form, one thread."""
    nncf: Any = importlib.import_module("nncf")
    openvino: Any = importlib.import_module("openvino")

    nncf.set_log_level(logging.ERROR)
    core = openvino.Core()
    network = core.read_model(model)
    network.reshape([1, *calibration.shape[1:]])
    images = nncf.Dataset([image[np.newaxis] for image in calibration])
    int8 = nncf.quantize(network, images, subset_size=len(calibration))
    compiled: Any = core.compile_model(int8, "CPU", _OPTIONS)
    request = compiled.create_infer_request()
    names = [output.any_name for output in compiled.outputs]

    def run(image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        request.infer({0: image})
        return {name: request.get_tensor(name).data for name in names}

    return run
