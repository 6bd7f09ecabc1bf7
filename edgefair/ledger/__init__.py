"""The record of what the model said and what turned out to be true, in one SQLite file."""

from edgefair.ledger.adoptions import Adoption, NewAdoption
from edgefair.ledger.draws import KNOWN_ALREADY, Draw, DrawnCase, Reading, ScoredCases
from edgefair.ledger.evidence import Evidence, Marks, PastChanges
from edgefair.ledger.ledger import Ledger
from edgefair.ledger.monitoring import Alarm, CellAt, NewAlarm, OpenStep, Step, Surroundings
from edgefair.ledger.plans import FrozenPlan
from edgefair.ledger.position import LedgerPosition
from edgefair.ledger.results import (
    Case,
    ImportReport,
    LabelledCases,
    OutcomeResult,
    OutcomeStatus,
    Withdrawal,
)
from edgefair.ledger.screened import ScreenedCases
from edgefair.ledger.small_embeddings import SmallEmbedding, SmallEmbeddings

__all__ = [
    "KNOWN_ALREADY",
    "Adoption",
    "Alarm",
    "Case",
    "CellAt",
    "Draw",
    "DrawnCase",
    "Evidence",
    "FrozenPlan",
    "ImportReport",
    "LabelledCases",
    "Ledger",
    "LedgerPosition",
    "Marks",
    "NewAdoption",
    "NewAlarm",
    "OpenStep",
    "OutcomeResult",
    "OutcomeStatus",
    "PastChanges",
    "Reading",
    "ScoredCases",
    "ScreenedCases",
    "SmallEmbedding",
    "SmallEmbeddings",
    "Step",
    "Surroundings",
    "Withdrawal",
]
