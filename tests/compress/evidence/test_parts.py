"""The evidence travels whole: each form of it is a part, and the bill names all the others."""

from __future__ import annotations

import json
from pathlib import Path

from edgefair.bundle.archive import PartContent, read_bundle, write_bundle
from edgefair.bundle.manifest import Manifest
from edgefair.compress.evidence.card import CardFacts, render_card
from edgefair.compress.evidence.parts import evidence_parts
from edgefair.compress.gate.records import gate_from_json

MODEL = PartContent(path="model.onnx", role="model", content=b"onnx")


def test_a_bundle_with_everything_carries_five_forms_of_evidence(
    full_facts: CardFacts, tmp_path: Path, manifest: Manifest
) -> None:
    parts = evidence_parts(full_facts, (MODEL,), datasheet=b"{}\n")
    path = tmp_path / "tiny.efb"
    write_bundle(path, manifest, (MODEL, *parts))

    bundle = read_bundle(path)
    roles = [part.role for part in bundle.parts]
    assert roles == ["model", "card", "facts", "gate", "datasheet", "ml_bom"]
    assert bundle.content("card").decode() == render_card(full_facts)
    assert gate_from_json(bundle.content("gate")).passed
    listed = {c["name"] for c in json.loads(bundle.content("ml_bom"))["components"]}
    assert {part.path for part in bundle.parts} - listed == {"ml-bom.cdx.json"}


def test_what_was_not_made_has_no_part(plain_facts: CardFacts) -> None:
    parts = evidence_parts(plain_facts, (MODEL,))

    assert [part.role for part in parts] == ["card", "facts", "ml_bom"]


def test_the_same_facts_give_the_same_parts(full_facts: CardFacts) -> None:
    assert evidence_parts(full_facts, (MODEL,)) == evidence_parts(full_facts, (MODEL,))
