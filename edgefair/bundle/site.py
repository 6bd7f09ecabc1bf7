"""What a site decides differently from the bundle: proposed on its own outcomes, then adopted.

A rule is about the bundle's own probabilities, whatever was adopted before: who is looked at, who
is referred, and what probability is shown. A proposal is a rule with what it would change, in a
file with its digest; adopted it decides, under a name of its own.
"""

from __future__ import annotations

import hashlib
import json
from math import exp, isfinite, log, log1p
from typing import TYPE_CHECKING, Final, TypeVar

from edgefair.errors import ContractMismatch
from edgefair.records import UNKNOWN, Group, Interval, Subject
from edgefair.records.record import record

__all__ = [
    "PROPOSAL_FORMAT",
    "Adopted",
    "Condition",
    "Proposal",
    "ProposedEffect",
    "SiteDecisions",
    "SiteRule",
    "SiteSetting",
    "proposal_digest",
    "proposal_from_json",
    "proposal_to_json",
    "rule_from_tree",
    "rule_to_tree",
]

if TYPE_CHECKING:  # who adopted nothing need not wait for its import
    import cattrs

_Record = TypeVar("_Record")

PROPOSAL_FORMAT: Final = 1
"""Version of a proposal's form; a reader refuses any other."""

_NEAREST_TO_CERTAIN: Final = 1e-6


