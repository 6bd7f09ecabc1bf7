"""What the finished model did on the test split, group by group: what clinics compare with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.auroc import auroc
from edgefair.audit.clusters import ClusterSums
from edgefair.audit.columns import intervals_of
from edgefair.audit.estimates import Rates
from edgefair.audit.inputs import patient_numbers, several_of_one
from edgefair.audit.intervals import two_sided_z
from edgefair.bundle.manifest import (
    OperatingPoint,
    Reference,
    ReferenceCell,
    ScoreHistogram,
)
from edgefair.compress.data.cases import Cases
from edgefair.compress.evidence.scoring import Answers
from edgefair.records import Confusion, Group, Interval
from edgefair.runtime.scores import flagged

__all__ = [
    "BINS",
    "confusion",
    "groups_of",
    "interval_of_auroc",
    "interval_of_rate",
    "measure_reference",
    "numbered_patients",
]

BINS: Final = 512
"""Equal bins over [0, 1]; an AUROC from them errs by half the pairs that share a bin at most."""

_DIGITS: Final = 6
_LEVEL: Final = 0.95


def measure_reference(
    cases: Cases,
    probabilities: NDArray[np.float64],
    answers: Answers,
    points: tuple[OperatingPoint, ...],
    ways: tuple[str, ...],
) -> Reference:
    """Return counts, AUROC, histograms and embedding statistics of the test cases.

    Parameters
    ----------
    cases : Cases
    probabilities : ndarray, shape (n, findings)
    answers : Answers
        Of the INT8 model.
    points : tuple of OperatingPoint
        One per finding, in the order of the columns.
    ways : tuple of str
        Columns and crossed columns to report by.
    """
    cells = []
    histograms = []
    patients = numbered_patients(cases)
    for column, point in enumerate(points):
        labels, scores = cases.labels[:, column], probabilities[:, column]
        cells += [
            ReferenceCell(
                finding=point.finding,
                group=group,
                confusion=confusion(labels[rows], flagged(scores[rows], point)),
                auroc=interval_of_auroc(labels[rows], scores[rows], patients[rows]),
            )
            for group, rows in groups_of(cases, ways)
        ]
        histograms.append(_histogram(point.finding, labels, scores))
    embeddings = answers.embeddings.astype(np.float64)
    return Reference(
        measured_on=f"test split, {len(cases)} images",
        cells=tuple(cells),
        score_histograms=tuple(histograms),
        embedding_mean=_rounded(embeddings.mean(axis=0)),
        embedding_std=_rounded(embeddings.std(axis=0)),
    )


def groups_of(cases: Cases, ways: tuple[str, ...]) -> Iterator[tuple[Group, NDArray[np.bool_]]]:
    """Yield everybody, then each group that occurs, with the rows that are in it.

    Parameters
    ----------
    cases : Cases
    ways : tuple of str
        Columns and crossed columns, as in the recipe.
    """
    yield Group(), np.ones(len(cases), dtype=bool)
    for grouping in cases.grouped(ways):
        for code, group in enumerate(grouping.groups):
            rows = grouping.codes == code
            if rows.any():
                yield group, rows


def confusion(labels: NDArray[np.float32], is_flagged: NDArray[np.bool_]) -> Confusion:
    """Return the counts of decisions against truth, over the cases whose label is known.

    Parameters
    ----------
    labels : ndarray of float32, shape (n,)
        1, 0, or nan where unknown.
    is_flagged : ndarray of bool, shape (n,)
        As the clinic's audit counts: positive or refer.
    """
    return Confusion(
        true_positives=int((is_flagged & (labels == 1)).sum()),
        false_negatives=int((~is_flagged & (labels == 1)).sum()),
        true_negatives=int((~is_flagged & (labels == 0)).sum()),
        false_positives=int((is_flagged & (labels == 0)).sum()),
    )


def numbered_patients(cases: Cases) -> NDArray[np.int64]:
    """Return a number from 0 for each case's patient, shape (n,)."""
    found = patient_numbers(cases.patients)
    return np.arange(len(cases)) if found is None else found


def interval_of_auroc(
    labels: NDArray[np.float32], scores: NDArray[np.float64], patients: NDArray[np.int64]
) -> Interval | None:
    """Return the AUROC over the cases whose label is known; None where one class is missing.

    Parameters
    ----------
    labels : ndarray of float32, shape (n,)
        1, 0, or nan where unknown.
    scores : ndarray of float64, shape (n,)
    patients : ndarray of int64, shape (n,)
        Number of each case's patient; several cases of one are worth fewer.
    """
    is_known = ~np.isnan(labels)
    truth = labels[is_known] == 1
    if truth.all() or not truth.any():
        return None
    return auroc(truth, scores[is_known], patients=several_of_one(patients[is_known]))


def interval_of_rate(is_hit: NDArray[np.bool_], patients: NDArray[np.int64]) -> Interval:
    """Return the share of n cases that are hits, with Wilson's interval; vacuous without a case.

    Parameters
    ----------
    is_hit : ndarray of bool, shape (n,)
    patients : ndarray of int64, shape (n,)
        Number of each case's patient; several cases of one are worth fewer.

    Examples
    --------
    >>> hits = np.arange(40) % 8 < 6
    >>> for patients in (np.arange(40), np.arange(40) // 2):
    ...     found = interval_of_rate(hits, patients)
    ...     print(f"{found.estimate:.2f} [{found.lower:.2f}, {found.upper:.2f}]")
    0.75 [0.60, 0.86]
    0.75 [0.51, 0.90]
    """
    worth = None
    if several_of_one(patients) is not None:
        hits = np.bincount(patients, is_hit).astype(np.float64)
        trials = np.bincount(patients).astype(np.float64)
        worth = ClusterSums.over(hits, trials, np.zeros(len(trials), np.int64), 1).worth()
    rates = Rates(np.array([np.count_nonzero(is_hit)]), np.array([len(is_hit)]), worth)
    limits = rates.limits(two_sided_z(_LEVEL))
    return intervals_of(rates.estimate, limits, rates.n, _LEVEL)[0]


def _histogram(
    finding: str, labels: NDArray[np.float32], scores: NDArray[np.float64]
) -> ScoreHistogram:
    def counts(of: NDArray[np.float64]) -> tuple[int, ...]:
        return tuple(np.histogram(of, bins=BINS, range=(0.0, 1.0))[0].tolist())

    return ScoreHistogram(
        finding=finding,
        positives=counts(scores[labels == 1]),
        negatives=counts(scores[labels == 0]),
    )


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
