"""What a model makes of an image, in a few numbers: kept beside its scores, for shift alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from edgefair.ledger.connection import SqlValue, insert, sound
from edgefair.ledger.reading import newest_model
from edgefair.records import Prediction

__all__ = [
    "MakeSmall",
    "SmallEmbedding",
    "SmallEmbeddings",
    "read_small_embeddings",
    "write_small_embedding",
]

_KEPT: Final = """
SELECT small_embedding.*
FROM small_embedding JOIN reading ON reading.id = reading_id
WHERE model_id = ?
ORDER BY small_embedding.id
"""

_CODES: Final = """
SELECT reading.id, code FROM reading JOIN image ON image.id = image_id WHERE model_id = ?
"""

_READING: Final = """
SELECT max(score.reading_id)
FROM score
JOIN reading ON reading.id = score.reading_id
WHERE score.image_id = ? AND model_id = ?
"""

_HAS_ONE: Final = """
SELECT 1 FROM small_embedding JOIN reading ON reading.id = reading_id
WHERE reading.id IN (SELECT reading_id FROM score WHERE image_id = ?)
    AND model_id = ? AND projection = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallEmbedding:
    """An embedding, projected to a few numbers.

    Attributes
    ----------
    projection : str
        What made it small: only those of one projection can be compared.
    vector : bytes
        float16, little-endian.
    """

    projection: str
    vector: bytes = field(repr=False)


MakeSmall: TypeAlias = Callable[[Prediction], SmallEmbedding | None]
"""Returns what is to be kept of a prediction's embedding; None for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallEmbeddings:
    """The small embeddings of one model's images, by case code, each image's latest.

    Attributes
    ----------
    by_case : dict of str to SmallEmbedding
        Images that were read before embeddings were kept have none.
    """

    by_case: dict[str, SmallEmbedding]

    def of(self, projection: str) -> dict[str, bytes]:
        """Return the vectors that one projection made, by case code."""
        return {
            case: one.vector for case, one in self.by_case.items() if one.projection == projection
        }


def write_small_embedding(
    connection: sqlite3.Connection, image_id: int, model_id: int, made: SmallEmbedding
) -> None:
    """Append an image's small embedding, unless it has one of that model and projection.

    To be called when its scores are written, so that both are kept or neither; and when it is
    read again, so that one that was read before embeddings were kept gets its own.
    """
    if connection.execute(_HAS_ONE, [image_id, model_id, made.projection]).fetchone():
        return
    (reading_id,) = connection.execute(_READING, [image_id, model_id]).fetchone()
    taken = "SELECT 1 FROM small_embedding WHERE reading_id = ?"
    if reading_id is None or connection.execute(taken, [reading_id]).fetchone():
        return  # of another projection: the one that it was recorded with stays
    insert(
        connection,
        "INSERT INTO small_embedding VALUES (NULL, ?, ?, ?, ?)",
        [reading_id, made.projection, made.vector],
    )


def read_small_embeddings(
    path: Path, connection: sqlite3.Connection, bundle_digest: str | None
) -> SmallEmbeddings:
    """Return the small embeddings of one model; None takes the model that read last.

    Raises
    ------
    LedgerDamaged
        If one is not what was written.
    """
    model_id, _, _ = newest_model(connection, bundle_digest)
    codes: dict[SqlValue, str] = dict(connection.execute(_CODES, [model_id]))
    rows = sound(path, "small_embedding", connection.execute(_KEPT, [model_id]))
    return SmallEmbeddings(
        by_case={
            codes[reading_id]: SmallEmbedding(projection=str(projection), vector=vector)
            for _, reading_id, projection, vector in rows
            if isinstance(vector, bytes)
        }
    )
