"""A ledger, or a table with scores, to a proposal and all that its reader should see beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair import __version__
from edgefair.audit.effects import Effect
from edgefair.audit.groups import By, group_by
from edgefair.audit.inputs import outcomes, scores
from edgefair.audit.proposals import LEAST_POSITIVES
from edgefair.audit.thresholds import (
    ThresholdRow,
    sensible_thresholds,
    thresholds_by_group,
    thresholds_overall,
)
from edgefair.bundle.site import (
    Proposal,
    ProposedEffect,
    SiteRule,
    SiteSetting,
)
from edgefair.clinic.proposing.fitting import Ask, Fitted, fitted
from edgefair.clinic.proposing.material import Material, conditions_of, from_ledger
from edgefair.clinic.proposing.weighing import Weighed, weighed
from edgefair.errors import NotEnoughData
from edgefair.interop.tables import Table
from edgefair.ledger import Ledger
from edgefair.records import Group
from edgefair.report.proposal import LookedAt, ProposalReport

__all__ = ["Ask", "TableRoles", "propose_from_ledger", "propose_from_table"]

_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRoles:
    """Which columns of a table mean what.

    Attributes
    ----------
    label, score : str
        Whether the finding was there, 1, 0 or empty; and how suspicious the model is of it.
    threshold : float
        From which score on a person looks now.
    patient : str or None
        Whose case it is; each another's if None.
    """

    label: str
    score: str
    threshold: float
    patient: str | None = None


def propose_from_ledger(
    path: Path, ask: Ask, *, by: str, finding: str | None, now: datetime
) -> ProposalReport:
    """Return what is proposed for one finding of the model that read last.

    Parameters
    ----------
    path : Path
        The ledger; it is only read.
    ask : Ask
    by : str
        How everybody is parted, e.g. ``sex`` or ``age:0,18,60``.
    finding : str or None
        May be None where the model has only one.
    now : datetime
        With a time zone.

    Raises
    ------
    NotEnoughData
        If too little is verified, or whom the model misses cannot be known from it.
    InputError
        If `by`, the finding or what is asked for cannot be had.
    """
    with Ledger.open(path, read_only=True) as ledger:
        material = from_ledger(ledger, finding=finding, by=by)
    return _report(material, ask, source=str(path), now=now)


def propose_from_table(
    table: Table, roles: TableRoles, ask: Ask, *, by: str | None, now: datetime
) -> ProposalReport:
    """Return what is proposed for the scores in a table, which nobody can put in force.

    Raises
    ------
    BadTable
        If a column is missing or holds what it should not.
    NotEnoughData
        If too little is verified.
    """
    score = scores(np.array(table.column(roles.score), object), roles.score)
    read = np.isfinite(score)
    if not read.any():
        raise NotEnoughData("The table holds no score.", hint="Name the column with --score.")
    outcome = outcomes(np.array(table.column(roles.label), object), roles.label)[read]
    way = By.parse(by, columns=table.columns) if by else None
    names = [term.name for term in way.terms] if way else []
    features = {name: np.array(table.column(name), object)[read] for name in names}
    (grouping,) = group_by(
        [way or By.parse(_NOBODY)], features or {_NOBODY: np.full(int(read.sum()), "all", object)}
    )
    patients = None
    if roles.patient:
        whose = np.array(table.column(roles.patient), object)[read]
        patients = np.unique(whose.astype(str), return_inverse=True)[1].astype(np.int64)
    probability = score[read]
    setting = SiteSetting(group=Group(), threshold=roles.threshold)
    name = f"{roles.score} of at least {roles.threshold:g}"
    material = Material(
        model="",
        bundle_digest="",
        finding=roles.label,
        operating_point=name,
        in_force=SiteRule(chosen_for=name, chosen_on="", settings=(setting,)),
        probability=probability,
        flagged_then=probability >= roles.threshold,
        current=np.full(len(probability), roles.threshold),
        outcome=outcome.astype(np.int64),
        because=(),
        drawn_with=np.full(len(probability), np.nan),
        grouping=grouping,
        conditions=conditions_of(way, grouping.groups) if way else ((),),
        patients=patients,
        can_recalibrate=bool(np.all((probability >= 0) & (probability <= 1))),
    )
    return _report(material, ask, source=table.name, now=now)


_NOBODY = "everybody"


def _report(material: Material, ask: Ask, *, source: str, now: datetime) -> ProposalReport:
    cases = weighed(material)
    made_from = _made_from(material, cases, Path(source).name)
    found = fitted(material, cases, ask, chosen_on=made_from)
    proposal = Proposal(
        model=material.model,
        bundle_digest=material.bundle_digest,
        finding=material.finding,
        instead_of=material.operating_point,
        made_from=made_from,
        made_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        rule=found.rule,
        effects=tuple(_effects(found.effects, _silent(material, cases))),
        notes=tuple(_notes(material, cases, found, ask)),
    )
    currently = np.unique(material.current)
    uniform = float(currently[0]) if len(currently) == 1 else None
    return ProposalReport(
        proposal=proposal,
        now=uniform,
        looked_at=_looked_at(material, found.rule),
        thresholds=_thresholds(material, cases, ask, (uniform, found.rule)),
        bands=tuple(b for b in found.bands if b.group not in _unnamed(material)),
        aim=(ask.aim.metric, ask.aim.at_least) if ask.aim else None,
        coverage=ask.coverage,
        level=ask.level,
        source=source,
        edgefair_version=__version__,
    )


def _made_from(material: Material, cases: Weighed, name: str) -> str:
    verified = int(cases.used.sum())
    having = int(np.sum(material.outcome == 1))
    return (
        f"{verified:,} verified cases of {len(material):,} in {name}, {having:,} of them with "
        f"{material.finding}"
    )


def _silent(material: Material, cases: Weighed) -> tuple[Group, ...]:
    """Return the groups of whom nothing may be said of whom the model misses."""
    groups = zip(material.grouping.groups, cases.states, strict=True)
    return (*(g for g, state in groups if not state.allowed), *_unnamed(material))


def _unnamed(material: Material) -> tuple[Group, ...]:
    """Return the one group of a table that is not parted: it is everybody."""
    alone = material.grouping.attribute == _NOBODY
    return material.grouping.groups if alone else ()


def _effects(effects: Sequence[Effect], silent: Sequence[Group]) -> Iterator[ProposedEffect]:
    for effect in effects:
        if effect.group in silent or not (
            effect.before.is_estimable and effect.after.is_estimable
        ):
            continue
        yield ProposedEffect(
            group=effect.group,
            metric=effect.metric,
            before=effect.before,
            after=effect.after,
            difference=effect.difference if effect.difference.is_estimable else None,
        )


def _looked_at(material: Material, rule: SiteRule) -> tuple[LookedAt, ...]:
    by_group = {setting.group: setting.threshold for setting in rule.settings}
    everybody = rule.settings[0].threshold
    groups = material.grouping.groups
    threshold = np.array([by_group.get(group, everybody) for group in groups])
    now = material.probability >= material.current
    then = material.probability >= threshold[material.grouping.codes]
    parts = [(g, material.grouping.codes == code) for code, g in enumerate(groups)]
    every_row = np.ones(len(material), dtype=np.bool_)
    unnamed = _unnamed(material)
    return tuple(
        LookedAt(
            group=group,
            images=int(rows.sum()),
            now=int(now[rows].sum()),
            then=int(then[rows].sum()),
        )
        for group, rows in ((Group(), every_row), *parts)
        if group not in unnamed
    )


def _thresholds(
    material: Material, cases: Weighed, ask: Ask, marked: tuple[float | None, SiteRule]
) -> tuple[ThresholdRow, ...]:
    """Return what each threshold does: the bundle's probabilities, before any are put right."""
    used = cases.used
    y, score = material.outcome[used] == 1, material.probability[used]
    now, rule = marked
    proposed = [setting.threshold for setting in rule.settings]
    at = [*sensible_thresholds(score).tolist(), *proposed, *([] if now is None else [now])]
    silent = _silent(material, cases)
    overall = thresholds_overall(
        y, score, thresholds=at, costs=ask.costs, weights=cases.weights, level=ask.level
    )
    by_group = thresholds_by_group(
        y,
        score,
        material.grouping.of_rows(used),
        thresholds=at,
        costs=ask.costs,
        weights=cases.weights,
        level=ask.level,
    )
    return (*overall, *(row for row in by_group if row.group not in silent))


