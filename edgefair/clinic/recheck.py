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
from edgefair.audit.face import audit
from edgefair.audit.groups import By, group_by
from edgefair.audit.inputs import patient_numbers, several_of_one
from edgefair.audit.partly_verified import PartlyVerified
from edgefair.audit.recheck import recheck
from edgefair.audit.tally import Cases
from edgefair.clinic.doubts import check_groups, notes_on_copies, notes_on_lone_groups
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

__all__ = ["LEDGER_GROUPS", "Roles", "recheck_ledger", "recheck_table"]

LEDGER_GROUPS: Final = ("sex", "age:0,18,40,60,80")
"""What a ledger's cases are grouped by unless asked otherwise: all that it knows of everybody."""

_SEED: Final = 0

_REFERRED: Final = "Cases that the model referred count as flagged: a person looks at them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which columns of a table mean what.

    Attributes
    ----------
    label : str
        Whether the finding was there.
    positive : str or None
        The value of `label` that counts as yes, every other as no. None if the column holds 0
        and 1, and nothing where nobody knows yet.
    score : str or None
        The model's score, on any scale, larger for more suspicious.
    prediction : str or None
        The model's decision.
    threshold : float or None
        Where there is no `prediction`: a score of at least this is flagged.
    finding : str or None
        What the label is about; the label's column if None.
    patient : str or None
        Whose case it is; None if every row counts as another patient's.
    """

    label: str
    positive: str | None = None
    score: str | None = None
    prediction: str | None = None
    threshold: float | None = None
    finding: str | None = None
    patient: str | None = None


def recheck_table(
    table: Table,
    roles: Roles,
    *,
    by: Sequence[str],
    made_at: datetime,
    criteria: Criteria | None = None,
) -> Report:
    """Return for whom the scores of a table work.

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
    features = {name: table.column(name) for name in names}
    check_groups(ways, features)
    found = audit(
        y_true=_labels(table.column(roles.label), roles.positive),
        y_score={roles.score: table.column(roles.score)} if roles.score else None,
        y_pred=table.column(roles.prediction) if roles.prediction else None,
        sensitive_features=features,
        patients=table.column(roles.patient) if roles.patient else None,
        by=by,
        threshold=roles.threshold,
        finding=roles.finding or roles.label,
        level=held.level,
        margin=held.margin,
        alpha=held.alpha,
        seed=_SEED,
    )
    return Report(
        title=f"For whom do the scores in {Path(table.name).name} work?",
        result=found.result,
        operating_point=_operating_point(roles),
        data=DataIdentity(name=table.name, sha256=table.sha256, rows=len(table)),
        groups_by=tuple(str(way) for way in ways),
        made_at=_utc(made_at),
        edgefair_version=__version__,
        notes=(
            *_notes_on_table(table, roles),
            *notes_on_patients(_patients_of_table(table, roles), found.result),
            *notes_on_lone_groups(found.result),
            *notes_on_copies(table),
        ),
    )


def recheck_ledger(
    path: Path,
    *,
    made_at: datetime,
    by: Sequence[str] = LEDGER_GROUPS,
    finding: str | None = None,
    criteria: Criteria | None = None,
) -> Report:
    """Return for whom the model that read last works, by the outcomes in a ledger.

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
        labelled, scored = ledger.labelled(), ledger.scored()
        draws, readings = ledger.draws(), ledger.readings()
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
    streams = {name: stream_of(scored, draws, name) for name in asked}
    twice = {name: second_readings(readings, labelled.case, name) for name in asked}
    cases = _cases(_Known(labelled, scored, streams, twice), ways)
    found = recheck(
        cases,
        exclusions=_exclusions(labelled, asked, findings),
        rows=len(labelled) + labelled.unverified + labelled.unscored,
        criteria=criteria or Criteria(),
        seed=_SEED,
    )
    return Report(
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
    )


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _labels(column: tuple[str, ...], positive: str | None) -> Sequence[str] | NDArray[np.bool_]:
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
            "positive. Whom it misses is then seldom found out: it misses more than this shows.",
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
