"""The model card: what a bundle is, for whom it works, and how every number was come by."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from edgefair.compress.evidence.applied_card import applied_card
from edgefair.compress.evidence.comparison import ModelRow
from edgefair.compress.evidence.facts import (
    CardFacts,
    DistillationFacts,
    Latencies,
    ModelLatency,
    QuantizationFacts,
    Sizes,
    TriedForm,
    Variant,
)
from edgefair.compress.evidence.source_attributes import source_attributes
from edgefair.compress.evidence.words import (
    gate_in_words,
    input_in_words,
    interval_in_words,
    megabytes,
    output_in_words,
    step_in_words,
    teacher_in_words,
)
from edgefair.compress.gate.records import GateResult
from edgefair.compress.gate.words import render_gate_markdown

__all__ = [
    "CardFacts",
    "DistillationFacts",
    "Latencies",
    "ModelLatency",
    "QuantizationFacts",
    "Sizes",
    "TriedForm",
    "Variant",
    "render_card",
    "render_speed",
]
_EMPTY_LINES: Final = re.compile(r"\n{3,}")

_SHOWN: Final = (
    "ReleaseInfo/",
    "UsesAndDirections/HowToUse",
    "Warnings/KnownBiases",
    "Warnings/ClinicalRiskLevel",
    "TrustIngredients/AISystemFacts/Security",
    "TrustIngredients/TransparencyInformation/Stakeholders",
    "Resources/",
)
"""Fields of the Applied Model Card that stand nowhere else on the card."""


def render_card(facts: CardFacts) -> str:
    """Return the card in Markdown; the same facts give the same text on the same machine."""
    environment = Environment(
        loader=PackageLoader("edgefair.compress.evidence"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown of our own recipe and numbers, not HTML
    )
    environment.filters["interval"] = interval_in_words
    environment.filters["megabytes"] = megabytes
    environment.filters["cell"] = _in_one_cell
    attributes = source_attributes(facts)
    text = environment.get_template("card.md.jinja").render(
        facts=facts,
        recipe=facts.recipe,
        measured=facts.measured,
        reads=input_in_words(facts),
        gives=output_in_words(facts),
        preprocessing=[step_in_words(step) for step in facts.contract.preprocessing],
        verdict=gate_in_words(facts.gate),
        gate=_gate(facts.gate),
        model_tables=_model_tables(facts.comparison),
        teacher=_teacher(facts),
        attributes=attributes,
        applied=[
            field for field in applied_card(facts, attributes) if field.path.startswith(_SHOWN)
        ],
    )
    # a section that is left out leaves its empty lines behind
    return _EMPTY_LINES.sub("\n\n", text).rstrip("\n") + "\n"


def render_speed(latencies: Latencies, command: str) -> str:
    """Return the card's section on speed.

    It stands only in the copy beside the bundle: a bundle made twice must be the same to the
    bit, and no two measurements of time are.
    """
    ratio = latencies.full_precision_ms / latencies.int8_ms
    return (
        "\n## Speed where it was made\n\n"
        "Median of 30 images through the network alone, one at a time, one thread, "
        f"{platform.machine()}, by `{command}`:\n\n"
        "| | ms an image |\n|---|---|\n"
        f"| full precision | {latencies.full_precision_ms:.2f} |\n"
        f"| INT8 | {latencies.int8_ms:.2f} |\n\n"
        f"Full precision takes {ratio:.2f} times as long. This section is not in the bundle.\n"
        f"{_speed_of_models(latencies.models)}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelTable:
    """The table of models for one finding; `columns` are groups with their cases."""

    finding: str
    columns: tuple[str, ...]
    rows: tuple[tuple[ModelRow, tuple[str, ...]], ...]


def _gate(gate: GateResult | None) -> str:
    if gate is None:
        return f"## What compression cost, group by group\n\n{gate_in_words(None)}\n"
    return render_gate_markdown(gate)


def _model_tables(rows: tuple[ModelRow, ...]) -> list[_ModelTable]:
    findings = dict.fromkeys(cell.finding for row in rows for cell in row.aurocs)
    return [_model_table(finding, rows) for finding in findings]


def _model_table(finding: str, rows: tuple[ModelRow, ...]) -> _ModelTable:
    counts = {cell.group: cell.n for row in rows for cell in row.aurocs if cell.finding == finding}
    found = [
        {cell.group: cell.auroc for cell in row.aurocs if cell.finding == finding} for row in rows
    ]
    return _ModelTable(
        finding=finding,
        columns=tuple(f"{group} ({n})" for group, n in counts.items()),
        rows=tuple(
            (row, tuple(interval_in_words(aurocs.get(group)) for group in counts))
            for row, aurocs in zip(rows, found, strict=True)
        ),
    )


def _teacher(facts: CardFacts) -> str:
    teacher = facts.recipe.teacher
    if teacher is None:
        return ""
    sha256 = facts.distillation.teacher_sha256 if facts.distillation else ""
    return teacher_in_words(teacher, sha256)


def _speed_of_models(models: tuple[ModelLatency, ...]) -> str:
    if not models:
        return ""
    first = models[0]
    lines = [
        f"| {model.name} | {model.ms:.2f} | {megabytes(model.size_bytes)} | "
        f"{first.ms / model.ms:.1f} | {_times_smaller(first, model)} |"
        for model in models
    ]
    return (
        "\nThe models of the table above, in the same way; faster and smaller than "
        f"{first.name}, so many times:\n\n"
        "| model | ms an image | size | faster | smaller |\n|---|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def _times_smaller(first: ModelLatency, model: ModelLatency) -> str:
    if not first.size_bytes or not model.size_bytes:
        return "-"
    return f"{first.size_bytes / model.size_bytes:.1f}"


def _in_one_cell(text: object) -> str:
    """Return text that does not end the cell of a Markdown table that it stands in."""
    return str(text).replace("|", "\\|").replace("\n", " ")