@record(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold of one attribute for a patient to be in a group.

    Attributes
    ----------
    name : str
        ``sex``, ``age`` or any other attribute.
    value : str
        What it must be; empty for a number between bounds.
    lower, upper : float or None
        A number must be at least `lower` and below `upper`; None does not bound it.
    """

    name: str
    value: str = ""
    lower: float | None = None
    upper: float | None = None

    def holds_for(self, subject: Subject) -> bool:
        """Return whether it does; never where the attribute is not known.

        Examples
        --------
        >>> Condition(name="age", lower=60.0).holds_for(Subject(age_years=71.0))
        True
        >>> Condition(name="sex", value="F").holds_for(Subject())
        False
        """
        known = _known(subject, self.name)
        if known is None:
            return False
        if self.value:
            return str(known).strip() == self.value
        try:
            number = float(known)
        except ValueError:
            return False
        above = self.lower is None or number >= self.lower
        return above and (self.upper is None or number < self.upper)


@record(frozen=True, slots=True, kw_only=True)
class SiteSetting:
    """How one group is decided on.

    Attributes
    ----------
    group : Group
    conditions : tuple of Condition
        All must hold; none for everybody.
    threshold : float
        Of the bundle's probability, in [0, 1]: from here on a person looks.
    refer_up_to : float or None
        From `threshold` up to here, both ends in, the decision is refer, and positive only above.
        None refers nobody.
    intercept : float
        Added to the logit of the probability, for the one that is shown.
    """

    group: Group
    conditions: tuple[Condition, ...] = ()
    threshold: float
    refer_up_to: float | None = None
    intercept: float = 0.0

    def is_for(self, subject: Subject) -> bool:
        """Return whether a patient is in the group."""
        return all(condition.holds_for(subject) for condition in self.conditions)


@record(frozen=True, slots=True, kw_only=True)
class SiteRule:
    """How one finding is decided on at a site.

    Attributes
    ----------
    chosen_for, chosen_on : str
        The aim, and the cases it was fitted on, in words.
    lawful_because : str
        On what ground patients are treated by the group they are in; empty if they are not.
    slope : float
        The logit of the probability is multiplied with it, for the one that is shown.
    settings : tuple of SiteSetting
        Everybody's first, which counts wherever no other holds.
    """

    chosen_for: str
    chosen_on: str
    lawful_because: str = ""
    slope: float = 1.0
    settings: tuple[SiteSetting, ...]

    @property
    def recalibrates(self) -> bool:
        """Whether other probabilities are shown than the bundle's."""
        return self.slope != 1 or any(setting.intercept for setting in self.settings)

    def setting_for(self, subject: Subject) -> SiteSetting:
        """Return what decides on a patient: everybody's where the group is not known."""
        own = (setting for setting in self.settings[1:] if setting.is_for(subject))
        return next(own, self.settings[0])

    def shown(self, probability: float, setting: SiteSetting) -> float:
        """Return the probability that is shown for one of the bundle's.

        Examples
        --------
        >>> setting = SiteSetting(group=Group(), threshold=0.4, intercept=1.0)
        >>> rule = SiteRule(chosen_for="", chosen_on="", settings=(setting,))
        >>> f"{rule.shown(0.5, setting):.3f}"
        '0.731'
        """
        if self.slope == 1 and not setting.intercept:
            return probability
        p = min(max(probability, _NEAREST_TO_CERTAIN), 1 - _NEAREST_TO_CERTAIN)
        x = self.slope * (log(p) - log1p(-p)) + setting.intercept
        # written so that neither sign of a large logit overflows
        return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


@record(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A rule in force.

    Attributes
    ----------
    finding : str
    name : str
        Of the operating point, e.g. ``site 2026-11-24 (by AB)``.
    reason : str
        Why it was adopted, in its adopter's words.
    rule : SiteRule
    """

    finding: str
    name: str
    reason: str
    rule: SiteRule


@record(frozen=True, slots=True, kw_only=True)
class SiteDecisions:
    """All that a site has adopted for one bundle.

    Attributes
    ----------
    bundle_digest : str
        Of the only bundle that it may be used with.
    adopted : tuple of Adopted
        One for each finding that is decided differently; the bundle decides on the others.
    """

    bundle_digest: str
    adopted: tuple[Adopted, ...] = ()

    def of(self, finding: str) -> Adopted | None:
        """Return what is in force for a finding; None if the bundle decides."""
        return next((one for one in self.adopted if one.finding == finding), None)


@record(frozen=True, slots=True, kw_only=True)
class ProposedEffect:
    """What a proposal changes in one group, by cases that it was not fitted on.

    Attributes
    ----------
    difference : Interval or None
        After less before, on the same cases; None where that says nothing.
    """

    group: Group
    metric: str
    before: Interval
    after: Interval
    difference: Interval | None


@record(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule to be adopted, and what speaks for it.

    Attributes
    ----------
    model, bundle_digest : str
        What it was fitted to; both empty where a table of scores was all there was.
    finding : str
    instead_of : str
        The operating point in force when it was made.
    made_from, made_at : str
        Which cases, in words; when (UTC, ISO 8601).
    rule : SiteRule
    effects : tuple of ProposedEffect
    notes : tuple of str
        What its adopter should know.
    """

    format: int = PROPOSAL_FORMAT
    model: str
    bundle_digest: str
    finding: str
    instead_of: str
    made_from: str
    made_at: str
    rule: SiteRule
    effects: tuple[ProposedEffect, ...]
    notes: tuple[str, ...] = ()


def proposal_to_json(proposal: Proposal) -> str:
    """Return the proposal as canonical JSON, with the digest of all else in it."""
    tree = {**_converter().unstructure(proposal), "digest": proposal_digest(proposal)}
    return json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def proposal_digest(proposal: Proposal) -> str:
    """Return the SHA-256 of the proposal's canonical JSON without it, hexadecimal."""
    return _digest(_converter().unstructure(proposal))


def proposal_from_json(text: str | bytes) -> Proposal:
    """Return the proposal, or say every fault in it at once.

    Raises
    ------
    ContractMismatch
        If it is no proposal, of another format, or not as it was written.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal([f"it is no JSON ({error})"]) from error
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != PROPOSAL_FORMAT:
        raise _refusal([f"its format is {found!r}, and this edgefair reads {PROPOSAL_FORMAT}"])
    digest = tree.pop("digest", "")
    proposal = _structured(tree, Proposal)
    if _digest(tree) != digest:
        raise _refusal(["it was changed after it was made"])
    if faults := _inconsistencies(proposal.rule):
        raise _refusal(faults)
    return proposal


def rule_to_tree(rule: SiteRule) -> object:
    """Return the rule as what JSON can hold."""
    return _converter().unstructure(rule)


def rule_from_tree(tree: object) -> SiteRule:
    """Return the rule in a tree that `rule_to_tree` made.

    Raises
    ------
    ContractMismatch
        If it does not hold.
    """
    rule = _structured(tree, SiteRule)
    if faults := _inconsistencies(rule):
        raise _refusal(faults)
    return rule


def _known(subject: Subject, name: str) -> str | float | None:
    if name == "age":
        return subject.age_years
    others = (a.value for a in subject.attributes if a.name == name)
    value = subject.sex if name == "sex" else next(others, UNKNOWN)
    return None if value == UNKNOWN else value


def _inconsistencies(rule: SiteRule) -> list[str]:
    groups = [setting.group for setting in rule.settings]
    rules: list[tuple[bool, str]] = [
        (
            groups[:1] == [Group()] and not rule.settings[0].conditions,
            "the first setting must be everybody's",
        ),
        (len(set(groups)) == len(groups), "each group must have one setting"),
        (
            all(setting.conditions for setting in rule.settings[1:]),
            "each group's setting must say who is in the group",
        ),
        (
            len(groups) < 2 or bool(rule.lawful_because.strip()),
            "nothing says why patients may be treated by the group they are in",
        ),
        (isfinite(rule.slope) and rule.slope > 0, "the slope must be above 0"),
    ]
    faults = [fault for holds, fault in rules if not holds]
    return faults + [
        f"the setting of {setting.group} has bounds that are none"
        for setting in rule.settings
        if not _bounds_hold(setting)
    ]


def _bounds_hold(setting: SiteSetting) -> bool:
    up_to = setting.threshold if setting.refer_up_to is None else setting.refer_up_to
    return 0 <= setting.threshold <= up_to <= 1 and isfinite(setting.intercept)


def _digest(tree: object) -> str:
    text = json.dumps(tree, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _refusal(faults: list[str]) -> ContractMismatch:
    return ContractMismatch(
        "The proposal does not hold: " + "; ".join(faults) + ".",
        hint="Make a new one with `edgefair propose`.",
    )


def _structured(tree: object, kind: type[_Record]) -> _Record:
    import cattrs

    try:
        return _converter().structure(tree, kind)
    except cattrs.BaseValidationError as error:
        raise _refusal(cattrs.transform_error(error, path="proposal")) from error
    except RecursionError as error:
        raise _refusal([str(error)]) from error


def _converter() -> cattrs.Converter:
    from edgefair.bundle.strict import strict_converter

    return strict_converter()
