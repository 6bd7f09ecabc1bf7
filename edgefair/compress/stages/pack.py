"""The last stage: card, licences and models become one bundle file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgefair.bundle.archive import PartContent, write_bundle
from edgefair.compress.evidence.card import CardFacts, Latencies, Sizes, render_card, render_speed
from edgefair.compress.evidence.scoring import latency_ms
from edgefair.compress.gate.records import GateResult, gate_to_json
from edgefair.compress.recipe import Recipe
from edgefair.compress.stages.learn import Learned
from edgefair.compress.stages.measure import Evidence
from edgefair.compress.stages.shrink import Shrunk
from edgefair.errors import EdgefairError, InputError

__all__ = ["Finished", "licence_parts", "pack", "writing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Everything that goes into a bundle."""

    recipe: Recipe
    recipe_path: Path
    command: str
    learned: Learned
    shrunk: Shrunk
    evidence: Evidence
    gate: GateResult | None
    licences: tuple[PartContent, ...]


def pack(finished: Finished, out: Path) -> Path:
    """Write the bundle, with its card beside it, and return its path.

    Raises
    ------
    EdgefairError
        If `out` cannot be written.
    """
    recipe, shrunk, evidence = finished.recipe, finished.shrunk, finished.evidence
    card = render_card(_facts(finished))
    parts = (
        PartContent(path="model.onnx", role="model", content=shrunk.int8),
        PartContent(path="card.md", role="card", content=card.encode()),
        PartContent(path="recipe.toml", role="recipe", content=finished.recipe_path.read_bytes()),
        *_evidence_parts(finished),
        *finished.licences,
    )
    bundle_path = out / f"{recipe.name}-{recipe.version}.efb"
    latencies = Latencies(
        full_precision_ms=latency_ms(shrunk.full_precision, evidence.manifest),
        int8_ms=latency_ms(shrunk.int8, evidence.manifest),
    )
    with writing(out):
        write_bundle(bundle_path, evidence.manifest, parts)
        (out / "card.md").write_text(
            card + render_speed(latencies, finished.command), encoding="utf-8"
        )
    return bundle_path


def _evidence_parts(finished: Finished) -> list[PartContent]:
    if finished.gate is None:
        return []
    return [PartContent(path="gate.json", role="gate", content=gate_to_json(finished.gate))]


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
    )
