"""What the tables hold, read back into records; called inside a snapshot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from edgefair.ledger.results import Case, LabelledCases
from edgefair.ledger.turns import name_of_point
from edgefair.records import (
    UNKNOWN,
    Attribute,
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Status,
    Subject,
    VerifiedBecause,
)

__all__ = [
    "newest_model",
    "read_cases",
    "read_labelled",
    "read_latest_model",
    "read_predictions",
    "read_subject",
    "read_values",
]

_PREDICTIONS: Final = """
SELECT reading.id, latest_name.name, frame, digest, status, message, patient, sex, age_years,
    attributes, model.name, bundle_digest, reading.predicted_at,
    engine, finding, logit, probability, operating_point, threshold, decision, reason
FROM reading
LEFT JOIN reading_engine ON reading_engine.reading_id = reading.id
JOIN image ON image.id = reading.image_id
JOIN model ON model.id = reading.model_id
JOIN latest_name ON latest_name.image_id = image.id
LEFT JOIN latest_subject ON latest_subject.image_id = image.id
LEFT JOIN scored ON scored.reading_id = reading.id
ORDER BY reading.id, scored.id
"""

_CASES: Final = """
SELECT code, latest_name.name, frame, scored.finding, predicted_at, decision,
    outcome, verified_by, verified_because, date
FROM scored
JOIN image ON image.id = scored.image_id
JOIN latest_name ON latest_name.image_id = image.id
LEFT JOIN latest_outcome
    ON latest_outcome.image_id = image.id AND latest_outcome.finding = scored.finding
WHERE scored.id = (
    SELECT max(id) FROM scored AS other
    WHERE other.image_id = scored.image_id AND other.finding = scored.finding)
ORDER BY image.id, scored.id
"""

_LABELLED: Final = """
SELECT code, coalesce(patient, ''), latest_score.finding, outcome, probability, decision,
    operating_point, sex, age_years, attributes, verified_because, date
FROM latest_score
JOIN latest_outcome ON latest_outcome.image_id = latest_score.image_id
    AND latest_outcome.finding = latest_score.finding
JOIN image ON image.id = latest_score.image_id
LEFT JOIN latest_subject ON latest_subject.image_id = latest_score.image_id
WHERE model_id = ?
ORDER BY latest_score.id
"""

_COUNT_UNVERIFIED: Final = """
SELECT count(*) FROM latest_score WHERE model_id = ? AND NOT EXISTS (
    SELECT 1 FROM standing_outcome AS known
    WHERE known.image_id = latest_score.image_id AND known.finding = latest_score.finding)
"""

_COUNT_UNSCORED: Final = """
SELECT count(*) FROM latest_outcome WHERE NOT EXISTS (
    SELECT 1 FROM scored WHERE model_id = ? AND scored.image_id = latest_outcome.image_id
        AND scored.finding = latest_outcome.finding)
"""

_COUNT_REFUSED: Final = """
SELECT count(DISTINCT image_id) FROM reading
WHERE model_id = ? AND status <> 'ok' AND NOT EXISTS (
    SELECT 1 FROM scored
    WHERE scored.image_id = reading.image_id AND scored.model_id = reading.model_id)
