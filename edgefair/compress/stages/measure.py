"""Calibration and thresholds on val, evidence on test: what a bundle promises and shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgefair.bundle.embedding_reference import EmbeddingReference
from edgefair.bundle.manifest import Manifest
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.calibrate import (
    choose_operating_point,
    fit_calibration,
    refer_half_width,
)
from edgefair.compress.evidence.embeddings import measure_embeddings
from edgefair.compress.evidence.evaluation import (
    Measured,
    flips_at,
    group_rows,
    point_rows,
    shortcut_rows,
    split_rows,
    subset_rows,
)
from edgefair.compress.evidence.reference import measure_reference
from edgefair.compress.export import draft_manifest
from edgefair.compress.recipe import Recipe
from edgefair.compress.stages.answer import HeldOut
from edgefair.compress.stages.shrink import Shrunk
from edgefair.compress.stages.workshop import Workshop
from edgefair.runtime.scores import calibrate, operating_points

__all__ = ["Evidence", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The finished manifest, less its parts, the card's tables, and how the images look.

    `embeddings` is None where there are too few patients to tell.
    """

    manifest: Manifest
    measured: Measured
    embeddings: EmbeddingReference | None


def measure(workshop: Workshop, shrunk: Shrunk, val: HeldOut, test: HeldOut) -> Evidence:
    """Return the manifest with everything chosen on val, and what was measured on test."""
    recipe, cases = workshop.recipe, workshop.cases
    on_val_cases, on_test_cases = cases.of("val"), cases.of("test")
    manifest = _calibrated(recipe, draft_manifest(recipe, shrunk.contract), val, on_val_cases)
    points = manifest.operating_points
    defaults = operating_points(manifest, None)
    on_val = calibrate(val.int8.logits, manifest)
    on_test = calibrate(test.int8.logits, manifest)
    on_test_full = calibrate(test.full_precision.logits, manifest)
    findings, groups = recipe.findings, recipe.data.groups
    measured = Measured(
        splits=split_rows(cases, findings),
        groups=group_rows(on_test_cases, on_test, on_test_full, defaults, groups),
        points=(
            *point_rows(on_val_cases, on_val, points, findings, "val"),
            *point_rows(on_test_cases, on_test, points, findings, "test"),
        ),
        flips=flips_at(on_test, on_test_full, points, findings),
        shortcuts=shortcut_rows(cases, findings, recipe.evaluation),
        subsets=subset_rows(on_test_cases, on_test, findings, recipe.evaluation),
    )
    reference = measure_reference(on_test_cases, on_test, test.int8, defaults, groups)
    return Evidence(
        manifest=replace(manifest, reference=reference),
        measured=measured,
        embeddings=measure_embeddings(
            on_test_cases, test.int8.embeddings, val.int8.embeddings, groups
        ),
    )


def _calibrated(recipe: Recipe, draft: Manifest, val: HeldOut, cases: Cases) -> Manifest:
    """Return the manifest with calibration and operating points, both chosen on val."""
    words = f"val split, {len(cases)} images"
    calibration = fit_calibration(
        val.int8.logits, cases.labels, recipe.findings, recipe.task, fitted_on=words
    )
    manifest = replace(draft, calibration=calibration)
    probabilities = calibrate(val.int8.logits, manifest)
    expected = calibrate(val.full_precision.logits, manifest)
    points = tuple(
        choose_operating_point(
            probabilities[:, column],
            cases.labels[:, column],
            finding,
            aim,
            half_width=refer_half_width(probabilities[:, column], expected[:, column]),
            chosen_on=words,
        )
        for column, finding in enumerate(recipe.findings)
        for aim in recipe.operating_points
    )
    return replace(manifest, operating_points=points)
