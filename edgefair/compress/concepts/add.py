"""A finding added to a finished bundle from a concept: a row of weights, no training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle, PartContent, write_bundle
from edgefair.bundle.manifest import (
    Calibration,
    Contract,
    FindingName,
    Manifest,
    OperatingPoint,
    Reference,
    Task,
)
from edgefair.compress.concepts.cases import LaterCases
from edgefair.compress.concepts.graph import append_rows
from edgefair.compress.concepts.rows import ConceptRows
from edgefair.compress.concepts.section import AddedFinding, render_section
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.calibrate import choose_operating_point, fit_calibration
from edgefair.compress.evidence.golden import golden_parts, without_golden
from edgefair.compress.evidence.reference import (
    interval_of_auroc,
    measure_reference,
    numbered_patients,
)
from edgefair.compress.evidence.scoring import Answers, answer
from edgefair.compress.recipe import Aim
from edgefair.errors import EdgefairError, InputError
from edgefair.runtime.scores import calibrate

__all__ = ["Additions", "Plan", "add_findings", "check_addable", "for_scoring"]

_NO_REFER_BAND: Final = "no refer band, as the row was fitted to the model it is part of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What is to be added: k findings, the row of each, and their names.

    Attributes
    ----------
    teacher : str
        What the card calls the model that the concepts come from.
    names : tuple of FindingName
        Any number for each finding.
    """

    findings: tuple[str, ...]
    names: tuple[FindingName, ...]
    rows: ConceptRows
    teacher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How thresholds are chosen and what is reported, as in a recipe.

    Attributes
    ----------
    version : str
        Of the new bundle.
    aims : tuple of Aim
        Named as the bundle's operating points are.
    groups : tuple of str
    """

    version: str
    aims: tuple[Aim, ...]
    groups: tuple[str, ...]


def add_findings(
    bundle: Bundle, additions: Additions, cases: LaterCases, plan: Plan, out: Path
) -> Bundle:
    """Return the bundle written to `out`, which finds what the old one did and more.

    What was there stays as it was: weights, calibration, thresholds and reference of the old
    findings. Those of the new ones come from the labelled cases.

    Parameters
    ----------
    bundle : Bundle
    additions : Additions
    cases : LaterCases
        Labelled for the new findings.
    plan : Plan
    out : Path
        A file that exists is replaced.

    Raises
    ------
    InputError
        If the bundle's classes exclude one another, it finds one of these already, its operating
        points are not the plan's, or the row of a concept does not fit its labels.
    EdgefairError
        If `out` cannot be written.
    """
    check_addable(bundle, additions.findings, plan)
    old = bundle.manifest
    contract = _longer(old.contract, additions.findings, plan.version)
    kept = without_golden(bundle.parts)
    parts = tuple(_with_rows(part, contract, additions.rows) for part in kept)
    model = next(part.content for part in parts if part.role == "model")
    manifest = replace(old, contract=contract, parts=())
    alone = for_scoring(manifest)
    (val,) = answer((model,), alone, cases.val.images)
    manifest = _calibrated(manifest, val, cases, plan)
    test = _answers_to(model, alone, cases.test)
    section = render_section(
        tuple(
            _described(additions, column, _scores(val, column, additions), cases, test)
            for column in range(len(additions.findings))
        ),
        old=old.label,
        new=manifest.label,
        teacher=additions.teacher,
    )
    if test is not None:
        manifest = replace(manifest, reference=_reference(manifest, test, cases, plan))
    manifest = replace(manifest, finding_names=(*old.finding_names, *additions.names))
    contents = [_with_section(part, manifest, section) for part in parts]
    try:
        return write_bundle(out, manifest, (*contents, *golden_parts(manifest, parts)))
    except OSError as error:
        raise EdgefairError(
            f"{out} cannot be written: {error.strerror or error}.",
            hint="Name another file with --output, and check the free space.",
        ) from error


def for_scoring(manifest: Manifest) -> Manifest:
    """Return the manifest as far as one model that stands alone needs it."""
    return Manifest(
        format=manifest.format,
        contract=manifest.contract,
        intended_use=manifest.intended_use,
        accepts=manifest.accepts,
        calibration=manifest.calibration,
        operating_points=manifest.operating_points,
        reference=manifest.reference,
        parts=(),
    )


def check_addable(bundle: Bundle, findings: tuple[str, ...], plan: Plan) -> None:
    """Say in one sentence why these findings cannot be added to a bundle.

    Raises
    ------
    InputError
        As `add_findings`, as far as it can be known beforehand.
    """
    manifest = bundle.manifest
    contract = manifest.contract
    if contract.task is Task.MULTI_CLASS:
        raise InputError(
            f"{manifest.label} tells classes that exclude one another; a finding cannot be added "
            "to them.",
            hint="Train a model anew with the class among data.classes of its recipe.",
        )
    twice = [name for name in findings if name in contract.findings or findings.count(name) > 1]
    if twice:
        raise InputError(
            f"{manifest.label} would find {twice[0]} twice.",
            hint="Leave that concept out of the file.",
        )
    held = [point.name for point in manifest.operating_points_of(contract.findings[0])]
    wanted = [aim.name for aim in plan.aims]
    if sorted(held) != sorted(wanted):
        raise InputError(
            f"{manifest.label} has the operating points {', '.join(held)}, the recipe "
            f"{', '.join(wanted)}.",
            hint="Name the bundle's in the recipe: an operating point is for all findings.",
        )


def _longer(contract: Contract, findings: tuple[str, ...], version: str) -> Contract:
    return replace(
        contract,
        version=version,
        task=Task.MULTI_LABEL,
        findings=(*contract.findings, *findings),
    )


def _with_rows(part: PartContent, contract: Contract, rows: ConceptRows) -> PartContent:
    # a variant is another form of the model, for other processors
    if part.role not in ("model", "variant"):
        return part
    longer = append_rows(part.content, contract, rows.weights, rows.biases)
    return replace(part, content=longer)


def _calibrated(draft: Manifest, val: Answers, cases: LaterCases, plan: Plan) -> Manifest:
    """Return the manifest with calibration and operating points of the new findings."""
    held = len(draft.contract.findings) - len(cases.findings)
    known = [int((~np.isnan(labels)).sum()) for labels in cases.val.labels.T]
    words = [f"val split, {n} labelled images" for n in known]
    calibration: tuple[Calibration, ...] = draft.calibration
    for column, finding in enumerate(cases.findings):
        fits = fit_calibration(
            val.logits[:, [held + column]],
            cases.val.labels[:, [column]],
            (finding,),
            Task.MULTI_LABEL,
            fitted_on=words[column],
        )
        calibration += fits
        _check_fits(finding, fits[0].slope, known[column])
    manifest = replace(draft, calibration=calibration)
    probabilities = calibrate(val.logits, manifest)[:, held:]
    order = [point.name for point in draft.operating_points_of(draft.contract.findings[0])]
    points = tuple(
        _point(probabilities[:, column], cases, column, aim)
        for column in range(len(cases.findings))
        for aim in sorted(plan.aims, key=lambda aim: order.index(aim.name))
    )
    return replace(manifest, operating_points=(*draft.operating_points, *points))


def _check_fits(finding: str, slope: float, known: int) -> None:
    if slope <= 0:
        raise InputError(
            f"The concept {finding} does not fit its labels: of {known} labelled val images, "
            "those with it do not score higher than those without.",
            hint="Check that the concept means what the column does; another teacher may know it.",
        )


def _point(
    probabilities: NDArray[np.float64], cases: LaterCases, column: int, aim: Aim
) -> OperatingPoint:
    labels = cases.val.labels[:, column]
    words = f"val split, {int((~np.isnan(labels)).sum())} labelled images"
    point = choose_operating_point(
        probabilities, labels, cases.findings[column], aim, half_width=0.0, chosen_on=words
    )
    # there is no full-precision form of this finding that INT8 could differ from
    return replace(point, chosen_on=f"{words}; {_NO_REFER_BAND}")


def _answers_to(model: bytes, draft: Manifest, test: Cases) -> Answers | None:
    """Return the answers to the test images, where any of them has a label."""
    if not len(test) or np.isnan(test.labels).all():
        return None
    (answers,) = answer((model,), draft, test.images)
    return answers


def _reference(manifest: Manifest, test: Answers, cases: LaterCases, plan: Plan) -> Reference:
    """Return the reference with the cells of the new findings behind the old."""
    held = len(manifest.contract.findings) - len(cases.findings)
    defaults = tuple(manifest.operating_points_of(finding)[0] for finding in cases.findings)
    probabilities = calibrate(test.logits, manifest)[:, held:]
    added = measure_reference(cases.test, probabilities, test, defaults, plan.groups)
    old = manifest.reference
    return replace(
        old,
        measured_on=f"{old.measured_on}; {', '.join(cases.findings)} on those labelled for it",
        cells=(*old.cells, *added.cells),
        score_histograms=(*old.score_histograms, *added.score_histograms),
    )


def _scores(answers: Answers, column: int, additions: Additions) -> NDArray[np.float64]:
    held = answers.logits.shape[1] - len(additions.findings)
    return answers.logits[:, held + column].astype(np.float64)


def _described(
    additions: Additions,
    column: int,
    val_scores: NDArray[np.float64],
    cases: LaterCases,
    test: Answers | None,
) -> AddedFinding:
    finding, rows = additions.findings[column], additions.rows
    labels = cases.val.labels[:, column]
    return AddedFinding(
        finding=finding,
        names=tuple(name for name in additions.names if name.finding == finding),
        correlation=rows.correlations[column],
        r_squared=rows.r_squared[column],
        images=rows.images,
        positives=int((labels == 1).sum()),
        negatives=int((labels == 0).sum()),
        val_auroc=interval_of_auroc(labels, val_scores, numbered_patients(cases.val)),
        test_auroc=None
        if test is None
        else interval_of_auroc(
            cases.test.labels[:, column],
            _scores(test, column, additions),
            numbered_patients(cases.test),
        ),
    )


def _with_section(part: PartContent, manifest: Manifest, section: str) -> PartContent:
    if part.role != "card":
        return part
    _, _, rest = part.content.decode().partition("\n")
    return replace(part, content=f"# {manifest.label}\n{rest.rstrip()}\n{section}".encode())
