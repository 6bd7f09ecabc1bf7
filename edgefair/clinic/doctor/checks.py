"""What the doctor finds: one record a check, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Area", "Check", "Examination", "Result"]


class Result(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Area(StrEnum):
    """What a check is about; one heading each."""

    MACHINE = "this computer"
    STORAGE = "disk and records"
    MODEL = "the model"
    PRIVACY = "privacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes
    ----------
    area : Area
    name : str
        One word or two, e.g. ``memory``; the same in every version.
    result : Result
    sentence : str
        What was found, with the measured value, for a reader who knows no computers.
    hint : str
        What to do; empty where there is nothing to do.
    """

    area: Area
    name: str
    result: Result
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All checks of one run.

    Attributes
    ----------
    made_at : str
        UTC, ISO 8601, by this computer's clock.
    edgefair_version : str
    checks : tuple of Check
    """

    made_at: str
    edgefair_version: str
    checks: tuple[Check, ...]

    def count(self, result: Result) -> int:
        """Return how many checks ended so."""
        return sum(check.result is result for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 if nothing failed; 4 if the model did, else 5 if the ledger did, else 1.

        Examples
        --------
        >>> bad = Check(area=Area.MODEL, name="bundle", result=Result.FAILED, sentence="Altered.")
        >>> Examination(made_at="", edgefair_version="0.1.0", checks=(bad,)).exit_code
        4
        """
        failed = [check for check in self.checks if check.result is Result.FAILED]
        if any(check.area is Area.MODEL for check in failed):
            return 4
        if any(check.name == "ledger" for check in failed):
            return 5
        return 1 if failed else 0
