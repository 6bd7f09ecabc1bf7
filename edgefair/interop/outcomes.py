"""Outcomes on paper: the CSV that a nurse fills in, and what is read from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from edgefair.interop.rows import Value
from edgefair.interop.tables import Table, read_table
from edgefair.ledger import Case, Ledger, OutcomeResult, OutcomeStatus
from edgefair.ledger.keys import normal_case_code
from edgefair.records import Outcome, VerifiedBecause

__all__ = [
    "TEMPLATE_COLUMNS",
    "OutcomesImport",
    "RowResult",
    "import_outcomes",
    "template_rows",
    "worklist_rows",
]

TEMPLATE_COLUMNS: Final = (
    "case",
    "image",
    "frame",
    "finding",
    "date_read",
    "outcome",
    "verified_by",
    "verified_because",
    "date",
)
"""The model's decision is not among them: whoever verifies must not be swayed by it."""

_WORDS: Final = {
    **dict.fromkeys(("1", "yes", "positive", "present"), True),
    **dict.fromkeys(("0", "no", "negative", "absent"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row of the table.

    Attributes
    ----------
    line : int
        As the file and the spreadsheet count: the header is line 1.
    case : str
        As the row names it.
    """

    line: int
    case: str
    finding: str
    result: OutcomeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesImport:
    """What became of a whole table.

    Attributes
    ----------
    rows : tuple of RowResult
        Every row with an outcome.
    blank : int
        Rows without one: not yet verified.
    """

    rows: tuple[RowResult, ...]
    blank: int

    def count(self, status: OutcomeStatus) -> int:
        """Return how many rows met this fate."""
        return sum(row.result.status is status for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    case: str
    image: str
    finding: str
    outcome: str
    verified_by: str
    verified_because: str
    date: str

    @property
    def named(self) -> str:
        """What the row calls its case: by the case itself, else by its image."""
        return self.case or self.image

    def as_outcome(self, because: VerifiedBecause) -> Outcome:
        """Return what the row says, once its word for why it was verified has been read."""
        return Outcome(
            case=self.named,
            finding=self.finding,
            outcome=_WORDS[self.outcome.casefold()],
            verified_by=self.verified_by,
            verified_because=because,
            date=self.date,
        )


def template_rows(cases: Iterable[Case]) -> Iterator[tuple[Value, ...]]:
    """Yield a row per case and finding, in the order of `TEMPLATE_COLUMNS`.

    What is verified already is filled in, so that importing the table again changes nothing.
    """
    for case in cases:
        known = case.outcome
        yield (
            case.code,
            case.image,
            case.frame,
            case.finding,
            case.predicted_at[:10],
            *(
                ("yes" if known.outcome else "no", known.verified_by, known.verified_because.value)
                if known
                else ("", "", "")
            ),
            known.date if known else "",
        )


def worklist_rows(cases: Iterable[Case]) -> Iterator[tuple[Value, ...]]:
    """Yield a row per case that was drawn, in the order of `TEMPLATE_COLUMNS`.

    Why it was verified is filled in: by lot, whatever comes of it.
    """
    because = VerifiedBecause.RANDOM_AUDIT.value
    for case in cases:
        read_on = case.predicted_at[:10]
        yield (case.code, case.image, case.frame, case.finding, read_on, "", "", because, "")


def import_outcomes(ledger: Ledger, path: Path, *, today: date) -> OutcomesImport:
    """Return what became of each row of a filled-in table; those that match are recorded.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    path : Path
        CSV with ``case`` or ``image``, and ``finding``, ``outcome``, ``verified_by``,
        ``verified_because`` and ``date``; other columns are passed over.
    today : date
        By the wall calendar; later outcomes are refused.

    Raises
    ------
    BadTable
        If the file cannot be read or a column is missing.
    LedgerError
        If the ledger cannot be read or written.
    """
    rows = _rows(read_table(path))
    images = {case.code: case.image for case in ledger.cases()}
    filled = [row for row in rows if row.outcome]
    judged = [(row, _read(row, images)) for row in filled]
    outcomes = [read for _, read in judged if isinstance(read, Outcome)]
    answers = iter(ledger.add_outcomes(outcomes, today=today).results)
    return OutcomesImport(
        rows=tuple(
            RowResult(
                line=row.line,
                case=row.named,
                finding=row.finding,
                result=next(answers) if isinstance(read, Outcome) else read,
            )
            for row, read in judged
        ),
        blank=len(rows) - len(filled),
    )


def _rows(table: Table) -> list[_Row]:
    case = table.optional_column("case") if "image" in table else table.column("case")
    columns = zip(
        table.lines,
        case,
        table.optional_column("image"),
        *(table.column(name) for name in ("finding", "outcome")),
        *(table.column(name) for name in ("verified_by", "verified_because", "date")),
        strict=True,
    )
    return [
        _Row(
            line=line,
            case=code,
            image=image,
            finding=finding,
            outcome=outcome,
            verified_by=verified_by,
            verified_because=because,
            date=day,
        )
        for line, code, image, finding, outcome, verified_by, because, day in columns
    ]


def _read(row: _Row, images: dict[str, str]) -> Outcome | OutcomeResult:
    because = _because(row.verified_because)
    faults = []
    if row.outcome.casefold() not in _WORDS:
        faults.append((f"the outcome {row.outcome!r} is no answer", "Write yes or no."))
    if because is None:
        given = f"{row.verified_because!r} is no reason" if row.verified_because else "is empty"
        reasons = ", ".join(VerifiedBecause)
        faults.append((f"verified_because {given}", f"Write one of: {reasons}."))
    its_image = images.get(normal_case_code(row.case), row.image)
    if row.image and row.image != its_image:
        # what is left when somebody sorts one column of a sheet without the others
        faults.append(
            (
                f"case {row.case} is the image {its_image}, this row says {row.image}",
                "Check whether the columns were sorted apart; if not, leave the image empty.",
            )
        )
    if faults or because is None:
        return OutcomeResult(
            status=OutcomeStatus.REFUSED,
            message="; ".join(what for what, _ in faults),
            hint=" ".join(hint for _, hint in faults),
        )
    return row.as_outcome(because)


def _because(text: str) -> VerifiedBecause | None:
    word = "_".join(text.casefold().replace("-", " ").replace("_", " ").split())
    return next((reason for reason in VerifiedBecause if reason.value == word), None)
