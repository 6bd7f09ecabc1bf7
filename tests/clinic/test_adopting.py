"""Adoption: signed, on record, in force from then on, and taken back again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.bundle.site import Condition, Proposal, SiteRule, SiteSetting
from edgefair.clinic.adopting import Signature, adopt, adopted_so_far, revert, site_decisions
from edgefair.clinic.reading import Reader, WorkList
from edgefair.errors import ContractMismatch, InputError, NotEnoughData
from edgefair.interop.demographics import read_demographics
from edgefair.ledger import Ledger
from edgefair.records import Attribute, FindingScore, Group
from edgefair.runtime.pipeline import Model, load

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)
BANDA = Signature(by="Dr A. Banda", reason="too many were missed", at=NOW)
WOMEN = SiteSetting(
    group=Group(attributes=(Attribute(name="sex", value="F"),)),
    conditions=(Condition(name="sex", value="F"),),
    threshold=0.02,
)


@pytest.fixture
def model(make_bundle: Callable[..., Path]) -> Model:
    return load(make_bundle(), threads=1, allow_unsigned=True)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Return a folder of images, each of another probability, from .03 to .95."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(8):
        image = np.full((32, 32), 20 + 30 * number, np.uint8)
        image[0] = 0
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def ledger(tmp_path: Path, model: Model, scans: Path) -> Iterator[Ledger]:
    """Return a ledger in which the bundle's operating point decided on the first five."""
    with Ledger.open(tmp_path / "clinic.ledger", create=True) as opened:
        read(Reader(model=model, ledger=opened), *(scans / f"{n}.png" for n in range(5)))
        yield opened


@pytest.fixture
def proposal(model: Model) -> Proposal:
    return Proposal(
        model=model.manifest.label,
        bundle_digest=model.digest,
        finding="bright",
        instead_of="middle",
        made_from="5 cases",
        made_at="2026-11-24T10:00:00Z",
        rule=SiteRule(
            chosen_for="sensitivity at least 90%",
            chosen_on="5 cases",
            settings=(SiteSetting(group=Group(), threshold=0.2),),
        ),
        effects=(),
    )


def read(reader: Reader, *paths: Path) -> list[FindingScore]:
    return [p.scores[0] for p in reader.read(WorkList.of(paths), clock=lambda: NOW)]


def test_from_its_adoption_on_a_proposal_decides(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal
) -> None:
    reader = Reader(model=model, ledger=ledger)
    before = read(reader, scans / "5.png")
    change = adopt(ledger, proposal, BANDA)
    after = read(reader, scans / "6.png")

    assert change.name == "site 2026-11-24 (by Dr A. Banda)"
    assert [score.operating_point for score in before] == ["middle"]
    assert [(score.operating_point, score.threshold) for score in after] == [(change.name, 0.2)]
    assert change.name in after[0].reason


def test_what_was_predicted_before_keeps_its_decision_and_may_be_read_again(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal
) -> None:
    adopt(ledger, proposal, BANDA)
    before = [p.scores[0] for p in ledger.predictions()]
    read(Reader(model=model, ledger=ledger), scans / "2.png")
    read(Reader(model=model, ledger=ledger), scans / "2.png")
    after = [p.scores[0] for p in ledger.predictions()]

    assert after[: len(before)] == before
    assert [score.operating_point for score in after[len(before) :]] == [
        "site 2026-11-24 (by Dr A. Banda)"
    ]


def test_after_it_is_taken_back_the_bundle_decides_again(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal
) -> None:
    adopt(ledger, proposal, BANDA)
    change = revert(ledger, None, replace(BANDA, reason="too many referrals"))

    assert (change.rule, change.instead_of) == (None, "site 2026-11-24 (by Dr A. Banda)")
    assert site_decisions(ledger, model.digest).adopted == ()
    assert read(Reader(model=model, ledger=ledger), scans / "7.png")[0].operating_point == "middle"
    assert [c.reason for c in adopted_so_far(ledger)] == [
        "too many were missed",
        "too many referrals",
    ]
    with pytest.raises(NotEnoughData, match="Nothing that was adopted is in force"):
        revert(ledger, None, BANDA)


