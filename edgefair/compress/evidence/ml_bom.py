"""The bundle as a CycloneDX machine-learning bill of materials, for inventories and scanners.

Source: CycloneDX 1.6 (ECMA-424), JSON; what it has fields for, and nothing that varies from run to
run: no time, and a serial number that follows from the content.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final

from edgefair.bundle.archive import PartContent
from edgefair.compress.evidence.evaluation import GroupRow
from edgefair.compress.evidence.facts import CardFacts
from edgefair.compress.evidence.words import (
    DISCLAIMER,
    gate_in_words,
    input_in_words,
    interval_in_words,
    loss_in_words,
    megabytes,
    output_in_words,
    stated,
)
from edgefair.compress.gate.records import GateCell
from edgefair.compress.recipe import TeacherChoice, WeightsSource
from edgefair.records import Interval

__all__ = ["ml_bom_json", "relisted"]

_SPEC: Final = "1.6"
_MODEL_REF: Final = "model"
_SPDX_EXPRESSION: Final = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_Json = dict[str, Any]


def ml_bom_json(facts: CardFacts, parts: Sequence[PartContent]) -> bytes:
    """Return the bill of materials as canonical UTF-8 JSON, the same for the same arguments.

    Parameters
    ----------
    facts : CardFacts
    parts : sequence of PartContent
        Everything else in the bundle; the bill cannot hold its own hash.
    """
    ancestors = _ancestors(facts)
    bom: _Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": _SPEC,
        "version": 1,
        "metadata": {
            "component": _model(facts, parts, ancestors),
            "tools": {"components": _tools(facts)},
            "properties": _properties(facts),
        },
        "components": [*map(_part, parts), *ancestors],
        "dependencies": [
            {"ref": _MODEL_REF, "dependsOn": [component["bom-ref"] for component in ancestors]}
        ],
    }
    return _numbered(bom)


def relisted(bom_json: bytes, parts: Sequence[PartContent], *, version: str) -> bytes:
    """Return a bill of materials for the same model in another bundle.

    Parameters
    ----------
    bom_json : bytes
        From `ml_bom_json`.
    parts : sequence of PartContent
        Everything else in the new bundle.
    version : str
        The new bundle's.
    """
    bom: _Json = json.loads(bom_json)
    others = [each for each in bom["components"] if not each["bom-ref"].startswith("part:")]
    bom["components"] = [*map(_part, parts), *others]
    model = bom["metadata"]["component"]
    model["version"] = version
    model["hashes"] = [_hash(part.content) for part in parts if part.role == "model"]
    del bom["serialNumber"]
    return _numbered(bom)


def _numbered(bom: _Json) -> bytes:
    """Return the bill with a serial number that follows from its content."""
    digest = hashlib.sha256(_canonical(bom)).hexdigest()
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:edgefair:ml-bom:{digest}")
    return _canonical(bom | {"serialNumber": f"urn:uuid:{serial}"})


def _canonical(tree: _Json) -> bytes:
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _model(facts: CardFacts, parts: Sequence[PartContent], ancestors: Sequence[_Json]) -> _Json:
    recipe = facts.recipe
    model: _Json = {
        "type": "machine-learning-model",
        "bom-ref": _MODEL_REF,
        "name": recipe.name,
        "version": recipe.version,
        "description": f"{recipe.intended_use} {DISCLAIMER}",
        "modelCard": _model_card(facts),
    }
    hashes = [_hash(part.content) for part in parts if part.role == "model"]
    licences = [part for part in parts if part.role == "licence"]
    if hashes:
        model["hashes"] = hashes[:1]
    if licences:
        model["licenses"] = [
            {"license": {"name": part.path, "text": {"content": _text(part.content)}}}
            for part in licences
        ]
    if recipe.about.developer:
        model["supplier"] = {"name": recipe.about.developer}
    if ancestors:
        model["pedigree"] = {
            "ancestors": [_without_ref(component) for component in ancestors],
            "notes": "The student starts from its backbone's weights, where there are any, and "
            "learns the teacher's embedding, where there is a teacher.",
        }
    return model


def _without_ref(component: _Json) -> _Json:
    """Return what stands in the list of components already, without naming it twice."""
    return {key: value for key, value in component.items() if key != "bom-ref"}


def _model_card(facts: CardFacts) -> _Json:
    recipe, given = facts.recipe, facts.contract.input
    shape = f"n x {given.channels} x {given.height_px} x {given.width_px}"
    return {
        "modelParameters": {
            "approach": {"type": "semi-supervised" if recipe.distillation else "supervised"},
            "task": f"image classification, {recipe.task.value.replace('_', ' ')}: "
            + ", ".join(recipe.findings),
            "modelArchitecture": recipe.backbone.name,
            "datasets": [_dataset(facts)],
            "inputs": [{"format": f"images ({input_in_words(facts)}) as float32, {shape}"}],
            "outputs": [{"format": output_in_words(facts)}],
        },
        "quantitativeAnalysis": {"performanceMetrics": _metrics(facts)},
        "considerations": _considerations(facts),
    }


def _dataset(facts: CardFacts) -> _Json:
    about = facts.recipe.about
    told = {
        "source": about.source,
        "licence": about.licence,
        "citation": about.citation,
        "digest": facts.data_digest,
        **{f"images:{row.split}": str(row.images) for row in facts.measured.splits},
    }
    return {
        "type": "dataset",
        "name": about.title,
        "contents": {"properties": _named(told)},
    }


def _metrics(facts: CardFacts) -> list[_Json]:
    found = [
        _metric(name, interval, f"{row.finding}, {row.group}")
        for row in facts.measured.groups
        for name, interval in (
            ("AUROC", row.auroc),
            ("AUROC, full precision", row.auroc_full_precision),
            ("sensitivity", row.sensitivity),
            ("specificity", row.specificity),
        )
    ]
    found += [
        _metric(f"AUROC, {row.name}", cell.auroc, f"{cell.finding}, {cell.group}")
        for row in facts.comparison
        for cell in row.aurocs
    ]
    return [metric for metric in found if metric]


def _metric(name: str, interval: Interval | None, where: str) -> _Json:
    """Return one metric; nothing where it is not estimable."""
    if interval is None or not interval.is_estimable:
        return {}
    return {
        "type": name,
        "value": f"{interval.estimate:.6f}",
        "slice": where,
        "confidenceInterval": {
            "lowerBound": f"{interval.lower:.6f}",
            "upperBound": f"{interval.upper:.6f}",
        },
    }


def _considerations(facts: CardFacts) -> _Json:
    recipe, sizes = facts.recipe, facts.sizes
    about = recipe.about
    conditions = [condition.sentence for condition in facts.gate.conditions] if facts.gate else []
    return {
        "users": [stated(about.users)],
        "useCases": [recipe.intended_use, *(f"Not for: {text}" for text in about.out_of_scope)],
        "technicalLimitations": [DISCLAIMER, *about.traps, *conditions],
        "performanceTradeoffs": [
            f"INT8 of {megabytes(sizes.int8)} in place of full precision of "
            f"{megabytes(sizes.full_precision)}. {gate_in_words(facts.gate)}"
        ],
        "ethicalConsiderations": [{"name": text} for text in about.ethics or (stated(""),)],
        "fairnessAssessments": [
            _fairness(facts, row) for row in facts.measured.groups if row.group != "everybody"
        ],
    }


def _fairness(facts: CardFacts, row: GroupRow) -> _Json:
    cells = [
        cell
        for cell in (facts.gate.cells if facts.gate else ())
        if cell.comparison.is_binding
        and cell.finding == row.finding
        and str(cell.group) == row.group
    ]
    return {
        "groupAtRisk": f"{row.group} ({row.finding})",
        "benefits": f"AUROC {interval_in_words(row.auroc)}",
        "harms": "; ".join(map(_lost, cells)) or "what compression cost them was not judged",
        "mitigationStrategy": "probabilities near the threshold are referred to a person; "
        "`edgefair audit` re-checks at the clinic",
    }


def _lost(cell: GateCell) -> str:
    return (
        f"loss of {cell.metric} {loss_in_words(cell.loss)} points, {cell.comparison}: "
        f"{cell.verdict.value}"
    )


def _ancestors(facts: CardFacts) -> list[_Json]:
    recipe = facts.recipe
    found = []
    if recipe.backbone.weights:
        found.append(_weights("backbone", recipe.backbone.name, recipe.backbone.weights))
    if recipe.teacher:
        found.append(_teacher(facts, recipe.teacher))
    return found


def _teacher(facts: CardFacts, teacher: TeacherChoice) -> _Json:
    name = teacher.name or teacher.path.rpartition("/")[2] or teacher.kind
    if teacher.weights:
        return _weights("teacher", name, teacher.weights)
    component: _Json = {
        "type": "machine-learning-model",
        "bom-ref": "weights:teacher",
        "name": name,
        "description": f"teacher, {teacher.kind}",
        "licenses": _licence(teacher.licence),
    }
    if facts.distillation and facts.distillation.teacher_sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": facts.distillation.teacher_sha256}]
    return component


def _weights(role: str, name: str, source: WeightsSource) -> _Json:
    package = re.sub(r"[-_.]+", "-", source.package).lower()
    return {
        "type": "machine-learning-model",
        "bom-ref": f"weights:{role}",
        "name": name,
        "version": source.version,
        "description": f"{role}: {source.file} of the package {source.package}",
        "hashes": [{"alg": "SHA-256", "content": source.sha256}],
        "licenses": _licence(source.licence),
        "purl": f"pkg:pypi/{package}@{source.version}",
    }


def _licence(text: str) -> list[_Json]:
    if _SPDX_EXPRESSION.fullmatch(text):
        return [{"expression": text}]
    return [{"license": {"name": stated(text)}}]


def _part(part: PartContent) -> _Json:
    return {
        "type": "file",
        "bom-ref": f"part:{part.path}",
        "name": part.path,
        "description": part.role,
        "hashes": [_hash(part.content)],
    }


def _hash(content: bytes) -> _Json:
    return {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def _tools(facts: CardFacts) -> list[_Json]:
    return [
        {"type": "application", "name": name, "version": version}
        for name, version in facts.environment
        if name != "System"
    ]


def _properties(facts: CardFacts) -> list[_Json]:
    told = {
        "edgefair:command": facts.command,
        "edgefair:recipe-sha256": facts.recipe_sha256,
        "edgefair:data-digest": facts.data_digest,
        "edgefair:system": dict(facts.environment).get("System", ""),
    }
    return _named(told)


def _named(told: dict[str, str]) -> list[_Json]:
    return [{"name": name, "value": value} for name, value in told.items() if value]
