"""The monitoring plan: what a site will look for, written down before it looks.

Groups, limits and error rates that are chosen after the data have been seen prove nothing. So a
plan travels in the bundle, or is made at the site, and is frozen: its SHA-256 tells it from every
other, and another plan starts its evidence anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

import cattrs

from edgefair.bundle.strict import strict_converter
from edgefair.errors import ContractMismatch
from edgefair.records import Group, VerifiedBecause

__all__ = [
    "COUNTED_BECAUSE",
    "METRICS",
    "PLAN_FORMAT",
    "PRIMARY_SHARE",
    "ChartDesign",
    "ControlChart",
    "MonitoringPlan",
    "PlanSettings",
    "WatchedMetric",
    "WatchedRate",
    "plan_digest",
    "plan_from_json",
    "plan_to_json",
]

PLAN_FORMAT: Final = 1
"""Version of a plan's form; a reader refuses any other."""

WatchedMetric: TypeAlias = Literal["false_negative_rate", "false_positive_rate"]

METRICS: Final[tuple[WatchedMetric, ...]] = ("false_negative_rate", "false_positive_rate")
"""What can be watched, the primary one first; each is a family of tests of its own."""

PRIMARY_SHARE: Final = 0.8
"""Share of the error rate that missed cases get where false alarms are watched too."""

COUNTED_BECAUSE: Final = (VerifiedBecause.ROUTINE, VerifiedBecause.RANDOM_AUDIT)
"""The reasons to verify a case that do not depend on what the model said of it.

Only such outcomes are evidence of error rates. Who is verified because the model said positive can
be no missed case, and whose illness told the truth is mostly one: both would be counted as often
as chance and care bring them in, not as often as the model errs.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChart:
    """A Bernoulli CUSUM chart in whole numbers, all at least 1.

    Attributes
    ----------
    up, down : int
        What an error adds, and what a label without one takes away, down to 0.
    height : int
        At this value or above it warns.
    """

    up: int
    down: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRate:
    """An error rate of one finding, and how high it may be in any group.

    Attributes
    ----------
    reference_errors, reference_n : int
        What was counted before release.
    reference_upper : float
        Largest rate that these counts allow, in [0, 1].
    tolerance : float
        How much above that is still acceptable.
    limit : float
        In (0, 1); above it the model does harm.
    chart : ControlChart
        Of each group; made by the plan's `ChartDesign`.
    """

    finding: str
    metric: WatchedMetric
    reference_errors: int
    reference_n: int
    reference_upper: float
    tolerance: float
    limit: float
    chart: ControlChart


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDesign:
    """How soon the control chart warns of a change after a good time.

    Attributes
    ----------
    odds_ratio : float
        How many times higher the odds of an error become in the change it is tuned to, above 1.
    labels_to_false_alarm : int
        Labels of a group that go by, on average, until it warns without a change.
    """

    odds_ratio: float
    labels_to_false_alarm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What a person chooses of a plan; the rest follows from the bundle's reference.

    Attributes
    ----------
    groups_by : tuple of str
        ``sex``, ``age:0,18,60`` for bins, ``sex+age:0,60`` to cross two.
    tolerance, alpha, minimum_audit
        As in `WatchedRate` and `MonitoringPlan`.
    odds_ratio, labels_to_false_alarm
        As in `ChartDesign`.
    """

    groups_by: tuple[str, ...] = ("sex", "age:0,18,40,60,80")
    tolerance: float = 0.05
    alpha: float = 0.05
    minimum_audit: int = 20
    odds_ratio: float = 2.0
    labels_to_false_alarm: int = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringPlan:
    """Everything that is decided before the first outcome is looked at.

    Attributes
    ----------
    model : str
        Name and version, e.g. ``chest-xray 0.1.0``.
    groups_by : tuple of str
        How everybody is parted, e.g. ``sex`` or ``age:0,18,60``.
    groups : tuple of Group
        All groups that are watched, everybody first. Values that nobody expected fall to the
        group ``Other`` of their attribute.
    rates : tuple of WatchedRate
    unwatched : tuple of str
        What is not watched and why, one sentence each.
    alpha : float
        Chance that any cell at all is ever said to be harmed without being so, and of any false
        all-clear.
    primary_share : float
        How much of that is spent on the primary metric, in (0, 1], where others are watched too.
    minimum_audit : int
        Cases that the model called negative, verified for a reason that does not depend on it,
        that a group needs before its missed cases are judged.
    chart : ChartDesign
    derived : str
        Where the plan comes from, in words.
    frozen_by, frozen_on : str
        Who decided, and on which day (ISO 8601); empty if the bundle's builder does not say.
    """

    format: int = PLAN_FORMAT
    model: str
    groups_by: tuple[str, ...]
    groups: tuple[Group, ...]
    rates: tuple[WatchedRate, ...]
    unwatched: tuple[str, ...] = ()
    alpha: float
    primary_share: float = PRIMARY_SHARE
    minimum_audit: int
    chart: ChartDesign
    derived: str
    frozen_by: str
    frozen_on: str

    def alpha_of(self, metric: str) -> float:
        """Return the part of alpha that is spent on all cells of one metric together."""
        if len({rate.metric for rate in self.rates}) == 1:
            return self.alpha
        share = self.primary_share if metric == METRICS[0] else 1 - self.primary_share
        return self.alpha * share

    def cells_of(self, metric: str) -> int:
        """Return how many cells are judged together: findings times groups."""
        return len(self.groups) * sum(rate.metric == metric for rate in self.rates)


