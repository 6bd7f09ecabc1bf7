"""From what was measured before release to what will be watched: limits and groups of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.change import chart_for
from edgefair.audit.groups import By, Term, group_by
from edgefair.audit.intervals import clopper_pearson
from edgefair.bundle.manifest import Manifest, Reference
from edgefair.bundle.plan import (
    METRICS,
    ChartDesign,
    ControlChart,
    MonitoringPlan,
    PlanSettings,
    WatchedMetric,
    WatchedRate,
)
from edgefair.records import UNKNOWN, Attribute, Confusion, Group

__all__ = ["OTHER", "drawn_plan", "planned_groups", "planned_rows", "watched_rates"]

OTHER: Final = "Other"
"""Values that nobody expected when the plan was made: a group of their own."""

_KNOWN_OF_EVERYBODY: Final = {"sex": ("F", "M")}

_ONE_SIDED_LEVEL: Final = 0.95
_HIGHEST: Final = 0.95
"""A limit above this would never be passed."""


def drawn_plan(
    manifest: Manifest,
    settings: PlanSettings,
    *,
    values: Mapping[str, Sequence[str]],
    findings: Sequence[str] = (),
) -> MonitoringPlan | None:
    """Return the plan that follows from a bundle's reference; nobody has frozen it yet.

    Parameters
    ----------
    manifest : Manifest
    settings : PlanSettings
    values : mapping of str to sequence of str
        Values of each attribute that are known of, beside those in the reference.
    findings : sequence of str
        All of the model's if empty.

    Returns
    -------
    MonitoringPlan or None
        None if the reference is too small to draw any limit from.
    """
    reference = manifest.reference
    asked = findings or manifest.contract.findings
    rates, unwatched = watched_rates(reference, asked, settings)
    if not rates:
        return None
    known = {name: list(found) for name, found in values.items()}
    for attribute in (a for cell in reference.cells for a in cell.group.attributes):
        known.setdefault(attribute.name, []).append(attribute.value)
    return MonitoringPlan(
        model=manifest.label,
        groups_by=settings.groups_by,
        groups=planned_groups(settings.groups_by, known),
        rates=rates,
        unwatched=unwatched,
        alpha=settings.alpha,
        minimum_audit=settings.minimum_audit,
        chart=ChartDesign(
            odds_ratio=settings.odds_ratio, labels_to_false_alarm=settings.labels_to_false_alarm
        ),
        derived=f"drawn from the bundle's reference ({reference.measured_on})",
        frozen_by="",
        frozen_on="",
    )


def watched_rates(
    reference: Reference, findings: Sequence[str], settings: PlanSettings
) -> tuple[tuple[WatchedRate, ...], tuple[str, ...]]:
    """Return the error rates that can be watched, with their limits, and why others cannot.

    The limit is the largest rate that the reference's counts of everybody allow (upper limit of
    Clopper and Pearson, one-sided 95 %) plus the tolerance; the same for every group.

    Parameters
    ----------
    reference : Reference
    findings : sequence of str
    settings : PlanSettings

    Returns
    -------
    rates : tuple of WatchedRate
        Missed cases of every finding, then false alarms.
    unwatched : tuple of str
        One sentence each.

    Examples
    --------
    >>> from edgefair.bundle.manifest import ReferenceCell
    >>> counts = Confusion(
    ...     true_positives=90, false_negatives=10, true_negatives=2, false_positives=1
    ... )
    >>> cell = ReferenceCell(finding="effusion", group=Group(), confusion=counts, auroc=None)
    >>> reference = Reference(
    ...     measured_on="test split", cells=(cell,), score_histograms=(), embedding_mean=(),
    ...     embedding_std=(),
    ... )
    >>> rates, unwatched = watched_rates(reference, ["effusion"], PlanSettings())
    >>> [(rate.metric, round(rate.limit, 3)) for rate in rates], len(unwatched)
    ([('false_negative_rate', 0.214), ('false_positive_rate', 0.915)], 0)
    """
    rates, unwatched = [], []
    for metric in METRICS:
        for finding in findings:
            errors, n = _counts(reference, finding, metric)
            upper = clopper_pearson(errors, n, level=2 * _ONE_SIDED_LEVEL - 1).upper if n else 1.0
            limit = upper + settings.tolerance
            if limit > _HIGHEST:
                unwatched.append(_too_small(finding, metric, n))
                continue
            rates.append(
                WatchedRate(
                    finding=finding,
                    metric=metric,
                    reference_errors=errors,
                    reference_n=n,
                    reference_upper=upper,
                    tolerance=settings.tolerance,
                    limit=limit,
                    chart=_chart(limit, settings),
                )
            )
    return tuple(rates), tuple(unwatched)


def planned_groups(ways: Sequence[str], values: Mapping[str, Iterable[str]]) -> tuple[Group, ...]:
    """Return every group that a plan watches: everybody, then all values of each way.

    A plan's groups are fixed, or its chance of a false alarm would grow with every new value. So
    each attribute that is not binned gets the group `OTHER`, and each gets Unknown.

    Parameters
    ----------
    ways : sequence of str
        As `By.parse` reads them.
    values : mapping of str to iterable of str
        Values of each attribute that are known of when the plan is made.

    Raises
    ------
    InputError
        If a way cannot be read.

    Examples
    --------
    >>> [str(group) for group in planned_groups(["sex", "age:0,18"], {"sex": ["F", "M"]})[1:]]
    ['sex F', 'sex M', 'sex Other', 'sex Unknown', 'age 0-17', 'age 18+', 'age Unknown']
    """
    groups = [Group()]
    for way in ways:
        terms = By.parse(way).terms
        labels = [_labels(term, values) for term in terms]
        groups += [
            Group(
                attributes=tuple(
                    Attribute(name=term.name, value=value)
                    for term, value in zip(terms, combined, strict=True)
                )
            )
            for combined in product(*labels)
        ]
    return tuple(dict.fromkeys(groups))


def planned_rows(
    groups: Sequence[Group], ways: Sequence[str], features: Mapping[str, NDArray[np.generic]]
) -> dict[Group, NDArray[np.bool_]]:
    """Return which rows are in which of a plan's groups; every row is in one of each way.

    Parameters
    ----------
    groups : sequence of Group
        Of `planned_groups`.
    ways : sequence of str
        The same as there.
    features : mapping of str to ndarray of shape (n,)
        At least one column; one that is missing is Unknown throughout.
    """
    n = len(next(iter(features.values())))
    parsed = [By.parse(way) for way in ways]
    known: dict[str, set[str]] = {}
    for attribute in (a for group in groups for a in group.attributes):
        known.setdefault(attribute.name, set()).add(attribute.value)
    missing = {name: np.full(n, UNKNOWN, object) for name in known if name not in features}
    rows = {group: np.zeros(n, np.bool_) for group in groups}
    rows[Group()] = np.ones(n, np.bool_)
    for grouping in group_by(parsed, {**features, **missing}):
        for code, found in enumerate(grouping.groups):
            rows[_expected(found, known)] |= grouping.codes == code
    return rows


def _chart(limit: float, settings: PlanSettings) -> ControlChart:
    odds = settings.odds_ratio * limit / (1 - limit)
    chart = chart_for(limit, odds / (1 + odds), run_length=settings.labels_to_false_alarm)
    return ControlChart(up=chart.up, down=chart.down, height=chart.height)


def _counts(reference: Reference, finding: str, metric: WatchedMetric) -> tuple[int, int]:
    everybody = [
        cell.confusion
        for cell in reference.cells
        if cell.finding == finding and cell.group == Group()
    ]
    if not everybody:
        return 0, 0
    return _errors(everybody[0], metric)


def _errors(counts: Confusion, metric: WatchedMetric) -> tuple[int, int]:
    if metric == "false_negative_rate":
        return counts.false_negatives, counts.positives
    return counts.false_positives, counts.negatives


def _too_small(finding: str, metric: WatchedMetric, n: int) -> str:
    what = "Missed cases" if metric == "false_negative_rate" else "False alarms"
    which = "with" if metric == "false_negative_rate" else "without"
    return (
        f"{what} of {finding} are not watched: the bundle's reference holds {n} cases {which} it, "
        "from which no limit can be drawn."
    )


def _labels(term: Term, values: Mapping[str, Iterable[str]]) -> list[str]:
    if not term.edges:
        expected = {*_KNOWN_OF_EVERYBODY.get(term.name, ()), *values.get(term.name, ())}
        return [*sorted(expected - {OTHER, UNKNOWN}), OTHER, UNKNOWN]
    nobody = np.array([np.nan])
    (grouping,) = group_by([By(terms=(term,))], {term.name: nobody})
    bins = [group.attributes[0].value for group in grouping.groups]
    # below the first edge: possible of anything but an age from 0 on
    return [OTHER, *bins] if term.edges[0] > 0 else bins


def _expected(group: Group, known: Mapping[str, set[str]]) -> Group:
    """Return the group of the plan that a group found in the data belongs to."""
    return Group(
        attributes=tuple(
            a
            if a.value in known[a.name]
            else Attribute(name=a.name, value=OTHER if OTHER in known[a.name] else UNKNOWN)
            for a in group.attributes
        )
    )
