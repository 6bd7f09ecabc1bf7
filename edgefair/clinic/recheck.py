"""Recording joined to the re-check: a ledger, or a table with scores, to the report on it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair import __version__
from edgefair.audit.columns import Criteria
from edgefair.audit.groups import By, group_by
from edgefair.audit.inputs import patient_numbers, several_of_one
from edgefair.audit.partly_verified import PartlyVerified
from edgefair.audit.preparing import Columns, prepared
from edgefair.audit.recheck import recheck
from edgefair.audit.tally import Cases
from edgefair.clinic.checked import (
    SEED,
    Asked,
    Checked,
    Roles,
    asides_of,
    of_rows,
    powered_asides,
)
from edgefair.clinic.doubts import (
    check_groups,
    notes_on_copies,
    notes_on_lone_groups,
    notes_on_scale,
)
from edgefair.clinic.patients import notes_on_patients
from edgefair.clinic.subjects import features_of
from edgefair.clinic.truth import (
    SecondReadings,
    notes_on_earlier_draws,
    notes_on_readers,
    notes_on_verification,
    second_readings,
    stream_of,
    verified_counts_of,
)
from edgefair.errors import NotEnoughData
from edgefair.interop.tables import Table
from edgefair.ledger import LabelledCases, Ledger, ScoredCases
from edgefair.records import Decision, Exclusion, VerifiedBecause
from edgefair.report import DataIdentity, Report

__all__ = [
    "LEDGER_GROUPS",
    "Roles",
    "check_ledger",
    "check_table",
    "recheck_ledger",
    "recheck_table",
]

LEDGER_GROUPS: Final = ("sex", "age:0,18,40,60,80")
"""What a ledger's cases are grouped by unless asked otherwise: all that it knows of everybody."""

_INDEPENDENT: Final = (VerifiedBecause.ROUTINE, VerifiedBecause.RANDOM_AUDIT)

_REFERRED: Final = "Cases that the model referred count as flagged: a person looks at them."


def check_table(
    table: Table,
    roles: Roles,
    *,
    by: Sequence[str],
    made_at: datetime,
    criteria: Criteria | None = None,
) -> Checked:
    """Return for whom the scores of a table work, and what that was computed from.

    Parameters
    ----------
    table : Table
    roles : Roles
    by : sequence of str
        ``sex``, ``age:0,18,40,60,80`` for bins, ``sex+age:0,60`` to cross two.
    made_at : datetime
        With a time zone: the report's date.
    criteria : Criteria, optional
        The audit's own by default.

    Raises
    ------
    BadTable
        If a column is missing, or holds what is no label, score or decision.
    InputError
        If `by` cannot be read.
    NotEnoughData
        If no row has an outcome.
    """
    held = criteria or Criteria()
    ways = [By.parse(text, columns=table.columns) for text in by]
    names = dict.fromkeys(term.name for way in ways for term in way.terms)
    features = {name: table.array(name) for name in names}
    check_groups(ways, features)
    ready = prepared(
        Columns(
            y_true=_labels(table.array(roles.label), roles.positive),
            y_score={roles.score: table.array(roles.score)} if roles.score else None,
            y_pred=table.array(roles.prediction) if roles.prediction else None,
            sensitive_features=features,
            patients=table.array(roles.patient) if roles.patient else None,
        ),
        by=by,
        threshold=roles.threshold,
        finding=roles.finding or roles.label,
    )
    title = f"For whom do the scores in {Path(table.name).name} work?"
    data = DataIdentity(name=table.name, sha256=table.sha256, rows=len(table))
    of_table, copies = _notes_on_table(table, roles), notes_on_copies(table)
    patients = _patients_of_table(table, roles)
    del features, table  # a large table's text takes more memory than all that follows
    found = recheck(
        ready.findings,
        exclusions=ready.exclusions,
        rows=ready.rows,
        criteria=held,
        seed=SEED,
    )
    thresholds, calibration = asides_of(
        ready.findings, level=held.level, costs=roles.costs, threshold=roles.threshold
    )
    report = Report(
        title=title,
        result=found.result,
        operating_point=_operating_point(roles),
        data=data,
        groups_by=tuple(str(way) for way in ways),
        made_at=_utc(made_at),
        edgefair_version=__version__,
        notes=(
            *of_table,
            *notes_on_scale(ready.findings),
            *notes_on_patients(patients, found.result),
            *notes_on_lone_groups(found.result),
            *copies,
        ),
        thresholds=thresholds,
        calibration=calibration,
    )
    return Checked(
        report=report,
        evidence=found.evidence,
        asked=Asked(roles=roles, by=tuple(by), finding=None, criteria=held, seed=SEED),
        position=None,
    )


def recheck_table(
    table: Table,
    roles: Roles,
    *,
    by: Sequence[str],
    made_at: datetime,
    criteria: Criteria | None = None,
) -> Report:
    """Return the report alone; parameters and errors as `check_table`."""
    return check_table(table, roles, by=by, made_at=made_at, criteria=criteria).report


