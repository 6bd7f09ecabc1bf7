"""What a ledger knows of the people on its images, column by column, for grouping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefair.records import UNKNOWN, Subject

__all__ = ["features_of"]


def features_of(subjects: Sequence[Subject]) -> Mapping[str, NDArray[Any]]:
    """Return one column per attribute, each of shape (n,): what else is known, sex, and age.

    Examples
    --------
    >>> columns = features_of([Subject(sex="F", age_years=61.0), Subject()])
    >>> {name: column.tolist() for name, column in columns.items()}
    {'sex': ['F', 'Unknown'], 'age': [61.0, nan]}
    """
    known = [{a.name: a.value for a in subject.attributes} for subject in subjects]
    further = dict.fromkeys(name for attributes in known for name in attributes)
    ages = [nan if s.age_years is None else s.age_years for s in subjects]
    return {
        **{name: np.array([a.get(name, UNKNOWN) for a in known], object) for name in further},
        "sex": np.array([subject.sex for subject in subjects], object),
        "age": np.array(ages, np.float64),
    }
