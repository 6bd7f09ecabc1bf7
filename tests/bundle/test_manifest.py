"""The manifest's JSON: a round trip, and every fault named at once with its path."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.manifest import (
    FORMAT,
    Manifest,
    Part,
    manifest_from_json,
    manifest_to_json,
)
from edgefair.errors import ContractMismatch


@pytest.fixture
def whole(manifest: Manifest) -> Manifest:
    from dataclasses import replace

    part = Part(path="m.onnx", role="model", sha256="0" * 64, size_bytes=3)
    return replace(manifest, parts=(part,))


@pytest.fixture
def tree(whole: Manifest) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(manifest_to_json(whole))
    return parsed


def refusal(tree: object) -> str:
    with pytest.raises(ContractMismatch) as refused:
        manifest_from_json(json.dumps(tree).encode())
    return refused.value.message


def test_a_manifest_survives_its_round_trip(whole: Manifest) -> None:
    assert manifest_from_json(manifest_to_json(whole)) == whole


def test_every_fault_is_named_at_once_with_its_path(tree: dict[str, Any]) -> None:
    tree["contract"]["input"]["channels"] = "one"
    tree["accepts"]["min_side_px"] = 7.5
    tree["surprise"] = 1
    del tree["intended_use"]
    message = refusal(tree)

    assert "manifest.contract.input.channels" in message
    assert "manifest.accepts.min_side_px" in message
    assert "surprise" in message
    assert "manifest.intended_use" in message


@pytest.mark.parametrize("found", [0, FORMAT + 1, None, "1"])
def test_another_format_is_refused_by_its_number(tree: dict[str, Any], found: object) -> None:
    tree["format"] = found

    assert f"has format {found!r}" in refusal(tree)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda t: t.update(calibration=[]), "calibration must", id="no calibration"),
        pytest.param(lambda t: t.update(operating_points=[]), "none for bright", id="no point"),
        pytest.param(
            lambda t: t["operating_points"][0].update(threshold=1.5), "outside", id="threshold"
        ),
        pytest.param(lambda t: t.update(parts=[]), "exactly one model", id="no model"),
        pytest.param(
            lambda t: t["contract"].update(findings=["a", "a"]), "distinct", id="findings"
        ),
        pytest.param(lambda t: t["contract"].update(task="magic"), "task", id="task"),
        pytest.param(
            lambda t: t["contract"]["preprocessing"][0].update(step="shell"), "step", id="step"
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    tree: dict[str, Any], change: Callable[[dict[str, Any]], None], told: str
) -> None:
    change(tree)

    assert told in refusal(tree)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(ContractMismatch):
        manifest_from_json(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_value_in_the_place_of_a_part_is_a_manifest_or_refused(value: object) -> None:
    tree = {"format": FORMAT, "contract": value, "parts": value}

    with pytest.raises(ContractMismatch):
        manifest_from_json(json.dumps(tree).encode())


@pytest.mark.parametrize("entries", [5_000, 700_000])
def test_a_manifest_of_a_million_faults_is_refused_at_once_and_in_few_words(
    tree: dict[str, Any], entries: int
) -> None:
    tree["parts"] = [None] * entries
    began = time.process_time()
    with pytest.raises(ContractMismatch) as caught:
        manifest_from_json(json.dumps(tree).encode())

    assert time.process_time() - began < 5
    assert len(caught.value.message) < 20_000
