"""The card and the facts, byte for byte.

After a change that is meant to show, look at the new files, then keep them::

    UPDATE_GOLDEN=1 pytest tests/compress/evidence/test_golden_card.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefair.compress.evidence.card import CardFacts, render_card
from edgefair.compress.evidence.ml_bom import ml_bom_json
from edgefair.compress.evidence.model_facts import model_facts_json

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["full.md", "plain.md", "full.facts.json", "full.cdx.json"])
def test_the_evidence_reads_as_it_was_agreed(
    name: str, full_facts: CardFacts, plain_facts: CardFacts
) -> None:
    facts = full_facts if name.startswith("full") else plain_facts
    rendered = {
        "md": lambda: render_card(facts),
        "facts.json": lambda: model_facts_json(facts).decode(),
        "cdx.json": lambda: ml_bom_json(facts, ()).decode(),
    }[name.partition(".")[2]]()
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(rendered, encoding="utf-8")

    assert rendered == golden.read_text(encoding="utf-8")
