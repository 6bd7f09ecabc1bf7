"""Counts by group and the rates made of them, against scikit-learn."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from edgefair.audit.rates import DECISION_RATES, counts_by_group

cases = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1)


@given(cases)
def test_counts_agree_with_scikit_learn(people: list[tuple[bool, bool, int]]) -> None:
    y, flagged, codes = (np.array(column) for column in zip(*people, strict=True))
    counts = counts_by_group(y, flagged, codes, 5)

    for some, chosen in ((counts, np.equal), (counts.rest(), np.not_equal)):
        for group, found in enumerate(some.confusions()):
            rows = chosen(codes, group)
            expected = [0] * 4  # scikit-learn refuses to count nobody
            if rows.any():
                expected = confusion_matrix(y[rows], flagged[rows], labels=[0, 1]).ravel().tolist()
            assert [
                found.true_negatives,
                found.false_positives,
                found.false_negatives,
                found.true_positives,
            ] == expected


@given(cases)
def test_each_rate_and_its_opposite_add_up_to_one(people: list[tuple[bool, bool, int]]) -> None:
    y, flagged, codes = zip(*people, strict=True)
    counts = counts_by_group(y, flagged, codes, 4)

    for rate, opposite in (
        ("sensitivity", "false_negative_rate"),
        ("specificity", "false_positive_rate"),
    ):
        one, other = counts.rates(rate), counts.rates(opposite)
        assert one.n.tolist() == other.n.tolist()
        assert (one.hits + other.hits).tolist() == one.n.tolist()


def test_every_rate_has_its_own_denominator() -> None:
    # 3 found, 2 missed, 11 cleared, 7 false alarms
    y = np.repeat([1, 1, 0, 0], [3, 2, 11, 7])
    flagged = np.repeat([1, 0, 0, 1], [3, 2, 11, 7])
    counts = counts_by_group(y, flagged, np.zeros(23, dtype=int), 1)

    assert {
        metric: (int(counts.rates(metric).hits[0]), int(counts.rates(metric).n[0]))
        for metric in (*DECISION_RATES, "prevalence")
    } == {
        "false_negative_rate": (2, 5),
        "false_positive_rate": (7, 18),
        "sensitivity": (3, 5),
        "specificity": (11, 18),
        "ppv": (3, 10),
        "npv": (11, 13),
        "prevalence": (5, 23),
    }


def test_a_rate_of_nothing_is_nan_and_its_limits_are_the_whole_range() -> None:
    rates = counts_by_group([0, 0], [0, 1], [0, 0], 1).rates("sensitivity")

    assert np.isnan(rates.estimate[0])
    assert [limit.tolist() for limit in rates.limits(1.96)] == [[0.0], [1.0]]
