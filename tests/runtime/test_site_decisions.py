"""What a site adopted decides, in the place of the bundle's operating point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgefair.bundle.manifest import Manifest
from edgefair.bundle.site import Adopted, Condition, SiteDecisions, SiteRule, SiteSetting
from edgefair.errors import ContractMismatch
from edgefair.records import Attribute, Decision, Group, Subject
from edgefair.runtime.pipeline import load
from edgefair.runtime.scores import at_site, operating_points, score

WOMEN = Group(attributes=(Attribute(name="sex", value="F"),))


def site(*settings: SiteSetting, slope: float = 1.0, digest: str = "ab") -> SiteDecisions:
    rule = SiteRule(
        chosen_for="sensitivity at least 90%", chosen_on="here", slope=slope,
        lawful_because="asked", settings=settings,
    )  # fmt: skip
    adopted = Adopted(finding="bright", name="site 2026-11-24 (by AB)", reason="r", rule=rule)
    return SiteDecisions(bundle_digest=digest, adopted=(adopted,))


def everybody(
    threshold: float, *, refer_up_to: float | None = None, intercept: float = 0.0
) -> SiteSetting:
    return SiteSetting(
        group=Group(), threshold=threshold, refer_up_to=refer_up_to, intercept=intercept
    )


def women(threshold: float, *, intercept: float = 0.0) -> SiteSetting:
    conditions = (Condition(name="sex", value="F"),)
    return SiteSetting(
        group=WOMEN, conditions=conditions, threshold=threshold, intercept=intercept
    )


def decided(
    manifest: Manifest, logit: float, decisions: SiteDecisions, subject: Subject | None = None
) -> tuple[Decision, float, float, str]:
    points = operating_points(manifest, None)
    (scores,) = score(np.array([[logit]], np.float32), manifest, points)
    (found,) = at_site(scores, manifest, decisions, subject or Subject())
    assert found.operating_point == "site 2026-11-24 (by AB)"
    return found.decision, found.probability, found.threshold, found.reason


def test_the_adopted_threshold_decides_and_the_reason_says_whose_it_is(
    manifest: Manifest,
) -> None:
    decision, probability, threshold, reason = decided(manifest, -0.5, site(everybody(0.3)))

    assert (decision, threshold) == (Decision.POSITIVE, 0.3)
    assert probability == pytest.approx(0.3775, abs=1e-4)
    assert reason == (
        "probability 0.378 reaches the threshold 0.300 of site 2026-11-24 (by AB) "
        "(sensitivity at least 90%)"
    )


def test_a_group_of_its_own_is_named_in_the_reason(manifest: Manifest) -> None:
    decisions = site(everybody(0.9), women(0.1))
    woman = decided(manifest, 0.0, decisions, Subject(sex="F"))
    nobody_knows = decided(manifest, 0.0, decisions)

    assert (woman[0], woman[2]) == (Decision.POSITIVE, 0.1)
    assert "for sex F" in woman[3]
    assert (nobody_knows[0], nobody_knows[2]) == (Decision.NEGATIVE, 0.9)


@pytest.mark.parametrize(
    ("logit", "decision"),
    [(-3.0, Decision.NEGATIVE), (0.0, Decision.REFER), (3.0, Decision.POSITIVE)],
)
def test_a_band_refers_what_lies_within(
    manifest: Manifest, logit: float, decision: Decision
) -> None:
    assert decided(manifest, logit, site(everybody(0.3, refer_up_to=0.7)))[0] is decision


def test_a_recalibration_changes_what_is_shown_and_no_decision(manifest: Manifest) -> None:
    plain = decided(manifest, 0.2, site(everybody(0.5)))
    right = decided(manifest, 0.2, site(everybody(0.5, intercept=1.0), slope=2.0))

    assert right[0] is plain[0] is Decision.POSITIVE
    assert right[1] == pytest.approx(1 / (1 + np.exp(-1.4)))
    assert right[2] == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_deciding_twice_is_deciding_once(manifest: Manifest) -> None:
    decisions = site(everybody(0.5, intercept=1.0), women(0.4, intercept=-1.0))
    points = operating_points(manifest, None)
    (scores,) = score(np.array([[0.3]], np.float32), manifest, points)
    once = at_site(scores, manifest, decisions, Subject(sex="F"))
    before = at_site(scores, manifest, decisions, Subject())

    assert at_site(before, manifest, decisions, Subject(sex="F")) == once


def test_what_was_adopted_for_another_bundle_is_refused(make_bundle: Callable[..., Path]) -> None:
    model = load(make_bundle(), threads=1, allow_unsigned=True)
    grey = np.full((16, 16), 120, np.uint8)
    grey[:8] = 90

    with pytest.raises(ContractMismatch, match="another model"):
        model.predict(grey, operating_point=site(everybody(0.3)))
    (read,) = model.predict(grey, operating_point=site(everybody(0.3), digest=model.digest))
    assert read.scores[0].operating_point == "site 2026-11-24 (by AB)"
