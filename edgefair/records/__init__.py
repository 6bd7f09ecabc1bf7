"""What travels between the parts: frozen records, no behaviour beyond a derived value.

Nothing heavy is imported here, so that every part can afford to import it; and each name only
with those it is used with, since a cold start feels every class that is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgefair.records.audits import (
        AuditResult,
        Cell,
        Exclusion,
        Refusal,
        Shrunken,
        Spread,
        UnknownBounds,
        Verdict,
        VerdictKind,
    )
    from edgefair.records.estimates import Confusion, Group, Interval
    from edgefair.records.outcomes import Outcome, VerifiedBecause
    from edgefair.records.readings import (
        UNKNOWN,
        Attribute,
        Decision,
        FindingScore,
        Image,
        Prediction,
        Status,
        Subject,
    )

__all__ = [
    "UNKNOWN",
    "Attribute",
    "AuditResult",
    "Cell",
    "Confusion",
    "Decision",
    "Exclusion",
    "FindingScore",
    "Group",
    "Image",
    "Interval",
    "Outcome",
    "Prediction",
    "Refusal",
    "Shrunken",
    "Spread",
    "Status",
    "Subject",
    "UnknownBounds",
    "Verdict",
    "VerdictKind",
    "VerifiedBecause",
]

if not TYPE_CHECKING:  # to a type checker the names above are all there are

    def __getattr__(name: str) -> object:
        """Return one of the names above, importing what it stands in now."""
        for module in ("readings", "estimates", "outcomes", "audits"):
            found = import_module(f"{__name__}.{module}")
            if name in found.__all__:
                value = globals()[name] = getattr(found, name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
