"""Proposals: patients apart, held-out effects, one rule for all before one a group."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.audit.groups import By, Grouping, group_by
from edgefair.audit.proposals import (
    Aim,
    HeldOut,
    RecalibrationProposal,
    propose_group_intercepts,
    propose_group_thresholds,
    propose_recalibration,
    propose_threshold,
)
from edgefair.audit.recalibration import recalibrated

NINETY = Aim(metric="sensitivity", at_least=0.9)


def by_ward(codes: NDArray[np.int64]) -> Grouping:
    (grouping,) = group_by([By.parse("ward")], {"ward": codes})
    return grouping


def shifted(n: int, seed: int, *, by: float = 1.0, patients: int | None = None) -> HeldOut:
    """Cases of two wards; the scores of those with the finding lie lower by `by` in the second."""
    rng = np.random.default_rng(seed)
    y, codes = rng.random(n) < 0.4, rng.integers(0, 2, n)
    return HeldOut(
        y_true=y,
        score=rng.normal(2.0 * y - by * codes * y),
        grouping=by_ward(codes),
        patients=None if patients is None else rng.integers(0, patients, n),
        seed=seed,
    )


def test_no_patient_is_both_fitted_on_and_judged() -> None:
    cases = shifted(200, seed=1, patients=40)
    seen: list[set[int]] = []
    assert cases.patients is not None
    patients = cases.patients

    def fit(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        seen.append(set(patients[~rows].tolist()))
        assert not seen[-1] & set(patients[rows].tolist())
        return np.full(len(rows), 1.0)

    assert (cases.cross_fitted(fit) == 1).all()
    assert sum(len(fold) for fold in seen) == len(set(patients.tolist()))


def test_a_threshold_for_all_reaches_its_aim_on_cases_it_did_not_see() -> None:
    proposal = propose_threshold(shifted(2000, seed=2), NINETY, current=2.0)
    sensitivity = proposal.effects[0]

    assert sensitivity.metric == "sensitivity"
    assert sensitivity.before.estimate < 0.6
    assert sensitivity.after.estimate == pytest.approx(0.9, abs=0.02)
    assert sensitivity.difference.estimate == pytest.approx(
        sensitivity.after.estimate - sensitivity.before.estimate
    )
    assert sensitivity.difference.lower > 0.3
    assert len({threshold for _, threshold in proposal.thresholds}) == 1


def test_what_a_gain_in_one_group_costs_another_is_told() -> None:
    proposal = propose_group_thresholds(
        shifted(2000, seed=3), NINETY, current=1.0, lawful_because="agreed by the ward's board"
    )
    change = {
        (str(effect.group), effect.metric): effect.difference.estimate
        for effect in proposal.effects
    }

    assert change["ward 1", "sensitivity"] > 0.2
    assert change["ward 1", "specificity"] < -0.2
    assert proposal.lawful_because == "agreed by the ward's board"


def test_groups_that_do_not_differ_get_nearly_one_threshold() -> None:
    held, own = [], []
    for seed in range(20):
        cases = shifted(300, seed=50 + seed, by=0.0)
        proposal = propose_group_thresholds(cases, NINETY, current=1.0, lawful_because="test")
        held.append(abs(np.diff([t for _, t in proposal.thresholds])[0]))
        of_each = [
            np.quantile(cases.score[cases.y_true & (cases.grouping.codes == ward)], 0.1)
            for ward in (0, 1)
        ]
        own.append(abs(of_each[1] - of_each[0]))

    assert np.mean(held) < 0.6 * np.mean(own)


def test_a_group_with_few_positives_gets_the_threshold_of_all() -> None:
    rng = np.random.default_rng(4)
    codes = np.repeat([0, 1, 2], [300, 300, 15])
    y = rng.random(615) < 0.5
    cases = HeldOut(y_true=y, score=rng.normal(2 * y - codes * y), grouping=by_ward(codes), seed=1)
    proposal = propose_group_thresholds(cases, NINETY, current=1.0, lawful_because="test")
    for_all = propose_threshold(cases, NINETY, current=1.0)

    assert proposal.thresholds[2][1] == for_all.thresholds[2][1]
    assert proposal.thresholds[1][1] < for_all.thresholds[1][1]


def test_groups_are_not_treated_apart_without_a_ground() -> None:
    cases = shifted(100, seed=5)

    with pytest.raises(ValueError, match="say why"):
        propose_group_thresholds(cases, NINETY, current=1.0, lawful_because=" ")
    with pytest.raises(ValueError, match="say why"):
        propose_group_intercepts(cases, lawful_because="")


def miscalibrated(n: int, seed: int) -> HeldOut:
    rng = np.random.default_rng(seed)
    p, codes = rng.beta(1, 1, n), rng.integers(0, 2, n)
    y = rng.random(n) < recalibrated(p, np.where(codes == 1, 1.5, 0.0))
    return HeldOut(y_true=y, score=p, grouping=by_ward(codes), seed=seed)


def test_an_intercept_a_group_puts_both_groups_right_and_one_for_all_does_not() -> None:
    cases = miscalibrated(1500, seed=6)
    for_all = propose_recalibration(cases, with_slope=False)
    apart = propose_group_intercepts(cases, lawful_because="test")

    def left(proposal: RecalibrationProposal, group: str) -> float:
        return next(
            effect.after.estimate
            for effect in proposal.effects
            if (str(effect.group), effect.metric) == (group, "in_the_large")
        )

    assert abs(left(apart, "ward 0")) < 0.03
    assert abs(left(apart, "ward 1")) < 0.03
    assert left(for_all, "ward 0") < -0.08
    assert left(for_all, "ward 1") > 0.08
    assert apart.effects[0].difference.upper < 0


def test_a_slope_makes_extreme_probabilities_milder() -> None:
    rng = np.random.default_rng(7)
    p = rng.beta(2, 2, 1000)
    y = rng.random(1000) < p
    extreme = 1 / (1 + ((1 - p) / p) ** 3)
    cases = HeldOut(y_true=y, score=extreme, grouping=by_ward(np.zeros(1000, np.int64)), seed=1)
    proposal = propose_recalibration(cases)

    assert proposal.slope == pytest.approx(1 / 3, abs=0.06)
    assert proposal.effects[0].difference.upper < 0


def test_outcomes_that_a_threshold_parts_leave_the_slope_alone() -> None:
    p = np.linspace(0.1, 0.9, 40)
    cases = HeldOut(y_true=p > 0.5, score=p, grouping=by_ward(np.zeros(40, np.int64)), seed=1)

    assert propose_recalibration(cases).slope == 1


def test_intervals_are_wider_where_patients_have_several_cases() -> None:
    once = shifted(200, seed=8)
    four_times = HeldOut(
        y_true=np.tile(once.y_true, 4),
        score=np.tile(once.score, 4),
        grouping=by_ward(np.tile(once.grouping.codes, 4)),
        patients=np.tile(np.arange(200), 4),
        seed=8,
    )
    width, of_copies = (
        effect.difference.upper - effect.difference.lower
        for cases in (once, four_times)
        for effect in propose_threshold(cases, NINETY, current=1.5).effects[:1]
    )

    assert of_copies == pytest.approx(width, rel=0.15)


def test_too_few_patients_for_the_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="too few patients"):
        HeldOut(
            y_true=np.array([True] * 8), score=np.zeros(8),
            grouping=by_ward(np.zeros(8, np.int64)), patients=np.arange(8) // 4, seed=1,
        )  # fmt: skip


@pytest.mark.parametrize(("metric", "share"), [("ppv", 0.9), ("sensitivity", 1.0)])
def test_an_aim_that_is_none_is_refused(metric: str, share: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        Aim(metric=metric, at_least=share)


def test_a_specificity_can_be_aimed_at_too() -> None:
    aim = Aim(metric="specificity", at_least=0.8)
    proposal = propose_threshold(shifted(1500, seed=9), aim, current=0.0)

    assert proposal.effects[1].after.estimate == pytest.approx(0.8, abs=0.02)
