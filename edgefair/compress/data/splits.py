"""Who is trained on and who is tested on: no patient on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.compress.recipe import SplitFractions

__all__ = ["SPLITS", "split_patients"]

SPLITS: Final = ("train", "val", "test")


def split_patients(
    patients: Sequence[str],
    labels: NDArray[np.float32],
    fractions: SplitFractions,
    *,
    seed: int,
) -> tuple[str, ...]:
    """Return ``train``, ``val`` or ``test`` for each image, the same for all of a patient.

    Patients are dealt within strata of the findings they have on any of their images, so that
    each split gets its share of each. The order of the rows does not matter.

    Parameters
    ----------
    patients : sequence of str, length n
    labels : ndarray of float32, shape (n, findings)
        1, 0, or nan where nobody knows.
    fractions : SplitFractions
    seed : int

    Examples
    --------
    >>> labels = np.zeros((4, 1), dtype=np.float32)
    >>> shares = SplitFractions(val=0.25, test=0.5)
    >>> sorted(split_patients(["a", "b", "c", "d"], labels, shares, seed=0))
    ['test', 'test', 'train', 'val']
    """
    rng = np.random.default_rng(seed)
    assigned: dict[str, str] = {}
    ordered: list[str] = []
    for stratum in _strata(patients, labels):
        ordered += rng.permutation(stratum).tolist()
    share_test, share_held_out = fractions.test, fractions.test + fractions.val
    # dealing runs on across strata, so that small strata add up to fair shares
    for dealt, patient in enumerate(ordered):
        place = _van_der_corput(dealt)
        held_out = "test" if place < share_test else "val"
        assigned[patient] = held_out if place < share_held_out else "train"
    return tuple(assigned[patient] for patient in patients)


def _strata(patients: Sequence[str], labels: NDArray[np.float32]) -> list[list[str]]:
    found: dict[str, NDArray[np.bool_]] = {}
    for patient, row in zip(patients, labels, strict=True):
        found[patient] = found.get(patient, np.zeros(len(row), dtype=bool)) | (row == 1)
    strata: dict[tuple[bool, ...], list[str]] = {}
    for patient in sorted(found):
        strata.setdefault(tuple(found[patient].tolist()), []).append(patient)
    return [strata[key] for key in sorted(strata)]


def _van_der_corput(index: int) -> float:
    """Return the van der Corput number of an index: any run of them fills [0, 1) evenly."""
    place, step = 0.0, 0.5
    while index:
        index, bit = divmod(index, 2)
        place += bit * step
        step /= 2
    return place
