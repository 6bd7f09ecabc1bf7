"""The ledger's face: what was predicted, what turned out to be true, and how they compare."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from edgefair.errors import LedgerError
from edgefair.ledger.adoptions import Adoption, NewAdoption, read_adoptions, write_adoption
from edgefair.ledger.connection import (
    check,
    connect,
    create,
    keep_copy,
    said_plainly,
    snapshot,
    transaction,
)
from edgefair.ledger.draws import (
    Draw,
    Reading,
    ScoredCases,
    read_draws,
    read_open,
    read_readings,
    read_scored,
    write_draw,
)
from edgefair.ledger.evidence import present_marks
from edgefair.ledger.keys import SiteKey, key_path
from edgefair.ledger.monitoring import Alarm, OpenStep, read_alarms
from edgefair.ledger.outcomes import write_outcome
from edgefair.ledger.plans import FrozenPlan, read_plans, write_plan
from edgefair.ledger.position import LedgerPosition, read_position
from edgefair.ledger.reading import (
    read_cases,
    read_labelled,
    read_latest_model,
    read_predictions,
    read_values,
)
from edgefair.ledger.restoring import kept_name
from edgefair.ledger.results import Case, ImportReport, LabelledCases, OutcomeResult, Withdrawal
from edgefair.ledger.screened import ScreenedCases, read_screened
from edgefair.ledger.small_embeddings import MakeSmall, SmallEmbeddings, read_small_embeddings
from edgefair.ledger.versions import downgrade, version_of
from edgefair.ledger.withdrawals import write_withdrawal
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

    def record(
        self, predictions: Iterable[Prediction], *, make_small: MakeSmall = lambda prediction: None
    ) -> int:
        """Return how many of the predictions were new, all of them being on the disk now.

        One transaction: all or none. The same image, frame, finding, bundle and operating point
        is kept once. Refused images are kept with their reason.

        Parameters
        ----------
        predictions : iterable of Prediction
        make_small : callable, optional
            What is kept of each embedding, in the same transaction; by default nothing is.

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
        # whatever makes them must not hold up other writers
        batch = tuple((item, make_small(item)) for item in predictions)
        key = self._site_key()
        with transaction(self._path, self._connection):
            return sum(write_prediction(self._connection, key, *item) for item in batch)

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

    def withdraw(self, withdrawal: Withdrawal, *, today: date) -> OutcomeResult:
        """Return what became of taking back the outcome that stands for a case and finding.

        The row stays and counts no more; an earlier outcome of another reader counts again.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        """
        with transaction(self._path, self._connection):
            return write_withdrawal(self._connection, withdrawal, today)

    def latest_model(self) -> tuple[str, str] | None:
        """Return name and bundle digest of the model that read last; None if none has yet."""
        with snapshot(self._path, self._connection):
            return read_latest_model(self._connection)

    def values(self) -> Mapping[str, tuple[str, ...]]:
        """Return which values of each attribute, sex among them, any patient was given."""
        with snapshot(self._path, self._connection):
            return read_values(self._connection)

    def freeze_plan(
        self,
        content: str,
        *,
        bundle_digest: str,
        from_now_on: bool,
        frozen_by: str,
        frozen_at: str,
    ) -> FrozenPlan:
        """Return a monitoring plan that is in force from now on; those before it stay on record.

        One that is in force already, to the letter, stays: two programs may do this at once. Not
        where the site has adopted decisions since, which its evidence is not about.

        Parameters
        ----------
        content : str
            The plan's canonical JSON.
        bundle_digest : str
            Of the model that is watched.
        from_now_on : bool
            Whether only outcomes that are recorded later are its evidence: as a rule, since who
            has seen the others could choose the limits by them.
        frozen_by, frozen_at : str
            Who puts it in force, and when (UTC, ISO 8601).

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        """
        with transaction(self._path, self._connection):
            before = [p for p in self._plans() if p.bundle_digest == bundle_digest]
            if before and before[-1].content == content and not self._decides_anew(before[-1]):
                return before[-1]
            write_plan(
                self._connection,
                content,
                bundle_digest=bundle_digest,
                starts_after=present_marks(self._connection).outcome_id if from_now_on else 0,
                frozen_by=frozen_by,
                frozen_at=frozen_at,
            )
            return self._plans()[-1]

    def plans(self) -> tuple[FrozenPlan, ...]:
        """Return every plan that was ever in force, the first one first."""
        with snapshot(self._path, self._connection):
            return self._plans()

    def alarms(self, plan: FrozenPlan) -> tuple[Alarm, ...]:
        """Return every alarm that was raised under a plan, oldest first."""
        with snapshot(self._path, self._connection):
            return read_alarms(self._path, self._connection, plan.id)

    @contextmanager
    def open_step(self, plan: FrozenPlan) -> Iterator[OpenStep]:
        """Yield the next step of the re-check; what it keeps is on the disk once this is left.

        Nobody else writes meanwhile, so that two re-checks at once follow one another.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        LedgerDamaged
            If a row that the step reads is not what was written.
        """
        with transaction(self._path, self._connection):
            yield OpenStep(self._path, self._connection, plan)

    @contextmanager
    def looked_at(self, plan: FrozenPlan) -> Iterator[OpenStep]:
        """Yield the same to be read only, as it stands at one moment."""
        with snapshot(self._path, self._connection):
            yield OpenStep(self._path, self._connection, plan)

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

    def scored(self, *, bundle_digest: str | None = None) -> ScoredCases:
        """Return all that one model scored, confirmed or not; parameters as for `labelled`."""
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)
            return read_scored(self._connection, bundle_digest)

    def small_embeddings(self, *, bundle_digest: str | None = None) -> SmallEmbeddings:
        """Return what is kept of the embeddings of one model; parameters as for `labelled`.

        For shift alone: they leave the ledger neither in an export nor in an evidence pack.

        Raises
        ------
        LedgerDamaged
            If one of them is not what was written.
        """
        with snapshot(self._path, self._connection):
            return read_small_embeddings(self._path, self._connection, bundle_digest)

    def readings(self) -> tuple[Reading, ...]:
        """Return what each person said last of each case, the corrected too."""
        with snapshot(self._path, self._connection):
            return read_readings(self._connection)

    def draws(self) -> tuple[Draw, ...]:
        """Return every draw of cases to confirm, oldest first."""
        with snapshot(self._path, self._connection):
            return read_draws(self._connection)

    def open_draws(self) -> tuple[Case, ...]:
        """Return the cases that were drawn and not confirmed yet, longest waiting first."""
        with snapshot(self._path, self._connection):
            return tuple(read_open(self._connection))

    def record_draw(self, draw: Draw, *, earlier: int) -> None:
        """Put a draw on the disk, all of it, before anybody sees it.

        Parameters
        ----------
        draw : Draw
        earlier : int
            Draws that were known when it was made.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        LedgerError
            If somebody else has drawn since.
        """
        with transaction(self._path, self._connection):
            write_draw(self._connection, draw, earlier=earlier)

    def screened(self) -> ScreenedCases:
        """Return all that the model which read last said, beside the truth where it is known.

        Raises
        ------
        LedgerDamaged
            If any row is not what was written.
        """
        with snapshot(self._path, self._connection):
            check(self._path, self._connection)
            return read_screened(self._connection)

    def adopt(self, decide: Callable[[tuple[Adoption, ...]], NewAdoption]) -> Adoption:
        """Return what is in force from now on, on the disk; nothing before it is lost.

        Parameters
        ----------
        decide : callable
            From all that was adopted before, oldest first, to what is adopted now. One
            transaction: nobody adopts in between, and what it raises leaves all as it was.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`.
        """
        with transaction(self._path, self._connection):
            before = read_adoptions(self._path, self._connection)
            return write_adoption(self._connection, decide(before))

    def adoptions(self) -> tuple[Adoption, ...]:
        """Return all that was ever adopted, oldest first.

        Raises
        ------
        LedgerDamaged
            If one is not what was written.
        """
        with snapshot(self._path, self._connection):
            return read_adoptions(self._path, self._connection)

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

        For going back to an edgefair that does not know this schema; called again, it goes back
        one more. Every prediction and outcome stays; what the older schema cannot hold is in the
        copy alone, and comes back from there when the ledger is brought up to date again. Close
        the ledger then.

        Raises
        ------
        LedgerReadOnly, LedgerBusy
            As for `record`; the ledger is as it was.
        """
        with transaction(self._path, self._connection):
            kept = keep_copy(self._path, kept_name(self._path, version_of(self._connection)))
            downgrade(self._connection)
        return kept

    def _decides_anew(self, plan: FrozenPlan) -> bool:
        """Return whether other decisions were adopted since a plan was put in force."""
        return any(
            adoption.bundle_digest == plan.bundle_digest and adoption.adopted_at >= plan.frozen_at
            for adoption in read_adoptions(self._path, self._connection)
        )

    def _plans(self) -> tuple[FrozenPlan, ...]:
        return read_plans(self._path, self._connection)

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
