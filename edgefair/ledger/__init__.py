"""The record of what the model said and what turned out to be true, in one SQLite file."""

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

__all__ = [
    "Alarm",
    "Case",
    "CellAt",
    "Evidence",
    "FrozenPlan",
    "ImportReport",
    "LabelledCases",
    "Ledger",
    "LedgerPosition",
    "Marks",
    "NewAlarm",
    "OpenStep",
    "OutcomeResult",
    "OutcomeStatus",
    "PastChanges",
    "Step",
    "Surroundings",
    "Withdrawal",
]
