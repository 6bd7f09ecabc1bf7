"""Folds: nobody in two of them, everybody's share in each, and the same ones each time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.compress.data.folds import deal_folds
from edgefair.errors import InputError

FOLDS = 4


def _clinic(
    count: int = 300, seed: int = 0
) -> tuple[list[str], NDArray[np.float32], NDArray[np.int64]]:
    """Return patients, labels and groups of images, several of them to some patients."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, count // 2, count)
    labels = (rng.random((count, 1)) < 0.4).astype(np.float32)
    return [f"P{number}" for number in numbers], labels, (numbers % 3)[:, np.newaxis]


def _dealt(seed: int = 0) -> NDArray[np.int64]:
    return deal_folds(*_clinic(), folds=FOLDS, seed=seed)


def test_no_patient_is_in_two_folds() -> None:
    patients = np.array(_clinic()[0])

    dealt = _dealt()

    assert all(len(set(dealt[patients == patient])) == 1 for patient in set(patients))


def test_each_fold_has_its_share_of_patients_of_findings_and_of_groups() -> None:
    patients, labels, groups = _clinic()
    dealt = _dealt()

    for positive in (True, False):
        for group in (0, 1, 2):
            found = {
                patient: fold
                for patient, label, of, fold in zip(
                    patients, labels[:, 0], groups[:, 0], dealt, strict=True
                )
                if of == group
                and (label == 1 or not _is_ever_positive(patients, labels, patient))
                and (label == 1) == positive
            }
            sizes = np.bincount(list(found.values()), minlength=FOLDS)
            assert sizes.max() - sizes.min() <= 1


def _is_ever_positive(patients: list[str], labels: NDArray[np.float32], patient: str) -> bool:
    return bool((labels[np.array(patients) == patient] == 1).any())


def test_the_folds_depend_on_the_seed_alone_and_not_on_the_rows_order() -> None:
    patients, labels, groups = _clinic()
    turned = deal_folds(patients[::-1], labels[::-1], groups[::-1], folds=FOLDS, seed=0)[::-1]

    assert np.array_equal(_dealt(), _dealt())
    assert np.array_equal(_dealt(), turned)
    assert not np.array_equal(_dealt(), _dealt(seed=1))


def test_more_folds_than_patients_are_refused() -> None:
    labels = np.array([[1], [0], [1]], dtype=np.float32)

    with pytest.raises(InputError, match=r"cross_fitting\.folds is 3, but there are 2 patients"):
        deal_folds("aab", labels, np.zeros((3, 1), np.int64), folds=3, seed=0)


def test_folds_of_which_one_holds_every_case_with_a_finding_are_refused() -> None:
    labels = np.array([[1], [0], [0]], dtype=np.float32)

    with pytest.raises(InputError, match="cases with one of the findings are in one fold"):
        deal_folds("abc", labels, np.zeros((3, 1), np.int64), folds=2, seed=0)
