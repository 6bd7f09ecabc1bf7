"""Predictions on their way into the tables; called inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from itertools import count
from pathlib import PurePath

from edgefair.ledger.connection import SqlValue, insert
from edgefair.ledger.keys import SiteKey
from edgefair.ledger.small_embeddings import SmallEmbedding, write_small_embedding
from edgefair.ledger.turns import name_in_turn
from edgefair.records import UNKNOWN, FindingScore, Prediction, Status, Subject

__all__ = ["identity_of", "plain_text", "write_prediction"]


def write_prediction(
    connection: sqlite3.Connection,
    key: SiteKey,
    prediction: Prediction,
    small: SmallEmbedding | None = None,
) -> bool:
    """Return whether anything of the prediction was new: a score, or a refusal.

    The same image, frame, finding, bundle and operating point is kept once, as it was first
    shown, while no other decides in between. Where another did, e.g. one that a site adopted and
    took back, the decision is appended once more and is the latest again. What is newly known of
    the subject is added even then, and so is the small embedding of an image that has none.
    """
    if (prediction.status is Status.OK) != bool(prediction.scores):
        raise ValueError("a prediction has scores if, and only if, its status is ok")
    image_id = _image(connection, key, prediction)
    _write_subject(connection, key, image_id, prediction.subject)
    model_id = _model(connection, prediction)
    if prediction.status is not Status.OK:
        return _write_refusal(connection, image_id, model_id, prediction)
    new = [
        (point_id, score)
        for score in prediction.scores
        for point_id in [_point_to_score_at(connection, image_id, model_id, score)]
        if point_id is not None
    ]
    if new:
        reading_id = _write_reading(connection, image_id, model_id, prediction)
        for point_id, score in new:
            _write_score(connection, (reading_id, image_id, point_id), score)
    if small is not None:
        write_small_embedding(connection, image_id, model_id, small)
    return bool(new)


def identity_of(key: SiteKey, prediction: Prediction) -> bytes:
    """Return what tells this frame of this image from every other."""
    # a file that could not be read at all has no digest, so its path must do; hashed, it tells
    # nobody the folder
    return key.image(prediction.digest or f"unread\0{prediction.image}", prediction.frame)


def plain_text(text: str) -> str:
    r"""Return text that can be stored: bytes of a file name that are no UTF-8 become U+FFFD.

    Examples
    --------
    >>> ascii(plain_text("r\udcf6ntgen.png"))
    "'r\\ufffdntgen.png'"
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _image(connection: sqlite3.Connection, key: SiteKey, prediction: Prediction) -> int:
    identity = identity_of(key, prediction)
    found = connection.execute("SELECT id FROM image WHERE identity = ?", [identity]).fetchone()
    if found:
        image_id = int(found[0])
    else:
        code = _free_code(connection, key, identity)
        image_id = insert(
            connection,
            "INSERT INTO image VALUES (NULL, ?, ?, ?, ?, ?)",
            [code, identity, prediction.digest, prediction.frame],
        )
    name = plain_text(PurePath(prediction.image).name)
    named = "SELECT 1 FROM image_name WHERE name = ? AND image_id = ?"
    if not connection.execute(named, [name, image_id]).fetchone():
        insert(connection, "INSERT INTO image_name VALUES (NULL, ?, ?, ?)", [image_id, name])
    return image_id


def _free_code(connection: sqlite3.Connection, key: SiteKey, identity: bytes) -> str:
    taken = "SELECT 1 FROM image WHERE code = ?"
    return next(
        code
        for code in key.case_codes(identity)
        if not connection.execute(taken, [code]).fetchone()
    )


def _write_subject(
    connection: sqlite3.Connection, key: SiteKey, image_id: int, subject: Subject
) -> None:
    """Append what is known now, unless it is known already; Unknown hides nothing known."""
    before = connection.execute(
        "SELECT patient, sex, age_years, attributes FROM subject WHERE image_id = ? "
        "ORDER BY id DESC LIMIT 1",
        [image_id],
    ).fetchone()
    patient, sex, age_years, attributes = before or (None, UNKNOWN, None, "{}")
    known = json.loads(attributes)
    known |= {a.name: a.value for a in subject.attributes if a.value != UNKNOWN}
    patient_id = (subject.patient_id or "").strip()
    after = (
        key.patient(patient_id) if patient_id else patient,
        subject.sex if subject.sex != UNKNOWN else sex,
        age_years if subject.age_years is None else _real(subject.age_years),
        json.dumps(known, sort_keys=True),
    )
    if after != before:
        insert(
            connection,
            "INSERT INTO subject VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            [image_id, *after],
        )