def _notes(material: Material, cases: Weighed, found: Fitted, ask: Ask) -> Iterator[str]:
    yield from cases.notes
    for group, state in zip(material.grouping.groups, cases.states, strict=True):
        if not state.allowed:
            yield f"Nothing is said of whom the model misses in {group}: {state.instead}"
    if material.patients is None:
        yield "Each case counts as another patient's: nobody is known to have several."
    before, after = material.in_force.settings[0], found.rule.settings[0]
    if before.refer_up_to is not None and after.refer_up_to is None:
        yield (
            "What is too close to the threshold is referred now; under this rule it is called "
            "positive from the threshold on, and a person looks at it all the same."
        )
    if ask.lawful_because and ask.aim:
        yield from _held_to_all(material, cases, ask.aim.metric)


def _held_to_all(material: Material, cases: Weighed, metric: str) -> Iterator[str]:
    counted = cases.used & (material.outcome == (metric == "sensitivity"))
    kind = "with" if metric == "sensitivity" else "without"
    for code, group in enumerate(material.grouping.groups):
        n = int(np.sum(counted & (material.grouping.codes == code)))
        if n < LEAST_POSITIVES and material.conditions[code]:
            yield (
                f"{group} gets the threshold of all: {n} verified cases {kind} the finding are "
                f"fewer than {LEAST_POSITIVES}."
            )
