"""The bill of materials holds against CycloneDX's own schema, and never changes by itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from edgefair.bundle.archive import PartContent
from edgefair.compress.evidence.card import CardFacts
from edgefair.compress.evidence.ml_bom import ml_bom_json

PARTS = (
    PartContent(path="model.onnx", role="model", content=b"onnx"),
    PartContent(path="card.md", role="card", content=b"# Card\n"),
    PartContent(path="licences/LICENSE", role="licence", content=b"Apache License"),
)


def _faults(bom: bytes) -> str:
    """Return what CycloneDX's schema 1.6 finds wrong; empty if nothing."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    fault = validator.validate_str(bom.decode())
    return "" if fault is None else repr(fault)


@pytest.fixture
def bom(full_facts: CardFacts) -> Any:
    return json.loads(ml_bom_json(full_facts, PARTS))


def test_it_holds_against_the_official_schema(
    full_facts: CardFacts, plain_facts: CardFacts
) -> None:
    assert _faults(ml_bom_json(full_facts, PARTS)) == ""
    assert _faults(ml_bom_json(plain_facts, ())) == ""


def test_the_schema_would_find_a_fault(full_facts: CardFacts) -> None:
    broken = ml_bom_json(full_facts, PARTS).replace(b'"modelArchitecture"', b'"architecture"')

    assert "architecture" in _faults(broken)


def test_the_serial_number_follows_from_the_content(full_facts: CardFacts) -> None:
    serials = {
        json.loads(ml_bom_json(facts, PARTS))["serialNumber"]
        for facts in (full_facts, full_facts, replace(full_facts, recipe_sha256="ef" * 32))
    }

    assert ml_bom_json(full_facts, PARTS) == ml_bom_json(full_facts, PARTS)
    assert len(serials) == 2
    assert b"timestamp" not in ml_bom_json(full_facts, PARTS)


def test_every_part_and_every_foreign_weight_has_its_hash_and_licence(bom: Any) -> None:
    components = {component["bom-ref"]: component for component in bom["components"]}

    assert set(components) == {
        *(f"part:{part.path}" for part in PARTS),
        "weights:backbone",
        "weights:teacher",
    }
    for part in PARTS:
        digest = hashlib.sha256(part.content).hexdigest()
        assert components[f"part:{part.path}"]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    teacher = components["weights:teacher"]
    assert teacher["licenses"] == [{"expression": "Apache-2.0"}]
    assert teacher["purl"] == "pkg:pypi/sam-weights@3.0"
    ancestors = bom["metadata"]["component"]["pedigree"]["ancestors"]
    assert [ancestor["name"] for ancestor in ancestors] == ["small-cnn", "mobile-sam"]


def test_metrics_come_by_slice_with_their_intervals(bom: Any) -> None:
    card = bom["metadata"]["component"]["modelCard"]

    assert {
        "type": "AUROC",
        "slice": "opacity, sex F",
        "value": "0.800000",
        "confidenceInterval": {"lowerBound": "0.700000", "upperBound": "0.880000"},
    } in card["quantitativeAnalysis"]["performanceMetrics"]
    (women, men) = card["considerations"]["fairnessAssessments"]
    assert women["groupAtRisk"] == "sex F (opacity)"
    assert "loss of sensitivity +2.0 [-1.0, +5.0] points" in women["harms"]
    assert men["harms"] == "what compression cost them was not judged"
    assert "Children." in "".join(card["considerations"]["useCases"])
