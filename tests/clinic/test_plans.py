"""Which plan a site follows: the bundle's own, one drawn from the reference, or its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgefair.audit.planning import drawn_plan
from edgefair.bundle.archive import Bundle, PartContent
from edgefair.bundle.plan import MonitoringPlan, PlanSettings, plan_from_json, plan_to_json
from edgefair.clinic.monitoring import PlanChoice, plan_in_force, put_in_force, recheck
from edgefair.errors import ContractMismatch, InputError
from edgefair.ledger import Ledger
from edgefair.phantom.site import Site, weeks
from edgefair.records import Attribute

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def bundle(bare_phantom: Bundle) -> Bundle:
    return bare_phantom


@pytest.fixture(scope="module")
def own(bundle: Bundle) -> MonitoringPlan:
    plan = drawn_plan(bundle.manifest, PlanSettings(tolerance=0.1), values={})
    assert plan
    return replace(plan, frozen_by="the builder", frozen_on="2026-01-01")


def with_plan(bundle: Bundle, content: str) -> Bundle:
    part = PartContent(path="plan.json", role="plan", content=content.encode())
    return replace(bundle, parts=(*bundle.parts, part))


@pytest.fixture
def path(tmp_path: Path, bundle: Bundle) -> Path:
    path = tmp_path / "clinic.ledger"
    site = Site(
        seed=1,
        model=bundle.manifest.label,
        bundle_digest=bundle.digest,
        finding="opacity",
        weeks=1,
    )
    with Ledger.open(path, create=True) as ledger:
        for week in weeks(site):
            ledger.record(week.predictions)
            ledger.add_outcomes(week.outcomes, today=week.ends)
    return path


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        yield opened


def test_a_bundle_s_own_plan_is_taken_as_it_was_frozen(
    ledger: Ledger, path: Path, bundle: Bundle, own: MonitoringPlan
) -> None:
    frozen = plan_in_force(ledger, path, now=NOW, bundle=with_plan(bundle, plan_to_json(own)))

    assert plan_from_json(frozen.content) == own
    assert frozen.starts_after == 0


def test_a_bundle_s_plan_that_does_not_hold_is_refused(
    ledger: Ledger, path: Path, bundle: Bundle
) -> None:
    with pytest.raises(ContractMismatch):
        plan_in_force(ledger, path, now=NOW, bundle=with_plan(bundle, "{}"))


def test_the_bundle_s_own_plan_made_anew_changes_nothing(ledger: Ledger, bundle: Bundle) -> None:
    first = put_in_force(ledger, bundle, PlanChoice(frozen_by="AB"), now=NOW)
    second = put_in_force(ledger, bundle, PlanChoice(frozen_by="CD"), now=NOW)

    assert first == second


def test_a_choice_made_when_outcomes_were_there_does_not_count_them(
    ledger: Ledger, path: Path, bundle: Bundle
) -> None:
    choice = PlanChoice(settings=PlanSettings(tolerance=0.01), frozen_by="AB")
    put_in_force(ledger, bundle, choice, now=NOW)
    report = recheck(path, now=NOW)

    assert sum(cell.n for cell in report.cells) == 0
    assert any("outcomes were there already" in note for note in report.notes)


def test_groups_come_from_the_reference_and_from_the_site(ledger: Ledger, bundle: Bundle) -> None:
    choice = PlanChoice(settings=PlanSettings(groups_by=("device",)), frozen_by="AB")
    frozen = put_in_force(ledger, bundle, choice, now=NOW)
    plan = plan_from_json(frozen.content)

    assert [group.attributes for group in plan.groups[1:]] == [
        (Attribute(name="device", value=value),) for value in ("A", "B", "Other", "Unknown")
    ]


def test_a_plan_of_thousands_of_groups_is_refused(ledger: Ledger, bundle: Bundle) -> None:
    edges = ",".join(map(str, range(300)))
    choice = PlanChoice(settings=PlanSettings(groups_by=(f"age:{edges}",)), frozen_by="AB")
    with pytest.raises(InputError, match="302 groups"):
        put_in_force(ledger, bundle, choice, now=NOW)

    assert ledger.plans() == ()


def test_a_finding_that_the_model_does_not_look_for_is_refused(
    ledger: Ledger, bundle: Bundle
) -> None:
    with pytest.raises(InputError, match="does not look for gout"):
        put_in_force(ledger, bundle, PlanChoice(findings=("gout",), frozen_by="AB"), now=NOW)


def test_another_model_s_bundle_is_not_taken_for_the_one_that_reads(
    ledger: Ledger, path: Path, bundle: Bundle
) -> None:
    other = replace(bundle, digest="00" * 32)
    with pytest.raises(InputError, match="another model"):
        plan_in_force(ledger, path, now=NOW, bundle=other)
