"""The card as data: one record tree, and its JSON form, for programs that read no Markdown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isnan
from typing import Final

import cattrs

from edgefair.bundle.manifest import Calibration
from edgefair.compress.evidence.applied_card import AppliedField, applied_card
from edgefair.compress.evidence.comparison import ModelRow
from edgefair.compress.evidence.evaluation import Measured
from edgefair.compress.evidence.facts import (
    CardFacts,
    DistillationFacts,
    QuantizationFacts,
    Sizes,
)
from edgefair.compress.evidence.source_attributes import SourceAttribute, source_attributes
from edgefair.compress.evidence.words import DISCLAIMER, gate_in_words
from edgefair.compress.gate.records import AcceptedConditions, Condition, GateResult
from edgefair.compress.recipe import About, BackboneChoice, TeacherChoice

__all__ = ["FORMAT", "GateFacts", "Made", "ModelFacts", "model_facts", "model_facts_json"]

FORMAT: Final = 1
"""Version of the JSON form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How the model was made, and by what."""

    command: str
    recipe_sha256: str
    data_digest: str
    backbone: BackboneChoice
    teacher: TeacherChoice | None
    distillation: DistillationFacts | None
    quantization: QuantizationFacts | None
    calibration_images: int
    environment: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """What the gate said; all of its cells are a part of their own.

    Attributes
    ----------
    sentence : str
        The verdict in words, also where there was no gate.
    passed : bool or None
        None where there was none.
    """

    sentence: str
    passed: bool | None
    conditions: tuple[Condition, ...]
    accepted: AcceptedConditions | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Everything that the card says."""

    format: int
    name: str
    version: str
    task: str
    findings: tuple[str, ...]
    disclaimer: str
    source_attributes: tuple[SourceAttribute, ...]
    applied_model_card: tuple[AppliedField, ...]
    about: About
    datasheet_headlines: tuple[str, ...]
    sizes: Sizes
    calibration: tuple[Calibration, ...]
    measured: Measured
    comparison: tuple[ModelRow, ...]
    gate: GateFacts
    made: Made


def model_facts(facts: CardFacts) -> ModelFacts:
    """Return the facts as one tree, with HTI-1's and CHAI's questions answered."""
    recipe = facts.recipe
    attributes = source_attributes(facts)
    return ModelFacts(
        format=FORMAT,
        name=recipe.name,
        version=recipe.version,
        task=recipe.task.value,
        findings=recipe.findings,
        disclaimer=DISCLAIMER,
        source_attributes=attributes,
        applied_model_card=applied_card(facts, attributes),
        about=recipe.about,
        datasheet_headlines=facts.datasheet_headlines,
        sizes=facts.sizes,
        calibration=facts.calibration,
        measured=facts.measured,
        comparison=facts.comparison,
        gate=_gate(facts.gate),
        made=Made(
            command=facts.command,
            recipe_sha256=facts.recipe_sha256,
            data_digest=facts.data_digest,
            backbone=recipe.backbone,
            teacher=recipe.teacher,
            distillation=facts.distillation,
            quantization=facts.quantization,
            calibration_images=facts.calibration_images,
            environment=dict(facts.environment),
        ),
    )


def model_facts_json(facts: CardFacts) -> bytes:
    """Return the tree as canonical UTF-8 JSON: sorted keys, null for nan, one final newline."""
    converter = cattrs.Converter()
    converter.register_unstructure_hook(float, lambda value: None if isnan(value) else value)
    tree = converter.unstructure(model_facts(facts))
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _gate(gate: GateResult | None) -> GateFacts:
    return GateFacts(
        sentence=gate_in_words(gate),
        passed=gate.passed if gate else None,
        conditions=gate.conditions if gate else (),
        accepted=gate.accepted if gate else None,
    )
