"""The last stage: models, evidence and licences become one bundle file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from edgefair.audit.planning import drawn_plan
from edgefair.bundle.archive import PartContent, write_bundle
from edgefair.bundle.embedding_reference import PATH, ROLE, embedding_reference_to_json
from edgefair.bundle.manifest import Manifest
from edgefair.bundle.plan import plan_to_json
from edgefair.compress.evidence.card import render_card, render_speed
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
from edgefair.compress.evidence.golden import golden_parts
from edgefair.compress.evidence.parts import evidence_parts
from edgefair.compress.evidence.scoring import embedding_cosines, latency_ms
from edgefair.compress.gate.records import GateResult
from edgefair.compress.recipe import Recipe
from edgefair.compress.stages.answer import HeldOut
from edgefair.compress.stages.describe import Described
from edgefair.compress.stages.learn import Learned
from edgefair.compress.stages.measure import Evidence
from edgefair.compress.stages.shrink import MODEL_PART, Shrunk
from edgefair.compress.stages.teach import Taught
from edgefair.errors import EdgefairError, InputError

__all__ = ["Finished", "embedding_parts", "licence_parts", "pack", "plan_parts", "writing"]

_PROCESSORS = {
    "exact": "processors with exact INT8 sums (VNNI, ARM)",
    "saturating": "processors whose INT8 sums saturate (AVX2 without VNNI)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Everything that goes into a bundle."""

    recipe: Recipe
    recipe_path: Path
    command: str
    described: Described
    taught: Taught | None
    learned: Learned
    shrunk: Shrunk
    evidence: Evidence
    test: HeldOut
    models: tuple[ModelRow, ...]
    gate: GateResult | None
    licences: tuple[PartContent, ...]


def pack(finished: Finished, out: Path) -> Path:
    """Write the bundle, with its card beside it, and return its path.

    Raises
    ------
    EdgefairError
        If `out` cannot be written.
    """
    recipe, shrunk = finished.recipe, finished.shrunk
    facts = _facts(finished)
    source = finished.recipe_path.read_bytes()
    manifest = replace(finished.evidence.manifest, variants=shrunk.tried.variants)
    model = PartContent(path=MODEL_PART, role="model", content=shrunk.int8)
    others = (
        model,
        PartContent(path="recipe.toml", role="recipe", content=source),
        *plan_parts(recipe, manifest),
        *embedding_parts(finished.evidence),
        *golden_parts(manifest, (model,)),
        *finished.licences,
    )
    evidence = evidence_parts(facts, others, datasheet=finished.described.datasheet)
    bundle_path = out / f"{recipe.name}-{recipe.version}.efb"
    card = render_card(facts) + render_speed(_latencies(finished), finished.command)
    with writing(out):
        write_bundle(bundle_path, manifest, (others[0], *evidence, *others[1:]))
        (out / "card.md").write_text(card, encoding="utf-8")
    return bundle_path


def plan_parts(recipe: Recipe, manifest: Manifest) -> tuple[PartContent, ...]:
    """Return the monitoring plan, frozen before any site has seen an outcome.

    None where the test split is too small to draw any limit from: a site then says so.
    """
    plan = drawn_plan(manifest, recipe.monitoring, values={})
    if plan is None:
        return ()
    about = recipe.about
    frozen = replace(
        plan, frozen_by=about.developer or "the bundle's builder", frozen_on=about.released
    )
    content = plan_to_json(frozen).encode()
    return (PartContent(path="plan.json", role="plan", content=content),)


def embedding_parts(evidence: Evidence) -> tuple[PartContent, ...]:
    """Return how the test images look to the model; none where patients are too few."""
    if evidence.embeddings is None:
        return ()
    content = embedding_reference_to_json(evidence.embeddings)
    return (PartContent(path=PATH, role=ROLE, content=content),)


def licence_parts(recipe: Recipe, beside: Path) -> tuple[PartContent, ...]:
    """Return the licence texts that the recipe names.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    parts = []
    for name in recipe.about.licences:
        path = beside / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"The licence text {path} cannot be read: {error.strerror or error}.",
                hint="Correct about.licences in the recipe; paths are relative to it.",
            ) from error
        parts.append(PartContent(path=f"licences/{path.name}", role="licence", content=content))
    return tuple(parts)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence what the operating system refused."""
    try:
        yield
    except OSError as error:
        raise EdgefairError(
            f"{folder} cannot be written: {error.strerror or error}.",
            hint="Name another folder with --out, and check the free space.",
        ) from error


def _facts(finished: Finished) -> CardFacts:
    shrunk, evidence = finished.shrunk, finished.evidence
    return CardFacts(
        recipe=finished.recipe,
        command=finished.command,
        contract=evidence.manifest.contract,
        calibration=evidence.manifest.calibration,
        calibration_images=shrunk.calibration_images,
        log=finished.learned.log,
        measured=evidence.measured,
        sizes=Sizes(full_precision=len(shrunk.full_precision), int8=len(shrunk.int8)),
        recipe_sha256=sha256(finished.recipe_path.read_bytes()).hexdigest(),
        data_digest=finished.described.content_digest,
        gate=finished.gate,
        comparison=finished.models,
        distillation=_distillation(finished),
        quantization=_quantization(shrunk, finished.test),
        datasheet_headlines=finished.described.headlines,
    )


def _distillation(finished: Finished) -> DistillationFacts | None:
    log = finished.learned.distillation
    if log is None:
        return None
    learned = next(row.images for row in finished.evidence.measured.splits if row.split == "train")
    weights = finished.recipe.teacher.weights if finished.recipe.teacher else None
    return DistillationFacts(
        images=learned - log.held_out,
        epochs=len(log.losses),
        measured_on=f"{log.held_out} training images that were held out",
        r_squared=log.r_squared,
        cosine=log.cosine,
        teacher_sha256=weights.sha256 if weights is not None else "",
    )


def _quantization(shrunk: Shrunk, test: HeldOut) -> QuantizationFacts:
    tried = shrunk.tried
    cosines = embedding_cosines(test.full_precision, test.int8)
    return QuantizationFacts(
        form=f"INT8, {tried.chosen}, float classifier",
        embedding_cosine=float(cosines.mean()),
        worst_embedding_cosine=float(cosines.min()),
        tried=tuple(
            TriedForm(form=form, passed=passed, worst=sentence)
            for form, passed, sentence in tried.trials
        ),
        variants=tuple(
            Variant(
                part=variant.part
                + (" with exact sums asked for" if variant.x64_quant_precision else ""),
                processors=f"{_PROCESSORS[variant.cpu]}; {variant.measured}",
            )
            for variant in tried.variants
        ),
    )


def _latencies(finished: Finished) -> Latencies:
    shrunk, manifest = finished.shrunk, finished.evidence.manifest
    full_precision_ms = latency_ms(shrunk.full_precision, manifest)
    int8_ms = latency_ms(shrunk.int8, manifest)
    taught = finished.taught
    if taught is None:
        return Latencies(full_precision_ms=full_precision_ms, int8_ms=int8_ms)
    teacher = ModelLatency(
        name=f"teacher {taught.facts.name}",
        ms=taught.facts.latency_ms,
        size_bytes=taught.facts.size_bytes,
    )
    student = (
        ModelLatency(name=name, ms=ms, size_bytes=size)
        for name, ms, size in (
            ("student, fp32", full_precision_ms, len(shrunk.full_precision)),
            ("student, INT8", int8_ms, len(shrunk.int8)),
        )
    )
    return Latencies(
        full_precision_ms=full_precision_ms, int8_ms=int8_ms, models=(teacher, *student)
    )
