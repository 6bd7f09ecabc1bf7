"""The ledger's face: what was predicted, what turned out to be true, and how they compare."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from edgefair.errors import LedgerError
from edgefair.ledger.connection import (
    check,
    connect,
    create,
    keep_copy,
    said_plainly,
    snapshot,
    transaction,
)
from edgefair.ledger.keys import SiteKey, key_path
from edgefair.ledger.outcomes import write_outcome
from edgefair.ledger.position import LedgerPosition, read_position
from edgefair.ledger.reading import read_cases, read_labelled, read_predictions
from edgefair.ledger.results import Case, ImportReport, LabelledCases
from edgefair.ledger.schema import VERSION
from edgefair.ledger.versions import downgrade
from edgefair.ledger.writing import identity_of, write_prediction
from edgefair.records import Outcome, Prediction

__all__ = ["Ledger"]


class Ledger:
    """The record of one site in one SQLite file: append only, durable, without names.

    Several processes may have it open, and write, at once. One `Ledger` belongs to the thread
    that opened it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from edgefair.records import Status
    >>> blank = Prediction(
    ...     image="scans/a.png", digest="ab" * 32, status=Status.BLANK, message="One shade.",
    ...     model="chest-xray 0.1.0", bundle_digest="cd" * 32, predicted_at="2026-03-01T08:00:00Z",
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     with Ledger.open(Path(folder, "clinic.ledger"), create=True) as ledger:
    ...         ledger.record([blank]), ledger.record([blank]), ledger.labelled().refused
    (1, 0, 1)
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._key: SiteKey | None = None

    @classmethod
    def open(
        cls, path: Path, *, create: bool = False, read_only: bool = False, wait_s: float = 10.0
    ) -> Self:
        """Return the ledger at `path`, its structure checked.

        Parameters
        ----------
        path : Path
            The file; its key lies beside it as ``<name>.key``.
        create : bool
            Whether to begin a ledger where there is none.
        read_only : bool
            Whether nothing will be written; works on a read-only disk.
        wait_s : float
            Seconds to wait for another process that is writing.

        Raises
        ------
        LedgerError
            If there is none, or a newer edgefair wrote it.
        LedgerDamaged
            If the file is no ledger or no whole one; it is left as it is.
        LedgerReadOnly
            If it must be created or written where nothing can be.
        """
        with said_plainly(path):
            if create and not path.exists():
                _begin(path)
            if not path.is_file():
                raise LedgerError(
                    f"There is no ledger at {path}.",
                    hint=f"`edgefair predict IMAGES --ledger {path}` begins one.",
                )
            return cls(path, connect(path, read_only=read_only, wait_s=wait_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; everything recorded is on the disk already."""
        with said_plainly(self._path):
            self._connection.close()

    def record(self, predictions: Iterable[Prediction]) -> int:
        """Return how many of the predictions were new, all of them being on the disk now.

        One transaction: all or none. The same image, frame, finding, bundle and operating point
        is kept once. Refused images are kept with their reason.

        Raises
        ------
        LedgerReadOnly
            If the disk is full or takes no writes.
        LedgerBusy
            If another process kept writing for longer than the wait.
        LedgerError
            If the ledger's key is missing or another one.
        ValueError
            If a prediction contradicts itself, e.g. is ok without scores.
        """
        batch = tuple(predictions)  # whatever makes them must not hold up other writers
        key = self._site_key()
        with transaction(self._path, self._connection):
            return sum(write_prediction(self._connection, key, item) for item in batch)

    def case_code(self, prediction: Prediction) -> str:
        """Return the code under which people know a recorded frame; empty if not recorded.

        Raises
        ------
        LedgerError
            If the ledger's key is missing or another one.
        """
        identity = identity_of(self._site_key(), prediction)
        with said_plainly(self._path):
            found = self._connection.execute(
                "SELECT code FROM image WHERE identity = ?", [identity]
            ).fetchone()
        return str(found[0]) if found else ""

    def add_outcomes(self, outcomes: Iterable[Outcome], *, today: date) -> ImportReport:
        """Return what became of each outcome; those that match are appended in one transaction.

        An outcome that contradicts an earlier one is appended too and counts from then on. One
        that is known already changes nothing.

        Parameters
        ----------
        outcomes : iterable of Outcome
            Their `case` is a case code or an image's file name.
        today : date
            By the wall calendar; an outcome later than this is refused.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        """
        batch = tuple(outcomes)
        with transaction(self._path, self._connection):
            return ImportReport(
                results=tuple(write_outcome(self._connection, item, today) for item in batch)
            )

    def predictions(self) -> Iterator[Prediction]:
        """Yield every prediction in the order of recording, patients as pseudonyms.

        Image names are without their folders; what is known of a subject is the latest. Take
        them all before recording anything through the same `Ledger`.

        Raises
        ------
        LedgerDamaged
            If any row is not what was written.
        """
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)
            yield from read_predictions(self._connection)

    def cases(self) -> Iterator[Case]:
        """Yield every case and finding with a score, oldest image first, with its outcome.

        Take them all before recording anything through the same `Ledger`.

        Raises
        ------
        LedgerDamaged
            If any row is not what was written.
        """
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)
            yield from read_cases(self._connection)

    def labelled(self, *, bundle_digest: str | None = None) -> LabelledCases:
        """Return what one model said beside what turned out to be true, ready for an audit.

        Parameters
        ----------
        bundle_digest : str, optional
            Which model; the one that read last if left out. An audit judges one model at a time.

        Raises
        ------
        LedgerDamaged
            If any row is not what was written: no verdict rests on a damaged record.
        """
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)
            return read_labelled(self._connection, bundle_digest)

    def position(self, *, bundle_digest: str) -> LedgerPosition:
        """Return how far the ledger has come, and the plan in force for a model.

        Raises
        ------
        LedgerDamaged
            If it cannot be read.
        """
        with snapshot(self._path, self._connection):
            return read_position(self._connection, bundle_digest)

    def check(self) -> None:
        """Pass if every page and every row is as it was written.

        Raises
        ------
        LedgerDamaged
            Naming the first fault.
        """
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)

    def downgrade(self) -> Path:
        """Return where a whole copy is kept, after making this a ledger of the schema before.

        For going back to an edgefair that does not know this schema. Every prediction and outcome
        stays; plans, alarms, draws and withdrawals are in the copy alone. Close the ledger then.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`; the ledger is as it was.
        LedgerError
            If a copy of an earlier time is there already.
        """
        kept = self._path.with_name(f"{self._path.name}.schema{VERSION}")
        with transaction(self._path, self._connection):
            keep_copy(self._path, kept)
            downgrade(self._connection)
        return kept

    def _site_key(self) -> SiteKey:
        if self._key is None:
            with said_plainly(self._path):
                (key_id,) = self._connection.execute("SELECT key_id FROM ledger_key").fetchone()
            self._key = SiteKey.load(key_path(self._path), expected_id=key_id)
        return self._key


def _begin(path: Path) -> None:
    # the key first: a ledger never stands without the key that its pseudonyms are made with
    key = SiteKey.load_or_create(key_path(path))
    create(path, key_id=key.id)