def test_read_again_after_it_is_taken_back_the_bundles_decision_is_the_latest(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal
) -> None:
    def latest() -> tuple[str, float]:
        stream = ledger.screened()
        return stream.operating_point[-1], stream.threshold[-1]

    def read_again() -> tuple[str, float]:
        read(Reader(model=model, ledger=ledger), scans / "2.png")
        return latest()

    first = read_again()
    adopt(ledger, proposal, BANDA)
    site = read_again()
    revert(ledger, None, BANDA)
    unread = latest()
    rows = [read_again(), read_again()]
    written = len(list(ledger.predictions()))
    adopt(ledger, proposal, BANDA)
    read_again()
    revert(ledger, None, BANDA)
    third = read_again()

    assert first[1] != site[1] == 0.2
    assert unread == site
    assert rows == [("middle", 0.5)] * 2
    assert written == 5 + 2  # as it was, the site's, and the bundle's once more
    assert third == ("middle", 0.5)


def test_who_asks_for_the_bundles_operating_point_gets_it(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal
) -> None:
    adopt(ledger, proposal, BANDA)
    reader = Reader(model=model, ledger=ledger, operating_point="eager")

    assert read(reader, scans / "6.png")[0].operating_point == "eager"


def test_the_table_of_patients_says_by_whose_threshold_it_is_decided(
    ledger: Ledger, model: Model, scans: Path, proposal: Proposal, tmp_path: Path
) -> None:
    rule = replace(
        proposal.rule, settings=(*proposal.rule.settings, WOMEN), lawful_because="agreed"
    )
    adopt(ledger, replace(proposal, rule=rule), BANDA)
    table = tmp_path / "who.csv"
    table.write_text("image,sex\n5.png,F\n6.png,M\n")
    reader = Reader(model=model, ledger=ledger, demographics=read_demographics(table))
    women, men, unknown = read(reader, *(scans / f"{n}.png" for n in (5, 6, 7)))

    assert (women.threshold, men.threshold, unknown.threshold) == (0.02, 0.2, 0.2)
    assert "for sex F" in women.reason


def test_a_proposal_for_another_bundle_is_refused(ledger: Ledger, proposal: Proposal) -> None:
    with pytest.raises(ContractMismatch, match="made for brightness"):
        adopt(ledger, replace(proposal, bundle_digest="cd" * 32), BANDA)
    with pytest.raises(ContractMismatch, match="from a table of scores"):
        adopt(ledger, replace(proposal, bundle_digest="", model=""), BANDA)

    assert ledger.adoptions() == ()


def test_a_proposal_that_was_compared_with_what_no_longer_decides_is_refused(
    ledger: Ledger, proposal: Proposal
) -> None:
    change = adopt(ledger, proposal, BANDA)

    with pytest.raises(ContractMismatch, match="compared with middle"):
        adopt(ledger, proposal, BANDA)
    again = adopt(ledger, replace(proposal, instead_of=change.name), BANDA)
    assert again.name == "site 2026-11-24 (by Dr A. Banda), no. 2"
    assert again.instead_of == change.name


@pytest.mark.parametrize(("by", "reason"), [("", "because"), ("AB", "  ")])
def test_nothing_is_signed_without_a_name_and_a_reason(by: str, reason: str) -> None:
    with pytest.raises(InputError):
        Signature(by=by, reason=reason, at=NOW)


def test_the_same_plan_starts_anew_once_other_decisions_were_adopted(
    ledger: Ledger, model: Model, proposal: Proposal
) -> None:
    def freeze(hour: int) -> int:
        return ledger.freeze_plan(
            "{}",
            bundle_digest=model.digest,
            from_now_on=True,
            frozen_by="AB",
            frozen_at=f"2026-11-24T{hour:02d}:30:00+00:00",
        ).number

    numbers = [freeze(9), freeze(10)]
    adopt(ledger, proposal, BANDA)
    numbers += [freeze(12), freeze(13)]

    assert numbers == [1, 1, 2, 2]
