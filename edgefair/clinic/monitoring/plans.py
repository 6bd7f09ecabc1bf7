"""Which plan a site's re-check follows: its own, its bundle's, or one drawn from the reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from edgefair.audit.planning import drawn_plan
from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.home import default_home
from edgefair.bundle.plan import MonitoringPlan, PlanSettings, plan_from_json, plan_to_json
from edgefair.bundle.shelf import carried_bundles, installed_in
from edgefair.errors import InputError, LedgerError, NotEnoughData
from edgefair.ledger import FrozenPlan, Ledger

__all__ = ["PlanChoice", "plan_in_force", "put_in_force"]

_MOST_GROUPS: Final = 200
_BY_DEFAULT: Final = "edgefair, as nobody had frozen another"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoice:
    """What a site asks of its plan.

    Attributes
    ----------
    settings : PlanSettings or None
        None takes the bundle's own plan where it carries one.
    findings : tuple of str
        All of the model's if empty.
    frozen_by : str
    """

    settings: PlanSettings | None = None
    findings: tuple[str, ...] = ()
    frozen_by: str = field(default=_BY_DEFAULT)

    @property
    def is_blind(self) -> bool:
        """Whether nothing was chosen that the site's own outcomes could have suggested."""
        return self.settings is None and not self.findings


def plan_in_force(
    ledger: Ledger, path: Path, *, now: datetime, bundle: Bundle | None = None
) -> FrozenPlan:
    """Return the plan on the model that read last.

    Where there is none yet, the one that the bundle carries is put in force, or one that is drawn
    from its reference: neither can have been chosen by the outcomes here, so all of these count.

    Parameters
    ----------
    ledger : Ledger
    path : Path
        Of the ledger, for messages.
    now : datetime
        With a time zone.
    bundle : Bundle, optional
        Of that model; looked for among the carried ones if left out and needed.

    Raises
    ------
    NotEnoughData
        If no model has read anything yet.
    InputError
        If `bundle` is another model's.
    LedgerError
        If there is no plan and the model's bundle is not at hand.
    """
    latest = ledger.latest_model()
    if latest is None:
        raise NotEnoughData(
            f"{path} holds no prediction yet.",
            hint=f"`edgefair predict IMAGES --ledger {path}` records some.",
        )
    model, digest = latest
    if bundle and bundle.digest != digest:
        raise InputError(
            f"{bundle.manifest.label} is another model than {model}, which read last in {path}, "
            "or another build of it.",
            hint="Name the bundle that `edgefair predict` was run with.",
        )
    frozen = [plan for plan in ledger.plans() if plan.bundle_digest == digest]
    if frozen:
        return frozen[-1]
    found = bundle or _at_hand(digest)
    if found is None:
        raise LedgerError(
            f"{path} holds no monitoring plan on {model}, and its bundle is neither installed nor "
            "among those that edgefair carries.",
            hint=f"`edgefair plan make --ledger {path} -m BUNDLE --frozen-by NAME` makes one.",
        )
    return put_in_force(ledger, found, PlanChoice(), now=now)


def put_in_force(
    ledger: Ledger, bundle: Bundle, choice: PlanChoice, *, now: datetime
) -> FrozenPlan:
    """Return the plan that holds from now on; one that says the same as the last stays.

    Raises
    ------
    InputError
        If the choice names what the model does not look for, or nothing could be watched.
    """
    stamp = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    plan = _chosen(ledger, bundle, choice, day=stamp[:10])
    before = [frozen for frozen in ledger.plans() if frozen.bundle_digest == bundle.digest]
    if before and _says_the_same(plan_from_json(before[-1].content), plan):
        return before[-1]
    return ledger.freeze_plan(
        plan_to_json(plan),
        bundle_digest=bundle.digest,
        from_now_on=bool(before) or not choice.is_blind,
        frozen_by=choice.frozen_by,
        frozen_at=stamp,
    )


def _chosen(ledger: Ledger, bundle: Bundle, choice: PlanChoice, *, day: str) -> MonitoringPlan:
    if choice.is_blind and _carries_plan(bundle):
        return plan_from_json(bundle.content("plan"))
    manifest = bundle.manifest
    if strange := [name for name in choice.findings if name not in manifest.contract.findings]:
        raise InputError(
            f"{manifest.label} does not look for {', '.join(strange)}.",
            hint=f"It looks for: {', '.join(manifest.contract.findings)}.",
        )
    plan = drawn_plan(
        manifest,
        choice.settings or PlanSettings(),
        values=ledger.values(),
        findings=choice.findings,
    )
    if plan is None:
        raise InputError(
            f"The reference of {manifest.label} is too small to draw any limit from.",
            hint="Ask its builder for one that was measured on more cases.",
        )
    if len(plan.groups) > _MOST_GROUPS:
        raise InputError(
            f"The plan would watch {len(plan.groups):,} groups; more than {_MOST_GROUPS} leave "
            "too few cases in each to ever tell anything.",
            hint="Group by fewer attributes, or by ones with fewer values.",
        )
    return replace(plan, derived=_derived(bundle), frozen_by=choice.frozen_by, frozen_on=day)


def _derived(bundle: Bundle) -> str:
    why = "in place of the bundle's own" if _carries_plan(bundle) else "as the bundle carries none"
    return f"drawn from the bundle's reference ({bundle.manifest.reference.measured_on}), {why}"


def _says_the_same(one: MonitoringPlan, other: MonitoringPlan) -> bool:
    return _unsigned(one) == _unsigned(other)


def _unsigned(plan: MonitoringPlan) -> MonitoringPlan:
    return replace(plan, frozen_by="", frozen_on="", derived="")


def _carries_plan(bundle: Bundle) -> bool:
    return any(part.role == "plan" for part in bundle.parts)


def _at_hand(digest: str) -> Bundle | None:
    """Return the bundle that the ledger's predictions name: a digest needs nobody's word."""
    installed = installed_in(default_home()).releases()
    paths = (*(r.path for r in installed if digest.startswith(r.digest)), *carried_bundles())
    bundles = (read_bundle(path) for path in paths)
    return next((bundle for bundle in bundles if bundle.digest == digest), None)
