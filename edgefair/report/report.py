"""What a report is made of: an audit's result, and of which model, on which data, when."""

from __future__ import annotations

from dataclasses import dataclass

from edgefair.audit.asides import CalibrationAside, ThresholdAside
from edgefair.audit.powered_prevalence import PoweredAside
from edgefair.records import AuditResult

__all__ = ["DataIdentity", "Report", "Verified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentity:
    """Which table or ledger was audited, so that a reader can tell whether it was theirs.

    Attributes
    ----------
    name : str
        File name as the user called it.
    sha256 : str
        SHA-256 of the file's bytes, hexadecimal.
    rows : int
        Rows in the file.
    """

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Why the cases of one finding and decision were verified, and how many were not.

    Attributes
    ----------
    finding : str
    flagged : bool
        Whether the model wanted somebody to look.
    because : dict of str to int
        Cases by why they were verified.
    unverified : int
    """

    finding: str
    flagged: bool
    because: dict[str, int]
    unverified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a rendered report shows; no renderer adds to it or asks the machine for more.

    Attributes
    ----------
    title : str
    result : AuditResult
    model : str or None
        Name and version; None where the scores came from elsewhere.
    bundle_digest : str or None
        SHA-256 of the bundle's manifest, hexadecimal.
    operating_point : str or None
        The operating point that decided, in words.
    data : DataIdentity
    groups_by : tuple of str
        Attributes the groups were made from, in the order they were asked for.
    made_at : str
        UTC, ISO 8601.
    edgefair_version : str
    notes : tuple of str
        Sentences the reader must know, e.g. the traps of the model's data.
    verification : tuple of Verified
        Empty where it is not known why cases were verified.
    thresholds : tuple of ThresholdAside
        What other thresholds would do, one a finding; empty where there are no scores.
    calibration : tuple of CalibrationAside
        Whether probabilities mean what they say, one a finding; empty where there are none.
    powered : tuple of PoweredAside
        How many have each finding, by labels drawn by lot with the help of the model's scores.
    """

    title: str
    result: AuditResult
    model: str | None = None
    bundle_digest: str | None = None
    operating_point: str | None = None
    data: DataIdentity
    groups_by: tuple[str, ...]
    made_at: str
    edgefair_version: str
    notes: tuple[str, ...] = ()
    verification: tuple[Verified, ...] = ()
    thresholds: tuple[ThresholdAside, ...] = ()
    calibration: tuple[CalibrationAside, ...] = ()
    powered: tuple[PoweredAside, ...] = ()
