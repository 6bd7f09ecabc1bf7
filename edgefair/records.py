"""What travels between the parts: frozen records, no behaviour beyond a derived value.

Nothing heavy is imported here, so that every part can afford to import it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import isnan, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    "Shrunken",
    "Spread",
    "Status",
    "Subject",
    "UnknownBounds",
    "Verdict",
    "VerdictKind",
    "VerifiedBecause",
]

UNKNOWN = "Unknown"
"""The value of an attribute that nobody recorded: a group of its own, kept and counted."""


class Decision(StrEnum):
    """What the model says of one finding: positive, negative, or refer (too close to call)."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    REFER = "refer"


class Status(StrEnum):
    """Whether an image was read, and if not, why not: the `reason` of the error it met."""

    OK = "ok"
    NOT_AN_IMAGE = "not_an_image"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    DECOMPRESSION_BOMB = "decompression_bomb"
    WRONG_MODALITY = "wrong_modality"
    WRONG_BODY_PART = "wrong_body_part"
    TOO_SMALL = "too_small"
    BLANK = "blank"


class VerifiedBecause(StrEnum):
    """Why somebody looked for the truth of a case; what it is biased by follows from this."""

    ROUTINE = "routine"
    AI_POSITIVE = "ai_positive"
    RANDOM_AUDIT = "random_audit"
    CLINICAL = "clinical"


class VerdictKind(StrEnum):
    """The only three things an audit says of a cell."""

    HARM_SHOWN = "HARM SHOWN"
    SHOWN_OK = "SHOWN OK"
    NOT_ENOUGH_DATA = "NOT ENOUGH DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One property of a patient or an acquisition, e.g. ``view`` = ``PA``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is on the image, as far as anybody wrote it down.

    Attributes
    ----------
    patient_id : str or None
        As in the file or the table; leaves memory only as a keyed hash.
    sex : str
        ``F``, ``M``, ``O`` (DICOM PS3.3 C.7.1.1, Patient's Sex) or ``Unknown``.
    age_years : float or None
        Age when the image was made, in years; None if not recorded.
    attributes : tuple of Attribute
        Anything else to group by: view, device, site, ...
    """

    patient_id: str | None = None
    sex: str = UNKNOWN
    age_years: float | None = None
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One frame, ready to be looked at.

    Attributes
    ----------
    name : str
        What the user called it: a path, ``-`` for bytes without a name, or ``array``.
    frame : int
        Frame number from 0.
    digest : str
        XXH3-128 of the file's bytes, hexadecimal: tells images apart, proves nothing.
    pixels : ndarray of float32, shape (h, w)
        Display intensities in [0, 1], 0 black: after rescale, VOI window and inversion of
        MONOCHROME1. May be smaller than the original where the decoder could reduce.
    full_height_px, full_width_px : int
        Size of the original.
    subject : Subject
        Demographics found in the file.
    modality, body_part : str or None
        DICOM Modality (0008,0060) and Body Part Examined (0018,0015), upper case.
    """

    name: str
    frame: int
    digest: str
    pixels: NDArray[np.float32] = field(repr=False, compare=False)
    full_height_px: int
    full_width_px: int
    subject: Subject = Subject()
    modality: str | None = None
    body_part: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingScore:
    """What the model says of one finding on one image.

    Attributes
    ----------
    logit : float
        Raw output.
    probability : float
        Calibrated, in [0, 1].
    operating_point : str
        Name of the operating point that decided.
    threshold : float
        Its threshold on the probability.
    decision : Decision
    reason : str
        Why this decision, in words.
    """

    finding: str
    logit: float
    probability: float
    operating_point: str
    threshold: float
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What came of one frame of one image: its scores, or the reason why there are none.

    Attributes
    ----------
    image, frame, digest
        As in `Image`; `digest` is empty where the file could not be read at all.
    status : Status
        ``ok``, or why the image was refused.
    message : str
        The refusal in one sentence; empty when ``ok``.
    scores : tuple of FindingScore
        One per finding of the model; empty when refused.
    model : str
        Name and version, e.g. ``chest-xray 0.1.0``.
    bundle_digest : str
        SHA-256 of the bundle's manifest, which names every part's own.
    engine : str
        Which form of the model ran, and by what arithmetic, e.g. ``int8`` or ``int8
        x64quantprecision``; empty where nobody recorded it.
    predicted_at : str
        UTC, ISO 8601.
    embedding : ndarray of float32, shape (d,), or None
    heat_map : ndarray of float32, shape (findings, h, w), or None
        Evidence per place, larger for more; not calibrated.
    """

    image: str
    frame: int = 0
    digest: str = ""
    status: Status = Status.OK
    message: str = ""
    scores: tuple[FindingScore, ...] = ()
    subject: Subject = Subject()
    model: str
    bundle_digest: str
    engine: str = ""
    predicted_at: str
    embedding: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    heat_map: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What turned out to be true of one finding in one case.

    Attributes
    ----------
    case : str
        Case code from the ledger, or the image's file name.
    outcome : bool
        Whether the finding was there.
    verified_by : str
        Who says so: a person, a laboratory, a follow-up image.
    verified_because : VerifiedBecause
        Why this case was looked into.
    date : str
        Day of the truth, ISO 8601.
    """

    case: str
    finding: str
    outcome: bool
    verified_by: str
    verified_because: VerifiedBecause
    date: str


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence limits, ``lower <= estimate <= upper`` where estimable.

    Attributes
    ----------
    estimate, lower, upper : float
        Point estimate and limits; the estimate is nan where nothing can be said.
    level : float
        Nominal coverage, e.g. 0.95.
    n : int
        Number of cases the estimate rests on: the metric's own denominator.

    Examples
    --------
    >>> Interval(0.8, 0.49, 0.94, 0.95, 10).is_estimable
    True
    >>> Interval.vacuous(level=0.95).is_estimable
    False
    """

    estimate: float
    lower: float
    upper: float
    level: float
    n: int

    @classmethod
    def vacuous(
        cls, *, level: float, n: int = 0, lower: float = 0.0, upper: float = 1.0
    ) -> Interval:
        """Return the interval of a quantity of which nothing is known: its whole range."""
        return cls(nan, lower, upper, level, n)

    @property
    def is_estimable(self) -> bool:
        """Whether there is a point estimate at all."""
        return not isnan(self.estimate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A subgroup: one attribute's value, or an intersection of several; none is everybody.

    Examples
    --------
    >>> women = Attribute(name="sex", value="F")
    >>> str(Group(attributes=(women, Attribute(name="age", value="60-79"))))
    'sex F, age 60-79'
    >>> str(Group())
    'everybody'
    """

    attributes: tuple[Attribute, ...] = ()

    def __str__(self) -> str:
        if not self.attributes:
            return "everybody"
        return ", ".join(f"{a.name} {a.value}" for a in self.attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The four counts of decisions against truth."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def positives(self) -> int:
        """Cases in which the finding was there."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """Cases in which it was not."""
        return self.true_negatives + self.false_positives

    @property
    def n(self) -> int:
        """All labelled cases."""
        return self.positives + self.negatives


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
