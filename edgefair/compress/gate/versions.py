"""Any two versions of a model, as bundles or as the scores that they gave, for the gate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.scoring import answer
from edgefair.compress.gate.answers import answered_at_own_points
from edgefair.compress.gate.encoding import encoding_rows
from edgefair.compress.gate.judging import judge_gate
from edgefair.compress.gate.records import Answered, GateResult
from edgefair.compress.recipe import GatePlan
from edgefair.errors import BadTable, ContractMismatch
from edgefair.interop.tables import Table, read_table
from edgefair.records import Decision

__all__ = ["Version", "judge_versions", "read_version"]

_FLAGGED: Final = (Decision.POSITIVE.value, Decision.REFER.value)
_DECISIONS: Final = tuple(decision.value for decision in Decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version's answers to n cases.

    Attributes
    ----------
    answered : Answered
    embeddings : ndarray of float32, shape (n, d), or None
        None where only scores are at hand.
    """

    answered: Answered
    embeddings: NDArray[np.float32] | None = field(default=None, repr=False)


def read_version(source: str, cases: Cases, findings: tuple[str, ...]) -> Version:
    """Return what a version says of the cases.

    Parameters
    ----------
    source : str
        A bundle, by path or by the name of one that edgefair carries, which is run on the
        images; or a CSV of ``edgefair predict -o``, whose rows are taken by the file names.
    cases : Cases
    findings : tuple of str
        Names of the columns of the labels.

    Raises
    ------
    ContractMismatch
        If the bundle looks for other findings.
    BadTable
        If the CSV lacks a column, or an image.
    InputError, ModelError
        If an image or the bundle cannot be read.
    """
    if source.lower().endswith(".csv"):
        return Version(answered=_from_table(read_table(Path(source)), cases, findings))
    bundle = read_bundle(find_bundle(source))
    manifest = bundle.manifest
    if manifest.contract.findings != findings:
        raise ContractMismatch(
            f"{manifest.label} looks for {', '.join(manifest.contract.findings)}, and the recipe "
            f"for {', '.join(findings)}.",
            hint="Name the recipe that the bundle was made by.",
        )
    (said,) = answer((bundle.content("model"),), manifest, cases.images)
    return Version(
        answered=answered_at_own_points(manifest.label, said.logits, manifest),
        embeddings=said.embeddings,
    )


def judge_versions(
    before: Version,
    after: Version,
    cases: Cases,
    findings: tuple[str, ...],
    *,
    plan: GatePlan,
    ways: tuple[str, ...],
) -> GateResult:
    """Return what the second version costs whom, with what embeddings tell where they are known.

    Parameters
    ----------
    before, after : Version
    cases : Cases
    findings : tuple of str
    plan : GatePlan
    ways : tuple of str
        As `edgefair.compress.gate.judging.judge_gate`.
    """
    versions = [before, after]
    if before.answered.name == after.answered.name:
        versions = [
            replace(one, answered=replace(one.answered, name=f"{one.answered.name} ({when})"))
            for one, when in ((before, "before"), (after, "after"))
        ]
    encodings = tuple(
        row
        for one in versions
        if one.embeddings is not None
        for row in encoding_rows(one.answered.name, one.embeddings, cases, findings, ways=ways)
    )
    return judge_gate(
        [one.answered for one in versions],
        cases,
        findings,
        plan=plan,
        ways=ways,
        encodings=encodings,
    )


def _from_table(table: Table, cases: Cases, findings: tuple[str, ...]) -> Answered:
    shape = (len(cases), len(findings))
    probabilities = np.full(shape, np.nan)
    is_flagged = np.zeros(shape, dtype=bool)
    place = {path.name: row for row, path in enumerate(cases.images)}
    columns = ("image", "finding", "probability", "decision")
    rows = zip(*(table.column(name) for name in columns), strict=True)
    frames = table.optional_column("frame")
    for (image, finding, probability, decision), frame in zip(rows, frames, strict=True):
        row = place.get(Path(image).name)
        # a file that is no case here, or a further frame, of which training knows nothing
        if row is None or finding not in findings or frame not in ("", "0"):
            continue
        column = findings.index(finding)
        if not np.isnan(probabilities[row, column]):
            raise _unfit(table, f"has two rows for {finding} in {Path(image).name}")
        probabilities[row, column] = _share(table, probability)
        if decision not in _DECISIONS:
            raise _unfit(table, f"has a decision {decision!r}")
        is_flagged[row, column] = decision in _FLAGGED
    missing = np.flatnonzero(np.isnan(probabilities).any(axis=1))
    if len(missing):
        first = cases.images[missing[0]].name
        raise _unfit(table, f"lacks {len(missing)} of the {len(cases)} test images, e.g. {first}")
    models = dict.fromkeys(table.optional_column("model"))
    name = " and ".join(model for model in models if model) or Path(table.name).stem
    return Answered(name=name, probabilities=probabilities, flagged=is_flagged)


def _share(table: Table, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _unfit(table, f"has a probability {text!r}") from None
    if not 0 <= value <= 1:
        raise _unfit(table, f"has a probability {text}")
    return value


def _unfit(table: Table, what: str) -> BadTable:
    return BadTable(
        f"{table.name} {what}.",
        hint="Make it with `edgefair predict IMAGES -m BUNDLE -o scores.csv`, on the recipe's "
        "images.",
    )
