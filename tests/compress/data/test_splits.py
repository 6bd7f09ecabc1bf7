"""Patient-disjoint splits: laws that hold for every data set."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.compress.data.splits import SPLITS, split_patients
from edgefair.compress.recipe import SplitFractions

FRACTIONS = SplitFractions(val=0.2, test=0.3)

cohorts = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([0.0, 1.0, float("nan")])),
    min_size=1,
    max_size=120,
)


def _columns(cohort: list[tuple[int, float]]) -> tuple[list[str], NDArray[np.float32]]:
    patients = [f"P{patient}" for patient, _ in cohort]
    return patients, np.array([[label] for _, label in cohort], dtype=np.float32)


@given(cohorts, st.integers(0, 5))
def test_no_patient_is_in_two_splits(cohort: list[tuple[int, float]], seed: int) -> None:
    patients, labels = _columns(cohort)

    splits = split_patients(patients, labels, FRACTIONS, seed=seed)

    assert set(splits) <= set(SPLITS)
    assert len(set(zip(patients, splits, strict=True))) == len(set(patients))


@given(cohorts, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    cohort: list[tuple[int, float]], seed: int, random: st.DataObject
) -> None:
    patients, labels = _columns(cohort)
    order = list(range(len(cohort)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a Random here

    splits = split_patients(patients, labels, FRACTIONS, seed=seed)
    shuffled = split_patients([patients[i] for i in order], labels[order], FRACTIONS, seed=seed)

    assert shuffled == tuple(splits[i] for i in order)


def test_each_split_gets_its_share_of_patients_and_of_the_finding() -> None:
    patients = [f"P{number}" for number in range(1000)]
    labels = (np.arange(1000) % 5 == 0).astype(np.float32)[:, np.newaxis]

    splits = np.array(split_patients(patients, labels, FRACTIONS, seed=1))

    assert abs(np.mean(splits == "test") - 0.3) < 0.01
    assert abs(np.mean(splits == "val") - 0.2) < 0.01
    assert abs(labels[splits == "val"].mean() - 0.2) < 0.02


def test_another_seed_gives_another_split() -> None:
    patients = [f"P{number}" for number in range(100)]
    labels = np.zeros((100, 1), dtype=np.float32)

    first, second = (split_patients(patients, labels, FRACTIONS, seed=seed) for seed in (0, 1))

    assert first != second
