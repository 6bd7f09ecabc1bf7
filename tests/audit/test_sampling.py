"""The audit sampler: whole-number optima by search, known chances, and seeds that fix the draw."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.audit.sampling import Objective, Stratum, allocate, draw, strata_of
from edgefair.audit.verification import (
    begg_greenes,
    inverse_probability,
    verified_counts,
)
from edgefair.records import Attribute, Group


def group(name: str) -> Group:
    return Group(attributes=(Attribute(name="sex", value=name),))


def stratum(
    name: str, unverified: int, *, verified: int = 0, share: float = 0.1, weight: float = 1.0
) -> Stratum:
    return Stratum(
        finding="tb",
        group=group(name),
        flagged=False,
        unverified=unverified,
        verified=verified,
        share=share,
        weight=weight,
    )


strata = st.lists(
    st.builds(
        stratum,
        st.sampled_from("FMO"),
        st.integers(0, 40),
        verified=st.integers(0, 20),
        share=st.floats(0.01, 0.99),
        weight=st.floats(0, 5),
    ),
    min_size=1,
    max_size=6,
)


@given(strata, st.integers(0, 120), st.sampled_from(list(Objective)))
def test_the_budget_is_spent_within_the_strata(
    asked: list[Stratum], budget: int, objective: Objective
) -> None:
    allocation = allocate(asked, budget, objective=objective)
    sizes = [one.unverified for one in asked]

    assert sum(allocation) == min(budget, sum(sizes))
    assert all(0 <= n <= size for n, size in zip(allocation, sizes, strict=True))
    if budget >= len(asked):
        assert all(n >= 1 for n, size in zip(allocation, sizes, strict=True) if size)


def test_without_limits_neymans_shares_come_out() -> None:
    asked = [stratum("F", 9999, weight=4.0), stratum("M", 9999), stratum("O", 9999, share=0.5)]
    allocation = allocate(asked, 660, objective=Objective.TOTAL)
    spread = np.array([4 * 0.3, 0.3, 0.5])

    assert allocation == pytest.approx(660 * spread / spread.sum(), abs=1)


def test_the_allocation_is_the_best_in_whole_numbers() -> None:
    asked = [
        stratum("F", 9, weight=3.0, verified=2),
        stratum("M", 3, weight=2.5, share=0.4),
        stratum("O", 9, verified=5),
    ]

    def total(ns: tuple[int, ...]) -> float:
        return sum(
            s.weight**2 * s.share * (1 - s.share) / (s.verified + n)
            for s, n in zip(asked, ns, strict=True)
        )

    possible = [ns for ns in product(range(1, 10), range(1, 4), range(1, 10)) if sum(ns) == 12]
    allocation = allocate(asked, 12, objective=Objective.TOTAL)
    assert total(allocation) == pytest.approx(min(map(total, possible)))


def test_no_other_allocation_leaves_the_widest_group_narrower() -> None:
    asked = [
        stratum("F", 9, weight=3.0, verified=2),
        stratum("F", 9, weight=1.0, share=0.5),
        stratum("M", 9, weight=2.0, share=0.4, verified=5),
        stratum("M", 9, weight=0.5),
    ]

    def widest(ns: tuple[int, ...]) -> float:
        parts = [
            s.weight**2 * s.share * (1 - s.share) / (s.verified + n)
            for s, n in zip(asked, ns, strict=True)
        ]
        return max(parts[0] + parts[1], parts[2] + parts[3])

    possible = [ns for ns in product(range(1, 10), repeat=4) if sum(ns) == 16]
    assert widest(allocate(asked, 16)) == pytest.approx(min(map(widest, possible)))


def test_the_widest_group_is_narrowed_first_until_none_is() -> None:
    asked = [stratum("F", 999, verified=100), stratum("M", 999, verified=10)]

    assert allocate(asked, 62) == (1, 61)
    assert allocate(asked, 290) == (100, 190)


def test_a_budget_below_the_strata_goes_where_most_is_to_be_learnt() -> None:
    asked = [stratum("F", 5, weight=0.1), stratum("M", 5, weight=3.0), stratum("O", 5)]

    assert allocate(asked, 2) == (0, 1, 1)


def test_a_budget_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="budget"):
        allocate([stratum("F", 3)], -1)


def test_weights_are_the_slopes_of_the_false_negative_rate() -> None:
    truth = [1] * 30 + [0] * 10 + [-1] * 20 + [1] * 3 + [0] * 57 + [-1] * 400
    flagged = [True] * 60 + [False] * 460
    counts = verified_counts(truth, flagged, [0] * 520, 1)
    of_flagged, of_cleared = strata_of(counts, [group("F")], finding="tb")

    def missed(p_flagged: float, p_cleared: float) -> float:
        return 460 * p_cleared / (60 * p_flagged + 460 * p_cleared)

    step = 1e-6
    at = (of_flagged.share, of_cleared.share)
    slope_flagged = (missed(at[0] + step, at[1]) - missed(*at)) / step
    slope_cleared = (missed(at[0], at[1] + step) - missed(*at)) / step
    assert of_flagged.weight == pytest.approx(-slope_flagged, rel=1e-3)
    assert of_cleared.weight == pytest.approx(slope_cleared, rel=1e-3)
    assert (of_flagged.unverified, of_cleared.unverified) == (20, 400)


def test_a_group_nobody_verified_borrows_from_the_others() -> None:
    counts = verified_counts(
        [0] * 90 + [1] * 10 + [-1] * 50, [False] * 150, [0] * 100 + [1] * 50, 2
    )
    shares = [one.share for one in strata_of(counts, [group("F"), group("M")], finding="tb")]

    assert shares[3] == pytest.approx(10.5 / 110)


def test_an_expected_share_of_nothing_is_refused() -> None:
    counts = verified_counts([1], [True], [0], 1)

    with pytest.raises(ValueError, match="expected share"):
        strata_of(counts, [group("F")], finding="tb", missed=0.0)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.integers(0, 5),
    st.data(),
)
def test_a_draw_is_without_replacement_and_its_chances_follow_from_the_design(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    allocation = [data.draw(st.integers(0, size)) for size in sizes]
    members = [np.arange(size) + 100 * h for h, size in enumerate(sizes)]
    drawn = draw(members, allocation, seed=seed)
    again = draw(members, allocation, seed=seed)

    assert len(np.unique(drawn.indices)) == sum(allocation)
    assert np.array_equal(drawn.indices // 100, drawn.strata)
    assert np.array_equal(drawn.indices, again.indices)
    assert drawn.probability == pytest.approx(
        np.array(drawn.design.probabilities, float)[drawn.strata]
    )
    assert drawn.design == again.design


def test_every_case_of_a_stratum_has_the_same_chance() -> None:
    members = [np.arange(10), np.arange(10, 14)]
    drawn = np.concatenate([draw(members, [3, 1], seed=s).indices for s in range(2000)])

    assert np.bincount(drawn)[:10] / 2000 == pytest.approx(0.3, abs=0.05)
    assert np.bincount(drawn)[10:] / 2000 == pytest.approx(0.25, abs=0.05)


def test_a_draw_from_one_stratum_does_not_depend_on_the_others() -> None:
    alone = draw([np.arange(50), np.arange(50, 60)], [5, 0], seed=9)
    beside = draw([np.arange(50), np.arange(50, 90)], [5, 7], seed=9)

    assert np.array_equal(alone.indices, beside.indices[:5])


def test_more_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        draw([[1, 2]], [3], seed=0)


def test_what_was_drawn_weighs_back_to_all_cases() -> None:
    rng = np.random.default_rng(0)
    flagged = rng.random(5000) < 0.15
    truth = rng.random(5000) < np.where(flagged, 0.5, 0.02)
    members = [np.flatnonzero(flagged), np.flatnonzero(~flagged)]
    estimates = []
    for seed in range(150):
        drawn = draw(members, [60, 240], seed=seed)
        seen, chance = np.full(5000, -1), np.full(5000, np.nan)
        seen[drawn.indices], chance[drawn.indices] = truth[drawn.indices], drawn.probability
        weighted = inverse_probability(seen, flagged, np.zeros(5000, int), chance, "sensitivity")
        corrected = begg_greenes(
            verified_counts(seen, flagged, np.zeros(5000, int), 1), "sensitivity"
        )
        assert weighted.estimate == pytest.approx(corrected.estimate)
        estimates.append(weighted.estimate[0])

    assert np.mean(estimates) == pytest.approx(flagged[truth].mean(), abs=0.02)