"""

_COUNT_OTHER_MODELS: Final = "SELECT count(*) FROM latest_score WHERE model_id <> ?"

_MODEL: Final = """
SELECT model.id, name, bundle_digest FROM model JOIN reading ON model_id = model.id
WHERE :digest IS NULL OR bundle_digest = :digest
ORDER BY reading.id DESC LIMIT 1
"""


def read_predictions(connection: sqlite3.Connection) -> Iterator[Prediction]:
    """Yield every reading as it was recorded, with pseudonyms for patients."""
    rows = connection.execute(_PREDICTIONS)
    for _, group in groupby(rows, key=lambda row: row[0]):
        lines = list(group)
        _, image, frame, digest, status, message, patient, *about = lines[0][:10]
        model, bundle_digest, predicted_at, engine = lines[0][10:14]
        yield Prediction(
            image=image,
            frame=frame,
            digest=digest,
            status=Status(status),
            message=message,
            scores=tuple(_score(line[14:]) for line in lines if line[14] is not None),
            subject=read_subject(about, patient=patient),
            model=model,
            bundle_digest=bundle_digest,
            predicted_at=predicted_at,
            engine=engine or "",
        )


def read_cases(connection: sqlite3.Connection) -> Iterator[Case]:
    """Yield every case and finding that any model gave a score for, oldest image first."""
    for code, image, frame, finding, predicted_at, decision, *truth in connection.execute(_CASES):
        yield Case(
            code=code,
            image=image,
            frame=frame,
            finding=finding,
            predicted_at=predicted_at,
            decision=Decision(decision),
            outcome=None if truth[0] is None else _outcome(code, finding, truth),
        )


def read_labelled(connection: sqlite3.Connection, bundle_digest: str | None) -> LabelledCases:
    """Return what one model said beside the truth; None takes the model that read last."""
    model_id, model, digest = newest_model(connection, bundle_digest)
    rows = connection.execute(_LABELLED, [model_id]).fetchall()
    unverified, unscored, refused, other_models = (
        connection.execute(count, [model_id]).fetchone()[0]
        for count in (_COUNT_UNVERIFIED, _COUNT_UNSCORED, _COUNT_REFUSED, _COUNT_OTHER_MODELS)
    )
    return LabelledCases(
        model=model,
        bundle_digest=digest,
        case=tuple(row[0] for row in rows),
        patient=tuple(row[1] for row in rows),
        finding=tuple(row[2] for row in rows),
        y_true=tuple(bool(row[3]) for row in rows),
        y_score=tuple(row[4] for row in rows),
        y_pred=tuple(Decision(row[5]) for row in rows),
        operating_point=tuple(name_of_point(row[6]) for row in rows),
        subject=tuple(read_subject(row[7:10], patient=None) for row in rows),
        verified_because=tuple(VerifiedBecause(row[10]) for row in rows),
        date=tuple(row[11] for row in rows),
        unverified=unverified,
        unscored=unscored,
        refused=refused,
        other_models=other_models,
    )


def newest_model(
    connection: sqlite3.Connection, bundle_digest: str | None
) -> tuple[int, str, str]:
    """Return key, name and digest of a model, of the one that read last if None is named."""
    found = connection.execute(_MODEL, {"digest": bundle_digest}).fetchone()
    return found or (0, "", "")


def read_latest_model(connection: sqlite3.Connection) -> tuple[str, str] | None:
    """Return name and bundle digest of the model that read last."""
    model_id, model, digest = newest_model(connection, None)
    return (model, digest) if model_id else None


def read_values(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return which values each attribute takes, sex among them, without Unknown."""
    values: dict[str, set[str]] = {"sex": set()}
    for sex, attributes in connection.execute("SELECT DISTINCT sex, attributes FROM subject"):
        for name, value in {**json.loads(attributes), "sex": sex}.items():
            values.setdefault(name, set()).add(value)
    return {name: tuple(sorted(found - {UNKNOWN})) for name, found in values.items()}


def _score(values: Sequence[Any]) -> FindingScore:
    finding, logit, probability, operating_point, threshold, decision, reason = values
    return FindingScore(
        finding=finding,
        logit=logit,
        probability=probability,
        operating_point=name_of_point(operating_point),
        threshold=threshold,
        decision=Decision(decision),
        reason=reason,
    )


def read_subject(values: Sequence[Any], *, patient: str | None) -> Subject:
    """Return who is on an image, from sex, age and attributes as stored."""
    # of a recorded image of whom nothing is known there is no row
    sex, age_years, attributes = values
    known = json.loads(attributes or "{}")
    return Subject(
        patient_id=patient,
        sex=sex or UNKNOWN,
        age_years=age_years,
        attributes=tuple(Attribute(name=name, value=value) for name, value in known.items()),
    )


def _outcome(code: str, finding: str, values: Sequence[Any]) -> Outcome:
    outcome, verified_by, verified_because, date = values
    return Outcome(
        case=code,
        finding=finding,
        outcome=bool(outcome),
        verified_by=verified_by,
        verified_because=VerifiedBecause(verified_because),
        date=date,
    )