def plan_to_json(plan: MonitoringPlan) -> str:
    """Return the plan as canonical JSON: sorted keys, no NaN, one final newline."""
    tree = _converter().unstructure(plan)
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def plan_digest(plan: MonitoringPlan) -> str:
    """Return the SHA-256 of the plan's canonical JSON, hexadecimal."""
    return hashlib.sha256(plan_to_json(plan).encode()).hexdigest()


def plan_from_json(text: str | bytes) -> MonitoringPlan:
    """Return the plan, or say every fault in it at once.

    Raises
    ------
    ContractMismatch
        If it is no JSON, of another format, or has missing, unknown or wrong fields; the message
        names each with its path.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal([f"it is no JSON ({error})"]) from error
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != PLAN_FORMAT:
        raise ContractMismatch(
            f"The monitoring plan has format {found!r}; this edgefair reads format {PLAN_FORMAT}.",
            hint="Install the edgefair version that the plan was made with.",
        )
    try:
        plan = _converter().structure(tree, MonitoringPlan)
    except (cattrs.BaseValidationError, RecursionError) as error:
        raise _refusal(_faults_of(error)) from error
    if faults := _inconsistencies(plan):
        raise _refusal(faults)
    return plan


def _refusal(faults: list[str]) -> ContractMismatch:
    return ContractMismatch(
        "The monitoring plan does not hold: " + "; ".join(faults) + ".",
        hint="Get it again from where it came, or make a new one with `edgefair plan make`.",
    )


def _faults_of(error: BaseException) -> list[str]:
    if isinstance(error, cattrs.BaseValidationError):
        return cattrs.transform_error(error, path="plan")
    return [str(error) or type(error).__name__]


def _inconsistencies(plan: MonitoringPlan) -> list[str]:
    metrics = [rate.metric for rate in plan.rates]
    watched = [(rate.finding, rate.metric) for rate in plan.rates]
    rules: list[tuple[bool, str]] = [
        (bool(plan.rates), "rates must name at least one"),
        (len(set(watched)) == len(watched), "rates must name each finding and metric once"),
        (
            plan.groups[:1] == (Group(),) and len(set(plan.groups)) == len(plan.groups),
            "groups must be distinct, everybody first",
        ),
        (0 < plan.alpha < 1, "alpha must be in (0, 1)"),
        (
            0 < plan.primary_share < 1 or (plan.primary_share == 1 and len(set(metrics)) == 1),
            "primary_share must leave something for every metric",
        ),
        (plan.minimum_audit >= 0, "minimum_audit must not be negative"),
        (plan.chart.odds_ratio > 1, "chart.odds_ratio must be above 1"),
        (plan.chart.labels_to_false_alarm > 1, "chart.labels_to_false_alarm must be above 1"),
        *(
            (0 < rate.limit < 1, f"the limit of {rate.metric} of {rate.finding} must be in (0, 1)")
            for rate in plan.rates
        ),
        *(
            (
                min(rate.chart.up, rate.chart.down, rate.chart.height) >= 1,
                f"the chart of {rate.metric} of {rate.finding} must be of numbers from 1 on",
            )
            for rate in plan.rates
        ),
    ]
    return [fault for holds, fault in rules if not holds]


@cache
def _converter() -> cattrs.Converter:
    return strict_converter()
