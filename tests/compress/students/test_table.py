"""The table of students: figures that the literature has, and times that are somebody's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefair.bundle.graph import inspect_graph
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.compress.students.build import build_backbone
from edgefair.compress.students.network import Network
from edgefair.compress.students.table import (
    Conditions,
    StudentRow,
    exported,
    in_words,
    macs_of,
    measure_students,
    session_of,
)

ROW = StudentRow(
    name="student",
    parameters=3_000_000,
    macs=300_000_000,
    full_precision_ms=9.0,
    int8_ms=3.0,
    full_precision_bytes=12_000_000,
    int8_bytes=3_000_000,
    full_precision_peak_bytes=20_000_000,
    int8_peak_bytes=10_000_000,
)


@pytest.mark.parametrize(
    ("name", "stem", "behind", "published"),
    [
        # torchvision's documentation of the weights: 1.81 and 4.09
        ("resnet-18", 64 * 49 * 112**2, 512_000, 1.81e9),
        ("resnet-50", 64 * 49 * 112**2, 2_048_000, 4.09e9),
        # Qin et al. 2024, table of models: 0.2; timm's table 0.19
        ("mobilenetv4-conv-small", 32 * 9 * 112**2, 960 * 1280 + 1_280_000, 0.19e9),
        # R. Liu, "Higher accuracy on vision models with EfficientNet-Lite": 407 M additions too
        ("efficientnet-lite0", 32 * 9 * 112**2, 1_280_000, 0.39e9),
        # Touvron et al. 2021: 1.3 (Ti), of 197 tokens; timm's table 1.26
        ("vit-tiny", 192 * 256 * 196, 192_000, 1.26e9),
    ],
)
def test_students_multiply_as_often_as_published(
    name: str, stem: int, behind: int, published: float
) -> None:
    network = Network(build_backbone(name), 1, dropout=0.0)

    counted = macs_of(network, 224)

    # a stem for colour has two channels more
    assert counted + 2 * stem + behind == pytest.approx(published, rel=0.03)


@pytest.mark.parametrize("name", ["mobilenetv4-conv-small", "resnet-18", "vit-tiny"])
def test_every_kind_of_student_exports_and_quantises(name: str) -> None:
    torch.manual_seed(1)
    conditions = Conditions(side_px=64)
    network = Network(build_backbone(name), 2, dropout=0.0).eval()
    images = np.random.default_rng(0).random((2, 1, 64, 64), dtype=np.float32)

    model, contract = exported(name, network, conditions)
    int8 = quantize_onnx(model, contract, [images])

    found = session_of(model, contract, conditions).run(images)
    with torch.inference_mode():
        logits, embedding, heat_map = network(torch.from_numpy(images))
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    np.testing.assert_allclose(found.embedding, embedding, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.heat_map, heat_map, atol=1e-4)
    # sizes are constants: nothing works them out anew for each image
    assert not inspect_graph(model).operators & {"Shape", "Gather", "Expand"}
    session_of(int8, contract, conditions).run(images)


def test_a_student_is_measured_in_both_forms() -> None:
    heard: list[tuple[str, int, int]] = []

    rows = measure_students(
        ("small-cnn", "mobilenetv4-conv-small"),
        Conditions(side_px=64, rounds=2),
        progress=lambda *said: heard.append(said),
    )

    assert [row.name for row in rows] == ["small-cnn", "mobilenetv4-conv-small"]
    small, larger = rows
    assert small.parameters == 26_424 + 97
    assert small.macs < larger.macs
    assert larger.int8_bytes < 0.4 * larger.full_precision_bytes
    assert 0 < small.full_precision_ms < 1000
    assert 0 < small.int8_ms < 1000
    if Path("/proc/self/clear_refs").exists():
        assert small.int8_peak_bytes is not None
        assert larger.full_precision_peak_bytes is not None
        assert larger.full_precision_peak_bytes > larger.full_precision_bytes
    assert heard[-1] == ("taking times", 2, 2)


def test_the_table_says_in_words_whom_int8_does_little_for() -> None:
    fast, little, slow = (
        replace(ROW, name=name, int8_ms=took)
        for name, took in (("fast", 3.0), ("little", 7.0), ("slow", 10.0))
    )

    said = in_words((fast, little, slow))

    assert said == (
        "little gains little by INT8 on this machine: 7.0 ms after 9.0 ms.",
        "slow is slower in INT8 on this machine (10.0 ms) than in full precision (9.0 ms).",
    )
