"""The record of what the model said and what turned out to be true, in one SQLite file."""

from edgefair.ledger.ledger import Ledger
from edgefair.ledger.position import LedgerPosition
from edgefair.ledger.results import (
    Case,
    ImportReport,
    LabelledCases,
    OutcomeResult,
    OutcomeStatus,
)

__all__ = [
    "Case",
    "ImportReport",
    "LabelledCases",
    "Ledger",
    "LedgerPosition",
    "OutcomeResult",
    "OutcomeStatus",
]