def recheck_ledger(
    path: Path,
    *,
    made_at: datetime,
    by: Sequence[str] = LEDGER_GROUPS,
    finding: str | None = None,
    criteria: Criteria | None = None,
) -> Report:
    """Return the report alone; parameters and errors as `check_ledger`."""
    return check_ledger(path, made_at=made_at, by=by, finding=finding, criteria=criteria).report


def check_ledger(
    path: Path,
    *,
    made_at: datetime,
    by: Sequence[str] = LEDGER_GROUPS,
    finding: str | None = None,
    criteria: Criteria | None = None,
    bundle_digest: str | None = None,
) -> Checked:
    """Return for whom a model works, by the outcomes in a ledger, and what that rests on.

    Parameters
    ----------
    path : Path
        The ledger; it is only read.
    made_at : datetime
        With a time zone: the report's date.
    by : sequence of str
        As for `recheck_table`; names are ``sex``, ``age`` and whatever else is recorded.
    finding : str, optional
        Only this one; all of the model's by default.
    criteria : Criteria, optional
        The audit's own by default.
    bundle_digest : str, optional
        Which model; the one that read last if left out.

    Raises
    ------
    LedgerError
        If there is no ledger, or it is damaged.
    InputError
        If `by` names what is not recorded.
    NotEnoughData
        If there is no outcome yet.
    """
    with Ledger.open(path, read_only=True) as ledger:
        labelled = ledger.labelled(bundle_digest=bundle_digest)
        scored = ledger.scored(bundle_digest=bundle_digest)
        draws, readings = ledger.draws(), ledger.readings()
        position = ledger.position(bundle_digest=labelled.bundle_digest)
    findings = tuple(dict.fromkeys(labelled.finding))
    asked = tuple(name for name in findings if finding in (None, name))
    if not asked:
        raise NotEnoughData(
            f"{path} holds no outcome{f' of {finding}' if finding else ''} yet.",
            hint=f"There are outcomes of: {', '.join(findings)}."
            if findings
            else f"`edgefair outcomes template --ledger {path}` writes the list to fill in.",
        )
    ways = [By.parse(text) for text in by]
    held = criteria or Criteria()
    streams = {name: stream_of(scored, draws, name) for name in asked}
    twice = {name: second_readings(readings, labelled.case, name) for name in asked}
    cases = _cases(_Known(labelled, scored, streams, twice), ways)
    found = recheck(
        cases,
        exclusions=_exclusions(labelled, asked, findings),
        rows=len(labelled) + labelled.unverified + labelled.unscored,
        criteria=held,
        seed=SEED,
    )
    thresholds, calibration = asides_of(_unbiased(cases, labelled, asked), level=held.level)
    report = Report(
        title=f"For whom does {labelled.model} work?",
        result=found.result,
        model=labelled.model,
        bundle_digest=labelled.bundle_digest,
        operating_point=", ".join(dict.fromkeys(labelled.operating_point)),
        data=DataIdentity(name=str(path), sha256=_digest(labelled), rows=found.result.rows),
        groups_by=tuple(str(way) for way in ways),
        made_at=_utc(made_at),
        edgefair_version=__version__,
        notes=(
            *_notes_on_ledger(labelled, corrected=any(one.partly for one in cases)),
            *(note for name in asked for note in notes_on_verification(found.result, name, path)),
            *notes_on_earlier_draws(scored, draws),
            *(note for one in cases for note in _notes_on_readers(one, twice[one.finding])),
            *notes_on_patients(_patients_of_ledger(labelled, asked), found.result),
            *notes_on_lone_groups(found.result),
        ),
        verification=tuple(
            row for name in asked for row in verified_counts_of(name, streams[name])
        ),
        thresholds=thresholds,
        calibration=calibration,
        powered=powered_asides(cases, level=held.level),
    )
    return Checked(
        report=report,
        evidence=found.evidence,
        asked=Asked(roles=None, by=tuple(by), finding=finding, criteria=held, seed=SEED),
        position=position,
    )


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _labels(
    column: NDArray[np.object_], positive: str | None
) -> NDArray[np.object_] | NDArray[np.bool_]:
    """Return the labels; with a value that means yes, True for it, as text or as a number."""
    if positive is None:
        return column
    number = _number(positive)
    meant = {value for value in set(column) if value == positive or _number(value) == number}
    return np.fromiter((value in meant for value in column), np.bool_, len(column))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def _operating_point(roles: Roles) -> str | None:
    if roles.prediction:
        return f"decisions as in the column {roles.prediction!r}"
    if roles.threshold is not None:
        return f"{roles.score} of at least {roles.threshold:g}"
    return None


def _notes_on_table(table: Table, roles: Roles) -> tuple[str, ...]:
    notes = []
    if roles.positive is not None:
        notes.append(
            f"A case counts as having the finding where {roles.label} is {roles.positive}; "
            "anything else, and nothing at all, counts as not having it."
        )
    if roles.prediction and Decision.REFER in table.column(roles.prediction):
        notes.append(_REFERRED)
    if not roles.prediction and roles.threshold is None:
        notes.append(
            "No decisions were given, so no errors could be counted and no verdict reached: name "
            "the column of decisions, or a threshold on the score."
        )
    return tuple(notes)


