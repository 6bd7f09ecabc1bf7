"""The evidence as parts of a bundle: for people, and beside it the same for programs."""

from __future__ import annotations

from collections.abc import Sequence

from edgefair.bundle.archive import PartContent
from edgefair.compress.evidence.card import render_card
from edgefair.compress.evidence.facts import CardFacts
from edgefair.compress.evidence.ml_bom import ml_bom_json
from edgefair.compress.evidence.model_facts import model_facts_json
from edgefair.compress.gate.records import gate_to_json

__all__ = ["evidence_parts"]


def evidence_parts(
    facts: CardFacts, others: Sequence[PartContent], *, datasheet: bytes | None = None
) -> tuple[PartContent, ...]:
    """Return card, facts, gate, datasheet and bill of materials; what was not made has no part.

    Parameters
    ----------
    facts : CardFacts
    others : sequence of PartContent
        Everything else that the bundle will hold: models, recipe, licences. The bill of
        materials lists them too.
    datasheet : bytes or None
        JSON.
    """
    parts = [
        PartContent(path="card.md", role="card", content=render_card(facts).encode()),
        PartContent(path="facts.json", role="facts", content=model_facts_json(facts)),
    ]
    if facts.gate is not None:
        parts.append(PartContent(path="gate.json", role="gate", content=gate_to_json(facts.gate)))
    if datasheet is not None:
        parts.append(PartContent(path="datasheet.json", role="datasheet", content=datasheet))
    bom = ml_bom_json(facts, (*others, *parts))
    return (*parts, PartContent(path="ml-bom.cdx.json", role="ml_bom", content=bom))
