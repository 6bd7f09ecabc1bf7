"""What was counted, as plain records: enough to compute every number of an audit again.

Sums over groups, and nothing of single cases: the four counts of decisions against truth; of
scores the sums of placements that an area and DeLong's variance are made of; and, where several
cases are of one patient, how many independent ones they are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.auroc import Aurocs, aurocs
from edgefair.audit.corrected_evidence import CorrectedGroup, adjusted_of, corrected_groups
from edgefair.audit.estimates import Worth
from edgefair.audit.groups import Grouping
from edgefair.audit.placements import Moments
from edgefair.audit.rates import DENOMINATORS, Counts
from edgefair.audit.tally import Tally, disputed
from edgefair.records import Confusion, Group

__all__ = ["GroupEvidence", "GroupingEvidence", "Placed", "WorthOf", "evidence_of", "tally_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What one area under the ROC curve is made of; the sums as in `Moments`.

    Attributes
    ----------
    positives, negatives : int
    placed, positives_squared, negatives_squared : float
    design_effect : float or None
        As in `Aurocs`; None where all cases are independent.
    """

    positives: int
    negatives: int
    placed: float
    positives_squared: float
    negatives_squared: float
    design_effect: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthOf:
    """How many independent cases those of one denominator are worth.

    Attributes
    ----------
    denominator : str
        One of `edgefair.audit.rates.DENOMINATORS`.
    effective : float
    freedom : float or None
        As in `Worth`; None where `effective` was not estimated.
    """

    denominator: str
    effective: float
    freedom: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvidence:
    """What was counted in one group, and among all others.

    Attributes
    ----------
    group : Group
    counts : Confusion
        Those of all others are the sum over the grouping, less these.
    area, area_of_rest : Placed or None
        None where there were no scores.
    worth, worth_of_rest : tuple of WorthOf
        Empty where all cases are independent.
    corrected, corrected_of_rest : CorrectedGroup or None
        What rates were corrected with for who was verified; None where they were not.
    """

    group: Group
    counts: Confusion
    area: Placed | None
    area_of_rest: Placed | None
    worth: tuple[WorthOf, ...]
    worth_of_rest: tuple[WorthOf, ...]
    corrected: CorrectedGroup | None = None
    corrected_of_rest: CorrectedGroup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingEvidence:
    """What was counted of one finding in the groups of one grouping.

    Attributes
    ----------
    attribute : str
        What the groups differ in; ``everybody`` for the one group of all cases.
    decided : bool
        Whether there were decisions; without them every case is counted as cleared.
    groups : tuple of GroupEvidence
    disagreements : tuple of (int, int) or None
        Cases on which two readers differ, and all that two read; None where labels stand.
    """

    finding: str
    attribute: str
    decided: bool
    groups: tuple[GroupEvidence, ...]
    disagreements: tuple[int, int] | None = None


def evidence_of(tally: Tally) -> GroupingEvidence:
    """Return what a tally counted, as records.

    Examples
    --------
    >>> from edgefair.audit.tally import Cases, tally_with_everybody
    >>> cases = Cases(
    ...     finding="cough", y_true=np.array([True, False]), flagged=np.array([True, True]),
    ...     y_score=None, groupings=(),
    ... )
    >>> (found,) = tally_with_everybody(cases)
    >>> evidence_of(found).groups[0].counts.false_positives
    1
    >>> tally_of(evidence_of(found)).counts == found.counts
    True
    """
    k = len(tally.grouping.groups)
    areas = ((None,) * k, (None,) * k)
    if tally.moments and tally.areas and tally.areas_of_rest:
        areas = tuple(  # type: ignore[assignment]  # two of them
            tuple(_placed(moments, found))
            for moments, found in zip(
                tally.moments, (tally.areas, tally.areas_of_rest), strict=True
            )
        )
    worths = ([_worths(tally, row, which) for row in range(k)] for which in (0, 1))
    corrected = corrected_groups(tally.adjusted, k)
    rows = zip(
        tally.grouping.groups, tally.counts.confusions(), *areas, *worths, *corrected, strict=True
    )
    return GroupingEvidence(
        finding=tally.finding,
        attribute=tally.grouping.attribute,
        decided=tally.decided,
        groups=tuple(
            GroupEvidence(
                group=group,
                counts=counts,
                area=area,
                area_of_rest=area_of_rest,
                worth=worth,
                worth_of_rest=worth_of_rest,
                corrected=of_group,
                corrected_of_rest=of_rest,
            )
            for group, counts, area, area_of_rest, worth, worth_of_rest, of_group, of_rest in rows
        ),
        disagreements=tally.disagreements,
    )


