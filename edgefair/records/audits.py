"""What an audit says: for whom the model works, how sure that is, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgefair.records.estimates import Confusion, Group, Interval

__all__ = [
    "AuditResult",
    "Cell",
    "Exclusion",
    "Refusal",
    "Shrunken",
    "Spread",
    "UnknownBounds",
    "Verdict",
    "VerdictKind",
]


class VerdictKind(StrEnum):
    """The only three things an audit says of a cell."""

    HARM_SHOWN = "HARM SHOWN"
    SHOWN_OK = "SHOWN OK"
    NOT_ENOUGH_DATA = "NOT ENOUGH DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One of three verdicts, with the evidence in words.

    Attributes
    ----------
    kind : VerdictKind
    sentence : str
        The verdict for a reader who knows no statistics.
    limit : float
        The largest value of the judged quantity that is still acceptable.
    labels_needed : int or None
        Further labelled cases of `labels_of` until a verdict can be expected; None if decided
        or if no number would do.
    labels_of : str
        ``positives`` or ``negatives``: which labels are short; ``ai_negatives`` for cases that
        the model cleared, ``ai_negatives_of_others`` for those of all others, to be drawn by lot.
    """

    kind: VerdictKind
    sentence: str
    limit: float
    labels_needed: int | None
    labels_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownBounds:
    """What a group's rate would be at the very least and most if nobody's group were unknown.

    Bounds over all that the unknown cases could be, not confidence limits.

    Attributes
    ----------
    unknown : int
        Cases of the metric's denominator that might be of the group.
    lowest, highest : float
        The rate, if what is unknown were as good for the group as it can be, and as bad.
    difference_lowest, difference_highest : float
        The same of the difference to all others; nan where there would be none.
    """

    unknown: int
    lowest: float
    highest: float
    difference_lowest: float
    difference_highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunken:
    """A small cell's rate, drawn towards those of the other cells; no verdict rests on it.

    Attributes
    ----------
    value : Interval
        On the cell's own cases; approximate limits.
    borrowed : float
        Weight of the other cells, in (0, 1].
    """

    value: Interval
    borrowed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a number is not shown, and what to do for it to be.

    Attributes
    ----------
    why, instead : str
        One sentence each.
    missing : int or None
        Cases that the model cleared which are still to be verified by lot; None if no number of
        them would do.
    """

    why: str
    instead: str
    missing: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One metric of one finding in one group, beside the same in everybody else.

    Attributes
    ----------
    metric : str
        sensitivity, specificity, false_negative_rate, false_positive_rate, ppv, npv, auroc or
        prevalence.
    value, rest : Interval
        In the group, and in the labelled cases outside it.
    difference : Interval
        value - rest; on either side all limits of the family hold together with chance `level`,
        and none lies across the margin from its verdict.
    p_value : float
        Two-sided, corrected over its family: by Holm's method where judged, else by Benjamini
        and Hochberg's; nan where not estimable.
    verdict : Verdict or None
        None for metrics that are shown and not judged.
    independent : float or None
        How many independent cases those of `value` are worth, where several are of one patient;
        None where all are independent.
    exact_p_value : float or None
        Two-sided, of a judged rate of independent cases, corrected by Holm's method: Boschloo's
        where few cases are compared, else Fisher's, and `p_value`'s test where either side has
        too many for that to matter. nan where not estimable; None where no exact test is.
    if_known : UnknownBounds or None
        Of a judged rate, where cases of unknown demographics might be of the group.
    shrunken : Shrunken or None
        Of a judged rate in an intersection, where its cells can borrow from each other.
    naive : Interval or None
        The same of the verified cases alone, where `value` is corrected for who was verified, or
        refused; None where all stand for themselves.
    refused : Refusal or None
        Why there is no `value`, though there are verified cases.
    """

    finding: str
    group: Group
    metric: str
    value: Interval
    rest: Interval
    difference: Interval
    p_value: float
    verdict: Verdict | None
    independent: float | None = None
    exact_p_value: float | None = None
    if_known: UnknownBounds | None = None
    shrunken: Shrunken | None = None
    naive: Interval | None = None
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far apart the groups of one attribute lie, beside what chance alone would show.

    Attributes
    ----------
    attribute : str
        What the groups differ in, e.g. ``sex`` or ``sex x age``.
    observed : float
        Largest minus smallest estimate over the estimable groups; nan with fewer than two.
    by_chance : float
        Median of the same under permutation of the groups.
    p_value : float
        Of the studentised largest deviation, by permutation; nan with fewer than two groups.
    """

    finding: str
    metric: str
    attribute: str
    observed: float
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Rows that the audit could not use, with the reason: nothing is dropped in silence."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """For whom the model works: every cell, every spread, everything left out.

    Attributes
    ----------
    overall : tuple of Cell
        One per finding and metric, for everybody.
    by_group : tuple of Cell
        One per finding, group and metric, in the order the groups were asked for.
    confusion : tuple of (str, Group, Confusion)
        The counts under every rate, everybody first.
    spreads : tuple of Spread
    exclusions : tuple of Exclusion
    rows : int
        Rows that came in, before exclusions.
    level, margin, alpha : float
        Coverage of the intervals, acceptable difference, and error rate of the verdicts.
    """

    overall: tuple[Cell, ...]
    by_group: tuple[Cell, ...]
    confusion: tuple[tuple[str, Group, Confusion], ...]
    spreads: tuple[Spread, ...]
    exclusions: tuple[Exclusion, ...]
    rows: int
    level: float
    margin: float
    alpha: float