def _model(connection: sqlite3.Connection, prediction: Prediction) -> int:
    values = [prediction.model, prediction.bundle_digest]
    found = connection.execute(
        "SELECT id FROM model WHERE name = ? AND bundle_digest = ?", values
    ).fetchone()
    return (
        found[0]
        if found
        else insert(connection, "INSERT INTO model VALUES (NULL, ?, ?, ?)", values)
    )


def _point_to_score_at(
    connection: sqlite3.Connection, image_id: int, model_id: int, score: FindingScore
) -> int | None:
    """Return the operating point, or its next turn; None if what it says is the latest already."""
    latest = 0
    for turn in count():
        name = name_in_turn(score.operating_point, turn)
        point_id = _operating_point(connection, model_id, score, name)
        if not _is_scored(connection, image_id, point_id):
            return point_id
        latest = latest or _latest_point(connection, image_id, point_id)
        if point_id == latest:
            return None
    raise AssertionError("turns have no end")


def _latest_point(connection: sqlite3.Connection, image_id: int, point_id: int) -> int:
    """Return the operating point that decided last on an image, of those beside a given one."""
    (latest,) = connection.execute(
        "SELECT score.operating_point_id FROM score "
        "JOIN operating_point ON operating_point.id = score.operating_point_id "
        "JOIN operating_point AS this ON this.model_id = operating_point.model_id "
        "AND this.finding = operating_point.finding "
        "WHERE image_id = ? AND this.id = ? ORDER BY score.id DESC LIMIT 1",
        [image_id, point_id],
    ).fetchone()
    return int(latest)


def _operating_point(
    connection: sqlite3.Connection, model_id: int, score: FindingScore, name: str
) -> int:
    values: list[SqlValue] = [model_id, score.finding, name, _real(score.threshold)]
    found = connection.execute(
        "SELECT id FROM operating_point "
        "WHERE model_id = ? AND finding = ? AND name = ? AND threshold = ?",
        values,
    ).fetchone()
    return int(
        found[0]
        if found
        else insert(connection, "INSERT INTO operating_point VALUES (NULL, ?, ?, ?, ?, ?)", values)
    )


def _is_scored(connection: sqlite3.Connection, image_id: int, point_id: int) -> bool:
    query = "SELECT 1 FROM score WHERE image_id = ? AND operating_point_id = ?"
    return connection.execute(query, [image_id, point_id]).fetchone() is not None


def _write_refusal(
    connection: sqlite3.Connection, image_id: int, model_id: int, prediction: Prediction
) -> bool:
    query = "SELECT 1 FROM reading WHERE image_id = ? AND model_id = ? AND status = ?"
    if connection.execute(query, [image_id, model_id, str(prediction.status)]).fetchone():
        return False
    _write_reading(connection, image_id, model_id, prediction)
    return True


def _write_reading(
    connection: sqlite3.Connection, image_id: int, model_id: int, prediction: Prediction
) -> int:
    # the sentence names the file by its path, and folders can carry patients' names
    name = PurePath(prediction.image).name
    message = prediction.message.replace(prediction.image, name) if name else prediction.message
    reading_id = insert(
        connection,
        "INSERT INTO reading VALUES (NULL, ?, ?, ?, ?, ?, ?)",
        [
            image_id,
            model_id,
            str(prediction.status),
            plain_text(message),
            prediction.predicted_at,
        ],
    )
    if prediction.engine:
        insert(
            connection,
            "INSERT INTO reading_engine VALUES (NULL, ?, ?, ?)",
            [reading_id, prediction.engine],
        )
    return reading_id


def _write_score(
    connection: sqlite3.Connection, keys: tuple[int, int, int], score: FindingScore
) -> None:
    insert(
        connection,
        "INSERT INTO score VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *keys,
            _real(score.logit),
            _real(score.probability),
            str(score.decision),
            score.reason,
        ],
    )


def _real(value: float) -> float:
    # SQLite keeps whole reals as integers, which have no -0.0; the checksum must not tell
    return float(value) + 0.0
