"""Rates of a stream of which only some was verified: corrected like by hand, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.audit.groups import Grouping
from edgefair.audit.partly_verified import REASONS, PartlyVerified
from edgefair.audit.verification import begg_greenes, verified_counts
from edgefair.records import Attribute, Group, VerifiedBecause

AI_POSITIVE = REASONS.index(VerifiedBecause.AI_POSITIVE)
RANDOM_AUDIT = REASONS.index(VerifiedBecause.RANDOM_AUDIT)
CLINICAL = REASONS.index(VerifiedBecause.CLINICAL)
METRICS = ("sensitivity", "false_negative_rate", "specificity", "false_positive_rate", "npv")


def groups_of(codes: NDArray[np.int64], names: str = "FM") -> Grouping:
    return Grouping(
        attribute="sex",
        groups=tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in names),
        codes=codes,
    )


def stream(
    n: int = 2000, *, drawn: float = 0.3, seed: int = 0
) -> tuple[PartlyVerified, Grouping, NDArray[np.int64]]:
    """Return a stream whose flagged are verified because they are, with the whole truth."""
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, n)
    truth = (rng.random(n) < 0.2).astype(np.int64)
    flagged = rng.random(n) < np.where(truth == 1, np.where(sex == 0, 0.5, 0.9), 0.1)
    known = np.where(flagged, rng.random(n) < 0.9, rng.random(n) < drawn)
    because = np.where(known, np.where(flagged, AI_POSITIVE, RANDOM_AUDIT), -1)
    partly = PartlyVerified(
        y_true=np.where(known, truth, -1),
        flagged=flagged,
        because=because.astype(np.int64),
        drawn_from=np.zeros(n, np.int64),
    )
    return partly, groups_of(sex), truth


@pytest.mark.parametrize("metric", [*METRICS, "ppv"])
def test_where_chances_are_alike_it_is_begg_and_greenes(metric: str) -> None:
    partly, by_sex, _ = stream()
    counts = verified_counts(partly.y_true, partly.flagged, by_sex.codes, 2)
    expected = begg_greenes(counts, metric)
    found = partly.adjusted(by_sex).value[metric]

    np.testing.assert_allclose(found.estimate, expected.estimate, atol=1e-12)
    np.testing.assert_allclose(found.limits(1.96), expected.limits(1.96), atol=1e-9)


def test_the_rest_of_one_of_two_groups_is_the_other() -> None:
    partly, by_sex, _ = stream()
    found = partly.adjusted(by_sex)

    for metric in (*METRICS, "ppv", "prevalence"):
        np.testing.assert_allclose(
            found.rest[metric].estimate, found.value[metric].estimate[::-1], atol=1e-12
        )


def test_the_truth_of_the_whole_stream_is_met_where_the_verified_alone_miss_it() -> None:
    covered, naive_bias = [], []
    for seed in range(60):
        partly, by_sex, truth = stream(seed=seed, drawn=0.25)
        found = partly.adjusted(by_sex).value
        lower, upper = found["prevalence"].limits(1.96)
        at = [truth[by_sex.codes == k].mean() for k in (0, 1)]
        covered += [(low <= p <= up) for low, up, p in zip(lower, upper, at, strict=True)]
        known = (partly.y_true == 1) & (by_sex.codes == 0)
        naive_bias.append(partly.flagged[known].mean() - float(found["sensitivity"].estimate[0]))

    assert np.mean(covered) >= 0.93
    assert np.mean(naive_bias) > 0.15


def test_without_a_random_audit_only_the_predictive_value_is_left() -> None:
    partly, by_sex, _ = stream(drawn=0.02)
    found = partly.adjusted(by_sex)

    assert not any(state.allowed for state in found.states)
    for metric in (*METRICS, "prevalence"):
        assert np.isnan(found.value[metric].estimate).all()
        assert [limit.tolist() for limit in found.value[metric].limits(1.96)] == [[0, 0], [1, 1]]
    assert np.isfinite(found.value["ppv"].estimate).all()


def test_one_group_can_be_refused_beside_another() -> None:
    partly, by_sex, _ = stream()
    of_men = (by_sex.codes == 1) & ~partly.flagged
    because = np.where(of_men & (partly.because >= 0), CLINICAL, partly.because)
    found = PartlyVerified(
        y_true=partly.y_true, flagged=partly.flagged, because=because, drawn_from=partly.drawn_from
    ).adjusted(by_sex)

    assert [state.allowed for state in found.states] == [True, False]
    assert np.isfinite(found.value["sensitivity"].estimate).tolist() == [True, False]


def test_cases_drawn_with_unequal_chances_count_for_those_they_were_drawn_from() -> None:
    # of two wards the first is drawn from four times as often, and there nobody is missed
    n = 1000
    ward = np.repeat([0, 1], n // 2)
    truth = ward.copy() * (np.arange(n) % 5 == 0)
    known = (ward == 0) & (np.arange(n) % 2 == 0) | (ward == 1) & (np.arange(n) % 8 == 0)
    partly = PartlyVerified(
        y_true=np.where(known, truth, -1),
        flagged=np.zeros(n, bool),
        because=np.where(known, RANDOM_AUDIT, -1).astype(np.int64),
        drawn_from=ward,
    )
    everybody = Grouping(attribute="", groups=(Group(),), codes=np.zeros(n, np.int64))
    found = float(1 - partly.adjusted(everybody).value["npv"].estimate[0])

    in_second = truth[known & (ward == 1)].mean()
    assert found == pytest.approx(in_second / 2)


def test_a_stratum_nobody_was_drawn_from_is_taken_to_be_as_its_neighbour() -> None:
    partly, by_sex, _ = stream()
    finer = PartlyVerified(
        y_true=np.where(np.arange(2000) < 5, -1, partly.y_true),
        flagged=partly.flagged,
        because=np.where(np.arange(2000) < 5, -1, partly.because),
        drawn_from=(np.arange(2000) < 5).astype(np.int64),
    )
    alone = PartlyVerified(
        y_true=finer.y_true,
        flagged=finer.flagged,
        because=finer.because,
        drawn_from=partly.drawn_from,
    )

    for metric in METRICS:
        np.testing.assert_allclose(
            finer.adjusted(by_sex).value[metric].estimate,
            alone.adjusted(by_sex).value[metric].estimate,
        )


def test_rates_are_plain_where_nearly_everybody_of_every_group_is_verified() -> None:
    n = 400
    truth, sex = np.arange(n) % 2, np.arange(n) % 4 // 2
    known = np.arange(n) >= 4
    partly = PartlyVerified(
        y_true=np.where(known, truth, -1),
        flagged=np.arange(n) % 3 == 0,
        because=np.where(known, 0, -1),
        drawn_from=np.zeros(n, np.int64),
    )
    few = np.where(np.arange(n) < 10, 2, sex)

    assert partly.is_plain([groups_of(sex)])
    assert not partly.is_plain([groups_of(few, "FMX")])


def test_a_group_of_nobody_is_there_and_says_nothing() -> None:
    partly, by_sex, _ = stream()
    found = partly.adjusted(groups_of(by_sex.codes, "FMX"))

    assert np.isnan(found.value["sensitivity"].estimate).tolist() == [False, False, True]
    assert np.isnan(found.value["prevalence"].estimate).tolist() == [False, False, True]
