"""Who is in the data: counts by group and split, prevalence, gaps, faults, leaks, copies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.intervals import wilson
from edgefair.compress.data.splits import SPLITS
from edgefair.compress.datasheet.copies import Copies
from edgefair.compress.datasheet.looks import Looks
from edgefair.compress.datasheet.records import (
    Composition,
    CopySet,
    Fault,
    GroupRow,
    LabelCount,
    Leak,
    MissingCells,
    Noise,
    Prevalence,
    SplitCount,
    Subpopulation,
)
from edgefair.compress.datasheet.rows import Rows, split_names
from edgefair.records import Interval

__all__ = ["compose", "conflicts", "group_name"]

_LEVEL: Final = 0.95
_MOST_LISTED: Final = 100
_EXAMPLES: Final = 5


def compose(rows: Rows, looks: Looks, copies: Copies) -> Composition:
    """Return what is in the data."""
    everybody = np.ones(len(rows), dtype=bool)
    return Composition(
        images=len(rows),
        patients=len(set(rows.persons.tolist())),
        columns=rows.table.columns,
        labels=_label_counts(rows, everybody),
        subpopulations=tuple(_subpopulation(rows, way) for way in rows.brief.data.groups),
        missing_information=_missing(rows),
        splits=_split_counts(rows),
        noise=_noise(rows, looks, copies),
    )


def group_name(values: Sequence[str]) -> str:
    """Return how a group is called under its attribute's heading: ``F, 18-39``."""
    return ", ".join(values)


def _label_counts(rows: Rows, chosen: NDArray[np.bool_]) -> tuple[LabelCount, ...]:
    labels, faulty = rows.labels[chosen], rows.faulty[chosen]
    return tuple(
        LabelCount(
            finding=finding,
            positives=int((labels[:, place] == 1).sum()),
            negatives=int((labels[:, place] == 0).sum()),
            unknown=int((np.isnan(labels[:, place]) & ~faulty[:, place]).sum()),
            faulty=int(faulty[:, place].sum()),
        )
        for place, finding in enumerate(rows.brief.findings)
    )


def _subpopulation(rows: Rows, way: str) -> Subpopulation:
    grouping = rows.grouped(way)
    persons, splits = rows.persons, np.array(rows.splits)
    names = split_names(rows)
    groups = []
    for code, group in enumerate(grouping.groups):
        chosen = grouping.codes == code
        groups.append(
            GroupRow(
                group=group_name([a.value for a in group.attributes]),
                images=int(chosen.sum()),
                patients=len(np.unique(persons[chosen])),
                share=float(chosen.mean()),
                by_split=tuple(int((chosen & (splits == name)).sum()) for name in names),
                prevalences=tuple(_prevalence(c) for c in _label_counts(rows, chosen)),
            )
        )
    return Subpopulation(attribute=grouping.attribute, groups=tuple(groups))


def _prevalence(count: LabelCount) -> Prevalence:
    labelled = count.positives + count.negatives
    rate = (
        wilson(count.positives, labelled, level=_LEVEL)
        if labelled
        else Interval.vacuous(level=_LEVEL)
    )
    return Prevalence(
        finding=count.finding, positives=count.positives, labelled=labelled, rate=rate
    )


def _missing(rows: Rows) -> tuple[MissingCells, ...]:
    empty = [(name, rows.table.column(name).count("")) for name in rows.table.columns]
    return tuple(
        MissingCells(column=name, rows=count, share=count / len(rows)) for name, count in empty
    )


def _split_counts(rows: Rows) -> tuple[SplitCount, ...]:
    splits, persons = np.array(rows.splits), rows.persons
    return tuple(
        SplitCount(
            split=name,
            images=int((splits == name).sum()),
            patients=len(np.unique(persons[splits == name])),
            labels=_label_counts(rows, splits == name),
        )
        for name in split_names(rows)
    )


