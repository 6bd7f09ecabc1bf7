"""The tables of a ledger, and the rules that hold whoever writes to it."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ADDED_TABLES",
    "APPLICATION_ID",
    "DOWNGRADES",
    "SCHEMA",
    "SCHEMAS",
    "TABLES",
    "UPGRADES",
    "VERSION",
]

APPLICATION_ID: Final = 0x65664C67
"""``efLg`` in the file's header: tells a ledger from other SQLite files."""

VERSION: Final = 3
"""Version of the schema, in the header's ``user_version``."""

_FIRST_TABLES: Final = (
    "ledger_key",
    "model",
    "operating_point",
    "image",
    "image_name",
    "subject",
    "reading",
    "score",
    "outcome",
)

_SECOND_TABLES: Final = (
    "reading_engine",
    "withdrawal",
    "plan",
    "monitor_step",
    "monitor_cell",
    "alarm",
    "draw",
    "drawn_case",
    "adoption",
)

ADDED_TABLES: Final = {2: _SECOND_TABLES, 3: ("small_embedding",)}
"""The tables of each schema that the one before it did not have."""

TABLES: Final = (*_FIRST_TABLES, *(table for added in ADDED_TABLES.values() for table in added))
"""Every table; each begins with its key, a rising integer, and ends with its row's checksum."""

# No STRICT tables and no RETURNING: Python 3.11 is found with SQLite 3.34 (RHEL 9).
_CREATE_TABLES: Final = """
CREATE TABLE ledger_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key_id TEXT NOT NULL,              -- of the file beside the ledger; never the key itself
    checksum INTEGER NOT NULL
);
CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    bundle_digest TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (bundle_digest, name)
);
CREATE TABLE operating_point (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model (id),
    finding TEXT NOT NULL,
    name TEXT NOT NULL,
    threshold REAL NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (model_id, finding, name, threshold)
);
CREATE TABLE image (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,         -- the case code that people type
    identity BLOB NOT NULL UNIQUE,     -- keyed hash of digest and frame
    digest TEXT NOT NULL,              -- empty where the file could not be read at all
    frame INTEGER NOT NULL CHECK (frame >= 0),
    checksum INTEGER NOT NULL
);
CREATE TABLE image_name (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    name TEXT NOT NULL,                -- file name without its folder
    checksum INTEGER NOT NULL,
    UNIQUE (name, image_id)
);
CREATE INDEX image_name_by_image ON image_name (image_id);
CREATE TABLE subject (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    patient TEXT,                      -- keyed hash, never an identifier
    sex TEXT NOT NULL,
    age_years REAL,
    attributes TEXT NOT NULL,          -- JSON object
    checksum INTEGER NOT NULL
);
CREATE INDEX subject_by_image ON subject (image_id);
CREATE TABLE reading (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    model_id INTEGER NOT NULL REFERENCES model (id),
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    predicted_at TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE UNIQUE INDEX refused_once ON reading (image_id, model_id, status) WHERE status <> 'ok';
CREATE TABLE score (
    id INTEGER PRIMARY KEY,
    reading_id INTEGER NOT NULL REFERENCES reading (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    operating_point_id INTEGER NOT NULL REFERENCES operating_point (id),
    logit REAL NOT NULL,
    probability REAL NOT NULL CHECK (probability BETWEEN 0 AND 1),
    decision TEXT NOT NULL CHECK (decision IN ('positive', 'negative', 'refer')),
    reason TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (image_id, operating_point_id)
);
CREATE INDEX score_by_reading ON score (reading_id);
CREATE TABLE outcome (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    finding TEXT NOT NULL,
    outcome INTEGER NOT NULL CHECK (outcome IN (0, 1)),
    verified_by TEXT NOT NULL,
    verified_because TEXT NOT NULL
        CHECK (verified_because IN ('routine', 'ai_positive', 'random_audit', 'clinical')),
    date TEXT NOT NULL,
    recorded_on TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (image_id, finding, outcome, verified_by, verified_because, date)
);
"""

# Corrections are appended, so that the last row counts.
_CREATE_VIEWS: Final = """
CREATE VIEW latest_subject AS
    SELECT * FROM subject AS this WHERE id = (
        SELECT max(id) FROM subject AS other WHERE other.image_id = this.image_id);
CREATE VIEW latest_name AS
    SELECT * FROM image_name AS this WHERE id = (
        SELECT max(id) FROM image_name AS other WHERE other.image_id = this.image_id);
CREATE VIEW latest_outcome AS
    SELECT * FROM outcome AS this WHERE id = (
        SELECT max(id) FROM outcome AS other
        WHERE other.image_id = this.image_id AND other.finding = this.finding);
CREATE VIEW scored AS
    SELECT score.id, reading_id, score.image_id, logit, probability, decision, reason,
        predicted_at, finding, operating_point.name AS operating_point, threshold,
        operating_point.model_id
    FROM score
    JOIN reading ON reading.id = reading_id
    JOIN operating_point ON operating_point.id = operating_point_id;
CREATE VIEW latest_score AS
    SELECT * FROM scored AS this WHERE id = (
        SELECT max(id) FROM scored AS other WHERE other.image_id = this.image_id
            AND other.model_id = this.model_id AND other.finding = this.finding);
"""

_APPEND_ONLY: Final = """
CREATE TRIGGER {table}_keeps_its_rows BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'a ledger is append only'); END;
CREATE TRIGGER {table}_keeps_its_values BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'a ledger is append only'); END;
"""

