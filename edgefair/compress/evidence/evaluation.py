"""The numbers of a card: INT8 beside full precision, by group, and what else tells the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import OperatingPoint
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.reference import (
    groups_of,
    interval_of_auroc,
    interval_of_rate,
    numbered_patients,
)
from edgefair.compress.recipe import Evaluation
from edgefair.records import Group, Interval
from edgefair.runtime.scores import flagged

__all__ = [
    "AloneRow",
    "Flips",
    "GroupRow",
    "Measured",
    "PointRow",
    "SplitRow",
    "flips_at",
    "group_rows",
    "point_rows",
    "shortcut_rows",
    "split_rows",
    "subset_rows",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """How many images a split has, and how many of them with and without a finding."""

    split: str
    finding: str
    images: int
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """AUROC of both models on the test images of one group, and INT8's rates at a threshold."""

    finding: str
    group: str
    positives: int
    negatives: int
    auroc: Interval | None
    auroc_full_precision: Interval | None
    sensitivity: Interval | None
    specificity: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """An operating point, with the rates it has on one split."""

    point: OperatingPoint
    split: str
    sensitivity: Interval | None
    specificity: Interval | None
    referred: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Test images on which INT8 decides otherwise than full precision.

    Attributes
    ----------
    to_negative, to_positive : int
        All of them, by what INT8 says.
    referred : int
        Those of them that INT8 hands to a person.
    """

    point: OperatingPoint
    images: int
    to_negative: int
    to_positive: int
    referred: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneRow:
    """What predicts a label on the test split: an attribute alone, or the model in a subset."""

    finding: str
    name: str
    images: int
    auroc: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything a card reports in tables."""

    splits: tuple[SplitRow, ...]
    groups: tuple[GroupRow, ...]
    points: tuple[PointRow, ...]
    flips: tuple[Flips, ...]
    shortcuts: tuple[AloneRow, ...]
    subsets: tuple[AloneRow, ...]


def split_rows(cases: Cases, findings: tuple[str, ...]) -> tuple[SplitRow, ...]:
    """Return one row per split and finding."""
    rows = []
    for split in ("train", "val", "test"):
        part = cases.of(split)
        for finding, labels in zip(findings, part.labels.T, strict=True):
            positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
            rows.append(
                SplitRow(
                    split=split,
                    finding=finding,
                    images=len(part),
                    positives=positives,
                    negatives=negatives,
                )
            )
    return tuple(rows)


def group_rows(
    cases: Cases,
    quantized: NDArray[np.float64],
    full_precision: NDArray[np.float64],
    points: tuple[OperatingPoint, ...],
    ways: tuple[str, ...],
) -> tuple[GroupRow, ...]:
    """Return one row per finding and group.

    Parameters
    ----------
    cases : Cases
    quantized, full_precision : ndarray, shape (n, findings)
        Probabilities.
    points : tuple of OperatingPoint
        One per finding.
    ways : tuple of str
        As `groups_of`.
    """
    patients = numbered_patients(cases)
    return tuple(
        _group_row(
            point,
            group,
            labels[rows],
            (quantized[rows, i], full_precision[rows, i]),
            patients[rows],
        )
        for i, (point, labels) in enumerate(zip(points, cases.labels.T, strict=True))
        for group, rows in groups_of(cases, ways)
    )


def point_rows(
    cases: Cases,
    probabilities: NDArray[np.float64],
    points: Sequence[OperatingPoint],
    findings: tuple[str, ...],
    split: str,
) -> tuple[PointRow, ...]:
    """Return each operating point's rates on the cases of one split, and the share it refers."""
    rows, patients = [], numbered_patients(cases)
    for point in points:
        column = findings.index(point.finding)
        scores = probabilities[:, column]
        labels = cases.labels[:, column]
        sensitivity, specificity = _rates(labels, flagged(scores, point), patients)
        referred = np.abs(scores - point.threshold) < point.refer_half_width
        rows.append(
            PointRow(
                point=point,
                split=split,
                sensitivity=sensitivity,
                specificity=specificity,
                referred=interval_of_rate(referred, patients),
            )
        )
    return tuple(rows)


