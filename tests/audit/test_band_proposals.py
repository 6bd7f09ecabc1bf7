"""Bands proposed: what one for all leaves to each group, and what one a group promises it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefair.audit.band_proposals import BandProposal, propose_bands
from edgefair.audit.groups import Grouping
from edgefair.audit.proposals import HeldOut
from edgefair.records import UNKNOWN, Attribute, Group


def cases(seed: int, n: int = 1200) -> HeldOut:
    """Return cases of two groups, in the second of which the ill look less ill."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    ill = rng.random(n) < 0.4
    score = 1 / (1 + np.exp(-rng.normal(3.0 * ill - 1.5 - 1.2 * ill * (codes == 1))))
    groups = tuple(
        Group(attributes=(Attribute(name="sex", value=v),)) for v in ("M", "F", UNKNOWN)
    )
    grouping = Grouping(attribute="sex", groups=groups, codes=codes)
    return HeldOut(y_true=ill, score=score, grouping=grouping, seed=seed)


def missed(proposal: BandProposal, place: int) -> float:
    return proposal.shares[place].missed.estimate


def test_one_band_for_all_holds_over_everybody_and_not_in_each_group() -> None:
    found = [propose_bands(cases(seed), coverage=0.9, current=0.5) for seed in range(20)]

    assert np.mean([missed(p, 0) for p in found]) == pytest.approx(0.1, abs=0.01)
    assert np.mean([missed(p, 2) for p in found]) > 0.15
    assert all(not p.by_group for p in found)


def test_bands_by_group_hold_in_each() -> None:
    found = [
        propose_bands(cases(seed), coverage=0.9, current=0.5, lawful_because="agreed")
        for seed in range(20)
    ]

    # of the men the two thresholds cross: what fits neither is referred, and fewer are missed
    assert np.mean([missed(p, 1) for p in found]) < 0.1
    assert np.mean([missed(p, 2) for p in found]) == pytest.approx(0.1, abs=0.02)
    assert all(p.by_group[2] == p.everybody for p in found)


def test_a_band_finds_whomever_it_does_not_clear() -> None:
    found = propose_bands(cases(1), coverage=0.9, current=0.5)
    everyone = next(effect for effect in found.effects if effect.metric == "sensitivity")

    assert everyone.after.estimate == pytest.approx(1 - missed(found, 0))


def test_cases_that_were_verified_by_choice_promise_nothing() -> None:
    chosen = replace(cases(1), weights=np.ones(1200))

    with pytest.raises(ValueError, match="equal chances"):
        propose_bands(chosen, coverage=0.9, current=0.5)
