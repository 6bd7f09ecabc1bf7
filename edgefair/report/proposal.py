"""What a proposal's report is made of: the rule, what it changes, and all other thresholds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import Final

from cattrs import Converter

from edgefair.audit.band_proposals import BandShares
from edgefair.audit.thresholds import ThresholdRow
from edgefair.bundle.site import Proposal, proposal_digest
from edgefair.records import Group

__all__ = ["PROPOSAL_REPORT_SCHEMA", "LookedAt", "ProposalReport", "proposal_report_to_json"]

PROPOSAL_REPORT_SCHEMA: Final = "edgefair-proposal/1"
"""Name and version of the layout; the number rises when an older reader would misread it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """At how many images of one group a person is to look, verified or not.

    Attributes
    ----------
    group : Group
    images : int
    now, then : int
        Flagged or referred, as it is decided now, and as proposed.
    """

    group: Group
    images: int
    now: int
    then: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReport:
    """Everything that a rendered proposal shows.

    Attributes
    ----------
    proposal : Proposal
    now : float or None
        The threshold in use; None where it differs from group to group.
    looked_at : tuple of LookedAt
        Everybody first, then each group.
    thresholds : tuple of ThresholdRow
        Everybody's at rising thresholds, then each group's.
    bands : tuple of BandShares
        Everybody first; empty where no band is proposed.
    aim : tuple of (str, float) or None
        The metric that a threshold was chosen for, and what it is to reach.
    coverage : float or None
        What the bands promise.
    level : float
        Of each interval on its own.
    source : str
        Ledger or table.
    edgefair_version : str
    """

    proposal: Proposal
    now: float | None
    looked_at: tuple[LookedAt, ...]
    thresholds: tuple[ThresholdRow, ...]
    bands: tuple[BandShares, ...] = ()
    aim: tuple[str, float] | None = None
    coverage: float | None = None
    level: float
    source: str
    edgefair_version: str


def proposal_report_to_json(report: ProposalReport) -> str:
    """Return the report as JSON: keys sorted, null for what is not estimable, UTF-8 as it is."""
    converter = Converter()
    converter.register_unstructure_hook(float, lambda x: x if isfinite(x) else None)
    document = {
        "schema": PROPOSAL_REPORT_SCHEMA,
        "proposal_digest": proposal_digest(report.proposal),
        **converter.unstructure(report),
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