_ADD_TABLES: Final = """
CREATE TABLE reading_engine (
    id INTEGER PRIMARY KEY,
    reading_id INTEGER NOT NULL UNIQUE REFERENCES reading (id),
    engine TEXT NOT NULL,              -- which variant of the model, with which option
    checksum INTEGER NOT NULL
);
CREATE TABLE withdrawal (
    id INTEGER PRIMARY KEY,
    outcome_id INTEGER NOT NULL UNIQUE REFERENCES outcome (id),
    withdrawn_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    recorded_on TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE plan (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,              -- SHA-256 of the content
    content TEXT NOT NULL,             -- JSON
    bundle_digest TEXT NOT NULL,       -- of the model that is watched
    outcome_id INTEGER NOT NULL,       -- only outcomes after this row are its evidence; 0: all
    frozen_by TEXT NOT NULL,
    frozen_at TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE monitor_step (
    id INTEGER PRIMARY KEY,
    plan_id INTEGER NOT NULL REFERENCES plan (id),
    taken_at TEXT NOT NULL,
    score_id INTEGER NOT NULL,         -- the last row of each table that was looked at, or 0
    outcome_id INTEGER NOT NULL,
    withdrawal_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    drawn_case_id INTEGER NOT NULL,
    recounted TEXT NOT NULL,           -- why all was counted anew; empty if only what was new
    checksum INTEGER NOT NULL
);
CREATE TABLE monitor_cell (
    id INTEGER PRIMARY KEY,
    step_id INTEGER NOT NULL REFERENCES monitor_step (id),
    cell TEXT NOT NULL,                -- finding, metric and group, JSON
    state TEXT NOT NULL,               -- JSON
    checksum INTEGER NOT NULL,
    UNIQUE (step_id, cell)
);
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY,
    plan_id INTEGER NOT NULL REFERENCES plan (id),
    step_id INTEGER NOT NULL REFERENCES monitor_step (id),
    cell TEXT NOT NULL,
    kind TEXT NOT NULL,                -- e-process, change or chart
    evidence TEXT NOT NULL,            -- JSON
    checksum INTEGER NOT NULL,
    UNIQUE (plan_id, cell, kind)
);
CREATE TABLE draw (
    id INTEGER PRIMARY KEY,
    drawn_at TEXT NOT NULL,
    design TEXT NOT NULL,              -- JSON: strata, their sizes, the seed
    checksum INTEGER NOT NULL
);
CREATE TABLE drawn_case (
    id INTEGER PRIMARY KEY,
    draw_id INTEGER NOT NULL REFERENCES draw (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    finding TEXT NOT NULL,
    stratum TEXT NOT NULL,
    probability REAL NOT NULL CHECK (probability > 0 AND probability <= 1),
    least REAL NOT NULL                -- the smallest that any case of its group and finding had,
        CHECK (least >= 0 AND least <= probability), -- whatever the model said; 0: some had none
    checksum INTEGER NOT NULL,
    UNIQUE (draw_id, image_id, finding)
);
CREATE INDEX drawn_case_by_image ON drawn_case (image_id, finding);
CREATE TABLE adoption (
    id INTEGER PRIMARY KEY,
    bundle_digest TEXT NOT NULL,
    finding TEXT NOT NULL,
    content TEXT NOT NULL,             -- JSON: what is in force from now on, and what was
    adopted_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    adopted_at TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
"""

# An outcome that was withdrawn counts no more; the one before it, of another reader, may again.
_STANDING_VIEWS: Final = """
CREATE VIEW standing_outcome AS
    SELECT * FROM outcome AS this WHERE NOT EXISTS (
        SELECT 1 FROM withdrawal WHERE withdrawal.outcome_id = this.id);
CREATE VIEW latest_outcome AS
    SELECT * FROM standing_outcome AS this WHERE id = (
        SELECT max(id) FROM standing_outcome AS other
        WHERE other.image_id = this.image_id AND other.finding = this.finding);
"""

_FIRST_SCHEMA: Final = "".join(
    [_CREATE_TABLES, _CREATE_VIEWS, *(_APPEND_ONLY.format(table=table) for table in _FIRST_TABLES)]
)

_SMALL_EMBEDDING: Final = """
CREATE TABLE small_embedding (
    id INTEGER PRIMARY KEY,
    reading_id INTEGER NOT NULL UNIQUE REFERENCES reading (id),
    projection TEXT NOT NULL,          -- what made it small; only those of one are compared
    vector BLOB NOT NULL,              -- float16, little-endian
    checksum INTEGER NOT NULL
);
"""

_LATEST_OF_FIRST: Final = _CREATE_VIEWS[
    _CREATE_VIEWS.index("CREATE VIEW latest_outcome") : _CREATE_VIEWS.index("CREATE VIEW scored")
]

UPGRADES: Final = {
    2: "".join(
        [
            _ADD_TABLES,
            "DROP VIEW latest_outcome;",
            _STANDING_VIEWS,
            *(_APPEND_ONLY.format(table=table) for table in ADDED_TABLES[2]),
        ]
    ),
    3: _SMALL_EMBEDDING + _APPEND_ONLY.format(table="small_embedding"),
}
"""The statements that make a ledger of the schema before one of this; no row is touched."""

DOWNGRADES: Final = {
    2: "".join(
        [
            "DROP VIEW latest_outcome; DROP VIEW standing_outcome;",
            *(f"DROP TABLE {table};" for table in reversed(ADDED_TABLES[2])),
            _LATEST_OF_FIRST,
        ]
    ),
    3: "DROP TABLE small_embedding;",
}
"""The statements that make a ledger of this schema one of the schema before, without what that
cannot hold."""

SCHEMAS: Final = {
    1: _FIRST_SCHEMA,
    2: _FIRST_SCHEMA + UPGRADES[2],
    VERSION: _FIRST_SCHEMA + UPGRADES[2] + UPGRADES[3],
}
"""The statements that make an empty ledger of each version."""

SCHEMA: Final = SCHEMAS[VERSION]
"""The statements that make an empty ledger."""
