"""The datasheet as records, in the sections of Datasheets for Datasets.

The sections and their questions are those of T. Gebru et al., "Datasheets for Datasets",
Communications of the ACM 64 (2021) 86-92; what the Croissant RAI vocabulary (version 1.0,
mlcommons.org/croissant/RAI) has a name for, `edgefair.compress.datasheet.interchange` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgefair.records import Interval

__all__ = [
    "AcquisitionShare",
    "Catchment",
    "CatchmentRow",
    "CollectionProcess",
    "Composition",
    "CopySet",
    "Datasheet",
    "Distribution",
    "Fault",
    "Finding",
    "GroupQuality",
    "GroupRow",
    "LabelCount",
    "Leak",
    "MissingCells",
    "Motivation",
    "Noise",
    "Prevalence",
    "Severity",
    "Shortcut",
    "ShortcutKind",
    "SplitCount",
    "Subpopulation",
    "Uses",
    "ValueShare",
]


class Severity(StrEnum):
    """How much a finding matters for a model made of the data."""

    SERIOUS = "SERIOUS"
    WARNING = "WARNING"
    NOTE = "NOTE"


class ShortcutKind(StrEnum):
    """What an attribute that says something about the label is."""

    RESTATES = "restates the label"
    STRONG = "strong shortcut"
    SHOWN = "shortcut"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that whoever trains on the data has to know.

    Attributes
    ----------
    topic : str
        A word for programs: ``leak``, ``duplicates``, ``shortcut``, ``catchment``, ...
    sentence : str
        What was found, in words.
    advice : str
        What to do about it.
    rai : str
        The property of Croissant RAI that the sentence belongs under.
    """

    severity: Severity
    topic: str
    sentence: str
    advice: str
    rai: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """How often a finding is there, is not, is not known, or holds something that is no label."""

    finding: str
    positives: int
    negatives: int
    unknown: int
    faulty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevalence:
    """Share of a group's labelled images that have a finding."""

    finding: str
    positives: int
    labelled: int
    rate: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group of one way to part the images; `by_split` in the order of `Composition.splits`."""

    group: str
    images: int
    patients: int
    share: float
    by_split: tuple[int, ...]
    prevalences: tuple[Prevalence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subpopulation:
    """Everybody, parted by one attribute or several crossed."""

    attribute: str
    groups: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCells:
    """Empty cells of one column."""

    column: str
    rows: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCount:
    """One split, or the rows without one, whose name is empty."""

    split: str
    images: int
    patients: int
    labels: tuple[LabelCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchmentRow:
    """One group beside its share of the people the model is meant for.

    Attributes
    ----------
    stated, found : float
        Shares in [0, 1].
    patients : int
        Found.
    expected : float
        Patients that the stated share would make.
    standardised_residual : float
        (patients - expected) / sqrt(expected (1 - stated)); beyond 3 on either side chance is no
        explanation; nan where 0 or all were stated.
    """

    group: str
    stated: float
    found: float
    patients: int
    expected: float
    standardised_residual: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Catchment:
    """The mix of the patients against the population that the recipe states.

    Attributes
    ----------
    patients : int
        Those whose group is known.
    jensen_shannon_distance : float
        Square root of the divergence in bits: 0 for the same mix, 1 for disjoint ones.
    """

    by: str
    patients: int
    unknown: int
    jensen_shannon_distance: float
    rows: tuple[CatchmentRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Rows that cannot be used as they are, with up to five of their names."""

    reason: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySet:
    """Images that show the same picture.

    Attributes
    ----------
    kind : str
        ``exact``: the same bytes; ``near``: the same picture, stored anew.
    lines : tuple of int
        Of the manifest, the header being line 1.
    conflicting : bool
        Whether one image has a finding that another is said not to have.
    hamming : int
        Largest distance of the perceptual hashes of two compared images, of 64 bits.
    correlation : float
        Smallest correlation of the fine detail of two compared images.
    """

    kind: str
    images: tuple[str, ...]
    lines: tuple[int, ...]
    patients: tuple[str, ...]
    splits: tuple[str, ...]
    conflicting: bool
    hamming: int
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A patient with images in more than one split."""

    patient: str
    splits: tuple[str, ...]
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Errors, noise and redundancies; of copies and leaks the first hundred are listed."""

    faults: tuple[Fault, ...]
    unreadable: tuple[Fault, ...]
    copies: tuple[CopySet, ...]
    copy_sets: int
    copy_sets_across_splits: int
    leaks: tuple[Leak, ...]
    leaking_patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Motivation:
    """For what purpose the data were put together, as the recipe says."""

    title: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What is in the data: instances, labels, subpopulations, gaps, splits, errors."""

    images: int
    patients: int
    columns: tuple[str, ...]
    labels: tuple[LabelCount, ...]
    subpopulations: tuple[Subpopulation, ...]
    missing_information: tuple[MissingCells, ...]
    splits: tuple[SplitCount, ...]
    noise: Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupQuality:
    """One measure of the images of one group, beside all others.

    Attributes
    ----------
    median, lower_quartile, upper_quartile : float
        In the unit of the measure.
    standardised_difference : float
        Of the means of the group and of all others, in pooled standard deviations.
    """

    group: str
    measure: str
    images: int
    median: float
    lower_quartile: float
    upper_quartile: float
    others_median: float
    standardised_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionShare:
    """Share of a group's images that were made in one way, e.g. with one view or device."""

    group: str
    attribute: str
    value: str
    images: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionProcess:
    """How the images came about: who was reached, and with what quality for whom."""

    source: str
    catchment: tuple[Catchment, ...]
    image_quality: tuple[GroupQuality, ...]
    acquisition: tuple[AcquisitionShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueShare:
    """One value or block of an attribute among the images with and without a finding."""

    value: str
    images: int
    prevalence: float
    share_of_positives: float
    share_of_negatives: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """What one attribute alone says of one finding.

    Attributes
    ----------
    origin : str
        ``manifest`` (a column), ``file`` (the DICOM header) or ``pixels`` (measured).
    encoding : str
        How its values were used: ``values``, ``bins``, ``blocks of numbers`` or ``terms``.
    auroc : Interval
        Of the evidence for the finding that its values are in other patients' images. The
        intervals of all attributes hold together with chance 95 %.
    block : str
        One sentence where one class comes from a part of the numbers only; else empty.
    values : tuple of ValueShare
        Those that tell most, at most eight.
    """

    finding: str
    attribute: str
    origin: str
    encoding: str
    kind: ShortcutKind
    auroc: Interval
    block: str
    values: tuple[ValueShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """What the data are meant for, and what a model may learn from them instead."""

    intended: str
    findings: tuple[str, ...]
    shortcuts: tuple[Shortcut, ...]
    not_tried: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Licence and citation, as the recipe says."""

    licence: str
    citation: str
    acknowledgement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet:
    """Who is in the data and who is not, and what a model made of them would go wrong by.

    Attributes
    ----------
    name : str
        Of the recipe, or of the manifest.
    manifest_sha256 : str
        Of the manifest's bytes, hexadecimal.
    findings : tuple of Finding
        The most serious first.
    """

    name: str
    manifest: str
    manifest_sha256: str
    edgefair_version: str
    findings: tuple[Finding, ...]
    motivation: Motivation
    composition: Composition
    collection_process: CollectionProcess
    uses: Uses
    distribution: Distribution