def tally_of(evidence: GroupingEvidence) -> Tally:
    """Return the tally that the records describe, its cases themselves left out."""
    groups = evidence.groups
    counts = _counts([one.counts for one in groups])
    areas = _areas([one.area for one in groups])
    areas_of_rest = _areas([one.area_of_rest for one in groups])
    worths = {
        denominator: (
            _worth([one.worth[i] for one in groups]),
            _worth([one.worth_of_rest[i] for one in groups]),
        )
        for i, denominator in enumerate(DENOMINATORS)
        if groups and all(len(one.worth) == len(DENOMINATORS) for one in groups)
    }
    found = Tally(
        finding=evidence.finding,
        grouping=Grouping(
            attribute=evidence.attribute,
            groups=tuple(one.group for one in groups),
            codes=np.zeros(0, dtype=np.int64),
        ),
        decided=evidence.decided,
        counts=counts,
        rest=counts.rest(),
        areas=areas and areas[1],
        areas_of_rest=areas_of_rest and areas_of_rest[1],
        worths=worths or None,
        moments=(areas[0], areas_of_rest[0]) if areas and areas_of_rest else None,
    )
    if evidence.disagreements:
        return disputed(found, evidence.disagreements)
    adjusted = adjusted_of(
        [one.corrected for one in groups],
        [one.corrected_of_rest for one in groups],
        (counts.n, found.rest.n),
    )
    return replace(found, adjusted=adjusted)


def _placed(moments: Moments, found: Aurocs) -> Iterator[Placed]:
    effects = [None] * len(found.n) if found.design_effect is None else found.design_effect
    columns = (
        moments.positives, moments.negatives, moments.placed, moments.positives_squared,
        moments.negatives_squared,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), effects, strict=True)
    for positives, negatives, placed, positives_squared, negatives_squared, effect in rows:
        yield Placed(
            positives=positives,
            negatives=negatives,
            placed=placed,
            positives_squared=positives_squared,
            negatives_squared=negatives_squared,
            design_effect=None if effect is None else float(effect),
        )


def _worths(tally: Tally, row: int, which: int) -> tuple[WorthOf, ...]:
    if tally.worths is None:
        return ()
    found = ((name, tally.worths[name][which]) for name in DENOMINATORS)
    return tuple(
        WorthOf(
            denominator=name,
            effective=float(worth.effective[row]),
            freedom=float(worth.freedom[row]) if np.isfinite(worth.freedom[row]) else None,
        )
        for name, worth in found
    )


def _worth(rows: Sequence[WorthOf]) -> Worth:
    return Worth(
        effective=_floats([row.effective for row in rows]),
        freedom=_floats([inf if row.freedom is None else row.freedom for row in rows]),
    )


def _counts(rows: Sequence[Confusion]) -> Counts:
    return Counts(
        true_positives=_ints([row.true_positives for row in rows]),
        false_negatives=_ints([row.false_negatives for row in rows]),
        true_negatives=_ints([row.true_negatives for row in rows]),
        false_positives=_ints([row.false_positives for row in rows]),
    )


def _areas(rows: Sequence[Placed | None]) -> tuple[Moments, Aurocs] | None:
    there = [row for row in rows if row]
    if not there or len(there) < len(rows):
        return None
    moments = Moments(
        positives=_ints([row.positives for row in there]),
        negatives=_ints([row.negatives for row in there]),
        placed=_floats([row.placed for row in there]),
        positives_squared=_floats([row.positives_squared for row in there]),
        negatives_squared=_floats([row.negatives_squared for row in there]),
    )
    found = aurocs(moments)
    effects = [row.design_effect for row in there if row.design_effect is not None]
    if len(effects) == len(there):
        found = found.with_design_effect(_floats(effects))
    return moments, found


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[float]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)
