"""Steps of the re-check: read what is new, keep what follows from it, in one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgefair.ledger.connection import insert, sound
from edgefair.ledger.evidence import (
    Evidence,
    Marks,
    PastChanges,
    past_changes,
    present_marks,
    read_evidence,
)
from edgefair.ledger.plans import FrozenPlan
from edgefair.records import VerifiedBecause

__all__ = ["Alarm", "CellAt", "NewAlarm", "OpenStep", "Step", "Surroundings"]

_LAST_STEP: Final = "SELECT * FROM monitor_step WHERE plan_id = ? ORDER BY id DESC LIMIT 1"

_CELLS: Final = """
SELECT monitor_cell.* FROM monitor_cell
JOIN monitor_step ON monitor_step.id = step_id WHERE plan_id = ? ORDER BY monitor_cell.id
"""

_LATEST_CELLS: Final = """
SELECT * FROM monitor_cell WHERE id IN (
    SELECT max(monitor_cell.id) FROM monitor_cell
    JOIN monitor_step ON monitor_step.id = step_id WHERE plan_id = ? GROUP BY cell)
ORDER BY id
"""

_ALARMS: Final = """
SELECT taken_at, alarm.* FROM alarm JOIN monitor_step ON monitor_step.id = step_id
WHERE alarm.plan_id = ? ORDER BY alarm.id
"""

_BECAUSE: Final = """
SELECT verified_because, count(*) FROM latest_outcome WHERE EXISTS (
    SELECT 1 FROM score
    JOIN operating_point ON operating_point.id = operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE score.image_id = latest_outcome.image_id
        AND operating_point.finding = latest_outcome.finding AND bundle_digest = ?)
GROUP BY verified_because
"""

_TOLD_BEFORE: Final = """
SELECT count(*) FROM latest_outcome AS truth WHERE date(truth.date, '+1 day') < (
    SELECT date(min(predicted_at)) FROM reading JOIN score ON score.reading_id = reading.id
    JOIN operating_point ON operating_point.id = operating_point_id
    JOIN model ON model.id = operating_point.model_id
    WHERE score.image_id = truth.image_id AND operating_point.finding = truth.finding
        AND bundle_digest = ?)
"""

_UNEQUAL: Final = """
SELECT count(*) FROM drawn_case AS drawn WHERE least < probability AND EXISTS (
    SELECT 1 FROM standing_outcome AS known
    WHERE known.image_id = drawn.image_id AND known.finding = drawn.finding)
    AND NOT EXISTS (
        SELECT 1 FROM drawn_case AS later WHERE later.image_id = drawn.image_id
            AND later.finding = drawn.finding AND later.least = later.probability)
"""

_DRAWN: Final = "SELECT count(*) FROM drawn_case"

_NEWEST: Final = """
SELECT max(
    coalesce((SELECT substr(predicted_at, 1, 10) FROM reading ORDER BY id DESC LIMIT 1), ''),
    coalesce((SELECT recorded_on FROM outcome ORDER BY id DESC LIMIT 1), ''))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One look at the evidence.

    Attributes
    ----------
    taken_at : str
        UTC, ISO 8601.
    marks : Marks
        How far it went.
    recounted : str
        Why all was counted anew; empty if only what was new.
    """

    id: int
    taken_at: str
    marks: Marks
    recounted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAt:
    """What a step left of one cell.

    Attributes
    ----------
    step_id : int
    cell, state : str
        As the caller wrote them.
    """

    step_id: int
    cell: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlarm:
    """An alarm to be raised.

    Attributes
    ----------
    kind : str
        ``e-process``, ``change`` or ``chart``.
    evidence : str
        JSON.
    """

    cell: str
    kind: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(NewAlarm):
    """An alarm that was raised, and stands.

    Attributes
    ----------
    raised_at : str
        UTC, ISO 8601: the time of the step that raised it.
    step_id : int
    """

    raised_at: str
    step_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a reader must know beside the evidence.

    Attributes
    ----------
    because : mapping of VerifiedBecause to int
        The model's latest outcomes by why they were verified.
    told_before : int
        Outcomes dated before their prediction.
    unequal : int
        Verified cases that were drawn with unequal chances, not all of which are counted.
    drawn : int
        Cases that were ever drawn by lot, known ones too.
    newest : str
        Day of the newest record by its own clock, ISO 8601; empty if there is none.
    """

    because: Mapping[VerifiedBecause, int]
    told_before: int
    unequal: int
    drawn: int
    newest: str