def _patients_of_table(table: Table, roles: Roles) -> Sequence[str]:
    """Return the patient of each row that has an outcome."""
    if roles.patient is None:
        return ()
    rows = zip(table.column(roles.patient), table.column(roles.label), strict=True)
    return [patient for patient, label in rows if label or roles.positive is not None]


def _patients_of_ledger(labelled: LabelledCases, findings: Sequence[str]) -> Sequence[str]:
    """Return the patient of each image that has an outcome of one of the findings."""
    rows = zip(labelled.case, labelled.patient, labelled.finding, strict=True)
    return list({case: patient for case, patient, name in rows if name in findings}.values())


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows: the labelled cases, the stream they are of, and second readings."""

    labelled: LabelledCases
    scored: ScoredCases
    streams: Mapping[str, PartlyVerified]
    twice: Mapping[str, SecondReadings | None]


def _cases(known: _Known, ways: Sequence[By]) -> list[Cases]:
    """Return the cases of each finding, all in the same groups."""
    scored, labelled = known.scored, known.labelled
    verified = np.array([truth is not None for truth in scored.y_true])
    y_true, y_score = np.array(labelled.y_true), np.array(labelled.y_score)
    features = features_of(scored.subject)
    check_groups(ways, {name: column.tolist() for name, column in features.items()})
    all_groupings, of_all = group_by(ways, features), np.array(scored.finding)
    partly = {
        name: None
        if stream.is_plain([g.of_rows(of_all == name) for g in all_groupings])
        else stream
        for name, stream in known.streams.items()
    }
    if any(partly.values()):
        groupings = tuple(g.of_rows(verified) for g in all_groupings)
    else:  # groups of which nobody is verified are told by nothing else either
        groupings = group_by(ways, features_of(labelled.subject))
    flagged = np.array([decision is not Decision.NEGATIVE for decision in labelled.y_pred])
    of_finding, patients = np.array(labelled.finding), patient_numbers(labelled.patient)
    return [
        Cases(
            finding=name,
            y_true=y_true[rows],
            flagged=flagged[rows],
            y_score=y_score[rows],
            groupings=tuple(g.of_rows(rows) for g in groupings),
            patients=None if patients is None else several_of_one(patients[rows]),
            partly=stream,
            of_all=tuple(g.of_rows(of_all == name) for g in all_groupings),
            disagreements=read.carried if read else None,
        )
        for name, stream in partly.items()
        for rows, read in ((of_finding == name, known.twice[name]),)
    ]


def _unbiased(
    cases: Sequence[Cases], labelled: LabelledCases, findings: Sequence[str]
) -> list[Cases]:
    """Return the cases that were verified for a reason which does not depend on the model."""
    of_finding = np.array(labelled.finding)
    independent = np.array([because in _INDEPENDENT for because in labelled.verified_because])
    return [
        of_rows(one, independent[of_finding == finding])
        for one, finding in zip(cases, findings, strict=True)
    ]


def _exclusions(
    labelled: LabelledCases, asked: Sequence[str], findings: Sequence[str]
) -> list[Exclusion]:
    others = sum(finding not in asked for finding in labelled.finding)
    counted = (
        ("no outcome yet", labelled.unverified),
        ("an outcome, but no score of this model", labelled.unscored),
        ("of another finding", others),
    )
    return [Exclusion(reason=reason, rows=rows) for reason, rows in counted if rows]


def _notes_on_readers(cases: Cases, read: SecondReadings | None) -> tuple[str, ...]:
    if read is None:
        return ()
    return notes_on_readers(cases.finding, read, is_carried=cases.partly is None)


def _notes_on_ledger(labelled: LabelledCases, *, corrected: bool) -> tuple[str, ...]:
    because = Counter(labelled.verified_because)
    biased = 0 if corrected else because[VerifiedBecause.AI_POSITIVE]
    notes = (
        (
            biased,
            f"{biased:,} of {len(labelled):,} outcomes are known only because the model said "
            "positive. Whom it misses is then seldom found out: it misses more than this shows. "
            "Calibration and the table of thresholds leave such outcomes out.",
        ),
        (Decision.REFER in labelled.y_pred, _REFERRED),
        (
            labelled.refused,
            f"Images refused by the model, which have no score: {labelled.refused:,}.",
        ),
        (
            labelled.other_models,
            f"Scores of other models in this ledger, which are not judged: "
            f"{labelled.other_models:,}.",
        ),
        (
            len(set(labelled.operating_point)) > 1,
            "Decisions of several operating points are judged together.",
        ),
    )
    return tuple(note for applies, note in notes if applies)


def _digest(labelled: LabelledCases) -> str:
    """Return the SHA-256 of what was judged, hexadecimal.

    Not of the file: part of a ledger may still stand in its write-ahead log, and what is appended
    later does not change what was judged.
    """
    rows = zip(
        labelled.case, labelled.finding, labelled.y_true, labelled.y_score, labelled.y_pred,
        strict=True,
    )  # fmt: skip
    text = json.dumps([labelled.bundle_digest, *rows], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
