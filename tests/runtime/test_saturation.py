"""The probe of the processor: what it is, that it is quick, and what it says here."""

import platform
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgefair.runtime.engine import open_engine
from edgefair.runtime.saturation import PROBE, saturates


def test_the_probe_is_one_integer_product_of_the_documented_sizes() -> None:
    integers = (("a", TensorProto.UINT8, [4, 32]), ("b", TensorProto.INT8, [32, 16]))
    built = helper.make_model(
        helper.make_graph(
            [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
            "p",
            [helper.make_tensor_value_info(*each) for each in integers],
            [helper.make_tensor_value_info("c", TensorProto.INT32, [4, 16])],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=7,
    )

    assert onnx.load_from_string(PROBE) == built


def test_a_processor_with_vnni_does_not_saturate() -> None:
    flags = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not flags.is_file():
        pytest.skip("only Linux on x86-64 lists its processor's instructions here")
    if "vnni" not in flags.read_text(encoding="utf-8"):
        pytest.skip("this processor has no VNNI")

    assert not saturates()


def test_asking_takes_a_few_milliseconds_once_and_nothing_afterwards() -> None:
    open_engine(PROBE, threads=1)  # onnxruntime's own start is not the probe's
    took = []
    for _ in range(5):
        saturates.cache_clear()
        began = time.perf_counter()
        saturates()
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    saturates()

    assert min(took) < 0.005
    assert time.perf_counter() - began < 0.001
