"""Calibration and thresholds on held-out cases, evidence on test: what a bundle promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.embedding_reference import EmbeddingReference
from edgefair.bundle.manifest import Manifest
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.calibrate import (
    REFERRED_SHARE,
    choose_operating_point,
    fit_calibration,
    refer_half_width,
)
from edgefair.compress.evidence.embeddings import measure_embeddings
from edgefair.compress.evidence.equating import equated
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
from edgefair.compress.stages.cross_fit import CrossFitted
from edgefair.compress.stages.shrink import Shrunk
from edgefair.compress.stages.workshop import Workshop
from edgefair.runtime.scores import calibrate, operating_points

__all__ = ["Evidence", "Pool", "measure", "pooled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The finished manifest, less its parts, the card's tables, and how the images look.

    `embeddings` is None where there are too few patients to tell.
    """

    manifest: Manifest
    measured: Measured
    embeddings: EmbeddingReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Cases to choose on, none of them learned from by what answers them.

    Attributes
    ----------
    name : str
        Short, for a table.
    words : str
        Which cases and how many.
    cases : Cases
    logits : ndarray of float32, shape (n, findings)
        On the scale of the INT8 model.
    """

    name: str
    words: str
    cases: Cases = field(repr=False)
    logits: NDArray[np.float32] = field(repr=False)


def measure(
    workshop: Workshop, shrunk: Shrunk, val: HeldOut, test: HeldOut, fitted: CrossFitted | None
) -> Evidence:
    """Return the manifest with everything chosen on held-out cases, and what test measured."""
    recipe, cases = workshop.recipe, workshop.cases
    on_test_cases = cases.of("test")
    pool = pooled(cases, val.int8.logits, fitted)
    manifest = _calibrated(recipe, draft_manifest(recipe, shrunk.contract), val, pool)
    points = manifest.operating_points
    defaults = operating_points(manifest, None)
    on_pool = calibrate(pool.logits, manifest)
    on_test = calibrate(test.int8.logits, manifest)
    on_test_full = calibrate(test.full_precision.logits, manifest)
    findings, groups = recipe.findings, recipe.data.groups
    measured = Measured(
        splits=split_rows(cases, findings),
        groups=group_rows(on_test_cases, on_test, on_test_full, defaults, groups),
        points=(
            *point_rows(pool.cases, on_pool, points, findings, pool.name),
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


def pooled(cases: Cases, val: NDArray[np.float32], fitted: CrossFitted | None) -> Pool:
    """Return the cases that calibration and thresholds are chosen on.

    Parameters
    ----------
    cases : Cases
        Of all splits.
    val : ndarray of float32, shape (v, findings)
        The INT8 model's logits on the val split.
    fitted : CrossFitted or None
        Adds the train split, out of fold.
    """
    held = cases.of("val")
    if fitted is None:
        words = f"val split, {len(held)} images"
        return Pool(name="val", words=words, cases=held, logits=val)
    learn = cases.of("train")
    logits = np.empty((len(learn), val.shape[1]), dtype=np.float32)
    for fold in fitted.folds:
        logits[fold.rows] = equated(fold.held_out, fold.val, val)
    return Pool(
        name="train out of fold, and val",
        words=f"train split out of fold ({len(fitted.folds)} folds) and val split, "
        f"{len(learn) + len(held)} images",
        cases=cases.take(np.concatenate([_rows(cases, "train"), _rows(cases, "val")])),
        logits=np.concatenate([logits, val]),
    )


def _rows(cases: Cases, split: str) -> NDArray[np.intp]:
    return np.flatnonzero(np.array(cases.splits) == split)


def _calibrated(recipe: Recipe, draft: Manifest, val: HeldOut, pool: Pool) -> Manifest:
    """Return the manifest with calibration and operating points, both chosen on the pool."""
    calibration = fit_calibration(
        pool.logits, pool.cases.labels, recipe.findings, recipe.task, fitted_on=pool.words
    )
    manifest = replace(draft, calibration=calibration)
    probabilities = calibrate(pool.logits, manifest)
    quantized = calibrate(val.int8.logits, manifest)
    expected = calibrate(val.full_precision.logits, manifest)
    band = (
        f"the refer band holds {REFERRED_SHARE:.0%} of the differences between INT8 and full "
        f"precision on the val split, {len(quantized)} images"
    )
    points = tuple(
        choose_operating_point(
            probabilities[:, column],
            pool.cases.labels[:, column],
            finding,
            aim,
            half_width=refer_half_width(quantized[:, column], expected[:, column]),
            chosen_on=f"{pool.words}; {band}",
        )
        for column, finding in enumerate(recipe.findings)
        for aim in recipe.operating_points
    )
    return replace(manifest, operating_points=points)
