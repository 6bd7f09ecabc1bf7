"""Verdicts on losses: consistent with their limits, corrected over the family, with a plan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.paired import PairedCounts
from edgefair.audit.paired_verdict import judge_losses, pairs_for_verdict
from edgefair.records import VerdictKind

HARM, OK, UNCLEAR = (
    VerdictKind.HARM_SHOWN,
    VerdictKind.SHOWN_OK,
    VerdictKind.NOT_ENOUGH_DATA,
)
rows = st.tuples(*[st.integers(0, 120)] * 4)


def counts(*table: tuple[int, ...]) -> PairedCounts:
    both, lost, gained, neither = np.array(table, dtype=np.int64).T
    return PairedCounts(both=both, lost=lost, gained=gained, neither=neither)


@given(st.lists(rows, min_size=1, max_size=6))
def test_no_limit_lies_across_the_margin_from_its_verdict(table: list[tuple[int, ...]]) -> None:
    found = judge_losses(counts(*table), margin=0.1, alpha=0.05)

    for kind, lower, upper in zip(found.kind, found.lower, found.upper, strict=True):
        assert (kind is HARM) == (lower > 0.1) or lower == 0.1
        assert (kind is OK) == (upper < 0.1) or upper == 0.1


@given(st.lists(rows, min_size=1, max_size=6))
def test_what_is_open_has_a_plan_or_is_out_of_reach_and_what_is_decided_has_none(
    table: list[tuple[int, ...]],
) -> None:
    found = judge_losses(counts(*table), margin=0.1, alpha=0.05)

    for kind, needed in zip(found.kind, found.needed, strict=True):
        assert np.isnan(needed) or (kind is UNCLEAR and needed >= 1)


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        pytest.param((190, 0, 0, 10), OK, id="no flip in many"),
        pytest.param((100, 60, 0, 40), HARM, id="a third lost"),
        pytest.param((1, 0, 0, 0), UNCLEAR, id="one case"),
        pytest.param((0, 1, 0, 0), UNCLEAR, id="one case, lost"),
        pytest.param((0, 0, 0, 0), UNCLEAR, id="nobody"),
    ],
)
def test_plain_cases_are_plainly_judged(table: tuple[int, ...], kind: VerdictKind) -> None:
    assert judge_losses(counts(table), margin=0.1, alpha=0.05).kind == (kind,)


def test_a_group_is_held_to_more_the_more_groups_there_are() -> None:
    alone = judge_losses(counts((35, 0, 0, 0)), margin=0.1, alpha=0.05)
    among = judge_losses(counts(*[(35, 0, 0, 0)] * 10), margin=0.1, alpha=0.05)

    assert alone.kind == (OK,)
    assert set(among.kind) == {UNCLEAR}
    assert (among.needed > 10).all()


@pytest.mark.parametrize(("flipped", "loss"), [(0.02, 0.0), (0.1, 0.0), (0.25, 0.2)])
def test_the_planned_number_gives_a_verdict_as_often_as_planned(
    flipped: float, loss: float
) -> None:
    margin, alpha = 0.1, 0.01
    n = int(
        pairs_for_verdict(np.array([flipped]), np.array([loss]), margin=margin, one_sided=alpha)[0]
    )
    shares = [(flipped + loss) / 2, (flipped - loss) / 2, 1 - flipped]
    drawn = np.random.default_rng(1).multinomial(n, shares, size=200)
    wanted = HARM if loss > margin else OK

    decided = [
        judge_losses(counts((same, lost, gained, 0)), margin=margin, alpha=alpha).kind == (wanted,)
        for lost, gained, same in drawn.tolist()
    ]
    assert 0.7 < np.mean(decided) <= 1
