"""The whole loop at a clinic that never was: read, record, confirm, ready for the re-check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from edgefair.bundle.projection import Projection
from edgefair.clinic.reading import Reader, WorkList
from edgefair.interop.files import replaced_whole
from edgefair.interop.outcomes import TEMPLATE_COLUMNS, OutcomesImport, import_outcomes
from edgefair.interop.rows import Format, Value, write_rows
from edgefair.interop.tables import read_table
from edgefair.ledger import Case, Ledger
from edgefair.phantom import Clinic
from edgefair.phantom.folder import write_clinic
from edgefair.records import VerifiedBecause
from edgefair.runtime.pipeline import Model

__all__ = ["Rehearsal", "Watched", "rehearse"]

_FINDING: Final = "opacity"

_Item = TypeVar("_Item")


class Watched(Protocol):
    """Passes a stream on, e.g. through a progress bar."""

    def __call__(self, items: Iterator[_Item], /) -> Iterator[_Item]:
        """Return a stream of the same items."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Where the rehearsal left its files, and how many of what there was.

    Attributes
    ----------
    ledger, outcomes : Path
    images : int
        Images made and read.
    imported : OutcomesImport
        What became of each outcome.
    """

    ledger: Path
    outcomes: Path
    images: int
    imported: OutcomesImport


def rehearse(
    folder: Path,
    clinic: Clinic,
    model: Model,
    *,
    now: datetime,
    watched: Watched = iter,
    projection: Projection | None = None,
) -> Rehearsal:
    """Return where everything is, after a phantom clinic was read, recorded and confirmed.

    Every image gets its outcome, as if a whole sample had been verified: the ledger says so,
    by ``random_audit``.

    Parameters
    ----------
    folder : Path
        Receives ``clinic/``, ``clinic.ledger`` and ``outcomes.csv``.
    clinic : Clinic
    model : Model
        Reads the finding ``opacity``.
    now : datetime
        With a time zone: the time of the predictions and the day of the outcomes.
    watched : callable, optional
        Passes on the images as they are made, then the predictions as they come.
    projection : Projection, optional
        Makes embeddings small enough for the ledger; none are kept by default.
    """
    manifest = write_clinic(clinic, folder / "clinic", file_format="dicom", watched=watched)
    ledger_path, outcomes_path = folder / "clinic.ledger", folder / "outcomes.csv"
    with Ledger.open(ledger_path, create=True) as ledger:
        work = WorkList.of([folder / "clinic" / "images"])
        reader = Reader(model=model, ledger=ledger, projection=projection)
        for _ in watched(reader.read(work, clock=lambda: now)):
            pass
        _confirm(outcomes_path, manifest, list(ledger.cases()), now.date())
        imported = import_outcomes(ledger, outcomes_path, today=now.date())
    return Rehearsal(
        ledger=ledger_path, outcomes=outcomes_path, images=clinic.count, imported=imported
    )


def _confirm(path: Path, manifest: Path, cases: list[Case], day: date) -> None:
    """Fill in the outcomes' template from the truth that the phantoms' manifest tells."""
    table = read_table(manifest)
    truth = dict(zip(table.column("image"), table.column(_FINDING), strict=True))
    with replaced_whole(path) as stream:
        rows = (_confirmed(case, truth[case.image], day) for case in cases)
        write_rows(stream, TEMPLATE_COLUMNS, rows, Format.CSV)


def _confirmed(case: Case, truth: str, day: date) -> tuple[Value, ...]:
    return (
        case.code,
        case.image,
        case.frame,
        case.finding,
        case.predicted_at[:10],
        "yes" if truth == "1" else "no",
        "the phantoms' maker",
        VerifiedBecause.RANDOM_AUDIT.value,
        day.isoformat(),
    )
