"""From the verified cases to a rule, with what it does to cases that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.band_proposals import BandShares, propose_bands
from edgefair.audit.conformal import ReferBand
from edgefair.audit.effects import Effect
from edgefair.audit.groups import Grouping
from edgefair.audit.proposals import (
    LEAST_POSITIVES,
    Aim,
    HeldOut,
    RecalibrationProposal,
    propose_group_intercepts,
    propose_group_thresholds,
    propose_recalibration,
    propose_threshold,
)
from edgefair.audit.recalibration import shrunk_shifts
from edgefair.audit.thresholds import Costs
from edgefair.bundle.site import SiteRule, SiteSetting
from edgefair.clinic.proposing.material import Material
from edgefair.clinic.proposing.weighing import Weighed
from edgefair.errors import InputError, NotEnoughData
from edgefair.records import Group, VerifiedBecause

__all__ = ["Ask", "Fitted", "fitted"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]

_SEED: Final = 0
_FOLDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be proposed.

    Attributes
    ----------
    aim : Aim or None
        What a threshold is to reach.
    coverage : float or None
        What a refer band is to promise, in place of an aim.
    recalibrate : bool
        Whether the probabilities are to be put right too.
    lawful_because : str
        On what ground groups may be treated apart; empty for one rule for all.
    costs : Costs or None
    level : float
        Of each interval on its own.
    """

    aim: Aim | None = None
    coverage: float | None = None
    recalibrate: bool = False
    lawful_because: str = ""
    costs: Costs | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.aim and self.coverage:
            raise ValueError("a threshold or a band can be proposed, not both")
        if not (self.aim or self.coverage or self.recalibrate):
            raise ValueError("nothing is asked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A rule, and what speaks for it.

    Attributes
    ----------
    rule : SiteRule
    effects : tuple of Effect
    bands : tuple of BandShares
        Empty where no band is proposed.
    """

    rule: SiteRule
    effects: tuple[Effect, ...]
    bands: tuple[BandShares, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decisions:
    """Settings of everybody and of each group, before probabilities are put right."""

    settings: tuple[SiteSetting, ...]
    effects: tuple[Effect, ...] = ()
    bands: tuple[BandShares, ...] = ()
    chosen_for: str


def fitted(material: Material, cases: Weighed, ask: Ask, *, chosen_on: str) -> Fitted:
    """Return the rule that was asked for.

    Raises
    ------
    NotEnoughData
        If too few cases are verified for what was asked.
    InputError
        If it cannot be had of this model, or together with what is in force.
    """
    held = _held_out(material, cases, np.ones(int(cases.used.sum()), dtype=np.bool_))
    _check_enough(held, material.finding, ask)
    current = material.current[cases.used]
    decisions = _decisions(material, held, current, ask)
    rule = SiteRule(
        chosen_for=decisions.chosen_for,
        chosen_on=chosen_on,
        lawful_because=ask.lawful_because.strip(),
        settings=decisions.settings,
    )
    if not ask.recalibrate:
        rule = _as_right_as_before(rule, material.in_force)
        return Fitted(rule=rule, effects=decisions.effects, bands=decisions.bands)
    right = _recalibration(material, cases, ask)
    return Fitted(
        rule=_put_right(rule, right, material),
        effects=(*decisions.effects, *right.effects),
        bands=decisions.bands,
    )


def _held_out(material: Material, cases: Weighed, chosen: _Bools) -> HeldOut:
    """Return the verified cases, or those chosen among them."""
    rows = np.zeros(len(material), dtype=np.bool_)
    rows[np.flatnonzero(cases.used)[chosen]] = True
    patients = None if material.patients is None else material.patients[rows]
    people = int(rows.sum()) if patients is None else len(np.unique(patients))
    if people < _FOLDS:
        raise NotEnoughData(
            f"Only {people} people's cases of {material.finding} are verified: nothing can be "
            "proposed and be checked on others.",
            hint="`edgefair outcomes next` draws the cases to verify.",
        )
    return HeldOut(
        y_true=material.outcome[rows] == 1,
        score=material.probability[rows],
        grouping=material.grouping.of_rows(rows),
        patients=patients,
        weights=None if cases.weights is None else cases.weights[chosen],
        folds=_FOLDS,
        seed=_SEED,
    )


def _check_enough(held: HeldOut, finding: str, ask: Ask) -> None:
    """Pass if there are enough cases of the kinds that count."""
    positives = int(held.y_true.sum())
    negatives = len(held.y_true) - positives
    only = ask.aim.metric if ask.aim and not ask.recalibrate else ""
    counted = (
        (positives, "with", only != "specificity"),
        (negatives, "without", only != "sensitivity"),
    )
    for n, kind, counts in counted:
        if counts and n < LEAST_POSITIVES:
            raise NotEnoughData(
                f"{n} verified cases {kind} {finding} are too few to choose by; at least "
                f"{LEAST_POSITIVES} are needed.",
                hint="`edgefair outcomes next` draws the cases to verify.",
            )


def _decisions(material: Material, held: HeldOut, current: _Floats, ask: Ask) -> _Decisions:
    if ask.aim:
        return _thresholds(material, held, current, ask, ask.aim)
    if ask.coverage:
        return _bands(material, held, current, ask, ask.coverage)
    kept = material.in_force.settings
    if ask.lawful_because and len(kept) > 1:
        raise InputError(
            "Groups are treated apart already, by another rule.",
            hint="Ask for the threshold too, e.g. with --sensitivity.",
        )
    if ask.lawful_because:
        kept = _settings(material, [kept[0]] * (1 + len(material.conditions)))
    return _Decisions(settings=kept, chosen_for="probabilities that come true")


def _thresholds(
    material: Material, held: HeldOut, current: _Floats, ask: Ask, aim: Aim
) -> _Decisions:
    for_all = propose_threshold(held, aim, current=current, level=ask.level)
    # just above the largest score there is nothing where that is a probability of 1
    most = 1.0 if material.bundle_digest else inf
    asked = f"{aim.metric} at least {100 * aim.at_least:g}%"
    everybody = SiteSetting(group=Group(), threshold=min(for_all.thresholds[0][1], most))
    if not ask.lawful_because:
        return _Decisions(settings=(everybody,), effects=for_all.effects, chosen_for=asked)
    own = propose_group_thresholds(
        held, aim, current=current, lawful_because=ask.lawful_because, level=ask.level
    )
    settings = [
        replace(everybody, threshold=min(threshold, most)) for _, threshold in own.thresholds
    ]
    return _Decisions(
        settings=_settings(material, [everybody, *settings]),
        effects=own.effects,
        chosen_for=asked,
    )


def _bands(
    material: Material, held: HeldOut, current: _Floats, ask: Ask, coverage: float
) -> _Decisions:
    if held.weights is not None:
        raise NotEnoughData(
            "A refer band promises its coverage only on cases that were verified with equal "
            "chances, and here it depended on what the model had said.",
            hint="Verify cases drawn at random from all, or ask for a threshold: --sensitivity.",
        )
    if np.any((held.score < 0) | (held.score > 1)):
        raise InputError(
            "A refer band takes probabilities, and these scores lie outside [0, 1].",
            hint="Ask for a threshold instead: --sensitivity.",
        )
    found = propose_bands(
        held, coverage=coverage, current=current, lawful_because=ask.lawful_because,
        level=ask.level,
    )  # fmt: skip
    settings = [_band(band) for band in (found.everybody, *found.by_group)]
    return _Decisions(
        settings=_settings(material, settings) if found.by_group else tuple(settings),
        effects=found.effects,
        bands=found.shares,
        chosen_for=f"a refer band of coverage {100 * coverage:g}%",
    )


def _band(band: ReferBand) -> SiteSetting:
    # below 0 and above 1 there is no probability: nobody is cleared, or nobody flagged
    lower = band.lower if isfinite(band.lower) else 0.0
    upper = band.upper if isfinite(band.upper) else 1.0
    return SiteSetting(group=Group(), threshold=lower, refer_up_to=upper)


def _settings(material: Material, settings: Sequence[SiteSetting]) -> tuple[SiteSetting, ...]:
    """Return everybody's setting and each known group's, of one for all and one a group."""
    everybody, *by_group = settings
    groups = zip(material.grouping.groups, material.conditions, by_group, strict=True)
    return (
        everybody,
        *(
            replace(setting, group=group, conditions=conditions)
            for group, conditions, setting in groups
            if conditions
        ),
    )


def _recalibration(material: Material, cases: Weighed, ask: Ask) -> RecalibrationProposal:
    if not material.can_recalibrate:
        raise InputError(
            "The probabilities of this model cannot be put right one by one.",
            hint="They are shared out among its findings, or are no probabilities. Ask for a "
            "threshold instead.",
        )
    used = [material.because[i] for i in np.flatnonzero(cases.used)] if material.because else []
    chosen = np.array([reason is not VerifiedBecause.CLINICAL for reason in used], dtype=np.bool_)
    if not used:
        chosen = np.ones(int(cases.used.sum()), dtype=np.bool_)
    held = _held_out(material, cases, chosen)
    if ask.lawful_because:
        return propose_group_intercepts(held, lawful_because=ask.lawful_because, level=ask.level)
    return propose_recalibration(held, level=ask.level)


def _put_right(rule: SiteRule, right: RecalibrationProposal, material: Material) -> SiteRule:
    """Return the rule with what is to be made of the logits."""
    by_group = dict(right.intercepts)
    for_all = _intercept_for_all(right, material)
    settings = tuple(
        replace(setting, intercept=by_group.get(setting.group, for_all))
        for setting in rule.settings
    )
    aims = dict.fromkeys((rule.chosen_for, "probabilities that come true"))
    return replace(rule, slope=right.slope, settings=settings, chosen_for="; ".join(aims))


def _intercept_for_all(right: RecalibrationProposal, material: Material) -> float:
    """Return what whoever is of no known group gets: what its own labels do not change."""
    if not right.lawful_because:
        return right.intercepts[0][1]
    verified = material.outcome >= 0
    alone = Grouping(
        attribute="everybody", groups=(Group(),), codes=np.zeros(int(verified.sum()), np.int64)
    )
    y, p = material.outcome[verified] == 1, material.probability[verified]
    return shrunk_shifts(y, p, alone)[0].of_all


def _as_right_as_before(rule: SiteRule, in_force: SiteRule) -> SiteRule:
    """Return the rule with what is made of the logits now."""
    if not in_force.recalibrates:
        return rule
    if len(in_force.settings) > 1:
        raise InputError(
            "Probabilities are put right group by group now, and a new threshold would undo that.",
            hint="Ask for both: add --recalibrate.",
        )
    intercept = in_force.settings[0].intercept
    settings = tuple(replace(setting, intercept=intercept) for setting in rule.settings)
    return replace(rule, slope=in_force.slope, settings=settings)