def flips_at(
    quantized: NDArray[np.float64],
    full_precision: NDArray[np.float64],
    points: Sequence[OperatingPoint],
    findings: tuple[str, ...],
) -> tuple[Flips, ...]:
    """Return how often the two models decide differently at each operating point."""
    rows = []
    for point in points:
        column = findings.index(point.finding)
        scores = quantized[:, column]
        int8, fp32 = scores >= point.threshold, full_precision[:, column] >= point.threshold
        is_referred = np.abs(scores - point.threshold) < point.refer_half_width
        rows.append(
            Flips(
                point=point,
                images=len(scores),
                to_negative=int((fp32 & ~int8).sum()),
                to_positive=int((~fp32 & int8).sum()),
                referred=int(((fp32 != int8) & is_referred).sum()),
            )
        )
    return tuple(rows)


def shortcut_rows(
    cases: Cases, findings: tuple[str, ...], asked: Evaluation
) -> tuple[AloneRow, ...]:
    """Return how well single attributes, with no image at all, predict the label on test.

    An attribute's value is scored by how frequent the finding is with it among the training
    images.
    """
    splits = np.array(cases.splits)
    is_train, is_test = splits == "train", splits == "test"
    rows, patients = [], numbered_patients(cases)
    for way, grouping in zip(asked.shortcuts, cases.grouped(asked.shortcuts), strict=True):
        for column, finding in enumerate(findings):
            labels = cases.labels[:, column]
            scores = _prevalence_by_group(
                labels[is_train], grouping.codes[is_train], len(grouping.groups)
            )
            rows.append(
                AloneRow(
                    finding=finding,
                    name=way,
                    images=int(is_test.sum()),
                    auroc=interval_of_auroc(
                        labels[is_test], scores[grouping.codes[is_test]], patients[is_test]
                    ),
                )
            )
    return tuple(rows)


def subset_rows(
    test: Cases, probabilities: NDArray[np.float64], findings: tuple[str, ...], asked: Evaluation
) -> tuple[AloneRow, ...]:
    """Return the AUROC within each subset of the test images that the recipe names."""
    rows, patients = [], numbered_patients(test)
    for subset in asked.subsets:
        is_in = test.where(subset)
        for column, finding in enumerate(findings):
            labels, scores = test.labels[is_in, column], probabilities[is_in, column]
            rows.append(
                AloneRow(
                    finding=finding,
                    name=subset,
                    images=len(labels),
                    auroc=interval_of_auroc(labels, scores, patients[is_in]),
                )
            )
    return tuple(rows)


def _group_row(
    point: OperatingPoint,
    group: Group,
    labels: NDArray[np.float32],
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    patients: NDArray[np.int64],
) -> GroupRow:
    quantized, full_precision = probabilities
    sensitivity, specificity = _rates(labels, flagged(quantized, point), patients)
    return GroupRow(
        finding=point.finding,
        group=str(group),
        positives=int((labels == 1).sum()),
        negatives=int((labels == 0).sum()),
        auroc=interval_of_auroc(labels, quantized, patients),
        auroc_full_precision=interval_of_auroc(labels, full_precision, patients),
        sensitivity=sensitivity,
        specificity=specificity,
    )


def _rates(
    labels: NDArray[np.float32], is_flagged: NDArray[np.bool_], patients: NDArray[np.int64]
) -> tuple[Interval | None, Interval | None]:
    ill, well = labels == 1, labels == 0
    return (
        interval_of_rate(is_flagged[ill], patients[ill]) if ill.any() else None,
        interval_of_rate(~is_flagged[well], patients[well]) if well.any() else None,
    )


def _prevalence_by_group(
    labels: NDArray[np.float32], codes: NDArray[np.int64], groups: int
) -> NDArray[np.float64]:
    """Return the share of positives by code; the overall share where a code has no label."""
    is_known = ~np.isnan(labels)
    overall = float(labels[is_known].mean())
    found = [labels[is_known & (codes == code)] for code in range(groups)]
    return np.array([float(group.mean()) if len(group) else overall for group in found])