class OpenStep:
    """A step in the making, inside a transaction: what it can read and what it keeps.

    Every row that evidence, a plan or a state is read from has its checksum seen to hold. All the
    other rows, and the indexes, are seen to by `Ledger.check` and by the audit: so a step costs
    what is new, however old the ledger.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, plan: FrozenPlan) -> None:
        self._path = path
        self._connection = connection
        self._plan = plan
        self.last = self._last_step()

    @property
    def _marks(self) -> Marks:
        return self.last.marks if self.last else Marks()

    @property
    def _read_from(self) -> str:
        # who chose a plan may have known what was confirmed, mostly of the flagged, by then
        return self._plan.frozen_at if self._plan.starts_after else ""

    def changes(self) -> PastChanges:
        """Return what of the cases counted before is other now."""
        return past_changes(
            self._connection,
            self._marks,
            bundle_digest=self._plan.bundle_digest,
            start=self._plan.starts_after,
            read_from=self._read_from,
        )

    def is_news(self) -> bool:
        """Return whether an outcome or a withdrawal came since the last step."""
        now, then = present_marks(self._connection), self._marks
        last = max(then.outcome_id, self._plan.starts_after)
        return now.outcome_id > last or now.withdrawal_id > then.withdrawal_id

    def evidence(self, *, anew: bool) -> Iterator[Evidence]:
        """Yield the evidence since the last step, or all of it."""
        last = 0 if anew else self._marks.outcome_id
        yield from self._read(after=max(last, self._plan.starts_after))

    def evidence_since(self, day: str) -> Iterator[Evidence]:
        """Yield what became evidence on this day or later, ISO 8601."""
        yield from self._read(since=day)

    def cells(self) -> tuple[CellAt, ...]:
        """Return what is left of every cell that any step has written."""
        return self._cells(_LATEST_CELLS)

    def history(self) -> tuple[CellAt, ...]:
        """Return what every step left of the cells that it changed, oldest first."""
        return self._cells(_CELLS)

    def steps(self) -> tuple[Step, ...]:
        """Return every step taken under the plan, oldest first."""
        query = "SELECT * FROM monitor_step WHERE plan_id = ? ORDER BY id"
        return tuple(self._steps(query))

    def count(self) -> int:
        """Return how many steps were taken under the plan."""
        query = "SELECT count(*) FROM monitor_step WHERE plan_id = ?"
        return int(self._connection.execute(query, [self._plan.id]).fetchone()[0])

    def alarms(self) -> tuple[Alarm, ...]:
        """Return every alarm that stands under the plan, oldest first."""
        return read_alarms(self._path, self._connection, self._plan.id)

    def surroundings(self) -> Surroundings:
        """Return what a reader must know beside the evidence."""
        digest = [self._plan.bundle_digest]
        because: Counter[VerifiedBecause] = Counter()
        for reason, count in self._connection.execute(_BECAUSE, digest):
            because[VerifiedBecause(reason)] = count
        return Surroundings(
            because=because,
            told_before=self._connection.execute(_TOLD_BEFORE, digest).fetchone()[0],
            unequal=self._connection.execute(_UNEQUAL).fetchone()[0],
            drawn=self._connection.execute(_DRAWN).fetchone()[0],
            newest=self._connection.execute(_NEWEST).fetchone()[0],
        )

    def keep(
        self,
        *,
        taken_at: str,
        recounted: str,
        cells: Mapping[str, str],
        alarms: Sequence[NewAlarm],
    ) -> None:
        """Write the step; it is on the disk once the transaction is closed.

        Parameters
        ----------
        taken_at : str
            UTC, ISO 8601.
        recounted : str
            Why all was counted anew; empty if only what was new.
        cells : mapping of str to str
            The state of each cell that changed.
        alarms : sequence of NewAlarm
            Those that were not raised before.
        """
        marks = present_marks(self._connection)
        step_id = insert(
            self._connection,
            "INSERT INTO monitor_step VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self._plan.id,
                taken_at,
                marks.score_id,
                marks.outcome_id,
                marks.withdrawal_id,
                marks.subject_id,
                marks.drawn_case_id,
                recounted,
            ],
        )
        for cell, state in cells.items():
            insert(
                self._connection,
                "INSERT INTO monitor_cell VALUES (NULL, ?, ?, ?, ?)",
                [step_id, cell, state],
            )
        for alarm in alarms:
            insert(
                self._connection,
                "INSERT INTO alarm VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                [self._plan.id, step_id, alarm.cell, alarm.kind, alarm.evidence],
            )
        self.last = Step(id=step_id, taken_at=taken_at, marks=marks, recounted=recounted)

    def _read(self, *, after: int = 0, since: str = "") -> Iterator[Evidence]:
        return read_evidence(
            self._path,
            self._connection,
            bundle_digest=self._plan.bundle_digest,
            after=after,
            since=since,
            read_from=self._read_from,
        )

    def _last_step(self) -> Step | None:
        return next(self._steps(_LAST_STEP), None)

    def _steps(self, query: str) -> Iterator[Step]:
        rows: Iterator[tuple[Any, ...]] = sound(
            self._path, "monitor_step", self._connection.execute(query, [self._plan.id])
        )
        for key, _, taken_at, score, outcome, withdrawal, subject, drawn, recounted in rows:
            marks = Marks(
                score_id=score,
                outcome_id=outcome,
                withdrawal_id=withdrawal,
                subject_id=subject,
                drawn_case_id=drawn,
            )
            yield Step(id=key, taken_at=taken_at, marks=marks, recounted=recounted)

    def _cells(self, query: str) -> tuple[CellAt, ...]:
        rows: Iterator[tuple[Any, ...]] = sound(
            self._path, "monitor_cell", self._connection.execute(query, [self._plan.id])
        )
        return tuple(CellAt(step_id=step, cell=cell, state=state) for _, step, cell, state in rows)


def read_alarms(path: Path, connection: sqlite3.Connection, plan_id: int) -> tuple[Alarm, ...]:
    """Return every alarm raised under a plan, oldest first."""
    rows = connection.execute(_ALARMS, [plan_id]).fetchall()
    whole: Iterator[tuple[Any, ...]] = sound(path, "alarm", (row[1:] for row in rows))
    return tuple(
        Alarm(cell=cell, kind=kind, evidence=evidence, raised_at=raised_at, step_id=step_id)
        for (raised_at, *_), (_, _, step_id, cell, kind, evidence) in zip(rows, whole, strict=True)
    )
