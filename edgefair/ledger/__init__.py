"""The record of what the model said and what turned out to be true, in one SQLite file."""

from edgefair.ledger.draws import Draw, DrawnCase, Reading, ScoredCases
from edgefair.ledger.ledger import Ledger
from edgefair.ledger.results import (
    Case,
    ImportReport,
    LabelledCases,
    OutcomeResult,
    OutcomeStatus,
)

__all__ = [
    "Case",
    "Draw",
    "DrawnCase",
    "ImportReport",
    "LabelledCases",
    "Ledger",
    "OutcomeResult",
    "OutcomeStatus",
    "Reading",
    "ScoredCases",
]