def _noise(rows: Rows, looks: Looks, copies: Copies) -> Noise:
    sets = _copy_sets(rows, copies)
    leaks = _leaks(rows)
    return Noise(
        faults=_faults(rows),
        unreadable=_unreadable(rows, looks),
        copies=tuple(sets[:_MOST_LISTED]),
        copy_sets=len(sets),
        copy_sets_across_splits=sum(len(one.splits) > 1 for one in sets),
        leaks=tuple(leaks[:_MOST_LISTED]),
        leaking_patients=len(leaks),
    )


def _faults(rows: Rows) -> tuple[Fault, ...]:
    nameless = np.array([not name for name in rows.images])
    strangers = np.array([not patient for patient in rows.patients])
    findings = rows.brief.findings
    cases = [
        ("names no image", nameless),
        ("names an image that an earlier row names", rows.twice),
        ("has no patient", strangers),
    ]
    if rows.brief.data.classes:
        cases.append(("holds a label that is none of the classes", rows.faulty[:, 0]))
    else:
        cases += [
            (f"holds something other than 0, 1 or nothing as {finding}", rows.faulty[:, place])
            for place, finding in enumerate(findings)
        ]
    if rows.brief.data.split_column is not None:
        strange = np.array([split not in SPLITS for split in rows.splits])
        cases.append(("is in none of the splits train, val, test", strange))
    lines = rows.table.lines
    return tuple(
        Fault(
            reason=reason,
            rows=int(wrong.sum()),
            examples=tuple(f"line {lines[row]}" for row in np.flatnonzero(wrong)[:_EXAMPLES]),
        )
        for reason, wrong in cases
        if wrong.any()
    )


def _unreadable(rows: Rows, looks: Looks) -> tuple[Fault, ...]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in zip(rows.images, looks.reasons, strict=True):
        if reason:
            by_reason[reason].append(name)
    return tuple(
        Fault(reason=reason, rows=len(names), examples=tuple(names[:_EXAMPLES]))
        for reason, names in sorted(by_reason.items())
    )


def _leaks(rows: Rows) -> list[Leak]:
    splits: dict[str, set[str]] = defaultdict(set)
    for patient, split in zip(rows.patients, rows.splits, strict=True):
        if patient and split:
            splits[patient].add(split)
    counted = Counter(rows.patients)
    return [
        Leak(patient=patient, splits=_in_order(found), images=counted[patient])
        for patient, found in splits.items()
        if len(found) > 1
    ]


def _in_order(splits: set[str]) -> tuple[str, ...]:
    known = tuple(name for name in SPLITS if name in splits)
    return (*known, *sorted(splits - set(SPLITS)))


def conflicts(labels: NDArray[np.float32]) -> bool:
    """Return whether some of these rows have a finding that others of them have not.

    Parameters
    ----------
    labels : ndarray of float32, shape (rows, findings)
    """
    return bool(((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).any())


def _copy_sets(rows: Rows, copies: Copies) -> list[CopySet]:
    """Return the sets of copies, those across splits first; rows of one name are no copies."""
    members: dict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(~rows.twice).tolist():
        members[int(copies.same[row])].append(row)
    sets = [
        _copy_set(rows, copies, np.array(places)) for places in members.values() if len(places) > 1
    ]
    return sorted(sets, key=lambda one: (len(one.splits) < 2, not one.conflicting))


def _copy_set(rows: Rows, copies: Copies, places: NDArray[np.intp]) -> CopySet:
    is_exact = len(set(copies.exact[places].tolist())) == 1
    pairs = np.isin(copies.first, places)
    return CopySet(
        kind="exact" if is_exact else "near",
        images=tuple(rows.images[place] for place in places),
        lines=tuple(rows.table.lines[place] for place in places),
        patients=tuple(dict.fromkeys(rows.patients[place] for place in places)),
        splits=_in_order({rows.splits[place] for place in places}),
        conflicting=conflicts(rows.labels[places]),
        hamming=int(copies.hamming[pairs].max(initial=0)),
        correlation=round(float(copies.correlation[pairs].min(initial=1)), 4),
    )
